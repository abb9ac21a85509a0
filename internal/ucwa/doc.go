// Package ucwa speaks the wire: it finds the user's server, signs in to it,
// follows links, holds the P-GET and reads what comes back. It knows the
// protocol and nothing of storage.
//
// Three rules hold throughout, and tests try to break them:
//
//   - The password goes to approved hosts only, and so does the token while
//     autodiscovery asks for the user; after that it goes to the one origin that
//     was found. All this over verified TLS or to this machine. Links that lead
//     elsewhere are errors, and redirects are not followed.
//   - A password that was refused is not sent again while the process lives,
//     since a server locks accounts that try too often.
//   - Errors, logs and the wire log hold nothing that people wrote, no name, no
//     address of a person and no secret.
//
// Protocol facts come from Microsoft's UCWA 2.0 documentation (the Skype/UCWA
// folder of OfficeDev/skype-docs) and from recorded traffic; where the two
// differ, the traffic wins.
package ucwa
