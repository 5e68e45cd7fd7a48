package pbxsim

import (
	"slices"
	"time"

	"github.com/callbus/callbus/events"
)

// source is the number that is shown to the other side: of a call to the outside, that of the line, not the extension.
func (v *While1) source(row while1Row) string {
	c := row.call.Call
	switch {
	case c.Direction == events.Outbound:
		return v.number(c, v.world.pbx.Trunks[v.trunk(c)].DID)
	case c.From == (Party{}):
		return "anonymous"
	case c.From.Extension != "":
		return c.From.Extension
	}
	return v.number(c, c.From.Number)
}

// destination is what was dialled, or to whom the talk was handed on.
func (v *While1) destination(row while1Row) string {
	c := row.call.Call
	switch leg := row.legOf(); {
	case leg.transfer:
		return leg.desk
	case c.To.Extension != "":
		return c.To.Extension
	}
	return v.number(c, c.To.Number)
}

// number is n as it is dialled from Romania, or now and then with a +. All numbers of the world are foreign there.
func (v *While1) number(c *Call, n string) string {
	if n == "" || v.die(c, "plus").chance(0.1) {
		return n
	}
	return "00" + n[1:]
}

// trunk is the place of c's line among all.
func (v *While1) trunk(c *Call) int {
	return slices.IndexFunc(v.world.pbx.Trunks, func(t Trunk) bool { return t.Name == c.Trunk })
}

func (v *While1) callerID(row while1Row) string {
	name, number := row.call.From.Name, v.source(row)
	if name == "" {
		name = number
	}
	return `"` + name + `" <` + number + `>`
}

// channelOf is the channel by which the call came to the PBX.
func (v *While1) channelOf(row while1Row) string {
	if row.call.Direction == events.Inbound {
		return "PJSIP/" + row.call.Trunk
	}
	return "PJSIP/" + row.call.From.Extension
}

// dstchannel is the channel to whom the call was put through, whether it was taken or not; or "".
func (v *While1) dstchannel(row while1Row) string {
	leg, c := row.legOf(), row.call.Call
	switch {
	case leg.desk != "":
		return "PJSIP/" + leg.desk
	case c.Media == events.Fax:
		return "PJSIP/fax"
	case c.Direction == events.Outbound && !leg.answer.IsZero():
		return "PJSIP/" + c.Trunk
	}
	return ""
}

// fullname is the person of ours who talked, or who called.
func (v *While1) fullname(row while1Row, bill time.Duration) string {
	if row.call.Direction != events.Inbound {
		return row.call.From.Name
	}
	if bill == 0 {
		return ""
	}
	for _, e := range v.world.pbx.Extensions {
		if e.Number == row.legOf().desk {
			return e.Name
		}
	}
	return ""
}
