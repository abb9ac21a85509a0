package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Setting is one value with its origin, for a person.
type Setting struct {
	Account string `json:"account,omitempty"` // the address; "" for the whole program
	Key     string `json:"key"`
	Value   string `json:"value"`
	// Origin is "default", a flag, a variable of the environment, or the path of
	// the file.
	Origin string `json:"origin"`
	Help   string `json:"help"`
}

// List is every setting that is in effect, in the order of the file.
func (s *Settings) List() []Setting {
	values := map[string]string{"archive": s.Archive, "addr": s.Addr}
	var out []Setting
	for _, k := range general {
		out = append(out, Setting{Key: k.name, Value: values[k.name], Origin: s.origins[k.name], Help: k.help})
	}
	for _, a := range s.Accounts {
		for _, k := range perAccount {
			out = append(out, Setting{Account: a.Address, Key: k.name, Value: a.value(k),
				Origin: s.origins[originKey(a.Address, k.name)], Help: k.help})
		}
	}
	return out
}

// value is what an account has for a key, as a person reads it.
func (a Account) value(k key) string {
	switch v := a.field(k.name).(type) {
	case *[]string:
		return strings.Join(*v, ", ")
	case *bool:
		return strconv.FormatBool(*v)
	case *string:
		return *v
	}
	return ""
}

// toml is the value as the file has it.
func (a Account) toml(k key) string {
	switch v := a.field(k.name).(type) {
	case *[]string:
		var quoted []string
		for _, item := range *v {
			quoted = append(quoted, quote(item))
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	case *bool:
		return strconv.FormatBool(*v)
	case *string:
		return quote(*v)
	}
	return ""
}

// quote writes a text as TOML does: literally where it can.
func quote(s string) string {
	if strings.Contains(s, `\`) && !strings.ContainsAny(s, "'\n\r\t") {
		return "'" + s + "'"
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < 0x20 || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// Block is an account as it stands in the file. What is not settled is left
// out.
func (a Account) Block() string {
	var b strings.Builder
	b.WriteString("[[account]]\n")
	for _, k := range perAccount {
		if a.stands(k) {
			fmt.Fprintf(&b, "%s = %s\n", k.name, a.toml(k))
		}
	}
	return b.String()
}

// stands tells whether a key has to be in the file: a text without a default
// that is empty, an empty list and false need no line.
func (a Account) stands(k key) bool {
	v := a.value(k)
	return v != "" && v != "false" || v == "" && k.def != "" && k.kind == text
}

// head is what a new file begins with: an explanation of every key.
func head(c Config) string {
	var b strings.Builder
	b.WriteString("# Settings of archiver. `archiver config` prints what is in effect and where each\n" +
		"# value comes from. No password is ever kept here: see `archiver login --help`.\n")
	values := map[string]string{"archive": c.Archive, "addr": c.Addr}
	for _, k := range general {
		fmt.Fprintf(&b, "\n# %s: %s.\n# %s = %s\n", k.name, k.help, k.name, quote(values[k.name]))
	}
	b.WriteString("\n# One block for each account; `archiver init ADDRESS` adds one. Its keys:\n#\n")
	for _, k := range perAccount {
		help := strings.ReplaceAll(k.help, "\n", "\n#"+strings.Repeat(" ", 23))
		def := ""
		if k.def != "" {
			def = " (default " + k.def + ")"
		}
		fmt.Fprintf(&b, "#   %-19s %s%s\n", k.name, help, def)
	}
	return b.String()
}
