package capture

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

// Invitations that are accepted: those that lead to text. A call cannot be
// accepted over HTTP, and a machine has nothing to say in it.
const (
	toWrite = "messagingInvitation"
	toMeet  = "onlineMeetingInvitation"
)

// How often an invitation is tried: it rings for about 30 seconds.
const (
	acceptTries = 4
	acceptPause = 2 * time.Second
)

// joiner takes invitations up when that is what capture is for. It learns of
// them from what is committed, acts through the links in it alone, and works
// beside the loop: the next P-GET waits for nothing.
type joiner struct {
	log      *slog.Logger
	recorder *recorder // for what of it any goroutine may use

	mu       sync.Mutex
	accepted map[string]bool // guarded by mu: invitations that are open and were taken up
	done     sync.WaitGroup
}

func newJoiner(r *recorder) *joiner {
	return &joiner{log: r.log, recorder: r, accepted: make(map[string]bool)}
}

// see acts upon the events of an envelope that was committed.
func (j *joiner) see(ctx context.Context, client *ucwa.Client, events []ucwa.Event) {
	if j == nil {
		return
	}
	for _, e := range events {
		if e.Link.Rel != toWrite && e.Link.Rel != toMeet {
			continue
		}
		if e.Type == "completed" || e.Type == "deleted" {
			j.completed(ctx, client, e)
		} else if len(e.Embedded) > 0 {
			j.invited(ctx, client, e.Link.Rel, e.Embedded)
		}
	}
}

// invited accepts an invitation, once, if it came in and can be accepted.
func (j *joiner) invited(ctx context.Context, client *ucwa.Client, rel string, body []byte) {
	if j == nil || rel != toWrite && rel != toMeet {
		return
	}
	var inv ucwa.Invitation
	if err := ucwa.Parse(ucwa.TrimBOM(body), &inv); err != nil {
		j.log.Warn("invitation not readable", "rel", rel, "err", err)
		return
	}
	href, id := inv.Links.Href("accept"), ucwa.Fold(inv.Links.Href("self"))
	if href == "" || inv.Direction == "Outgoing" || !j.first(id) {
		return
	}
	j.done.Go(func() { j.recorder.guard.run(func() { j.accept(ctx, client, rel, href) }) })
}

func (j *joiner) first(id string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.accepted[id] {
		return false
	}
	j.accepted[id] = true
	return true
}

func (j *joiner) accept(ctx context.Context, client *ucwa.Client, rel, href string) {
	for try := range acceptTries {
		if try > 0 {
			sleep(ctx, acceptPause)
		}
		err := client.Accept(ctx, href)
		if err == nil {
			j.log.Info("invitation accepted", "rel", rel)
			return
		}
		j.log.Warn("accept invitation", "rel", rel, "err", err)
		var api *ucwa.APIError
		over := errors.As(err, &api) && api.FromUCWA && (errors.Is(err, archive.ErrNotFound) || errors.Is(err, archive.ErrConflict))
		if over || ctx.Err() != nil {
			return
		}
	}
}

// completed forgets an invitation. A meeting that was joined has no texts
// before they are asked for (addMessaging_ref.md).
func (j *joiner) completed(ctx context.Context, client *ucwa.Client, e ucwa.Event) {
	id := ucwa.Fold(e.Link.Href)
	j.mu.Lock()
	ours := j.accepted[id]
	delete(j.accepted, id)
	j.mu.Unlock()
	var inv ucwa.Invitation
	if !ours || e.Link.Rel != toMeet || e.Status == "Failure" || ucwa.Parse(e.Embedded, &inv) != nil {
		return
	}
	if href := inv.Links.Href("conversation"); href != "" {
		j.done.Go(func() { j.recorder.guard.run(func() { j.addTexts(ctx, client, href) }) })
	}
}

// addTexts asks for the texts of a conversation, by the links that lead there.
func (j *joiner) addTexts(ctx context.Context, client *ucwa.Client, conversation string) {
	for try := range acceptTries {
		if try > 0 {
			sleep(ctx, acceptPause)
		}
		href, err := j.follow(ctx, client, conversation, "messaging", "addMessaging")
		if err == nil && href != "" {
			err = client.AddMessaging(ctx, href)
		}
		if err == nil {
			j.log.Info("texts of a meeting asked for", "offered", href != "")
			return
		}
		j.log.Warn("ask for texts of a meeting", "err", err)
		if errors.Is(err, archive.ErrNotFound) || ctx.Err() != nil {
			return
		}
	}
}

// follow gets a resource, keeps it, and goes on by the named links but for the
// last, whose href it returns; "" where one is missing.
func (j *joiner) follow(ctx context.Context, client *ucwa.Client, href string, rels ...string) (string, error) {
	for _, rel := range rels {
		resp, err := client.Fetch(ctx, href)
		if err != nil {
			return "", err
		}
		j.recorder.keepFetched(ctx, resp)
		head, err := ucwa.ParseHead(resp.Body)
		if err != nil {
			return "", err
		}
		if href = head.Links.Href(rel); href == "" {
			return "", nil
		}
	}
	return href, nil
}

// stop waits until nothing is under way.
func (j *joiner) stop() {
	if j != nil {
		j.done.Wait()
	}
}
