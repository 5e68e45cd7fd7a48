package events_test

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"

	"github.com/callbus/callbus/events"
)

// These ids are in the streams of those who run callbus. If one of them changes, the same fact is published twice.
func TestIDsAreTheOnesTheyEverWere(t *testing.T) {
	const call = "651f8a68-782e-11e7-a6b6-5bedc26e2ab3"
	for _, c := range []struct {
		typ      events.Type
		revision int
		want     string
	}{
		{events.CallStarted, 1, "2xidf2g6bp5y2x6v54xfexd2qy"},
		{events.CallAnswered, 1, "ped7jblgk7vudntwuhv77ycgay"},
		{events.CallEnded, 1, "bu6xcheoxkgscjr2lwt2grsnaa"},
		{events.CallMissed, 1, "ifkn723uwifcdm2hgclnuadt5m"},
		{events.CallAmended, 2, "6fzxp66phi7az5qjf6pvh5ucle"},
		{events.CallAmended, 3, "j4cgqyka22gik2readpx2a3qwa"},
		{events.CallbackOpened, 1, "5er5dcysfmfuea3a2fi2ds7kuu"},
		{events.CallbackDue, 1, "f3ce3vbev3sz3nw5iudg2l2j24"},
		{events.CallbackDue, 3, "s2ikbqw6zwlj33aefujqmqmzjm"},
		{events.CallbackAttempted, 2, "gxn76xbejglulft37kgctjaatm"},
		{events.CallbackCompleted, 1, "lk5o7w3tdqifuycd3lzghbzewu"},
		{events.CallbackCancelled, 1, "yg6lnzgjxjaejorprggbchzedm"},
		{events.CallbackExpired, 1, "zgn5elus4iuuhjbwbyivt7wwsa"},
		{events.GapOpened, 1, "oui54cgbwiof6keb24ihxlkw5y"},
		{events.GapClosed, 1, "4gvzjod74b6tqlogn37iuuavom"},
	} {
		if got := events.ID("acme", call, c.typ, c.revision); got != c.want {
			t.Errorf("ID(acme, %s, %s, %d) = %s, want %s", call, c.typ, c.revision, got, c.want)
		}
	}
	if got, want := events.Hash("call", "acme", "SIP/101"), "2uv3c5ulowagazdlqytvkm2ivu"; got != want {
		t.Errorf("Hash(call, acme, SIP/101) = %s, want %s", got, want)
	}
}

func TestIDDiffersByEachOfItsParts(t *testing.T) {
	base := events.ID("acme", "call", events.CallMissed, 1)
	for name, other := range map[string]string{
		"account":                        events.ID("acme2", "call", events.CallMissed, 1),
		"subject":                        events.ID("acme", "call2", events.CallMissed, 1),
		"type":                           events.ID("acme", "call", events.CallEnded, 1),
		"revision":                       events.ID("acme", "call", events.CallMissed, 2),
		"where account and subject meet": events.ID("acmec", "all", events.CallMissed, 1),
	} {
		if other == base {
			t.Errorf("ID does not depend on: %s", name)
		}
	}
}

func TestAnIDFitsIntoASubjectAndShowsNothingOfItsParts(t *testing.T) {
	form := regexp.MustCompile(`^[a-z2-7]{26}$`)
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOf(rapid.String()).Draw(t, "parts")
		if got := events.Hash(parts...); !form.MatchString(got) || got != events.Hash(parts...) {
			t.Fatalf("Hash(%q) = %q, want the same 26 characters each time", parts, got)
		}
	})
}

func TestEveryTypeNamesItsSchema(t *testing.T) {
	if got, want := events.CallMissed.Schema(), "urn:callbus:schema:call.missed:1"; got != want {
		t.Errorf("CallMissed.Schema() = %s, want %s", got, want)
	}
}
