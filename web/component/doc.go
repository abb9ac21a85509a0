// Package component holds the pieces that several pages are made of. They
// render what they are given and read nothing; every text is escaped by templ.
package component
