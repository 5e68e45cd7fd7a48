package ingesttest

import "testing"

// Checks returns the names of all checks.
func Checks() (names []string) {
	for _, c := range checks {
		names = append(names, c.name)
	}
	return names
}

// Find returns what the check of that name has against v.
func Find(t *testing.T, name string, v Vendor) []string {
	for _, c := range checks {
		if c.name == name {
			return c.find(t, v)
		}
	}
	t.Fatalf("there is no check %q", name)
	return nil
}

// WithLess lowers all bounds, so that to break them does not take long.
func WithLess(t *testing.T) {
	before := bound
	bound = bounds{huge: 16 << 20, taken: 6 << 20, allocated: 24 << 20}
	t.Cleanup(func() { bound = before })
}

// Faults returns what is missing of v.
func Faults(v Vendor) []string { return v.faults() }
