package decode

import "archiver/internal/archive"

// kind is one line of the table of what is understood.
type kind struct {
	name string // as `list events` prints it
	rel  string // the event's link rel
	in   string // the rel it is in; "" matches what no other line does
	// decode makes the changes; nil for a kind that is recognised and kept
	// raw, with nothing decided from it yet.
	decode func(entry) ([]archive.Change, error)
}

// kinds lists every resource that the UCWA reference names as the target of an
// event. To understand a new one, write its file and fill in its line.
var kinds = []kind{
	{"conversation", "conversation", "", decodeConversation},
	{"participant", "participant", "", decodeParticipant},
	{"leader", "participant", "leaders", decodeRole("Leader")},
	{"attendee", "participant", "attendees", decodeRole("Attendee")},
	{"lobby", "participant", "lobby", nil},
	{"typing", "participant", "typingParticipants", decodeTyping},
	{"localParticipant", "localParticipant", "", decodeParticipant},
	{"message", "message", "", decodeMessage},
	{"messaging", "messaging", "", decodeModality},
	{"phoneAudio", "phoneAudio", "", decodeModality},
	{"audioVideo", "audioVideo", "", decodeModality},
	{"applicationSharing", "applicationSharing", "", decodeModality},
	{"dataCollaboration", "dataCollaboration", "", decodeModality},
	{"messagingInvitation", "messagingInvitation", "", decodeInvitation("messaging")},
	{"phoneAudioInvitation", "phoneAudioInvitation", "", decodeInvitation("phoneAudio")},
	{"audioVideoInvitation", "audioVideoInvitation", "", decodeInvitation("audioVideo")},
	{"onlineMeetingInvitation", "onlineMeetingInvitation", "", decodeInvitation("onlineMeeting")},
	{"participantInvitation", "participantInvitation", "", decodeInvitation("participant")},
	{"applicationSharingInvitation", "applicationSharingInvitation", "", decodeInvitation("applicationSharing")},
	{"conversationLogs", "conversationLogs", "", decodeNothing},
	{"conversationLog", "conversationLog", "", decodeLog},
	{"conversationLogTranscripts", "conversationLogTranscripts", "", decodeLogPage},
	{"conversationLogTranscript", "conversationLogTranscript", "", decodeLogEntry},
	{"missedItems", "missedItems", "", decodeMissedItems},

	{"me", "me", "", nil},
	{"presence", "presence", "", nil},
	{"note", "note", "", nil},
	{"location", "location", "", nil},
	{"communication", "communication", "", nil},
	{"policies", "policies", "", nil},
	{"onlineMeeting", "onlineMeeting", "", nil},
	{"participantMessaging", "participantMessaging", "", nil},
	{"participantAudio", "participantAudio", "", nil},
	{"participantVideo", "participantVideo", "", nil},
	{"participantPanoramicVideo", "participantPanoramicVideo", "", nil},
	{"participantApplicationSharing", "participantApplicationSharing", "", nil},
	{"participantDataCollaboration", "participantDataCollaboration", "", nil},
	{"applicationSharer", "applicationSharer", "", nil},
	{"videoLockedOnParticipant", "videoLockedOnParticipant", "", nil},
	{"audioVideoNegotiation", "audioVideoNegotiation", "", nil},
	{"audioVideoRenegotiation", "audioVideoRenegotiation", "", nil},
	{"applicationSharingRenegotiation", "applicationSharingRenegotiation", "", nil},
	{"audioVideoSession", "audioVideoSession", "", nil},
	{"contact", "contact", "", nil},
	{"contactPresence", "contactPresence", "", nil},
	{"contactNote", "contactNote", "", nil},
	{"contactLocation", "contactLocation", "", nil},
	{"contactSupportedModalities", "contactSupportedModalities", "", nil},
	{"contactPrivacyRelationship", "contactPrivacyRelationship", "", nil},
	{"presenceSubscription", "presenceSubscription", "", nil},
	{"myContactsAndGroupsSubscription", "myContactsAndGroupsSubscription", "", nil},
	{"group", "group", "", nil},
	{"defaultGroup", "defaultGroup", "", nil},
	{"pinnedGroup", "pinnedGroup", "", nil},
	{"distributionGroup", "distributionGroup", "", nil},
	{"delegatesGroup", "delegatesGroup", "", nil},
	{"delegatorsGroup", "delegatorsGroup", "", nil},
	{"myOrganizationGroup", "myOrganizationGroup", "", nil},
}

// find is the line for a rel, preferring one that names where it is in.
func find(rel, in string) (kind, bool) {
	var found kind
	for _, k := range kinds {
		if k.rel != rel {
			continue
		}
		if k.in != "" && k.in == in {
			return k, true
		}
		if k.in == "" {
			found = k
		}
	}
	return found, found.name != ""
}
