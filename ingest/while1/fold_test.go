package while1

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callbus/callbus/events"
)

var began = time.Date(2024, 5, 6, 7, 15, 0, 0, time.UTC)

const callID = "1714979700.480"

func party(number, extension string) events.Party {
	p := events.Party{Number: told(number), Extension: told(extension)}
	p.Raw = told(number + extension)
	return p
}

// legOf returns a row of an inbound call, with what change sets.
func legOf(id int64, status string, bill time.Duration, change ...func(*facts)) facts {
	f := facts{
		id: id, uniqueID: callID, linkedID: callID, begin: began, end: began.Add(2 * time.Minute), direction: "IN", routed: true,
		from: party("+40700000001", ""), to: party("+40310000001", ""), status: status, result: status, bill: &bill, desk: "ion-pop",
		recording: events.RecordingNone, sum: uint64(id),
	}
	for _, c := range change {
		c(&f)
	}
	return f
}

func nobody(f *facts) { f.desk, f.user = "", "" }
func queued(f *facts) { f.queue = "sales" }
func outward(f *facts) {
	f.direction, f.routed, f.desk, f.to = "OUT", false, "", party("+40700000002", "")
}
func inner(f *facts) {
	outward(f)
	f.from, f.to, f.fromExt, f.toExt = party("", "201"), party("", "202"), true, true
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

func inMenu(n int) func(*facts) { return func(f *facts) { f.menu = new(seconds(n)) } }

func because(info string) func(*facts) { return func(f *facts) { f.info = parseInfo(info) } }

func TestHowACallWent(t *testing.T) {
	const a, n, b = "ANSWERED", "NO ANSWER", "BUSY"
	voicemail := func(f *facts) { f.voicemail = true }
	unbilled := func(f *facts) { f.bill = nil }
	for name, tc := range map[string]struct {
		rows    []facts
		outcome events.Outcome
		missed  events.MissedReason // "" when it is not missed
		talk    float64             // -1 when it is not known
	}{
		"somebody answered":                             {[]facts{legOf(1, a, seconds(30))}, events.Answered, "", 30},
		"nobody answered":                               {[]facts{legOf(1, n, 0)}, events.NoAnswer, events.MissedNoAnswer, 0},
		"one of a ring group answered":                  {[]facts{legOf(1, n, 0), legOf(2, b, 0), legOf(3, a, seconds(5))}, events.Answered, "", 5},
		"nobody of a ring group answered":               {[]facts{legOf(1, n, 0), legOf(2, b, 0)}, events.NoAnswer, events.MissedNoAnswer, 0},
		"all of a ring group were busy":                 {[]facts{legOf(1, b, 0), legOf(2, b, 0)}, events.Busy, events.MissedBusy, 0},
		"the queue picked up and nobody else":           {[]facts{legOf(1, a, 0, nobody, queued), legOf(2, n, 0, queued)}, events.NoAnswer, events.MissedInQueue, 0},
		"the queue is billed and nobody else":           {[]facts{legOf(1, a, seconds(9), nobody, queued, func(f *facts) { f.hold = new(seconds(9)) })}, events.NoAnswer, events.MissedInQueue, 0},
		"the menu picked up and nobody else":            {[]facts{legOf(1, a, 0, nobody, inMenu(30))}, events.NoAnswer, events.MissedInMenu, 0},
		"the menu is billed and nobody else":            {[]facts{legOf(1, a, seconds(30), nobody, inMenu(30))}, events.NoAnswer, events.MissedInMenu, 0},
		"billed for longer than the menu":               {[]facts{legOf(1, a, seconds(40), nobody, inMenu(30))}, events.Answered, "", 40},
		"after the menu somebody answered":              {[]facts{legOf(1, a, seconds(20), inMenu(30))}, events.Answered, "", 20},
		"voicemail picked up":                           {[]facts{legOf(1, n, 0), legOf(2, a, seconds(20), voicemail)}, events.Voicemail, events.MissedNoAnswer, 0},
		"the caller gave up":                            {[]facts{legOf(1, n, 0, because("DS:CANCEL|HC:16|HI:"))}, events.NoAnswer, events.MissedAbandoned, 0},
		"the caller gave up, by the status":             {[]facts{legOf(1, "CANCEL", 0)}, events.Cancelled, events.MissedAbandoned, 0},
		"no circuit":                                    {[]facts{legOf(1, "CONGESTION", 0)}, events.Failed, events.MissedFailed, 0},
		"no telephone there":                            {[]facts{legOf(1, "FAILED", 0, because("DS:CHANUNAVAIL|HC:20|HI:"))}, events.Unreachable, events.MissedUnreachable, 0},
		"no telephone there, without a cause":           {[]facts{legOf(1, "FAILED", 0, because("DS:CHANUNAVAIL"))}, events.Unreachable, events.MissedUnreachable, 0},
		"unavailable for want of a circuit":             {[]facts{legOf(1, "FAILED", 0, because("DS:CHANUNAVAIL|HC:34|HI:"))}, events.Failed, events.MissedFailed, 0},
		"turned away":                                   {[]facts{legOf(1, "FAILED", 0, because("DS:CONGESTION|HC:21|HI:SIP 603 Decline"))}, events.Rejected, events.MissedRejected, 0},
		"a status that is not known":                    {[]facts{legOf(1, "ODD", 0)}, events.UnknownOutcome, events.MissedUnknown, -1},
		"no status":                                     {[]facts{legOf(1, "", 0)}, events.UnknownOutcome, events.MissedUnknown, -1},
		"a status that is not known, and a cause":       {[]facts{legOf(1, "ODD", 0, because("DS:X|HC:17|HI:"))}, events.Busy, events.MissedBusy, 0},
		"a status that is not known, and dialled":       {[]facts{legOf(1, "ODD", 0, because("DS:ANSWER"))}, events.UnknownOutcome, events.MissedUnknown, -1},
		"answered, and not told for how long":           {[]facts{legOf(1, a, 0, unbilled)}, events.Answered, "", -1},
		"answered by nobody, and not told for how long": {[]facts{legOf(1, a, 0, unbilled, nobody)}, events.NoAnswer, events.MissedNoAnswer, 0},
		"handed on to a number outside":                 {[]facts{legOf(1, n, 0), legOf(2, a, seconds(60), outward)}, events.Answered, "", 60},
		"handed on, the second leg within the first":    {[]facts{legOf(1, a, seconds(120)), legOf(2, a, seconds(60))}, events.Answered, "", -1},
		"an outbound call that was answered":            {[]facts{legOf(1, a, seconds(60), outward)}, events.Answered, "", 60},
		"an outbound call that was not":                 {[]facts{legOf(1, n, 0, outward)}, events.NoAnswer, "", 0},
		"an outbound call, answered for no time at all": {[]facts{legOf(1, a, 0, outward)}, events.NoAnswer, "", 0},
		"an internal call that was not answered":        {[]facts{legOf(1, n, 0, inner)}, events.NoAnswer, "", 0},
		"the same row twice":                            {[]facts{legOf(1, n, 0), legOf(1, n, 0)}, events.NoAnswer, events.MissedNoAnswer, 0},
		"a row that had no end, and then one":           {[]facts{legOf(1, n, 0), legOf(1, n, 0, func(f *facts) { f.ongoing, f.sum = true, 0 })}, events.NoAnswer, events.MissedNoAnswer, 0},
		"a fax":                                         {[]facts{legOf(1, a, seconds(60), nobody, func(f *facts) { f.fax = true })}, events.Answered, "", 60},
	} {
		rec, over := fold(tc.rows)
		c := rec.Call
		if !over || *c.Outcome != tc.outcome || *c.Missed != (tc.missed != "") || *c.Missed && *c.MissedReason != tc.missed {
			t.Errorf("%s: over %t, %s, missed %t by %v; want %s, %q", name, over, *c.Outcome, *c.Missed, c.MissedReason, tc.outcome, tc.missed)
		}
		if (c.TalkSeconds == nil) != (tc.talk < 0) || c.TalkSeconds != nil && *c.TalkSeconds != tc.talk {
			t.Errorf("%s: talked for %v, want %v", name, c.TalkSeconds, tc.talk)
		}
	}
}

func TestWhoAnswered(t *testing.T) {
	first := legOf(1, "ANSWERED", seconds(100), func(f *facts) { f.user = "Ion Pop" })
	second := legOf(2, "ANSWERED", seconds(30), func(f *facts) { f.desk, f.user = "ana-pop", "Ana Pop" })
	rec, _ := fold([]facts{second, first})
	if a := rec.Call.Agent; a == nil || *a.Extension != "ion-pop" || *a.Name != "Ion Pop" || !rec.Call.AnsweredAt.Equal(began.Add(seconds(20))) {
		t.Errorf("answered by %+v at %v; want Ion Pop, the first of two", a, rec.Call.AnsweredAt)
	}
	for name, tc := range map[string]struct {
		row  facts
		want string // extension and name
	}{
		"a telephone without a person": {legOf(1, "ANSWERED", seconds(9)), "ion-pop/"},
		"an extension that was called": {legOf(1, "ANSWERED", seconds(9), nobody, func(f *facts) { f.to, f.toExt = party("", "202"), true }), "202/"},
		"a queue is nobody":            {legOf(1, "ANSWERED", seconds(9), nobody, func(f *facts) { f.to, f.toExt, f.queue = party("", "600"), true, "600" }), ""},
		"a fax machine is nobody":      {legOf(1, "ANSWERED", seconds(9), func(f *facts) { f.fax = true }), ""},
		"outside":                      {legOf(1, "ANSWERED", seconds(9), outward, func(f *facts) { f.user = "Ion Pop" }), ""},
		"inside, by the telephone":     {legOf(1, "ANSWERED", seconds(9), inner, func(f *facts) { f.user, f.desk = "who called", "202" }), "202/"},
		"nobody":                       {legOf(1, "NO ANSWER", 0), ""},
	} {
		rec, _ := fold([]facts{tc.row})
		got := ""
		if a := rec.Call.Agent; a != nil {
			got = text(a.Extension) + "/" + text(a.Name)
		}
		if got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func TestWhichWayACallWent(t *testing.T) {
	way := func(direction string, from, to events.Party, routed bool) facts {
		return legOf(1, "BUSY", 0, func(f *facts) {
			f.direction, f.from, f.to, f.routed = direction, from, to, routed
			f.fromExt, f.toExt = from.Extension != nil, to.Extension != nil
		})
	}
	number, other, ext, ext2 := party("+40700000001", ""), party("+40310000001", ""), party("", "201"), party("", "202")
	for name, tc := range map[string]struct {
		row     facts
		want    events.Direction
		outside string
	}{
		"in":                      {way("IN", number, other, false), events.Inbound, "+40700000001"},
		"in, withheld":            {way("IN", events.Party{}, other, false), events.Inbound, ""},
		"in, from a short number": {way("IN", ext, other, false), events.Inbound, ""},
		"in by a route, from one short number to another": {way("IN", ext, ext2, true), events.Inbound, ""},
		"in, between extensions":                          {way("IN", ext, ext2, false), events.Internal, ""},
		"out":                                             {way("OUT", other, number, false), events.Outbound, "+40700000001"},
		"out, between extensions":                         {way("OUT", ext, ext2, false), events.Internal, ""},
		"another word, to outside":                        {way("LOCAL", ext, number, false), events.Outbound, "+40700000001"},
		"another word, from outside":                      {way("", number, ext, false), events.Inbound, "+40700000001"},
		"another word, inside":                            {way("LOCAL", ext, ext2, false), events.Internal, ""},
		"another word, outside":                           {way("LOCAL", number, other, false), events.UnknownDirection, ""},
	} {
		rec, _ := fold([]facts{tc.row})
		if c := rec.Call; c.Direction != tc.want || text(c.ExternalNumber) != tc.outside || *c.Missed != (tc.want == events.Inbound) {
			t.Errorf("%s: %s, outside %q, missed %t; want %s, %q", name, c.Direction, text(c.ExternalNumber), *c.Missed, tc.want, tc.outside)
		}
	}
}

func TestACallBeganWithItsLinkedID(t *testing.T) {
	later := func(d time.Duration) facts {
		return legOf(1, "NO ANSWER", 0, func(f *facts) { f.begin, f.end = began.Add(d), began.Add(d+time.Minute) })
	}
	for name, tc := range map[string]struct {
		rows []facts
		want time.Duration
	}{
		"at its first row":                    {[]facts{later(0)}, 0},
		"before the rows that are known":      {[]facts{later(5 * time.Minute)}, 0},
		"a second after its first row":        {[]facts{later(-time.Second)}, 0},
		"an id that is far from the row":      {[]facts{later(25 * time.Hour)}, 25 * time.Hour},
		"an id that is later than the row is": {[]facts{later(-time.Hour), later(0)}, -time.Hour},
	} {
		if got := beganAt(tc.rows); !got.Equal(began.Add(tc.want)) {
			t.Errorf("%s: %v, want %s after the id", name, got, tc.want)
		}
	}
}

func TestACallThatGoesOnIsNoRecord(t *testing.T) {
	if _, over := fold(nil); over {
		t.Error("no rows are a record")
	}
	if rec, over := fold([]facts{legOf(1, "NO ANSWER", 0), legOf(2, "", 0, func(f *facts) { f.ongoing = true })}); over {
		t.Errorf("a call of which a leg goes on is a record: %+v", rec)
	}
}

// someRows draws the rows of a call.
func someRows(rt *rapid.T) []facts {
	statuses := []string{"ANSWERED", "NO ANSWER", "BUSY", "FAILED", "CONGESTION", "CANCEL", "", "ODD"}
	n := rapid.IntRange(1, 7).Draw(rt, "rows")
	rows := make([]facts, n)
	for i := range rows {
		bill := seconds(rapid.IntRange(0, 50).Draw(rt, "bill"))
		rows[i] = legOf(int64(i+1), rapid.SampledFrom(statuses).Draw(rt, "status"), bill)
		f := &rows[i]
		f.begin = began.Add(seconds(rapid.IntRange(-3, 300).Draw(rt, "begin")))
		f.end = f.begin.Add(seconds(rapid.IntRange(0, 100).Draw(rt, "lasted")))
		f.fax, f.voicemail, f.recovered = rapid.Bool().Draw(rt, "fax"), rapid.Bool().Draw(rt, "voicemail"), rapid.Bool().Draw(rt, "recovered")
		for _, change := range []func(*facts){nobody, queued, outward, inner, inMenu(5), because("DS:CANCEL|HC:20|HI:x"), func(f *facts) { f.bill = nil }} {
			if rapid.IntRange(0, 3).Draw(rt, "change") == 0 {
				change(f)
			}
		}
	}
	return rows
}

func TestAnyRowsMakeASaneCall(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rows := someRows(rt)
		rows = rows[:rapid.IntRange(1, len(rows)).Draw(rt, "part")]
		rec, over := fold(rows)
		c := rec.Call
		if !over || rec.Key != callID || rec.Rows != len(rows) || len(c.Flow) != len(rows) {
			rt.Fatalf("over %t, %+v", over, rec)
		}
		mustBeSane(rt, c)
		talked := false
		for i := range rows {
			talked = talked || rows[i].talked()
		}
		if talked != (*c.Outcome == events.Answered) {
			rt.Errorf("%s, though somebody talked: %t", *c.Outcome, talked)
		}
	})
}

func mustBeSane(rt *rapid.T, c events.Call) {
	if c.EndedAt.Before(*c.StartedAt) || *c.TotalSeconds < 0 {
		rt.Errorf("from %v to %v, %v s", c.StartedAt, c.EndedAt, *c.TotalSeconds)
	}
	if at := c.AnsweredAt; at != nil && (at.Before(*c.StartedAt) || at.After(*c.EndedAt) || *c.Outcome != events.Answered) {
		rt.Errorf("%s at %v of %v to %v", *c.Outcome, at, c.StartedAt, c.EndedAt)
	}
	if *c.Missed != (c.MissedReason != nil) || *c.Missed != (c.Direction == events.Inbound && *c.Outcome != events.Answered) {
		rt.Errorf("missed %t because of %v, %s %s", *c.Missed, c.MissedReason, c.Direction, *c.Outcome)
	}
	if (c.Agent != nil || c.AnsweredAt != nil) && *c.Outcome != events.Answered {
		rt.Errorf("%s, by %+v at %v", *c.Outcome, c.Agent, c.AnsweredAt)
	}
}

func TestTheOrderOfRowsDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rows := someRows(rt)
		if rapid.Bool().Draw(rt, "two versions") {
			other := rows[0]
			other.status, other.sum = "BUSY", 99
			rows = append(rows, other)
		}
		want, _ := fold(rows)
		again := append(append([]facts(nil), rows...), rows[:rapid.IntRange(0, len(rows)).Draw(rt, "twice")]...)
		seed := rapid.Uint64().Draw(rt, "order")
		rand.New(rand.NewPCG(seed, 1)).Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
		if got, _ := fold(again); !reflect.DeepEqual(got, want) {
			rt.Errorf("in another order the call is\n%+v, and was\n%+v", got, want)
		}
	})
}
