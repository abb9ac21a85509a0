package web

import "net/http"

// page answers a request, or says why it cannot.
type page func(http.ResponseWriter, *http.Request) error

// route is one line of the list of addresses.
type route struct {
	pattern string
	page    page
}

// routes lists every address; the last line is for what no other line names.
func (s *site) routes() []route {
	return []route{
		{"GET /{$}", s.homePage},
		{"GET /conversations", s.conversationsPage},
		{"GET /c/{id}", s.conversationPage},
		{"GET /m/{id}", s.messagePage},
		{"GET /search", s.searchPage},
		{"GET /people", s.peoplePage},
		{"GET /p/{id}", s.personPage},
		{"GET /events", s.eventsPage},
		{"GET /events/{id}", s.eventPage},
		{"GET /observations/{id}/raw", s.rawObservation},
		{"GET /status", s.statusPage},
		{"POST /zone", s.setZone},
		{"GET /live", s.live},
		{"GET /healthz", s.healthz},
		{"GET /static/{file}", s.asset},
		{"/", s.nowhere},
	}
}

func (s *site) mux() *http.ServeMux {
	mux := http.NewServeMux()
	for _, r := range s.routes() {
		mux.HandleFunc(r.pattern, func(w http.ResponseWriter, req *http.Request) {
			if err := r.page(w, req); err != nil {
				s.fail(w, req, err)
			}
		})
	}
	return mux
}

func (s *site) asset(w http.ResponseWriter, r *http.Request) error {
	s.assets.ServeHTTP(w, r)
	return nil
}

// healthz answers while the archive can be read.
func (s *site) healthz(w http.ResponseWriter, r *http.Request) error {
	if _, err := s.Archive.Watermarks(r.Context()); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err := w.Write([]byte("ok\n"))
	return err
}
