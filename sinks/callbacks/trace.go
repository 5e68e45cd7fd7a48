package callbacks

// traceOf returns the trace of the event cause, which says something of a call; where nothing that was learned is the cause, of
// the call that the case began with. Reminders, too, come of what happened then.
func (t *teller) traceOf(k *Case, cause string) string {
	first := ""
	for _, c := range t.Calls {
		switch {
		case c.Trace == "":
		case cause != "" && (c.Event == cause || c.MissedBy == cause):
			return c.Trace
		case c.ID == k.First:
			first = c.Trace
		}
	}
	return first
}
