package main

func gapOpened() object {
	f := narrowed(gapFields(), "to", null)
	return titled("source.gap.opened", "An account could not be read for longer than three polls: silence is not peace.", record(f...))
}

func gapClosed() object {
	f := narrowed(gapFields(), "to", instant)
	return titled("source.gap.closed", "The account can be read again. Calls between from and to may be reported late, or, where the vendor keeps no record, not at all.", record(f...))
}

func gapFields() []member {
	return []member{
		field("gap_id", "The gap, within its account: the CloudEvents subject.", identifier),
		field("account", "The account that could not be read.", account),
		field("provider", "The kind of PBX, for example verimor.", provider),
		field("list", "Which of the vendor's lists could not be read.", oneOf("active_calls", "cdrs")),
		field("from", "The last time it was read.", instant),
		field("to", "When it was read again; null while the gap lasts.", orNull(instant)),
		field("reason", "Why the first request failed. unreachable: no connection, a timeout, a reply cut short; credentials: they were refused; rate_limited: the vendor asked to slow down; bad_reply: something answered, but not as the vendor does. unwatched: no request was made; the process of callbus that read the list was lost, and another one took over.", oneOf("unreachable", "credentials", "rate_limited", "bad_reply", "unwatched")),
		field("failures", "How many requests failed; 0 where none was made.", natural),
	}
}
