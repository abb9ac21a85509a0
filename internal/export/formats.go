package export

import "io"

// Format is a sort of file that the log is exported to.
type Format struct {
	Name string // as the flag --format takes it
	Help string // one line
	New  func(io.Writer) (Handler, error)
}

// Formats is the table of formats; the first is the default.
func Formats() []Format {
	return []Format{
		{"jsonl", "JSON Lines of everything received, byte for byte; reads back into an equal archive", newJSONL},
	}
}

func format(name string) (Format, bool) {
	for _, f := range Formats() {
		if f.Name == name || name == "" {
			return f, true
		}
	}
	return Format{}, false
}
