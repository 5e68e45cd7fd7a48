package pbxsim_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callbus/callbus/ingest/pbxsim"
)

func TestWhile1FaultsBefallTheirShareAndShowNothingWrong(t *testing.T) {
	long(t)
	for _, fault := range pbxsim.AllFaults() {
		if fault == pbxsim.EmptyByMistake { // of active calls, which this vendor does not list
			continue
		}
		t.Run(string(fault), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const requests = 100
				w := watchRomanian(pbxsim.Config{Seed: 20, Rate: 4}, pbxsim.While1Config{})
				w.now = w.now.Add(time.Hour)
				want := romanianFacts(t, w)
				w.SetFaults(pbxsim.Faults{Chance: map[pbxsim.Fault]float64{fault: 0.25}})
				failed := askRomanian(t, w, requests, want)
				_, happened := w.Requests()
				near(t, "share", float64(happened[fault])/requests, 0.25, 0.25)
				if len(happened) != 1 || failed > happened[fault] || failed == 0 && fault != pbxsim.Slow || failed < happened[fault] && fault != pbxsim.Slow {
					t.Errorf("%d replies were no information, faults: %v", failed, happened)
				}
			})
		})
	}
}

var aPage = []param{{"date_between[0]", "2024-05-06 11:30:00"}, {"date_between[1]", "2024-05-06 11:31:00"}}

// romanianFacts is what a page says, without the forms of it.
func romanianFacts(t *testing.T, w *romanian) string {
	t.Helper()
	rows, err := newRomanianClient(w).rows(1, aPage...)
	if err != nil || len(rows) < 8 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	return factsOfRows(rows)
}

func factsOfRows(rows []row) string {
	var b strings.Builder
	for _, r := range rows {
		for _, name := range []string{"id", "uniqueid", "linkedid", "time", "time_end", "source", "destination", "call_status", "bill_duration", "qname"} {
			b.WriteString(r.text(name) + "|")
		}
		b.WriteString("\n")
	}
	return b.String()
}

// askRomanian asks n times and returns how often that gave no information. Each answer that can be taken for one must
// be want.
func askRomanian(t *testing.T, w *romanian, n int, want string) (failed int) {
	t.Helper()
	c := newRomanianClient(w)
	c.http.Timeout = 10 * time.Second
	for range n {
		rows, err := c.rows(1, aPage...)
		switch {
		case err != nil:
			failed++
		case factsOfRows(rows) != want:
			t.Fatalf("the reply looks right and is wrong:\n%s\nwant\n%s", factsOfRows(rows), want)
		}
	}
	return failed
}

func TestWhile1FaultsOfAnEmptyPageAreNoEmptyPage(t *testing.T) {
	w := watchRomanian(pbxsim.Config{Seed: 20}, pbxsim.While1Config{})
	for _, fault := range []pbxsim.Fault{pbxsim.CountMismatch, pbxsim.Refused, pbxsim.Cut, pbxsim.HTML} {
		w.SetFaults(pbxsim.Faults{Chance: map[pbxsim.Fault]float64{fault: 1}})
		for range 30 {
			if rows, err := newRomanianClient(w).rows(1); err == nil {
				t.Fatalf("under %s: %d rows", fault, len(rows))
			}
		}
	}
}

func TestWhile1DelaysTakeVirtualTimeAndHeedTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watchRomanian(pbxsim.Config{Seed: 20}, pbxsim.While1Config{Latency: pbxsim.Span{Min: 50 * time.Millisecond, Max: 100 * time.Millisecond}})
		began := time.Now()
		if _, err := newRomanianClient(w).rows(1); err != nil || time.Since(began) < 50*time.Millisecond || time.Since(began) > 100*time.Millisecond {
			t.Errorf("took %s (%v), want the latency", time.Since(began), err)
		}
		w.SetFaults(pbxsim.Faults{Chance: map[pbxsim.Fault]float64{pbxsim.Stall: 1}})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		began = time.Now()
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://pbx.example/api/cdr", nil)
		if _, err := pbxsim.RoundTripper(w).RoundTrip(req); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 10*time.Second {
			t.Errorf("a stalled request returned after %s: %v", time.Since(began), err)
		}
		if _, err := newRomanianClient(w).rows(1); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("a request that nobody gives up: %v", err)
		}
	})
}

func TestWhile1SettingsThatCannotBeAreRefused(t *testing.T) {
	for name, wc := range map[string]pbxsim.While1Config{
		"share of late rows":  {LateRowRate: 1.5},
		"span turned around":  {Spread: pbxsim.Span{Min: 2, Max: 1}},
		"negative delay":      {RecoverAfter: pbxsim.Span{Min: -1, Max: 1}},
		"late row turned":     {LateRow: pbxsim.Span{Min: 2, Max: 1}},
		"latency":             {Latency: pbxsim.Span{Min: -1}},
		"records":             {Records: pbxsim.Records{LateRate: -1}},
		"a fault there isn't": {Faults: pbxsim.Faults{Chance: map[pbxsim.Fault]float64{"nonsense": 1}}},
	} {
		if wc.Validate() == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := (pbxsim.While1Config{}).Validate(); err != nil {
		t.Error(err)
	}
}

func TestWhile1HangupEndsTheCallOfAChannel(t *testing.T) {
	w := watchRomanian(pbxsim.Config{Seed: 7}, pbxsim.While1Config{Plain: true})
	w.now = w.now.Add(time.Hour)
	c := newRomanianClient(w)
	active := w.world.Active(w.now)
	if len(active) < 3 {
		t.Fatalf("%d active calls", len(active))
	}
	w.Truth(w.now.Add(time.Hour)) // a look at the future must not write it down
	const done = `{"has_error":false,"messages":[],"results":[]}`
	for i, call := range active[:2] {
		ask := param{"data[channel]", "PJSIP/" + call.Channel}
		if body, err := c.post("/api/channel", param{"action", "hangup"}, ask); err != nil || string(body) != done {
			t.Errorf("hang up %s: %s, %v", ask[1], body, err)
		}
		if body, err := c.post("/api/channel", param{"action", "hangup"}, ask); err != nil || !strings.Contains(string(body), "No such channel") {
			t.Errorf("hang up %s again: %s, %v", ask[1], body, err)
		}
		if got := len(w.world.Active(w.now)); got != len(active)-1-i {
			t.Errorf("%d calls go on, want %d", got, len(active)-1-i)
		}
	}
	if w.HangupAlls() != 0 {
		t.Errorf("%d times all were hung up", w.HangupAlls())
	}
	w.now = w.now.Add(time.Minute)
	checkRomanian(t, w, pbxsim.While1Config{}, w.world.Config().Start)
}

// The vendor's trap: no channel is every channel.
func TestWhile1HangupOfNoChannelEndsEveryCall(t *testing.T) {
	for name, q := range map[string]struct{ kind, body string }{
		"no data":             {asForm, "action=hangup"},
		"no channel in it":    {asForm, "action=hangup&data[chanel]=PJSIP/x"},
		"an empty channel":    {asForm, "action=hangup&data[channel]="},
		"null":                {asJSON, `{"action":"hangup","data":{"channel":null}}`},
		"a list, not a map":   {asForm, "action=hangup&data[0][channel]=PJSIP/x"},
		"data that is a text": {asForm, "action=hangup&data=PJSIP/x"},
		"in spite of faults":  {asForm, "action=hangup"},
	} {
		t.Run(name, func(t *testing.T) {
			w := watchRomanian(pbxsim.Config{Seed: 7}, pbxsim.While1Config{})
			w.now = w.now.Add(20 * time.Minute)
			if strings.HasPrefix(name, "in spite") {
				w.SetFaults(pbxsim.Faults{Chance: map[pbxsim.Fault]float64{pbxsim.Refused: 1}})
			}
			before := len(w.world.Active(w.now))
			body, err := newRomanianClient(w).send(http.MethodPost, "/api/channel", q.kind, q.body)
			if err != nil || !strings.Contains(string(body), `"has_error":false`) {
				t.Errorf("%s, %v", body, err)
			}
			if after := len(w.world.Active(w.now)); before < 3 || after != 0 || w.HangupAlls() != 1 {
				t.Errorf("%d calls before, %d after, %d times all; want none, once", before, after, w.HangupAlls())
			}
			w.SetFaults(pbxsim.Faults{})
			w.now = w.now.Add(time.Minute)
			checkRomanian(t, w, pbxsim.While1Config{}, w.world.Config().Start)
		})
	}
}

// Run with -race.
func TestManyMayAskWhile1AtOnce(t *testing.T) {
	world := pbxsim.NewWorld(pbxsim.Config{Seed: 9, Rate: 5})
	var ticks atomic.Int64
	view := pbxsim.NewWhile1(world, pbxsim.While1Config{LateRowRate: 0.2}, func() time.Time {
		return world.Config().Start.Add(time.Duration(ticks.Add(1)) * time.Second)
	})
	var askers sync.WaitGroup
	for range 8 {
		askers.Go(func() { askWhile1Around(t, view, world) })
	}
	askers.Wait()
	if n, _ := view.Requests(); n != 8*12*2 {
		t.Errorf("%d requests", n)
	}
	rows, err := newRomanianClient(view).all()
	if err != nil {
		t.Fatal(err)
	}
	checkIDs(t, rows)
}

func askWhile1Around(t *testing.T, view *pbxsim.While1, world *pbxsim.World) {
	c := newRomanianClient(view)
	for range 12 {
		rows, err := c.rows(1, param{"from_id", "29060"})
		if err != nil {
			t.Error(err)
			return
		}
		channel := "PJSIP/nobody"
		if active := world.Active(start().Add(time.Duration(len(rows)) * time.Second)); len(active) > 0 {
			channel = "PJSIP/" + active[0].Channel // it may be over
		}
		if _, err := c.post("/api/channel", param{"action", "hangup"}, param{"data[channel]", channel}); err != nil {
			t.Error(err)
		}
		view.SetFaults(pbxsim.Faults{})
		view.Truth(start().Add(time.Minute))
	}
}

// A page of the newest rows of a day of about 20,000 calls.
func BenchmarkWhile1Page(b *testing.B) {
	w := watchRomanian(pbxsim.Config{Seed: 1, Rate: 5}, pbxsim.While1Config{})
	w.now = w.now.Add(24 * time.Hour)
	rows, err := newRomanianClient(w).rows(1, newRomanianClient(w).between(w.now.Add(-10*time.Minute), w.now)...)
	if err != nil || len(rows) != 100 {
		b.Fatalf("%d rows, %v", len(rows), err)
	}
	for name, query := range map[string]string{
		"by_id":   "filters[from_id]=" + rows[0].text("id"),
		"by_time": "filters[date_between][0]=2024-05-07+10:30:00&filters[date_between][1]=2024-05-07+11:00:00",
		"of_all":  "page=1",
	} {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, "/api/cdr?"+query, nil)
			r.Header.Set("Authorization", "Bearer callbus")
			b.ReportAllocs()
			for b.Loop() {
				w.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
}

// A stranger's client needs nothing but a token, a form and the id that it saw last.
func ExampleWhile1() {
	world := pbxsim.NewWorld(pbxsim.Config{Seed: 4, Rate: 2})
	now := world.Config().Start.Add(2 * time.Minute)
	pbx := pbxsim.NewWhile1(world, pbxsim.While1Config{Plain: true}, func() time.Time { return now })

	req := httptest.NewRequest(http.MethodPost, "/api/cdr", strings.NewReader("page=1&filters[from_id]=29056"))
	req.Header.Set("Authorization", "Bearer callbus")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	reply := httptest.NewRecorder()
	pbx.ServeHTTP(reply, req)

	rows, err := romanianRows(reply.Body.Bytes())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range rows {
		fmt.Println(r["id"], r["linkedid"], r["source"], r["dstchannel_formatted"], r["call_status"], r["bill_duration"])
	}
	// Output:
	// 29056 1714982491.512 00908500000102  NO ANSWER 00:00:00
	// 29057 1714982499.544 00905000002908 PJSIP/128 NO ANSWER 00:00:00
	// 29058 1714982499.544 00905000002908 PJSIP/140 NO ANSWER 00:00:00
	// 29059 1714982499.544 00905000002908 PJSIP/102 NO ANSWER 00:00:00
	// 29060 1714982499.544 00905000002908 PJSIP/103 NO ANSWER 00:00:00
	// 29061 1714982499.544 00905000002908 PJSIP/104 ANSWERED 00:00:02
}
