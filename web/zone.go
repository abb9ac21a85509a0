package web

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"archiver/internal/archive"
)

const zoneCookie = "tz"

// zoneOf is the zone in which this reader wants times; UTC until he says.
func zoneOf(r *http.Request) *time.Location {
	c, err := r.Cookie(zoneCookie)
	if err != nil {
		return time.UTC
	}
	zone, err := loadZone(c.Value)
	if err != nil {
		return time.UTC
	}
	return zone
}

// loadZone takes IANA names only: "Local" would be the server's own.
func loadZone(name string) (*time.Location, error) {
	if name == "" || name == "Local" || len(name) > 64 {
		return nil, archive.ErrInvalid
	}
	return time.LoadLocation(name)
}

// setZone keeps the choice in a cookie and goes back to the page.
func (s *site) setZone(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	zone, err := loadZone(r.PostFormValue("zone"))
	if err != nil {
		return archive.ErrInvalid
	}
	http.SetCookie(w, &http.Cookie{
		Name: zoneCookie, Value: zone.String(), Path: "/", MaxAge: 365 * 24 * 60 * 60,
		HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
	http.Redirect(w, r, localPath(r.PostFormValue("return")), http.StatusSeeOther)
	return nil
}

// localPath is an address within this site, whatever was asked for.
func localPath(p string) string {
	if !strings.HasPrefix(p, "/") || strings.HasPrefix(p, "//") || strings.ContainsAny(p, "\\\r\n\t") {
		return "/"
	}
	return p
}

// zoneChoices are the zones on offer, the present one among them.
func zoneChoices(current string) []string {
	zones := []string{"UTC",
		"Africa/Cairo", "Africa/Johannesburg", "Africa/Lagos", "Africa/Nairobi",
		"America/Anchorage", "America/Bogota", "America/Buenos_Aires", "America/Chicago", "America/Denver",
		"America/Halifax", "America/Los_Angeles", "America/Mexico_City", "America/New_York", "America/Sao_Paulo", "America/Toronto",
		"Asia/Bangkok", "Asia/Dubai", "Asia/Hong_Kong", "Asia/Jakarta", "Asia/Jerusalem", "Asia/Karachi", "Asia/Kolkata",
		"Asia/Manila", "Asia/Seoul", "Asia/Shanghai", "Asia/Singapore", "Asia/Taipei", "Asia/Tokyo",
		"Australia/Perth", "Australia/Sydney",
		"Europe/Athens", "Europe/Berlin", "Europe/Dublin", "Europe/Helsinki", "Europe/Istanbul", "Europe/Lisbon", "Europe/London",
		"Europe/Madrid", "Europe/Moscow", "Europe/Paris", "Europe/Rome", "Europe/Stockholm", "Europe/Warsaw", "Europe/Zurich",
		"Pacific/Auckland", "Pacific/Honolulu",
	}
	if !slices.Contains(zones, current) {
		zones = append(zones, current)
	}
	return zones
}
