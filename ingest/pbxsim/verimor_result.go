package pbxsim

import "github.com/callbus/callbus/events"

// verimorResult is a word of the vendor's for how a call ended, and what it means.
type verimorResult struct {
	text    string
	outcome events.Outcome
}

const (
	verimorAnswered   = "Cevaplandı"
	verimorUnanswered = "Cevapsız"
	verimorLost       = "Diğer dahili cevapladı"
)

var (
	verimorBusy = []verimorResult{
		{"Meşgul", events.Busy}, {"Meşgul", events.Busy}, {"Meşgule atıldı", events.Rejected}, {"Reddedildi", events.Rejected},
	}
	verimorFailed = []verimorResult{
		{"Ulaşılamıyor", events.Unreachable}, {"Genel Hata", events.Failed}, {"Çağrı bağlanamadı", events.Failed}, {"İletişim sorunu", events.Failed},
	}
	verimorNobody = []verimorResult{
		{verimorUnanswered, events.NoAnswer}, {"Vazgeçildi", events.Cancelled},
	}
)

// result is the vendor's word for how the call ended. What a menu or a queue picked up is answered, in this word alone:
// the record says missed beside it.
func (v *Verimor) result(told *Call) (text string, outcome events.Outcome) {
	of := verimorNobody
	switch {
	case told.Answered():
		return verimorAnswered, events.Answered
	case v.machineAnswers(told):
		return verimorAnswered, events.NoAnswer
	case told.Outcome == events.Busy:
		of = verimorBusy
	case told.Outcome == events.Failed:
		of = verimorFailed
	case told.Hangup != events.ByCaller:
		return verimorUnanswered, events.NoAnswer
	}
	r := of[v.die(told, "result").of(len(of))]
	return r.text, r.outcome
}
