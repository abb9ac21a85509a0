package ucwatest

// note changes the account's note.
func (s *story) note(st step) error {
	e := resource("updated", "note", "/me/note", map[string]any{"rel": "note", "type": "Personal", "message": st.words[1],
		"_links": map[string]any{"self": href("/me/note")}})
	s.emit("me", "/me", e)
	return nil
}

// available changes somebody's presence. Servers give the link alone; what it
// says is there to be fetched.
func (s *story) available(st step) error {
	p, err := s.person(st.words[1])
	if err != nil {
		return err
	}
	s.show(p, st.words[2])
	if p.Key == "me" {
		s.emit("me", "/me", bare("updated", "presence", "/me/presence"))
		return nil
	}
	at := "/people/" + address(p)
	e := bare("updated", "contactPresence", at+"/presence")
	e["in"] = link("contact", at)
	s.emit("people", "/people", e)
	return nil
}

// show sets what a fetch of somebody's presence answers once this batch is out.
func (s *story) show(p Person, availability string) {
	rel, at := "contactPresence", "/people/"+address(p)+"/presence"
	r := map[string]any{"rel": rel, "availability": availability, "deviceType": "PC"}
	if p.Key == "me" {
		rel, at = "presence", "/me/presence"
		r = map[string]any{"rel": rel, "availability": availability}
	}
	r["_links"] = map[string]any{"self": href(at)}
	s.silent = append(s.silent, resource("updated", rel, at, r))
}
