// Package ucwa speaks the wire: it signs in to a Skype for Business front end,
// follows links, holds the P-GET and reads what comes back. It knows the
// protocol and nothing of storage.
//
// Protocol facts come from Microsoft's UCWA 2.0 documentation (the Skype/UCWA
// folder of OfficeDev/skype-docs) and from recorded traffic; where the two
// differ, the traffic wins.
package ucwa
