package decode

import (
	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

func decodeConversation(e entry) ([]archive.Change, error) {
	c := archive.ConversationChange{
		Href:    ucwa.Fold(e.event.Link.Href),
		Deleted: e.event.Type == "deleted",
	}
	if len(e.event.Embedded) > 0 {
		var r ucwa.Conversation
		if err := ucwa.Parse(e.event.Embedded, &r); err != nil {
			return nil, err
		}
		c.Thread, c.Subject, c.Importance, c.State = thread(r.ThreadID), r.Subject, r.Importance, r.State
		c.Created = archive.At(r.Created.Time)
	}
	return []archive.Change{c}, nil
}

func decodeModality(e entry) ([]archive.Change, error) {
	var r ucwa.Modality
	if len(e.event.Embedded) > 0 {
		if err := ucwa.Parse(e.event.Embedded, &r); err != nil {
			return nil, err
		}
	}
	return []archive.Change{archive.ModalityChange{
		Conversation: e.conversation(r.Links),
		Modality:     e.event.Link.Rel,
		State:        r.State,
		Reason:       e.event.Reason,
	}}, nil
}

func thread(id string) archive.Thread {
	return archive.Thread{ID: id, Began: ucwa.ThreadTime(id)}
}
