package verimor

import (
	"golang.org/x/text/unicode/norm"

	"github.com/callbus/callbus/events"
)

// A verdict is what a result text says of a call.
type verdict struct {
	outcome events.Outcome
	reason  events.MissedReason // of a missed call; "" when somebody or something picked up
	// other is true of a text that says that another than the one who was called picked up.
	other bool
	// breaks is true of a text that may end a conversation as well as an attempt.
	breaks bool
}

var (
	failed  = verdict{outcome: events.Failed, reason: events.MissedFailed}
	broke   = verdict{outcome: events.Failed, reason: events.MissedFailed, breaks: true}
	turned  = verdict{outcome: events.Rejected, reason: events.MissedRejected}
	unknown = verdict{outcome: events.UnknownOutcome, reason: events.MissedUnknown}
)

// verdicts has the result texts of the vendor's tables, composed (NFC). The list is not closed.
var verdicts = map[string]verdict{
	"Cevaplandı":                             {outcome: events.Answered},
	"Katılımlı aktarım":                      {outcome: events.Answered}, // who answered handed it on
	"Diğer dahili cevapladı":                 {outcome: events.Answered, other: true},
	"Çağrısı çekildi":                        {outcome: events.Answered, other: true},
	"Meşgul":                                 {outcome: events.Busy, reason: events.MissedBusy},
	"Meşgule atıldı":                         turned,
	"Reddedildi":                             turned,
	"Vazgeçildi":                             {outcome: events.Cancelled, reason: events.MissedAbandoned},
	"Cevapsız":                               {outcome: events.NoAnswer, reason: events.MissedNoAnswer},
	"Ulaşılamıyor":                           {outcome: events.Unreachable, reason: events.MissedUnreachable},
	"İYS izni yok":                           {outcome: events.Blocked, reason: events.MissedFailed},
	"RTP zamanaşımı":                         broke,
	"Santral kapatılıyor":                    broke,
	"Hatalı Numara":                          failed,
	"Ses kodekleri uyumsuz":                  failed,
	"Hata":                                   failed,
	"Genel Hata":                             failed,
	"Çağrı bağlanamadı":                      failed,
	"Cihazla iletişim sorunu":                failed,
	"İletişim sorunu":                        failed,
	"Zamanaşımı":                             failed,
	"Sesli görüşme yapamayan numara":         failed,
	"Desteklenmeyen kanal tipi":              failed,
	"Arama için santral uygun durumda değil": failed,
	"Tanınmayan Çağrı ID numarası":           failed,
	"Geçersiz JSON kullanımı":                failed,
	"Cihaz yönlendirmesi":                    unknown, // to where, and what came of it, is not told
}

// judge reads a result text. It is compared letter by letter: to lower Turkish capitals by the rules of other languages
// makes two letters one.
func judge(result string) verdict {
	if v, known := verdicts[result]; known {
		return v
	}
	if v, known := verdicts[norm.NFC.String(result)]; known {
		return v
	}
	return unknown
}

var directions = map[string]events.Direction{
	"Gelen":       events.Inbound,
	"Giden":       events.Outbound,
	"Giden (API)": events.Outbound,
	"Giden (IVR)": events.Outbound,
	"Santral içi": events.Internal,
	"inbound":     events.Inbound, // as the vendor's filters and webhooks have them
	"outbound":    events.Outbound,
	"internal":    events.Internal,
}

// directionOf reads a direction, on the same terms as judge.
func directionOf(text string) events.Direction {
	if d, known := directions[text]; known {
		return d
	}
	if d, known := directions[norm.NFC.String(text)]; known {
		return d
	}
	return events.UnknownDirection
}
