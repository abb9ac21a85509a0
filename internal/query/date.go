package query

import (
	"errors"
	"time"
)

// parseDate reads a date as the time from its beginning to its end. A year, a
// month or a day begins and ends where the clocks of zone say.
func parseDate(s string, zone *time.Location) (from, to time.Time, err error) {
	for _, d := range []struct {
		layout              string
		years, months, days int
	}{{"2006", 1, 0, 0}, {"2006-01", 0, 1, 0}, {"2006-01-02", 0, 0, 1}} {
		if t, err := time.Parse(d.layout, s); err == nil {
			return startOfDay(t, zone), startOfDay(t.AddDate(d.years, d.months, d.days), zone), nil
		}
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, t, errors.New("no date")
	}
	return t, t.Add(time.Second), nil
}

// startOfDay is the first moment of a day in a zone. That is midnight, but for
// the days on which clocks go forward or back at midnight, as they do in Cairo
// and Havana, or that a zone left out altogether.
func startOfDay(day time.Time, zone *time.Location) time.Time {
	year, month, d := day.Date()
	t := time.Date(year, month, d, 0, 0, 0, 0, zone)
	begins, ends := t.ZoneBounds()
	if wall(t).Before(day) { // there is no midnight: clocks jumped over it
		return ends
	}
	if !begins.IsZero() && wall(begins.Add(-1)).After(day) {
		return firstMidnight(begins, day)
	}
	if wall(t).After(day) {
		return begins
	}
	return t
}

// firstMidnight is the midnight before clocks were put back to the same day.
func firstMidnight(back, day time.Time) time.Time {
	return back.Add(day.Sub(wall(back.Add(-1))) - 1)
}

// wall is what the clock shows at a time, as if it were UTC.
func wall(t time.Time) time.Time {
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	return time.Date(year, month, day, hour, minute, second, t.Nanosecond(), time.UTC)
}
