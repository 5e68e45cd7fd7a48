package pbxsim_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/callbus/callbus/ingest/pbxsim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func readAll(t *testing.T, resp *http.Response) string {
	t.Helper()
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// an hour of calls, at which the clock stands still
func anHourIn(tc pbxsim.TelsamConfig) *watched {
	w := watch(pbxsim.Config{Seed: 20, Rate: 6}, tc)
	w.now = w.now.Add(time.Hour)
	return w
}

const cdrQuery = "cdr&date1=060520241150&date2=060520241200"

func TestEachFaultBefallsItsShareAndShowsNothingWrong(t *testing.T) {
	long(t)
	for _, fault := range pbxsim.AllFaults() {
		t.Run(string(fault), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const requests = 200
				w := anHourIn(pbxsim.TelsamConfig{Faults: pbxsim.Faults{Chance: map[pbxsim.Fault]float64{fault: 0.2}}})
				failed := ask(t, w, "activecalls", requests, fault)
				_, happened := w.Requests()
				want := 0.2
				if fault == pbxsim.EmptyByMistake {
					want = 0.28 // every second one takes the next reply with it, unless that is one itself
				}
				near(t, "share", float64(happened[fault])/requests, want, 0.25)
				if len(happened) != 1 || failed > happened[fault] || failed == 0 && fault != pbxsim.Slow {
					t.Errorf("%d replies were no information, faults: %v", failed, happened)
				}
				if fault != pbxsim.EmptyByMistake {
					ask(t, w, cdrQuery, 20, fault)
				}
			})
		})
	}
}

// ask asks n times and returns how often that gave no information, or nothing by mistake. Each answer that can be
// taken for one must be the truth.
func ask(t *testing.T, w *watched, query string, n int, fault pbxsim.Fault) (failed int) {
	t.Helper()
	c := newClient(w)
	c.http.Timeout = 10 * time.Second
	want := truthOf(t, w, query)
	for range n {
		rows, err := c.rows(query)
		switch {
		case err != nil, fault == pbxsim.EmptyByMistake && len(rows) == 0:
			failed++
		case facts(rows) != want:
			t.Fatalf("under %s the reply looks right and is wrong:\n%s\nwant\n%s", fault, facts(rows), want)
		}
	}
	return failed
}

// truthOf is what a view of the same world shows that has no faults.
func truthOf(t *testing.T, w *watched, query string) string {
	t.Helper()
	clean := pbxsim.NewTelsam(w.world, pbxsim.TelsamConfig{}, func() time.Time { return w.now })
	rows, err := newClient(clean).rows(query)
	if err != nil || len(rows) < 10 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	return facts(rows)
}

// facts leaves out the forms of numbers and booleans, and the running duration, which wobbles.
func facts(rows []row) string {
	var b strings.Builder
	for _, r := range rows {
		for _, name := range []string{"id", "channel", "calltype", "callinfo", "src", "dst", "disposition", "queue", "calldate", "record"} {
			b.WriteString(strings.ToLower(strings.ReplaceAll(r.text(name), " ", "")) + "|")
		}
		if r.text("channel") == "" {
			b.WriteString(r.text("duration"))
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestMixedFaultsBefallTheirShareInAllWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := anHourIn(pbxsim.TelsamConfig{Faults: pbxsim.MixedFaults(0.2)})
		const requests = 1000
		ask(t, w, "activecalls", requests, "a mixture")
		_, happened := w.Requests()
		sum := 0
		for fault, n := range happened {
			sum += n
			near(t, string(fault), float64(n)/requests, 0.025, 0.4)
		}
		near(t, "all", float64(sum)/requests, 0.2, 0.2)
		if len(happened) != 8 || happened[pbxsim.EmptyByMistake] > 0 {
			t.Errorf("faults: %v, want the eight that cannot be mistaken for facts", happened)
		}
	})
}

func TestFaultsCanBeSwitchedWhileItServes(t *testing.T) {
	w := anHourIn(pbxsim.TelsamConfig{})
	fails := func() bool { _, err := newClient(w).active(); return err != nil }
	if fails() {
		t.Error("fails without faults")
	}
	w.SetFaults(pbxsim.Faults{Chance: map[pbxsim.Fault]float64{pbxsim.Reset: 1}})
	if !fails() {
		t.Error("does not fail although every request is to be reset")
	}
	w.SetFaults(pbxsim.Faults{})
	if fails() {
		t.Error("fails after the faults were switched off")
	}
}

func TestFaultsThatCannotBeAreRefused(t *testing.T) {
	for name, f := range map[string]pbxsim.Faults{
		"unknown":     {Chance: map[pbxsim.Fault]float64{"nonsense": 0.1}},
		"too much":    {Chance: map[pbxsim.Fault]float64{pbxsim.Cut: 0.7, pbxsim.HTML: 0.7}},
		"less than 0": {Chance: map[pbxsim.Fault]float64{pbxsim.Cut: -0.1}},
	} {
		if f.Validate() == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := pbxsim.MixedFaults(1).Validate(); err != nil {
		t.Errorf("everything goes wrong: %v", err)
	}
}

// In a bubble time stands still until every goroutine waits: a real socket or a busy loop would hang the test.
func TestDelaysTakeVirtualTimeAndHeedTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := anHourIn(pbxsim.TelsamConfig{Latency: pbxsim.Span{Min: 50 * time.Millisecond, Max: 100 * time.Millisecond}})
		began := time.Now()
		if _, err := newClient(w).active(); err != nil || time.Since(began) < 50*time.Millisecond || time.Since(began) > 100*time.Millisecond {
			t.Errorf("took %s (%v), want the latency", time.Since(began), err)
		}
		w.SetFaults(pbxsim.Faults{Chance: map[pbxsim.Fault]float64{pbxsim.Slow: 1}})
		began = time.Now()
		if _, err := newClient(w).active(); err != nil || time.Since(began) < time.Second || time.Since(began) > 6*time.Second {
			t.Errorf("took %s (%v), want some seconds", time.Since(began), err)
		}
		w.SetFaults(pbxsim.Faults{Chance: map[pbxsim.Fault]float64{pbxsim.Stall: 1}})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		began = time.Now()
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://pbx.example/?username=callbus&password=callbus&action=activecalls", nil)
		_, err := pbxsim.RoundTripper(w).RoundTrip(req)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 10*time.Second {
			t.Errorf("a stalled request returned after %s: %v", time.Since(began), err)
		}
		if _, err := newClient(w).active(); !errors.Is(err, syscall.ECONNRESET) || time.Since(began) != 70*time.Second {
			t.Errorf("a request that nobody gives up returned after %s: %v", time.Since(began)-10*time.Second, err)
		}
	})
}

// What the client feels over a real connection it feels in memory, and the reverse.
func TestARealConnectionFailsAsTheOneInMemory(t *testing.T) {
	now := start().Add(time.Hour)
	view := pbxsim.NewTelsam(pbxsim.NewWorld(busyDay(1)), pbxsim.TelsamConfig{}, func() time.Time { return now })
	server := httptest.NewServer(view)
	defer server.Close()
	real := &http.Transport{DisableKeepAlives: true}
	defer real.CloseIdleConnections()
	for name, tr := range map[string]http.RoundTripper{"socket": real, "memory": pbxsim.RoundTripper(view)} {
		t.Run(name, func(t *testing.T) {
			c := http.Client{Transport: tr}
			query := server.URL + "/?username=callbus&password=callbus&action=activecalls"
			view.SetFaults(pbxsim.Faults{})
			resp, err := c.Get(query)
			if err != nil || !strings.Contains(readAll(t, resp), `"channel"`) {
				t.Fatalf("without faults: %v", err)
			}
			view.SetFaults(pbxsim.Faults{Chance: map[pbxsim.Fault]float64{pbxsim.Reset: 1}})
			if _, err := c.Get(query); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("reset: %v, want ECONNRESET", err)
			}
			view.SetFaults(pbxsim.Faults{Chance: map[pbxsim.Fault]float64{pbxsim.Cut: 1}})
			if short, whole := cuts(t, c, query); short == 0 || whole == 0 {
				t.Errorf("cut: %d bodies shorter than announced, %d not; want both", short, whole)
			}
		})
	}
}

func cuts(t *testing.T, c http.Client, query string) (short, whole int) {
	for range 40 {
		resp, err := c.Get(query)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		switch {
		case errors.Is(err, io.ErrUnexpectedEOF):
			short++
		case err != nil:
			t.Fatal(err)
		default:
			whole++
		}
		if _, err := parseList(body); err == nil {
			t.Fatalf("a cut body is a list: %s", body)
		}
	}
	return short, whole
}
