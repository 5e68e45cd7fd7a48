package pbxsim_test

import (
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest/pbxsim"
)

// watched is a view whose clock the test moves.
type watched struct {
	*pbxsim.Telsam
	world *pbxsim.World
	now   time.Time
}

func watch(c pbxsim.Config, tc pbxsim.TelsamConfig) *watched {
	w := &watched{world: pbxsim.NewWorld(c)}
	w.now = w.world.Config().Start
	w.Telsam = pbxsim.NewTelsam(w.world, tc, func() time.Time { return w.now })
	return w
}

// sight is what a client saw of one call on one channel, and when, from the first time to the last.
type sight struct {
	first, last  time.Time
	src          string
	talked       bool
	queue        string
	leastStarted time.Time // no later than any start the running durations tell
	lateStarted  time.Time
}

// look polls the active calls every 100 ms until the end and returns what was seen. A channel is another call's when it
// was gone in between.
func look(t *testing.T, w *watched, until time.Time) map[string][]*sight {
	t.Helper()
	c := newClient(w)
	const step = 100 * time.Millisecond
	seen := map[string][]*sight{}
	for ; w.now.Before(until); w.now = w.now.Add(step) {
		rows, err := c.active()
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			ss := seen[r.text("channel")]
			if len(ss) == 0 || ss[len(ss)-1].last.Before(w.now.Add(-step)) {
				ss = append(ss, &sight{first: w.now, src: r.text("src"), leastStarted: w.now})
				seen[r.text("channel")] = ss
			}
			ss[len(ss)-1].add(t, r, w.now)
		}
	}
	return seen
}

func (s *sight) add(t *testing.T, r row, now time.Time) {
	d, err := ran(r)
	if err != nil {
		t.Fatal(err)
	}
	s.last = now
	if told := now.Add(-d); told.Before(s.leastStarted) {
		s.leastStarted = told
	}
	if told := now.Add(-d); told.After(s.lateStarted) {
		s.lateStarted = told
	}
	s.talked = s.talked || r.text("callinfo") == "Konuşuyor"
	if q, ok := strings.CutPrefix(r.text("calltype"), "Kuyruk("); ok {
		s.queue = strings.TrimSuffix(q, ")")
	}
}

func TestTheActiveCallsAreThoseOfTheTruth(t *testing.T) {
	long(t)
	w := watch(pbxsim.Config{Seed: 11, Rate: 120, Scale: 0.1}, pbxsim.TelsamConfig{})
	until := w.now.Add(2 * time.Minute)
	seen := look(t, w, until)
	sights, matched := 0, 0
	for _, ss := range seen {
		sights += len(ss)
	}
	for _, truth := range w.Truth(until) {
		c := truth.Call
		s := sightOf(seen, truth)
		if s == nil {
			if c.End.Sub(c.Start) > 100*time.Millisecond && c.Start.Add(100*time.Millisecond).Before(until) {
				t.Errorf("call %d from %s to %s was never seen", c.N, c.Start, c.End)
			}
			continue
		}
		matched++
		checkSight(t, truth, s, until)
	}
	if matched != sights || matched < 200 {
		t.Errorf("%d calls seen, %d of them true; want all, and at least 200", sights, matched)
	}
}

func sightOf(seen map[string][]*sight, truth pbxsim.Truth) *sight {
	for _, s := range seen[truth.Channel] {
		if !s.first.Before(truth.Call.Start) && s.first.Before(truth.Call.End) {
			return s
		}
	}
	return nil
}

func checkSight(t *testing.T, truth pbxsim.Truth, s *sight, until time.Time) {
	c := truth.Call
	if s.first.Sub(c.Start) >= 100*time.Millisecond || !s.last.Before(c.End) || c.End.Sub(s.last) > 100*time.Millisecond && s.last.Add(100*time.Millisecond).Before(until) {
		t.Errorf("call %d: active from %s to %s, seen from %s to %s", c.N, c.Start, c.End, s.first, s.last)
	}
	if number := c.From.Number; number != "" && "+"+s.src != number {
		t.Errorf("call %d: src %q, want %s", c.N, s.src, number)
	}
	if s.talked && !c.Answered() || s.queue != "" && s.queue != truth.Queue {
		t.Errorf("call %d: talked %t, queue %q; truth: answered %t, queue %q", c.N, s.talked, s.queue, c.Answered(), truth.Queue)
	}
	// half a second of wobble either way, and up to a second cut off
	if s.leastStarted.Before(c.Start.Add(-500*time.Millisecond)) || s.lateStarted.After(c.Start.Add(1500*time.Millisecond)) {
		t.Errorf("call %d: began %s, running durations say between %s and %s", c.N, c.Start, s.leastStarted, s.lateStarted)
	}
}

func TestTheRecordsAreThoseOfTheTruth(t *testing.T) {
	for name, tc := range map[string]pbxsim.TelsamConfig{
		"usual":                 {},
		"late":                  {Records: pbxsim.Records{LateRate: 0.5}},
		"with rows for no call": {Records: pbxsim.Records{GarbageRate: 0.1}},
		"garbled at first":      {Records: pbxsim.Records{GarbledRate: 0.3}},
		"corrected":             {Records: pbxsim.Records{CorrectRate: 0.3}},
		"plain":                 {Plain: true},
		"whole minutes":         {Bounds: pbxsim.BoundsMinute},
	} {
		t.Run(name, func(t *testing.T) {
			w := watch(pbxsim.Config{Seed: 12, Rate: 8}, tc)
			from := w.now
			for range 10 {
				w.now = w.now.Add(157 * time.Second)
				checkRecords(t, w, from)
			}
		})
	}
}

// checkRecords reads all records since from and holds them against the truth of this moment.
func checkRecords(t *testing.T, w *watched, from time.Time) {
	t.Helper()
	c := newClient(w)
	rows, err := c.cdrs(from, w.now.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]row{}
	for _, r := range rows {
		if c.readable(r) {
			if got[r.key()] != nil {
				t.Fatalf("record %s is listed twice", r.key())
			}
			got[r.key()] = r
		}
	}
	for _, truth := range w.Truth(w.now) {
		r, listed := got[keyOf(truth)]
		if want := !truth.Readable.After(w.now); listed != want {
			t.Fatalf("at %s: record of call %d (to %s, readable from %s) listed: %t", w.now, truth.Call.N, truth.Call.End, truth.Readable, listed)
		}
		if listed {
			checkRecord(t, c, truth, r, w.now)
			delete(got, keyOf(truth))
		}
	}
	if len(got) > 0 {
		t.Fatalf("records of no call: %v", got)
	}
}

func checkRecord(t *testing.T, c client, truth pbxsim.Truth, r row, now time.Time) {
	t.Helper()
	call := truth.Call
	began, _ := c.stamp(r)
	lasted, _ := c.lasted(r)
	if !began.Equal(call.Start.Truncate(time.Second)) || (lasted-call.End.Sub(call.Start)).Abs() > 500*time.Millisecond {
		t.Errorf("call %d from %s for %s: record says %s for %s", call.N, call.Start, call.End.Sub(call.Start), began, lasted)
	}
	outcome := call.Outcome
	if truth.Corrected != nil && truth.Corrected.Outcome != "" && now.Before(truth.Corrected.At) {
		outcome = truth.Corrected.Outcome
	}
	word := map[events.Outcome]string{events.Answered: "ANSWERED", events.NoAnswer: "NO ANSWER", events.Busy: "BUSY", events.Failed: "FAILED"}[outcome]
	if r.text("disposition") != word || r.text("queue") != truth.Queue {
		t.Errorf("call %d: disposition %q, queue %q, want %q, %q", call.N, r.text("disposition"), r.text("queue"), word, truth.Queue)
	}
	number := r.text("src")
	if call.Direction == events.Outbound {
		number = r.text("dst")
	}
	if call.External() != "" && "+"+number != call.External() {
		t.Errorf("call %d: number %q, want %s", call.N, number, call.External())
	}
}

func TestIDsRepeatBetweenTypesAndNotWithinOne(t *testing.T) {
	w := watch(pbxsim.Config{Seed: 1, Rate: 24}, pbxsim.TelsamConfig{})
	keys, types := map[string]bool{}, map[string][]string{}
	for _, truth := range w.Truth(w.now.Add(3 * time.Hour)) {
		if keys[keyOf(truth)] {
			t.Fatalf("two records are %s", keyOf(truth))
		}
		keys[keyOf(truth)] = true
		types[truth.VendorIDs["id"]] = append(types[truth.VendorIDs["id"]], truth.VendorIDs["calltype"])
	}
	twice := 0
	for _, tt := range types {
		if len(tt) > 1 {
			twice++
		}
	}
	if twice < len(keys)/20 {
		t.Errorf("%d of %d ids stand for calls of more than one type, want a good part", twice, len(keys))
	}
}

func TestRecordsAreListedNewestFirst(t *testing.T) {
	w := watch(pbxsim.Config{Seed: 2, Rate: 12}, pbxsim.TelsamConfig{})
	w.now = w.now.Add(3 * time.Hour)
	c := newClient(w)
	rows, err := c.cdrs(w.now.Add(-time.Hour), w.now)
	if err != nil || len(rows) < 500 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	last := w.now
	for _, r := range rows {
		at, err := c.stamp(r)
		if err != nil || at.After(last) {
			t.Fatalf("%s comes after %s (%v)", at, last, err)
		}
		last = at
	}
}

func TestBoundsOfASpanOfMinutes(t *testing.T) {
	for name, tc := range map[string]struct {
		bounds pbxsim.TelsamBounds
		in     func(began, from, to time.Time) bool
	}{
		"instant": {pbxsim.BoundsInstant, func(b, from, to time.Time) bool { return !b.Before(from) && !b.After(to) }},
		"minute":  {pbxsim.BoundsMinute, func(b, from, to time.Time) bool { return !b.Before(from) && b.Before(to.Add(time.Minute)) }},
		"open":    {pbxsim.BoundsOpen, func(b, from, to time.Time) bool { return b.After(from) && b.Before(to) }},
	} {
		t.Run(name, func(t *testing.T) {
			mix := pbxsim.DefaultMix()
			mix.Long = 0
			w := watch(pbxsim.Config{Seed: 2, Rate: 600, Mix: mix}, pbxsim.TelsamConfig{Bounds: tc.bounds})
			from, to := w.now.Add(time.Minute), w.now.Add(3*time.Minute)
			w.now = w.now.Add(time.Hour)
			rows, err := newClient(w).cdrs(from, to)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]bool{}
			for _, r := range rows {
				got[r.key()] = true
			}
			for _, truth := range w.Truth(to.Add(2 * time.Minute)) {
				want := tc.in(truth.Call.Start.Truncate(time.Second), from, to)
				if got[keyOf(truth)] != want {
					t.Errorf("call of %s in %s to %s: %t, want %t", truth.Call.Start, from, to, got[keyOf(truth)], want)
				}
			}
		})
	}
}

// The record says what a clock on the wall showed, so the hour that is repeated holds the calls of two.
func TestWallClocksThatAreTurnedBack(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Bucharest")
	if err != nil {
		t.Fatal(err)
	}
	turned := time.Date(2024, 10, 27, 1, 0, 0, 0, time.UTC) // 04:00 becomes 03:00
	for name, skew := range map[string]time.Duration{"right clock": 0, "fast clock": 90 * time.Second} {
		t.Run(name, func(t *testing.T) {
			w := watch(pbxsim.Config{Seed: 3, Rate: 15, Start: turned.Add(-3 * time.Hour)}, pbxsim.TelsamConfig{Zone: zone, Skew: skew})
			w.now = turned.Add(7 * time.Hour)
			rows, err := newClient(w).rows("cdr&date1=271020240300&date2=271020240400")
			if err != nil {
				t.Fatal(err)
			}
			want := 0
			for _, truth := range w.Truth(w.now) {
				local := truth.Call.Start.Add(skew).In(zone).Format("150405")
				if local >= "030000" && local <= "040000" {
					want++
				}
			}
			if len(rows) != want || want < 2*12*60 {
				t.Errorf("%d records, want the %d of both hours", len(rows), want)
			}
		})
	}
}

func TestARecordOfLastYearIsListedThisYear(t *testing.T) {
	w := watch(pbxsim.Config{Seed: 4, Rate: 6, Start: time.Date(2025, 12, 31, 20, 0, 0, 0, time.UTC)}, pbxsim.TelsamConfig{})
	w.now = w.now.Add(3 * time.Hour) // two hours into the year, in Istanbul
	checkRecords(t, w, w.world.Config().Start)
}

func TestScalarsWobbleUnlessPlain(t *testing.T) {
	for _, plain := range []bool{false, true} {
		w := watch(pbxsim.Config{Seed: 5}, pbxsim.TelsamConfig{Plain: plain})
		w.now = w.now.Add(time.Hour)
		seen := map[string]bool{}
		for range 60 {
			body, err := newClient(w).get("cdr&date1=060520241145&date2=060520241200")
			if err != nil {
				t.Fatal(err)
			}
			for _, form := range []string{`[{"success"`, `"success":true`, `"success":"true"`, `"success":"True"`, `"count":"`, `"id":2`, `"id":"2`, `"record":"True"`, `"record":true`, `.2024 1`, `.20241`} {
				seen[form] = seen[form] || strings.Contains(string(body), form)
			}
			seen["bare"] = seen["bare"] || body[0] == '{'
		}
		want := 12
		if plain {
			want = 5
		}
		n := 0
		for _, is := range seen {
			if is {
				n++
			}
		}
		if n != want {
			t.Errorf("plain %t: %d forms, want %d: %v", plain, n, want, seen)
		}
	}
}

func TestWrongQuestions(t *testing.T) {
	w := watch(pbxsim.Config{Seed: 6}, pbxsim.TelsamConfig{Password: "right", Plain: true})
	c := http.Client{Transport: pbxsim.RoundTripper(w)}
	for query, want := range map[string]string{
		"/?username=callbus&password=right&action=activecalls":            `[{"success":true,"count":0,"data":[]}]`,
		"/api/old/get?username=callbus&password=right&action=activecalls": `[{"success":true,"count":0,"data":[]}]`,
		"/?username=callbus&password=wrong&action=activecalls":            `[{"success":false,"count":0,"data":[]}]`,
		"/?action=activecalls":                                   `[{"success":false,"count":0,"data":[]}]`,
		"/?username=callbus&password=right&action=nosuch":        "07",
		"/?username=callbus&password=right":                      "07",
		"/?username=callbus&password=right&action=hangupcall":    "13",
		"/?username=callbus&password=right&action=cdr&date1=abc": `[{"success":false,"count":0,"data":[]}]`,
		"/elsewhere": "404 Not Found",
	} {
		resp, err := c.Get("http://pbx.example" + query)
		if err != nil {
			t.Fatal(err)
		}
		if got := readAll(t, resp); got != want && !strings.Contains(got, "<h1>"+want) {
			t.Errorf("GET %s: %s, want %s", query, got, want)
		}
	}
}

func TestHangupCallEndsIt(t *testing.T) {
	w := watch(pbxsim.Config{Seed: 7}, pbxsim.TelsamConfig{})
	w.now = w.now.Add(time.Hour)
	c := newClient(w)
	rows, err := c.active()
	if err != nil || len(rows) == 0 {
		t.Fatalf("%d active calls, %v", len(rows), err)
	}
	for _, r := range rows {
		if _, err := c.rows("hangupcall&channel=" + strings.ReplaceAll(r.text("channel"), "/", "%2F")); err != nil {
			t.Errorf("hang up %s: %v", r.text("channel"), err)
		}
	}
	if rows, err = c.active(); err != nil || len(rows) > 0 {
		t.Errorf("%d calls go on, %v", len(rows), err)
	}
	w.now = w.now.Add(time.Minute)
	checkRecords(t, w, w.world.Config().Start)
	if _, err := c.rows("hangupcall&channel=SIP%2Fnobody"); err == nil {
		t.Error("a channel that is not there was hung up")
	}
}

func TestRatesOfWhatBefallsRecords(t *testing.T) {
	w := watch(pbxsim.Config{Seed: 8, Rate: 24}, pbxsim.TelsamConfig{Records: pbxsim.Records{
		LateRate: 0.1, GarbageRate: 0.02, GarbledRate: 0.05, CorrectRate: 0.2,
	}})
	until := w.now.Add(150 * time.Minute)
	truths := w.Truth(until)
	var late, garbled, corrected float64
	for _, truth := range truths {
		if truth.Appears.Sub(truth.Call.End) > 5*time.Second {
			late++
		}
		if truth.Readable.After(truth.Appears) {
			garbled++
		}
		if truth.Corrected != nil {
			corrected++
		}
	}
	n := float64(len(truths))
	near(t, "late", late/n, 0.1, 0.2)
	near(t, "garbled", garbled/n, 0.05, 0.2)
	near(t, "corrected", corrected/n, 0.2*0.9, 0.2) // there is nothing to correct of a call that was busy or failed
	w.now = until.Add(24 * time.Hour)
	c := newClient(w)
	rows, err := c.cdrs(until.Add(-150*time.Minute), until)
	if err != nil {
		t.Fatal(err)
	}
	garbage := 0.0
	for _, r := range rows {
		if !c.readable(r) {
			garbage++
		}
	}
	near(t, "garbage", garbage/n, 0.02, 0.2)
}

// near allows got to be off by the share slack of want: dice are dice, though these fall alike in every run.
func near(t *testing.T, what string, got, want, slack float64) {
	t.Helper()
	if math.Abs(got-want) > slack*want {
		t.Errorf("%s: a share of %.4f, want about %.4f", what, got, want)
	}
}
