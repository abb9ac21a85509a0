package ucwa_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"archiver/internal/ucwa"
)

func TestWithParameters(t *testing.T) {
	for in, want := range map[string]string{
		"https://a.example/events?ack=1":             "https://a.example/events?ack=1&low=5&medium=5&timeout=180",
		"/events":                                    "/events?low=5&medium=5&timeout=180",
		"/events?ack=1&timeout=900":                  "/events?ack=1&timeout=900&low=5&medium=5",
		"/p/bo%40contoso.example/events?x=%2f+y&ack": "/p/bo%40contoso.example/events?x=%2f+y&ack&low=5&medium=5&timeout=180",
	} {
		got, err := ucwa.WithParameters(in)
		if err != nil || got != want {
			t.Errorf("%s: %s, %v", in, got, err)
		}
		if again, _ := ucwa.WithParameters(got); again != got {
			t.Errorf("twice: %s", again)
		}
	}
}

func TestApplicationLife(t *testing.T) {
	p := newPool(t)
	const app = "/ucwa/oauth/v1/applications/105"
	var calls []string
	available := false
	describe := func(w http.ResponseWriter, status int) {
		me := `"makeMeAvailable":{"href":"` + app + `/me/makeMeAvailable"}`
		if available {
			me = `"reportMyActivity":{"href":"` + app + `/me/reportMyActivity"}`
		}
		writeJSON(w, status, `{"rel":"application","_links":{"self":{"href":"`+app+`"},"events":{"href":"`+app+`/events?ack=1"}},
			"_embedded":{"me":{"name":"Ana","uri":"sip:Ana@contoso.example","_links":{`+me+`}}}}`)
	}
	p.handle("/", func(w http.ResponseWriter, r *http.Request) {
		if !p.signedIn(w, r) {
			return
		}
		var body bytes.Buffer
		_, _ = body.ReadFrom(r.Body)
		calls = append(calls, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+body.String()))
		switch {
		case r.Method == "POST" && r.URL.Path == "/ucwa/oauth/v1/applications":
			describe(w, 201)
		case r.Method == "GET":
			describe(w, 200)
		case strings.HasSuffix(r.URL.Path, "makeMeAvailable") && available:
			writeJSON(w, 409, `{"code":"Conflict","subcode":"AlreadyExists"}`)
		default:
			available = true
			w.WriteHeader(204)
		}
	})
	c := p.signIn(t)
	ctx := t.Context()
	created, err := c.CreateApplication(ctx, "5f0c")
	if err != nil {
		t.Fatal(err)
	}
	if created.URL != p.URL+app || created.EventsURL != p.URL+app+"/events?ack=1" || created.MeURI != "sip:ana@contoso.example" ||
		created.Name != "Ana" || created.Existing || created.Available() {
		t.Errorf("created %+v", created)
	}
	online := ucwa.Availability{SignInAs: "Online", Formats: []string{"Plain", "Html"}, Modalities: []string{"Messaging"}}
	for range 2 { // the second time the server says that it is done already
		if err := c.MakeAvailable(ctx, created, online); err != nil {
			t.Fatal(err)
		}
	}
	now, err := c.Application(ctx, created.URL)
	if err != nil || !now.Available() || !now.Existing {
		t.Fatalf("%+v, %v", now, err)
	}
	for _, err := range []error{
		c.ReportActivity(ctx, created), // not allowed to it: no request
		c.MakeAvailable(ctx, now, ucwa.Availability{}),
		c.ReportActivity(ctx, now),
		c.DeleteApplication(ctx, now.URL),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	make := `POST ` + app + `/me/makeMeAvailable {"signInAs":"Online","supportedMessageFormats":["Plain","Html"],"supportedModalities":["Messaging"]}`
	want := []string{
		`POST /ucwa/oauth/v1/applications {"culture":"en-US","endpointId":"5f0c","userAgent":"archiver-test"}`,
		make, make, "GET " + app, "POST " + app + "/me/reportMyActivity", "DELETE " + app,
	}
	if d := cmp.Diff(want, calls); d != "" {
		t.Error(d)
	}
}
