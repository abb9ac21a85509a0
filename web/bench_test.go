package web_test

import (
	"bytes"
	"html/template"
	"testing"
	"time"

	"archiver/web"
)

// flow is the same markup as that of a conversation's messages, made with
// html/template: the yardstick.
const flow = `<ol class="flow">{{range .}}{{if .Day}}<li class="day" id="{{.Day.ID}}"><h2><time datetime="{{.Day.Date}}">{{.Day.Text}}</time></h2></li>
{{else if .Run}}<li class="run{{if .Run.Own}} own{{end}}">{{if .Run.Own}}<p class="who"><span dir="auto">{{.Run.Name}}</span> <span class="quiet">you</span></p>
{{else}}<p class="who"><a href="{{.Run.Href}}" dir="auto">{{.Run.Name}}</a></p>{{end}}
{{range .Run.Messages}}<div id="{{.ID}}" data-item class="msg{{if .Hit}} hit{{end}}">
{{if .Absent}}<p class="text absent">{{.Absent}}</p>{{else}}<p class="text" dir="auto">{{.Text}}</p>{{end}}
<p class="msg-meta">{{if .Failure}}<span class="failure">{{.Failure}}</span>{{end}}<a class="raw" href="{{.Event}}" title="The event as the server sent it">raw</a>
<a href="{{.Link}}" title="Link to this message"><time class="time" datetime="{{.Time.Machine}}" title="{{.Time.Title}}">{{.Time.Text}}</time></a></p></div>{{end}}</li>{{end}}{{end}}</ol>`

// BenchmarkConversation renders 200 messages with templ and with html/template
// in turns, and reports the ratio of the fastest of each.
func BenchmarkConversation(b *testing.B) {
	items := web.FlowOf(200)
	yardstick := template.Must(template.New("flow").Parse(flow))
	var ours, theirs time.Duration
	for b.Loop() {
		for range 100 {
			ours = fastest(ours, func() error {
				var out bytes.Buffer
				return web.RenderFlow(b.Context(), &out, items)
			})
			theirs = fastest(theirs, func() error {
				var out bytes.Buffer
				return yardstick.Execute(&out, items)
			})
		}
	}
	b.ReportMetric(float64(ours)/float64(theirs), "x-html/template")
	b.ReportMetric(float64(ours.Microseconds()), "µs/200-messages")
}

func fastest(best time.Duration, work func() error) time.Duration {
	start := time.Now()
	if err := work(); err != nil {
		panic(err)
	}
	if took := time.Since(start); best == 0 || took < best {
		return took
	}
	return best
}
