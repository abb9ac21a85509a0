package check

import (
	"fmt"
	"strconv"
	"strings"
)

// The shapes of what is sent, as front ends format it (ReceiveAnIM.md): indented
// by two spaces, with their members in no particular order.
const (
	envelopeHead = `{
  "_links": {
    "self": {
      "href": "%s/events?ack=%d"
    },
    "next": {
      "href": "%s/events?ack=%d"
    }
  },
  "sender": [`
	envelopeTail = `
  ]
}`
	senderHead = `
    {
      "rel": "%s",
      "href": "%s",
      "events": [`
	senderTail = `
      ]
    }`

	message = `
        {
          "link": {
            "rel": "message",
            "href": "%[1]s/messaging/messages/%[2]d"
          },
          "status": "Success",
          "_embedded": {
            "message": {
              "direction": "Incoming",
              "timeStamp": "/Date(%[3]d)/",
              "operationId": "%[4]s",
              "_links": {
                "self": {
                  "href": "%[1]s/messaging/messages/%[2]d"
                },
                "contact": {
                  "href": "%[5]s/people/%[6]s"
                },
                "participant": {
                  "href": "%[1]s/participants/%[6]s",
                  "title": "%[7]s"
                },
                "messaging": {
                  "href": "%[1]s/messaging"
                },
                "plainMessage": {
                  "href": "data:text/plain;charset=utf-8,%[8]s"
                }%[9]s
              },
              "rel": "message",
              "etag": "%[2]d"
            }
          },
          "type": "completed"
        }`
	htmlPart = `,
                "htmlMessage": {
                  "href": "data:text/html;charset=utf-8,%s"
                }`

	invitation = `
        {
          "link": {
            "rel": "messagingInvitation",
            "href": "%[1]s/communication/messagingInvitations/%[2]s"
          },
          "_embedded": {
            "messagingInvitation": {
              "direction": "Incoming",
              "importance": "Normal",
              "operationId": "%[2]s",
              "state": "Connecting",
              "subject": "%[3]s",
              "threadId": "%[4]s",
              "_embedded": {
                "from": {
                  "name": "%[5]s",
                  "uri": "sip:%[6]s",
                  "sourceNetwork": "SameEnterprise",
                  "anonymous": false,
                  "_links": {
                    "self": {
                      "href": "%[7]s/participants/%[6]s"
                    },
                    "conversation": {
                      "href": "%[7]s"
                    }
                  },
                  "rel": "participant"
                }
              },
              "_links": {
                "self": {
                  "href": "%[1]s/communication/messagingInvitations/%[2]s"
                },
                "to": {
                  "href": "%[1]s/people/ana.ruiz@contoso.example"
                },
                "conversation": {
                  "href": "%[7]s"
                },
                "message": {
                  "href": "data:text/plain;charset=utf-8,%[8]s"
                }
              },
              "rel": "messagingInvitation"
            }
          },
          "type": "started"
        }`
	conversation = `,
        {
          "link": {
            "rel": "conversation",
            "href": "%[1]s"
          },
          "_embedded": {
            "conversation": {
              "state": "Incoming",
              "threadId": "%[2]s",
              "subject": "%[3]s",
              "activeModalities": [],
              "importance": "Normal",
              "recording": false,
              "_links": {
                "self": {
                  "href": "%[1]s"
                }
              },
              "rel": "conversation"
            }
          },
          "type": "added"
        }`
	localParticipant = `
        {
          "link": {
            "rel": "localParticipant",
            "href": "%[1]s/participants/ana.ruiz@contoso.example",
            "title": "Ana Ruiz"
          },
          "_embedded": {
            "localParticipant": {
              "name": "Ana Ruiz",
              "uri": "sip:ana.ruiz@contoso.example",
              "sourceNetwork": "SameEnterprise",
              "rel": "participant"
            }
          },
          "type": "added"
        }`
	ended = `
        {
          "link": {
            "rel": "conversation",
            "href": "%s"
          },
          "type": "deleted"
        }`
)

// begin appends what comes when somebody writes for the first time.
func (g *generator) begin(b []byte, t talk) []byte {
	address, name := person(t.person)
	subject := ""
	if g.rnd.IntN(3) == 0 {
		subject = g.latin(2 + g.rnd.IntN(5))
	}
	b = fmt.Appendf(b, senderHead, "communication", application+"/communication")
	b = fmt.Appendf(b, invitation, application, g.guid(), subject, t.thread, name, address, t.href, escape(g.text(t.person)))
	b = fmt.Appendf(b, conversation, t.href, t.thread, subject)
	b = append(append(b, senderTail...), ',')
	b = fmt.Appendf(b, senderHead, "conversation", t.href)
	b = fmt.Appendf(b, localParticipant, t.href)
	return append(b, senderTail...)
}

// message appends one text. In the room everybody writes.
func (g *generator) message(b []byte, t talk) []byte {
	who := t.person
	if t.href == g.talks[0].href {
		who = g.person()
	}
	address, name := person(who)
	plain, html := g.text(who), ""
	if g.rnd.IntN(10) < 6 {
		html = fmt.Sprintf(htmlPart, escape(markup(plain)))
	}
	b = fmt.Appendf(b, senderHead, "conversation", t.href)
	b = fmt.Appendf(b, message, t.href, g.ack, g.now.UnixMilli(), g.guid(), application, address, name, escape(plain), html)
	return append(b, senderTail...)
}

// end appends what comes when a conversation is over.
func (g *generator) end(b []byte, t talk) []byte {
	b = fmt.Appendf(b, senderHead, "communication", application+"/communication")
	b = fmt.Appendf(b, ended, t.href)
	return append(b, senderTail...)
}

// person is the address and the name of a person by number.
func person(n int) (address, name string) {
	first, last := firstNames()[n%len(firstNames())], lastNames()[n/len(firstNames())%len(lastNames())]
	domain := "contoso.example"
	if n%7 == 0 {
		domain = "fabrikam.example"
	}
	return "p" + strconv.Itoa(n) + "." + strings.ToLower(last) + "@" + domain, first + " " + last
}
