package stream

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/callbus/callbus/sinks"
)

func TestLedger(t *testing.T) {
	event, again, copied := slot{seq: 5}, slot{seq: 5}, slot{copied: true, seq: 1}
	for name, c := range map[string]struct {
		before func(*ledger)
		slot   slot
		want   verdict
	}{
		"new":                                    {func(*ledger) {}, event, handOver},
		"under way":                              {func(l *ledger) { l.admit(event, 5, time.Now()) }, again, ignore},
		"done":                                   {func(l *ledger) { l.admit(event, 5, time.Now()); l.finish(event) }, again, doneAgain},
		"given back":                             {func(l *ledger) { l.admit(event, 5, time.Now()); l.back(event, time.Now()) }, again, handOver},
		"given back for a while, too early":      {func(l *ledger) { l.admit(event, 5, time.Now()); l.back(event, time.Now().Add(time.Minute)) }, again, notYet},
		"given back for a while, it is over":     {func(l *ledger) { givenFor(l, event, time.Minute) }, again, handOver},
		"forgotten by who had it":                {func(l *ledger) { l.admit(event, 5, time.Now()); time.Sleep(sinks.MessageWait) }, again, handOver},
		"worked on since":                        {func(l *ledger) { workedOn(l, event) }, again, ignore},
		"a copy, its event under way":            {func(l *ledger) { l.admit(event, 5, time.Now()) }, copied, wait},
		"a copy, its event given back":           {func(l *ledger) { l.admit(event, 5, time.Now()); l.back(event, time.Now()) }, copied, handOver},
		"a copy, its event done":                 {func(l *ledger) { l.admit(event, 5, time.Now()); l.finish(event) }, copied, handOver},
		"a copy, its event forgotten":            {func(l *ledger) { l.admit(event, 5, time.Now()); time.Sleep(sinks.MessageWait) }, copied, handOver},
		"an event, its copy under way":           {func(l *ledger) { l.admit(copied, 5, time.Now()) }, event, wait},
		"of a stream that was made anew":         {func(l *ledger) { l.admit(event, 5, time.Now()); l.finish(event); l.forget(false) }, event, handOver},
		"under way when the stream went":         {func(l *ledger) { l.admit(event, 5, time.Now()); l.forget(false) }, event, handOver},
		"its copy was under way, and is no more": {func(l *ledger) { l.admit(copied, 5, time.Now()); l.finish(copied) }, event, handOver},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLedger()
				c.before(l)
				if got, _ := l.admit(c.slot, 5, time.Now()); got != c.want {
					t.Errorf("verdict %d, want %d", got, c.want)
				}
			})
		})
	}
}

func givenFor(l *ledger, s slot, d time.Duration) {
	l.admit(s, s.seq, time.Now())
	l.back(s, time.Now().Add(d))
	time.Sleep(d - early/2)
}

func workedOn(l *ledger, s slot) {
	l.admit(s, s.seq, time.Now())
	for range 5 {
		time.Sleep(sinks.MessageWait / 3)
		l.working(s, time.Now())
	}
}

// The ledger does not grow with what is done.
func TestLedgerForgetsWhatWasDoneLongAgo(t *testing.T) {
	l := newLedger()
	for i := range uint64(3 * mostRecent) {
		l.admit(slot{seq: i}, i, time.Now())
		l.finish(slot{seq: i})
	}
	if len(l.done.set) != mostRecent || len(l.open) != 0 || len(l.busy) != 0 {
		t.Errorf("it knows %d done, %d open, %d busy", len(l.done.set), len(l.open), len(l.busy))
	}
	if v, _ := l.admit(slot{seq: 3*mostRecent - 1}, 1, time.Now()); v != doneAgain {
		t.Errorf("the last is %d", v)
	}
}

func TestCovers(t *testing.T) {
	for _, c := range []struct {
		filter, subject string
		want            bool
	}{
		{"call.missed.*.>", "call.missed.acme.1", true},
		{"call.missed.*.>", "call.ended.acme.1", false},
		{"call.*.*.>", "call.missed.*.>", true},
		{"call.missed.*.>", "call.*.*.>", false},
		{"call.*.acme.>", "call.*.zeta.>", false},
		{"call.*.acme.>", "call.missed.acme.>", true},
		{"call.*", "call.missed.acme", false},
		{"call.missed.acme", "call.*", false},
		{">", "call", true},
		{"call.>", "call", false},
		{"a.b", "a.b", true},
	} {
		if got := covers(c.filter, c.subject); got != c.want {
			t.Errorf("%s covers %s: %v", c.filter, c.subject, got)
		}
	}
}

// Whatever types and accounts are named, the filters let through what is of one of them, and nothing else, and none covers
// another.
func TestFiltersProperty(t *testing.T) {
	types := []string{"call.missed", "call.ended", "call.*", "callback.due", "callback.*", "source.*", "source.gap.*", "source.gap.opened", "*"}
	accounts := []string{"acme", "zeta", "a-1"}
	rapid.Check(t, func(t *rapid.T) {
		ts := rapid.SliceOfN(rapid.SampledFrom(types), 1, 4).Draw(t, "types")
		as := rapid.SliceOfN(rapid.SampledFrom(accounts), 0, 3).Draw(t, "accounts")
		fs, err := filters(ts, as)
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range fs {
			if anyCovers(slices.Delete(slices.Clone(fs), i, i+1), f) {
				t.Fatalf("%s is covered by another of %v", f, fs)
			}
		}
		typ := rapid.SampledFrom([]string{"call.missed", "call.ended", "call.amended", "callback.due", "callback.opened", "source.gap.opened", "source.gap.closed"}).Draw(t, "type")
		account := rapid.SampledFrom(accounts).Draw(t, "account")
		want := (len(as) == 0 || slices.Contains(as, account)) && slices.ContainsFunc(ts, func(p string) bool {
			begin, open := strings.CutSuffix(p, "*")
			return p == typ || open && strings.HasPrefix(typ, begin)
		})
		if got := anyCovers(fs, typ+"."+account+".id-1"); got != want {
			t.Fatalf("%v of %v let %s of %s through: %v", ts, as, typ, account, got)
		}
	})
}

func FuzzTypeFilters(f *testing.F) {
	for _, s := range []string{"*", "call.*", "call.missed", "source.gap.*", "call", "call.>", "a..b", "call.*.x", "CALL.*", "call.mis*"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		fs, err := filters([]string{s}, nil)
		if err != nil {
			if len(fs) > 0 {
				t.Errorf("%q is refused, and stands for %v", s, fs)
			}
			return
		}
		for _, f := range fs {
			if !anyCovers([]string{"call.*.*.>", "callback.*.*.>", "source.*.*.*.>"}, f) {
				t.Errorf("%q stands for %s, on which no event is published", s, f)
			}
		}
	})
}

func TestTurn(t *testing.T) {
	var turns turn
	given := map[bool]int{}
	for range 1000 {
		due := turns.due(8)
		turns.copies(due)
		turns.events(8 - due)
		given[true] += due
		given[false] += 8 - due
	}
	if share := float64(given[true]) / 8000; share < 0.09 || share > 0.11 {
		t.Error(fmt.Sprint("the share of copies is ", share))
	}
}
