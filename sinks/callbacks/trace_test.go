package callbacks

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
)

func TestWhatIsToldGoesOnWithTheTraceOfItsCause(t *testing.T) {
	missed, back := missedAt("m1", at(0)), returned("r1", at(40))
	missed.TraceParent, back.TraceParent = "of the missed call", "of the call back"
	rules := usual(t)
	c := Caller{}
	var told []events.Event
	learn := func(e events.Event) {
		f, matters, _ := factOf(e)
		if !matters {
			t.Fatalf("%s does not matter", e.ID)
		}
		c = c.Learn(f)
	}
	advance := func(now time.Time) {
		kept, err := parseCaller(c.text()) // as after a restart
		if err != nil {
			t.Fatal(err)
		}
		next, evs := kept.Advance(now, rules)
		c, told = next, append(told, evs...)
	}
	learn(missed)
	advance(at(2))
	advance(at(20))
	learn(back)
	advance(at(41))
	var got []string
	for _, e := range told {
		got = append(got, string(e.Type)+" "+e.TraceParent)
	}
	want := []string{"callback.opened of the missed call", "callback.due of the missed call", "callback.completed of the call back"}
	if !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

func TestWithoutTracesAPageIsAsItWas(t *testing.T) {
	f, _, _ := factOf(missedAt("m1", at(0)))
	c, told := Caller{}.Learn(f).Advance(at(2), usual(t))
	if len(told) != 1 || told[0].TraceParent != "" {
		t.Errorf("told %+v", told)
	}
	if text := string(c.text()); strings.Contains(text, "trace") {
		t.Errorf("it is kept as %s", text)
	}
}
