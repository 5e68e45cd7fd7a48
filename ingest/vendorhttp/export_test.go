package vendorhttp

// Hosts returns to how many hosts requests are under way, or wait.
func (g *Gate) Hosts() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.hosts)
}
