package pbxsim_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest/pbxsim"
)

// busyDay is a world in which everything happens often.
func busyDay(seed uint64) pbxsim.Config { return pbxsim.Config{Seed: seed, Rate: 6} }

func start() time.Time { return pbxsim.NewWorld(pbxsim.Config{}).Config().Start }

func TestTheSameSeedGivesTheSameCallsHoweverItIsAsked(t *testing.T) {
	until := start().Add(6 * time.Hour)
	want := pbxsim.NewWorld(busyDay(7)).Calls(until)
	for asked := range uint64(3) {
		w := pbxsim.NewWorld(busyDay(7))
		rng := rand.New(rand.NewPCG(asked, 0))
		for range 100 {
			at := start().Add(time.Duration(rng.Int64N(int64(6 * time.Hour))))
			w.Active(at)
			w.Ended(at.Add(-time.Minute), at)
		}
		if got := w.Calls(until); !reflect.DeepEqual(got, want) {
			t.Fatalf("asked in order %d: %d calls that differ from the %d of a world asked once", asked, len(got), len(want))
		}
	}
	if reflect.DeepEqual(pbxsim.NewWorld(busyDay(8)).Calls(until), want) {
		t.Error("another seed gives the same calls")
	}
}

func TestQuestionsAgreeWithALookAtEveryCall(t *testing.T) {
	w := pbxsim.NewWorld(busyDay(3))
	all := pbxsim.NewWorld(busyDay(3)).Calls(start().Add(24 * time.Hour))
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		from := start().Add(time.Duration(rng.Int64N(int64(23 * time.Hour))))
		to := from.Add(time.Duration(rng.Int64N(int64(time.Hour))))
		same(t, "active", w.Active(from), which(all, func(c *pbxsim.Call) bool { return c.Active(from) }))
		same(t, "ended", w.Ended(from, to), which(all, func(c *pbxsim.Call) bool { return c.End.After(from) && !c.End.After(to) }))
		same(t, "began", w.Began(from, to), which(all, func(c *pbxsim.Call) bool { return !c.Start.Before(from) && !c.Start.After(to) }))
	}
}

// same compares by number: a world hands out its calls, and those of another are others.
func same(t *testing.T, what string, got, want []*pbxsim.Call) {
	t.Helper()
	if g, w := numbers(got), numbers(want); !reflect.DeepEqual(g, w) {
		t.Fatalf("%s: calls %v, want %v", what, g, w)
	}
}

func numbers(calls []*pbxsim.Call) []int {
	var n []int
	for _, c := range calls {
		n = append(n, c.N)
	}
	return n
}

func which(calls []*pbxsim.Call, is func(*pbxsim.Call) bool) []*pbxsim.Call {
	var w []*pbxsim.Call
	for _, c := range calls {
		if is(c) {
			w = append(w, c)
		}
	}
	return w
}

func TestADayHoldsEveryKindOfCall(t *testing.T) {
	calls := pbxsim.NewWorld(busyDay(1)).Calls(start().Add(24 * time.Hour))
	lasts := func(c *pbxsim.Call) time.Duration { return c.End.Sub(c.Start) }
	for what, is := range map[string]func(c *pbxsim.Call) bool{
		"answered in a queue":       func(c *pbxsim.Call) bool { return c.Queue != nil && !c.Queue.Group && c.Answered() },
		"answered in a ring group":  func(c *pbxsim.Call) bool { return c.Queue != nil && c.Queue.Group && c.Answered() && len(c.Rings) > 2 },
		"given up in a menu":        func(c *pbxsim.Call) bool { return c.GaveUp == pbxsim.InMenu && c.Missed && c.Queue == nil },
		"given up in a queue":       func(c *pbxsim.Call) bool { return c.GaveUp == pbxsim.InQueue && c.Missed && c.Queue != nil },
		"busy":                      func(c *pbxsim.Call) bool { return c.Outcome == events.Busy },
		"failed at once":            func(c *pbxsim.Call) bool { return c.Outcome == events.Failed && lasts(c) == 0 },
		"not answered outside":      func(c *pbxsim.Call) bool { return c.Direction == events.Outbound && c.Outcome == events.NoAnswer },
		"internal":                  func(c *pbxsim.Call) bool { return c.Direction == events.Internal && c.Answered() },
		"fax":                       func(c *pbxsim.Call) bool { return c.Media == events.Fax && c.Answered() },
		"withheld":                  func(c *pbxsim.Call) bool { return c.Direction == events.Inbound && c.From.Number == "" },
		"between two polls":         func(c *pbxsim.Call) bool { return lasts(c) >= 500*time.Millisecond && lasts(c) <= 2*time.Second },
		"for hours":                 func(c *pbxsim.Call) bool { return lasts(c) > time.Hour },
		"transferred":               func(c *pbxsim.Call) bool { return len(c.Transfers) > 0 },
		"tried again":               func(c *pbxsim.Call) bool { return c.Redials >= 0 },
		"tried again within 5 s":    func(c *pbxsim.Call) bool { return c.Redials >= 0 && c.Start.Sub(calls[c.Redials].End) < 5*time.Second },
		"returned":                  func(c *pbxsim.Call) bool { return c.Returns >= 0 },
		"at the instant of another": func(c *pbxsim.Call) bool { return c.N > 0 && c.Start.Equal(calls[c.N-1].Start) },
	} {
		if len(which(calls, is)) < 5 {
			t.Errorf("%d of %d calls are %s, want at least 5", len(which(calls, is)), len(calls), what)
		}
	}
}

func TestEveryCallIsConsistent(t *testing.T) {
	for seed := range uint64(12) {
		w := pbxsim.NewWorld(pbxsim.Config{Seed: seed, Rate: 24, Scale: []float64{1, 0.05}[seed%2]})
		calls := w.Calls(start().Add(time.Hour))
		for i, c := range calls {
			if fault := inconsistency(c); fault != "" || c.N != i {
				t.Fatalf("seed %d: call %d (%+v): %s", seed, i, *c, fault)
			}
		}
	}
}

func inconsistency(c *pbxsim.Call) string {
	inside := func(u time.Time) bool { return !u.Before(c.Start) && !u.After(c.End) }
	switch {
	case c.End.Before(c.Start):
		return "ends before it starts"
	case c.Answered() != (c.Outcome == events.Answered), c.Answered() && !inside(c.Answer):
		return "answer and outcome disagree"
	case c.Missed != (c.Direction == events.Inbound && !c.Answered()):
		return "missed is wrong"
	case c.Answered() && c.GaveUp != "", !c.Answered() && c.GaveUp == "":
		return "answered calls are not given up, others are"
	case c.Menu != "" && !inside(c.MenuUntil):
		return "the menu outlasts the call"
	case c.External() != "" && !strings.HasPrefix(c.External(), "+90500000"):
		return "a number that might be somebody's"
	case c.Direction == events.Internal && (c.External() != "" || c.Trunk != ""):
		return "an internal call that leaves the PBX"
	}
	answered := 0
	for _, r := range c.Rings {
		if !inside(r.From) || !inside(r.To) || r.To.Before(r.From) {
			return "rings outside of the call"
		}
		if r.Answered {
			answered++
		}
	}
	for _, tr := range c.Transfers {
		if !inside(tr.At) || tr.At.Before(c.Answer) || tr.To == c.AnsweredBy() {
			return "a transfer that cannot be"
		}
	}
	if desk := c.Direction != events.Outbound && c.Media == events.Voice && c.Answered(); desk != (answered == 1) || answered > 1 {
		return fmt.Sprintf("%d telephones picked up", answered)
	}
	return ""
}

func TestChannelNamesAreUsedAgainAfterARest(t *testing.T) {
	calls := pbxsim.NewWorld(busyDay(4)).Calls(start().Add(12 * time.Hour))
	last := map[string]time.Time{}
	again := 0
	for _, c := range calls {
		if until, ok := last[c.Channel]; ok {
			again++
			if rest := c.Start.Sub(until); rest < 5*time.Second {
				t.Errorf("call %d: channel %s again after %s, want 5 s", c.N, c.Channel, rest)
			}
		}
		last[c.Channel] = c.End
	}
	if again < len(calls)/10 {
		t.Errorf("%d of %d calls have a channel's name again, want a good part", again, len(calls))
	}
}

func TestACallerIsInOneCallAtATime(t *testing.T) {
	calls := pbxsim.NewWorld(pbxsim.Config{Seed: 5, Rate: 6000, Scale: 0.05, Extensions: 500}).Calls(start().Add(2 * time.Minute))
	if len(calls) < 10_000 {
		t.Fatalf("%d calls in two minutes, want at least 10,000", len(calls))
	}
	last := map[string]*pbxsim.Call{}
	for _, c := range calls {
		before := last[c.External()]
		if before != nil && c.External() != "" && c.Start.Sub(before.End) < 3*time.Second {
			t.Fatalf("%s is in call %d until %s and in call %d from %s", c.External(), before.N, before.End, c.N, c.Start)
		}
		last[c.External()] = c
	}
}

func TestHangupEndsACallThere(t *testing.T) {
	w := pbxsim.NewWorld(busyDay(6))
	at := start().Add(time.Hour)
	for _, c := range w.Active(at) {
		if !w.Hangup(c.N, at) {
			t.Fatalf("call %d is active and was not hung up", c.N)
		}
		if w.Hangup(c.N, at) {
			t.Fatalf("call %d was hung up twice", c.N)
		}
	}
	if left := w.Active(at); len(left) != 0 {
		t.Errorf("%d calls go on", len(left))
	}
	for _, c := range w.Ended(at.Add(-1), at) {
		if fault := inconsistency(c); fault != "" || c.Hangup != events.BySystem && c.End.Equal(at) && c.Start.Before(at) {
			t.Errorf("call %d (%+v): %s", c.N, *c, fault)
		}
	}
}

func TestAWorldForgetsWhatItNeedNotKeep(t *testing.T) {
	c := busyDay(1)
	c.Keep = time.Hour
	w := pbxsim.NewWorld(c)
	at := start().Add(24 * time.Hour)
	want := pbxsim.NewWorld(busyDay(1))
	same(t, "ended in the last hour", w.Ended(at.Add(-time.Hour), at), want.Ended(at.Add(-time.Hour), at))
	same(t, "active", w.Active(at), want.Active(at))
	if kept, all := len(w.Calls(at)), len(want.Calls(at)); kept > all/2 {
		t.Errorf("%d of %d calls are kept", kept, all)
	}
}

func TestValidateNamesEverythingWrong(t *testing.T) {
	mix := pbxsim.DefaultMix()
	mix.Redial = 2
	err := pbxsim.Config{Rate: -1, Extensions: 1, Mix: mix}.Validate()
	for _, name := range []string{"Rate", "Extensions", "Mix.Redial"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("Validate: %v, want it to name %s", err, name)
		}
	}
	if err := (pbxsim.Config{}).Validate(); err != nil {
		t.Errorf("the zero Config: %v", err)
	}
}

func TestCallersWanderAndAgentsArePromptWhereTheMixSaysSo(t *testing.T) {
	plain := pbxsim.NewWorld(busyDay(1)).Calls(start().Add(6 * time.Hour))
	c := busyDay(1)
	c.Mix = pbxsim.DefaultMix()
	c.Mix.Wander, c.Mix.Prompt = 0.5, 0.5
	calls := pbxsim.NewWorld(c).Calls(start().Add(6 * time.Hour))
	for what, is := range map[string]func(all []*pbxsim.Call, c *pbxsim.Call) bool{
		"missed in two queues": func(all []*pbxsim.Call, c *pbxsim.Call) bool {
			return c.Redials >= 0 && c.Missed && c.Queue != nil && all[c.Redials].Queue != nil && c.Queue != all[c.Redials].Queue
		},
		"returned within 20 s": func(all []*pbxsim.Call, c *pbxsim.Call) bool {
			return c.Returns >= 0 && c.Start.Sub(all[c.Returns].End) < 20*time.Second
		},
	} {
		in := func(all []*pbxsim.Call) int {
			return len(which(all, func(c *pbxsim.Call) bool { return is(all, c) }))
		}
		if in(plain) > 0 || in(calls) < 5 {
			t.Errorf("%d of %d calls are %s, want at least 5; by the usual mix %d, want none", in(calls), len(calls), what, in(plain))
		}
	}
}
