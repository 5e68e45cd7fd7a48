package sinktest

// CheckNames returns the names of all checks.
func CheckNames() (names []string) {
	for _, c := range checks {
		names = append(names, c.name)
	}
	return names
}

// Find returns what the check of that name finds wrong with s.
func Find(name string, s Subject) []string {
	for _, c := range checks {
		if c.name == name {
			return c.find(s)
		}
	}
	panic("no check is named " + name)
}
