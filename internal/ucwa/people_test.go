package ucwa_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

// directory is a pool with one application, whose resource is body.
func directory(t *testing.T, body string) (*pool, *ucwa.Client, ucwa.Application) {
	t.Helper()
	p := newPool(t)
	const app = "/ucwa/oauth/v1/applications/105"
	p.handle("GET "+app, func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, 200, body) })
	return p, p.signIn(t), ucwa.Application{URL: p.URL + app}
}

const peopleEmbedded = `{"_embedded":{"people":{"rel":"people","_links":{"search":{"href":"/ucwa/people/search?x=1"}}}}}`

// People are found where the search is embedded and where it is linked to, one
// or several; parameters that the link has already stay.
func TestSearchPeople(t *testing.T) {
	const bo = `{"rel":"contact","uri":"sip:bo@contoso.example","name":"Bo","emailAddresses":"bo@contoso.example"}`
	for name, c := range map[string]struct {
		application, answer string
		want                []string
	}{
		"embedded": {peopleEmbedded, `{"_embedded":{"contact":[` + bo + `,{"uri":"sip:bob@contoso.example"}]}}`,
			[]string{"sip:bo@contoso.example", "sip:bob@contoso.example"}},
		"linked": {`{"_links":{"people":{"href":"/ucwa/people"}}}`, `{"_embedded":{"contact":` + bo + `}}`, []string{"sip:bo@contoso.example"}},
		"nobody": {peopleEmbedded, `{"rel":"search","moreResultsAvailable":false}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			p, client, app := directory(t, c.application)
			p.handle("GET /ucwa/people", func(w http.ResponseWriter, _ *http.Request) {
				writeJSON(w, 200, `{"rel":"people","_links":{"search":{"href":"/ucwa/people/search?x=1"}}}`)
			})
			var asked string
			p.handle("GET /ucwa/people/search", func(w http.ResponseWriter, r *http.Request) {
				asked = r.URL.RawQuery
				writeJSON(w, 200, c.answer)
			})
			people, err := client.SearchPeople(t.Context(), app, "bo & co", 1000)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, who := range people {
				got = append(got, who.URI)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if want := "limit=100&query=bo+%26+co&x=1"; asked != want {
				t.Errorf("asked for %s, want %s", asked, want)
			}
		})
	}
}

// A server without a search says so; one that is not to be followed is not.
func TestSearchPeopleIsNotOffered(t *testing.T) {
	_, client, app := directory(t, `{"_links":{}}`)
	if _, err := client.SearchPeople(t.Context(), app, "bo", 1); !errors.Is(err, archive.ErrNotFound) {
		t.Errorf("no search: %v", err)
	}
	_, client, app = directory(t, `{"_embedded":{"people":{"_links":{"search":{"href":"https://elsewhere.example/search"}}}}}`)
	if _, err := client.SearchPeople(t.Context(), app, "bo", 1); !errors.Is(err, archive.ErrInvalid) {
		t.Errorf("a search elsewhere: %v", err)
	}
}

// What the server withholds is empty, what breaks is an error.
func TestPresence(t *testing.T) {
	p, client, _ := directory(t, `{}`)
	p.handle("GET /ucwa/{who}/{what}", func(w http.ResponseWriter, r *http.Request) {
		switch r.PathValue("who") {
		case "bo":
			writeJSON(w, 200, `{"availability":"Busy","activity":"in-a-meeting","deviceType":"PC","lastActive":"\/Date(1700000000000)\/","message":"back at 3"}`)
		case "shy":
			writeJSON(w, 403, `{"code":"Forbidden"}`)
		case "gone":
			writeJSON(w, 404, `{"code":"NotFound"}`)
		default:
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	who := func(name string) ucwa.Contact {
		link := func(what string) ucwa.OneOrMany[ucwa.Link] {
			return ucwa.OneOrMany[ucwa.Link]{{Href: "/ucwa/" + name + "/" + what}}
		}
		return ucwa.Contact{Links: ucwa.Links{"contactPresence": link("presence"), "contactNote": link("note")}}
	}
	seen, err := client.Presence(t.Context(), who("bo"))
	note, noteErr := client.Note(t.Context(), who("bo"))
	if err != nil || noteErr != nil || seen.Availability != "Busy" || seen.LastActive.UnixMilli() != 1700000000000 || note != "back at 3" {
		t.Errorf("%+v, %q, %v, %v", seen, note, err, noteErr)
	}
	for _, c := range []ucwa.Contact{who("shy"), who("gone"), {}} {
		seen, err := client.Presence(t.Context(), c)
		note, noteErr := client.Note(t.Context(), c)
		if err != nil || noteErr != nil || seen != (ucwa.Presence{}) || note != "" {
			t.Errorf("%+v: %+v, %q, %v, %v", c.Links, seen, note, err, noteErr)
		}
	}
	if _, err := client.Presence(t.Context(), who("broken")); !errors.Is(err, archive.ErrUnavailable) {
		t.Errorf("a broken server: %v", err)
	}
}
