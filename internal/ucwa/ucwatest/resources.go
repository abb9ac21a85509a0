package ucwatest

// href is a link value; the path follows the application's.
func href(path string) map[string]any { return map[string]any{"href": "{app}" + path} }

// link is a link with its rel, as events have it.
func link(rel, path string) map[string]any {
	return map[string]any{"rel": rel, "href": "{app}" + path}
}

// bare is an event without its resource.
func bare(change, rel, path string) map[string]any {
	return map[string]any{"type": change, "link": link(rel, path)}
}

func titled(change, rel, path, title string) map[string]any {
	e := bare(change, rel, path)
	e["link"].(map[string]any)["title"] = title
	return e
}

// resource is an event with its resource. It may be of an operation, too:
// started, updated or completed.
func resource(change, rel, path string, r map[string]any) map[string]any {
	e := bare(change, rel, path)
	e["_embedded"] = map[string]any{rel: r}
	return e
}

// within says which collection an event is about.
func within(e map[string]any, rel, path string) map[string]any {
	e["in"] = link(rel, path)
	return e
}

// network is what the server calls the way to somebody.
func network(p, account Person) string {
	if domain(p) == domain(account) {
		return "SameEnterprise"
	}
	return "Federated"
}

func domain(p Person) string {
	a := address(p)
	for i := range len(a) {
		if a[i] == '@' {
			return a[i+1:]
		}
	}
	return ""
}

// address is a person's URI without its scheme.
func address(p Person) string {
	for i := range len(p.URI) {
		if p.URI[i] == ':' {
			return p.URI[i+1:]
		}
	}
	return p.URI
}
