package sinks

// ParkAtMost bounds what p gives back because of events that wait.
func (p *Pump) ParkAtMost(n int) { p.mostParked = n }
