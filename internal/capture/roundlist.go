package capture

import (
	"context"
	"errors"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

// begin asks whether there is a history and lists it.
func (r *round) begin(ctx context.Context) error {
	r.state.Begun, r.state.Whole = archive.Time{}, false
	comm, resp, err := r.communication(ctx)
	if err != nil {
		return err
	}
	r.state.Checked = r.recorder.now()
	if comm.Logs == "" {
		return r.unavailable(ctx, resp)
	}
	r.state.Availability = archive.HistoryAvailable
	if err := r.commit(ctx, resp, archive.HistoryStep{Restart: true, State: &r.state}); err != nil {
		return err
	}
	if comm.MissedItems != "" {
		if err := r.missedItems(ctx, comm.MissedItems); err != nil {
			return err
		}
	}
	return r.list(ctx, comm)
}

// communication gets the resource that all of the history hangs on, waiting out
// what passes.
func (r *round) communication(ctx context.Context) (comm ucwa.Communication, resp ucwa.Response, err error) {
	_, err = r.persist(ctx, func(ctx context.Context) (ucwa.Response, error) {
		comm, resp, err = r.client.Communication(ctx, r.application)
		return resp, err
	})
	return comm, resp, err
}

// unavailable records that the server keeps no history, with the answer that
// says so.
func (r *round) unavailable(ctx context.Context, resp ucwa.Response) error {
	r.sum.Unavailable = true
	r.state.Availability, r.state.Begun, r.state.Trouble = archive.HistoryUnavailable, archive.Time{}, ""
	r.log.Info("this server keeps no conversation history")
	return r.commit(ctx, resp, archive.HistoryStep{Restart: true, State: &r.state})
}

// missedItems gets the server's counts. Without them the round is as good.
func (r *round) missedItems(ctx context.Context, href string) error {
	resp, err := r.get(ctx, href)
	if err != nil {
		return r.tolerable(err)
	}
	if r.counts, err = ucwa.ParseMissedItems(resp.Body); err == nil {
		r.counted = true
	}
	return r.commit(ctx, resp, archive.HistoryStep{})
}

// tolerable passes on only what ends a round.
func (r *round) tolerable(err error) error {
	if errors.Is(err, errSkip) {
		return nil
	}
	return err
}

// list gets the list of logs, asking for more as long as it may have been cut
// off. With its first page the round has begun.
func (r *round) list(ctx context.Context, comm ucwa.Communication) error {
	begun := r.recorder.now()
	resp, logs, whole, err := r.wholeList(ctx, comm.Logs)
	if tooOld(err) {
		return r.unavailable(ctx, resp)
	}
	if err != nil {
		return err
	}
	keeps := comm.History == "Enabled" || comm.History != "Disabled" && len(logs.Logs) > 0
	r.state.Begun, r.state.Whole = begun, whole && keeps
	next := r.tasks(ucwa.RelConversationLog, logs.Logs...)
	next = append(next, r.tasks(ucwa.RelConversationLogs, nonEmpty(logs.Next)...)...)
	if r.failed != "" || r.counted && logs.Next == "" && int64(len(logs.Logs)) < r.counts.Logs {
		r.state.Whole = false // it counts more than it lists, or lists what cannot be read
	}
	r.failed = ""
	return r.commit(ctx, resp, archive.HistoryStep{Restart: true, Next: next, State: &r.state})
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func (r *round) wholeList(ctx context.Context, href string) (resp ucwa.Response, logs ucwa.ConversationLogs, whole bool, err error) {
	for limit := historyLimit; ; limit *= 4 {
		asked, err := ucwa.WithLimit(href, limit)
		if err != nil {
			return resp, logs, false, err
		}
		resp, err = r.get(ctx, asked)
		if errors.Is(err, archive.ErrInvalid) { // a server that knows no limit
			asked = href
			resp, err = r.get(ctx, href)
		}
		if err != nil {
			return resp, logs, false, err
		}
		if logs, err = ucwa.ParseConversationLogs(resp.Body); err != nil {
			return resp, logs, false, err
		}
		if len(logs.Logs) < limit || logs.Next != "" || asked == href {
			return resp, logs, true, nil
		}
		if limit >= historyMaxLimit {
			return resp, logs, false, nil
		}
	}
}

// tasks resolves what is to be read. A link that leads away from the server is
// left, and the round is then not whole.
func (r *round) tasks(rel string, hrefs ...string) []archive.HistoryTask {
	var out []archive.HistoryTask
	for _, href := range hrefs {
		url, err := r.client.Resolve(href)
		if err != nil {
			r.failed = "link"
			continue
		}
		out = append(out, archive.HistoryTask{Rel: rel, URL: url})
	}
	return out
}

// links are what a resource of the history leads to.
func (r *round) links(rel string, body []byte) ([]archive.HistoryTask, error) {
	switch rel {
	case ucwa.RelConversationLogs:
		list, err := ucwa.ParseConversationLogs(body)
		if err != nil {
			return nil, err
		}
		return append(r.tasks(ucwa.RelConversationLog, list.Logs...), r.tasks(ucwa.RelConversationLogs, nonEmpty(list.Next)...)...), nil
	case ucwa.RelConversationLog:
		l, err := ucwa.ParseConversationLog(body)
		if err != nil {
			return nil, err
		}
		r.sum.Logs++
		if l.Status == "Missed" {
			r.missed++
		}
		return r.tasks(ucwa.RelTranscripts, nonEmpty(l.Links.Href(ucwa.RelTranscripts))...), nil
	}
	page, err := ucwa.ParseTranscripts(body)
	if err != nil {
		return nil, err
	}
	r.sum.Transcripts++
	for _, raw := range page.Embedded.Transcripts {
		var t ucwa.Transcript
		if err := ucwa.Parse(raw, &t); err == nil && t.Embedded.Message != nil {
			r.sum.Messages++
		}
	}
	return r.tasks(ucwa.RelTranscripts, nonEmpty(page.Links.Href(ucwa.RelNextTranscripts))...), nil
}
