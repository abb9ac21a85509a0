// Package web shows an archive in the browser. Pages are rendered on the
// server and complete without a script; everything a person wrote is escaped
// text. It reads through the few methods declared in server.go and changes
// nothing.
package web
