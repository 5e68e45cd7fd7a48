package while1

import (
	"cmp"
	"strings"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest/scalar"
)

// sides reads who called, who was called, and by which way.
func (c *Client) sides(v columns, f *facts) error {
	t := scalar.Texts{}
	source, destination := t.Read("source", v.source), t.Read("destination", v.destination)
	f.direction = strings.ToUpper(t.Read("direction", v.direction))
	if t.Err != nil {
		return t.Err
	}
	name, number := splitCallerID(loose(v.callerID))
	if source == "" {
		source = number
	}
	f.from, f.to = c.party(source), c.party(destination)
	f.fromExt, f.toExt = f.from.Extension != nil, f.to.Extension != nil
	f.routed = loose(v.inboundRoute) != "" || loose(v.inboundRouteID) != ""
	f.queue = c.words.clean(loose(v.queueName))
	if f.queue == "" && yes(v.queueLog) && f.toExt {
		f.queue = destination // the row of a queue that is not named
	}
	f.desk, f.user = c.words.clean(deskOf(loose(v.dstChannel))), c.words.clean(loose(v.userFullname))
	f.caller(c.words.clean(name), c.words.clean(deskOf(loose(v.channel))))
	return nil
}

// caller adds to the calling side its name, and its desk where it is one of ours.
func (f *facts) caller(name, desk string) {
	if f.direction == "OUT" {
		name = cmp.Or(f.user, name)
		if f.from.Extension == nil {
			f.from.Extension = told(desk)
		}
	}
	if f.from.Raw == nil || name != *f.from.Raw {
		f.from.Name = told(name)
	}
}

// splitCallerID reads "Name" <number>, of which either part may be missing.
func splitCallerID(text string) (name, number string) {
	name, rest, found := strings.Cut(text, "<")
	if !found {
		return "", strings.Trim(text, ` "`)
	}
	return strings.Trim(name, ` "`), strings.Trim(rest, " >")
}

// deskOf returns whose telephone a channel is: john-doe of PJSIP/john-doe, or of PJSIP/john-doe-00000027.
func deskOf(channel string) string {
	_, desk, found := strings.Cut(channel, "/")
	if !found {
		return ""
	}
	desk, _, _ = strings.Cut(desk, "@")
	if i := strings.LastIndexByte(desk, '-'); i > 0 && len(desk)-i == 9 && strings.Trim(desk[i+1:], "0123456789abcdef") == "" {
		desk = desk[:i]
	}
	return desk
}

// inbound tells whether a row is of a call from outside. The vendor knows IN and OUT alone: between two extensions it
// is neither, unless an inbound route led there.
func (f *facts) inbound() bool {
	return f.direction == "IN" && (f.routed || !f.fromExt || !f.toExt)
}

// directionOf returns which way the call of rows went. An inbound call that is handed on to a number outside has rows of
// both kinds, and stays inbound.
func directionOf(rows []facts) events.Direction {
	out := false
	for i := range rows {
		if rows[i].inbound() {
			return events.Inbound
		}
		out = out || rows[i].direction == "OUT"
	}
	first := &rows[0]
	switch {
	case first.fromExt && first.toExt:
		return events.Internal
	case out:
		return events.Outbound
	case first.fromExt && first.to.Number != nil:
		return events.Outbound
	case first.from.Number != nil && first.toExt:
		return events.Inbound
	}
	return events.UnknownDirection
}
