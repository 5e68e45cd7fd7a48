package pbxsim

import "net/http"

// channel answers /api/channel. Of a list the form is not published, so none is shown.
func (v *While1) channel(ask *phpArray) reply {
	switch action := ask.text("action"); action {
	case "hangup":
		return v.hangup(ask.array("data").text("channel"))
	case "list", "originate", "redirect":
		return while1Error("Not simulated: " + action)
	default:
		return while1Error("Invalid action: " + action)
	}
}

// hangup ends the call of one channel. It ends all calls when no channel is named: so the vendor has it. No fault
// befalls it: a call that was ended must not be reported as one that was not.
func (v *While1) hangup(channel string) reply {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := latest(v.clock(), v.log.covered) // what is written is written
	if channel == "" {
		v.hangupAlls++
	}
	ended := 0
	for _, c := range v.world.Active(now) {
		if (channel == "" || channel == while1Channel(c)) && v.world.Hangup(c.N, now) {
			ended++
		}
	}
	if channel != "" && ended == 0 {
		return while1Error("No such channel: " + channel)
	}
	return reply{http.StatusOK, jsonType, []byte(`{"has_error":false,"messages":[],"results":[]}`)}
}
