package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
)

// saying is an error that may change.
type saying struct{ atomic.Pointer[error] }

func (s *saying) bus(context.Context) error { return s.work() }
func (s *saying) say(err error)             { s.Store(&err) }

func (s *saying) work() error {
	if err := s.Load(); err != nil {
		return *err
	}
	return nil
}

func TestReadyIsWhatIsAtWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &health{log: quiet()}
		var bus, work saying
		ready := func(when, want string) {
			t.Helper()
			if got := fmt.Sprint(h.ready()); got != want {
				t.Errorf("%s it says %q, want %q", when, got, want)
			}
			if err := h.alive(); err != nil {
				t.Errorf("%s it is not alive: %v", when, err)
			}
		}
		ready("before anything is there", "callbus is starting: it waits for the bus")
		time.Sleep(time.Hour)
		ready("when the bus takes its time to come", "callbus is starting: it waits for the bus")
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go h.watch(ctx, bus.bus, work.work)
		synctest.Wait()
		ready("at work", "<nil>")
		bus.say(errors.New("the bus has no leader"))
		ready("before the bus is asked again", "<nil>")
		time.Sleep(busEvery)
		synctest.Wait()
		work.say(errors.New("no account can be read"))
		ready("of two troubles", "the bus has no leader\nno account can be read")
		bus.say(nil)
		work.say(nil)
		time.Sleep(busEvery)
		synctest.Wait()
		ready("when they are over", "<nil>")
		stop()
		synctest.Wait()
		ready("when it is told to stop", "callbus is stopping: it finishes what is under way")
		time.Sleep(time.Hour)
		ready("when that takes long", "callbus is stopping: it finishes what is under way")
	})
}

// TestABusThatHangsHoldsNobodyUp: a probe is answered at once, and the process is not taken for stuck.
func TestABusThatHangsHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &health{log: quiet()}
		go h.watch(t.Context(), func(ctx context.Context) error { <-ctx.Done(); return errors.New("it hangs") }, func() error { return nil })
		for range 100 {
			time.Sleep(time.Second)
			began := time.Now()
			_, alive := h.ready(), h.alive()
			if took := time.Since(began); took > 0 || alive != nil {
				t.Fatalf("a probe took %v; alive: %v", took, alive)
			}
		}
		if err := h.ready(); err == nil || err.Error() != "it hangs" {
			t.Errorf("it is ready: %v", err)
		}
	})
}

// TestAProcessThatIsStuckIsNotAlive: somebody holds a lock for ever.
func TestAProcessThatIsStuckIsNotAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &health{log: quiet()}
		let := make(chan struct{})
		ctx, stop := context.WithCancel(t.Context())
		go h.watch(ctx, func(context.Context) error { return nil }, func() error { <-let; return nil })
		time.Sleep(stuckAfter)
		if err := h.alive(); err != nil {
			t.Errorf("too soon it says %v", err)
		}
		time.Sleep(time.Second)
		want := "callbus is stuck: it has not looked after itself for 1m1s; start it again"
		if err := h.alive(); err == nil || err.Error() != want {
			t.Errorf("it says %v, want %s", err, want)
		}
		close(let)
		stop()
	})
}

// TestTheLogSaysOnceThatTheWorkIsNotDone: not at a first look, which may be while callbus starts.
func TestTheLogSaysOnceThatTheWorkIsNotDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log lockedText
		h := &health{log: slog.New(slog.NewTextHandler(&log, nil))}
		var work saying
		work.say(errors.Join(errors.New("one"), errors.New("two")))
		go h.watch(t.Context(), func(context.Context) error { return nil }, work.work)
		said := func(when string, want ...string) {
			t.Helper()
			synctest.Wait()
			got := slices.Collect(strings.Lines(log.text()))
			if len(got) != len(want) {
				t.Fatalf("%s the log says %q, want %q", when, got, want)
			}
			for i := range want {
				if !strings.Contains(got[i], want[i]) {
					t.Errorf("%s the log says %q, want %q", when, got[i], want[i])
				}
			}
		}
		time.Sleep(busEvery)
		said("at first")
		time.Sleep(10 * busEvery)
		said("later", `level=WARN msg="callbus does not do its work" why="one; two"`)
		work.say(nil)
		time.Sleep(busEvery)
		said("when it is over", "WARN", `level=INFO msg="callbus does its work again"`)
		time.Sleep(10 * busEvery)
		said("when all is well", "WARN", "INFO")
	})
}

// lockedText is a text that may be read while it is written.
type lockedText struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedText) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestAccountsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	both := []events.List{events.ActiveCalls, events.CDRs}
	read := map[events.List]time.Time{events.ActiveCalls: noon, events.CDRs: noon}
	gap := map[events.List]bool{events.CDRs: true}
	failing := func(err error) map[events.List]error { return map[events.List]error{events.CDRs: err} }
	well := ingest.Status{Lists: both, Read: read}
	fresh := ingest.Status{Lists: both}
	half := ingest.Status{Lists: both, Read: map[events.List]time.Time{events.ActiveCalls: noon}}
	refused := ingest.Status{Lists: both, Failing: failing(ingest.ErrCredentials)}
	slip := ingest.Status{Lists: both, Read: read, Failing: failing(errors.New("a timeout"))}
	silent := ingest.Status{Lists: both, Read: read, Failing: failing(errors.New("a timeout")), GapOpen: gap}
	foreign := ingest.Status{Lists: both, Read: read, Failing: failing(ingest.ErrForeign), GapOpen: gap}
	limited := ingest.Status{Lists: both, Read: read, Failing: failing(&ingest.RateLimitError{}), GapOpen: gap}
	records := ingest.Status{Lists: both[1:], Read: map[events.List]time.Time{events.CDRs: noon}}
	for name, tc := range map[string]struct {
		all  []ingest.Status
		want string
	}{
		"there is none":                        {nil, "<nil>"},
		"all is well":                          {[]ingest.Status{well}, "<nil>"},
		"one is well":                          {[]ingest.Status{silent, refused, well}, "<nil>"},
		"it has one list":                      {[]ingest.Status{records}, "<nil>"},
		"a poll failed":                        {[]ingest.Status{slip}, "<nil>"},
		"none was read yet":                    {[]ingest.Status{fresh, half}, "no account has been read yet"},
		"the first attempt was refused":        {[]ingest.Status{refused}, "no account can be read: of 1, 1 with refused credentials"},
		"none can be read, for several reason": {[]ingest.Status{silent, silent, foreign, limited, fresh}, "no account can be read: of 5, 1 not read yet, 1 over the vendor's rate limit, 2 unreachable, 1 with replies that are not the vendor's"},
	} {
		if got := fmt.Sprint(readable(slices.Values(tc.all))); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}
