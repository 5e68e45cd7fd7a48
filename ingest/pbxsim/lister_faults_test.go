package pbxsim_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callbus/callbus/ingest/pbxsim"
)

// listers are both views that list records in pages, each of the same world.
func listers(c pbxsim.Config, r pbxsim.Records, f pbxsim.Faults) map[string]*lister {
	return map[string]*lister{
		"verimor":  verimor(c, pbxsim.VerimorConfig{Records: r, Faults: f}),
		"bulutfon": bulutfon(c, pbxsim.BulutfonConfig{Records: r, Faults: f}),
	}
}

func TestEachFaultBefallsItsShareOfListsAndShowsNothingWrong(t *testing.T) {
	long(t)
	for _, fault := range pbxsim.AllFaults() {
		for name := range listers(pbxsim.Config{}, pbxsim.Records{}, pbxsim.Faults{}) {
			t.Run(name+" "+string(fault), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := listers(pbxsim.Config{Seed: 20, Rate: 6}, pbxsim.Records{GarbageRate: 0.05}, pbxsim.Faults{Chance: map[pbxsim.Fault]float64{fault: 0.3}})[name]
					askUnderFault(t, l, fault)
				})
			})
		}
	}
}

func askUnderFault(t *testing.T, l *lister, fault pbxsim.Fault) {
	const requests = 60
	l.now = l.now.Add(30 * time.Minute)
	l.http.Timeout = 10 * time.Second
	right := map[string]string{}
	l.SetFaults(pbxsim.Faults{})
	for page := range 30 { // some of them beyond the last
		right[fmt.Sprint(page)] = l.facts(t, page)
	}
	l.SetFaults(pbxsim.Faults{Chance: map[pbxsim.Fault]float64{fault: 0.3}})
	failed := 0
	for n := range requests {
		switch got := l.facts(t, n%30); got {
		case "":
			failed++
		case right[fmt.Sprint(n%30)]:
		default:
			t.Fatalf("under %s page %d looks right and is wrong:\n%s\nwant\n%s", fault, n%30, got, right[fmt.Sprint(n%30)])
		}
	}
	_, happened := l.Requests()
	if fault == pbxsim.EmptyByMistake { // there is no list of active calls to be empty
		if failed+len(happened) > 0 {
			t.Errorf("%d failed, %v", failed, happened)
		}
		return
	}
	near(t, "share", float64(happened[fault])/requests, 0.3, 0.25)
	if len(happened) != 1 || fault != pbxsim.Slow && failed != happened[fault] {
		t.Errorf("%d replies were no information, faults: %v", failed, happened)
	}
}

// facts is what a page says, or "" when it gave no information.
func (l *lister) facts(t *testing.T, page int) string {
	t.Helper()
	p, err := l.page(fmt.Sprintf("limit=10&page=%d", page))
	if err != nil {
		return ""
	}
	text, err := json.Marshal(p.rows)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(p.page, p.pages, p.total) + string(text)
}

// What is refused without a reason must not look as if the credentials were wrong.
func TestARefusalWithoutAReason(t *testing.T) {
	for name, l := range listers(pbxsim.Config{Seed: 1}, pbxsim.Records{}, pbxsim.Faults{Chance: map[pbxsim.Fault]float64{pbxsim.Refused: 1}}) {
		for _, path := range []string{"/cdrs?", "/cdrs/00000000-0000-0000-0000-000000000000?"} {
			resp, body, err := l.do(path + l.with)
			want := map[string]string{"verimor": "Genel Hata", "bulutfon": ""}[name]
			if err != nil || resp.StatusCode != http.StatusBadRequest || string(body) != want {
				t.Errorf("%s %s: %v, %s, %q", name, path, err, resp.Status, body)
			}
		}
	}
}

// A call that was ended must not be reported as one that was not.
func TestAHangupIsNeverRefusedWithoutAReason(t *testing.T) {
	l := verimor(pbxsim.Config{Seed: 2}, pbxsim.VerimorConfig{Faults: pbxsim.Faults{Chance: map[pbxsim.Fault]float64{pbxsim.Refused: 0.5, pbxsim.CountMismatch: 0.5}}})
	l.now = l.now.Add(time.Hour)
	for id, truth := range l.truths() {
		if truth.Call.Active(l.now) && string(l.get(t, "/hangup/"+id)) != "+OK" {
			t.Errorf("call %d was not hung up", truth.Call.N)
		}
	}
}

// The calls of a world may be hung up through any of its views, also after another listed some that began later.
func TestAHangupThroughAnotherViewIsSeen(t *testing.T) {
	for name, l := range listers(pbxsim.Config{Seed: 26, Rate: 8}, pbxsim.Records{GarbageRate: 0.1}, pbxsim.Faults{}) {
		t.Run(name, func(t *testing.T) {
			checks := map[string]func(){
				"verimor": func() {
					l.checkRecords(t, readableVerimor, func(truth pbxsim.Truth, r row) { checkVerimor(t, l, truth, r) })
				},
				"bulutfon": func() {
					l.checkRecords(t, readableBulutfon, func(truth pbxsim.Truth, r row) { checkBulutfon(t, l, truth, r) })
				},
			}
			for l.now = l.now.Add(20 * time.Minute); l.now.Before(start().Add(40 * time.Minute)); l.now = l.now.Add(3 * time.Minute) {
				checks[name]()
				for i, c := range l.world.Active(l.now) {
					if i%2 == 0 && !l.world.Hangup(c.N, l.now) {
						t.Fatalf("call %d goes on", c.N)
					}
				}
			}
		})
	}
}

// A bad request has an empty body, of which nothing can be cut.
func TestAnEmptyBodyIsCut(t *testing.T) {
	l := bulutfon(pbxsim.Config{}, pbxsim.BulutfonConfig{Faults: pbxsim.Faults{Chance: map[pbxsim.Fault]float64{pbxsim.Cut: 1}}})
	for range 20 {
		if resp, body, err := l.do("/cdrs?access_token=callbus&limit=x"); err == nil && (resp.StatusCode != http.StatusBadRequest || len(body) > 0) {
			t.Fatalf("%s, %q", resp.Status, body)
		}
	}
}

// While somebody turns the pages, new records push old ones on: a row may come twice, and the last may stand on a page
// that was not there at first. Who reads on until the pages end by the last reply's word has seen all.
func TestPagesDrift(t *testing.T) {
	for name, l := range listers(pbxsim.Config{Seed: 21, Rate: 24}, pbxsim.Records{}, pbxsim.Faults{}) {
		t.Run(name, func(t *testing.T) {
			l.now = l.now.Add(10 * time.Minute)
			first, err := l.page("limit=10")
			if err != nil {
				t.Fatal(err)
			}
			there := l.ids(l.all(t))
			seen, twice, last := map[string]bool{}, 0, first
			for n := 1; n <= last.pages; n++ {
				if last, err = l.page(fmt.Sprintf("limit=10&page=%d", n)); err != nil {
					t.Fatal(err)
				}
				for _, id := range l.ids(last.rows) {
					if seen[id] {
						twice++
					}
					seen[id] = true
				}
				l.now = l.now.Add(700 * time.Millisecond)
			}
			if twice == 0 || last.pages <= first.pages {
				t.Errorf("%d rows came twice, %d pages at first, %d at last: no drift", twice, first.pages, last.pages)
			}
			for _, id := range there {
				if !seen[id] {
					t.Errorf("%s was there when the reading began, and was not read", id)
				}
			}
		})
	}
}

func TestARecordReadsTheSameWhoeverAsksAndWhen(t *testing.T) {
	long(t)
	rec := pbxsim.Records{GarbageRate: 0.05, GarbledRate: 0.1, CorrectRate: 0.2, LateRate: 0.2}
	for name, l := range listers(pbxsim.Config{Seed: 22, Rate: 20}, rec, pbxsim.MixedFaults(0.3)) {
		t.Run(name, func(t *testing.T) {
			other := listers(pbxsim.Config{Seed: 22, Rate: 20}, rec, pbxsim.Faults{})[name]
			other.now = other.now.Add(30 * time.Minute)
			other.all(t) // now and again it was asked before
			l.SetFaults(pbxsim.Faults{})
			for l.now = l.now.Add(time.Hour); other.now.Before(l.now); other.now = other.now.Add(7 * time.Minute) {
				other.all(t, "limit", "20")
			}
			other.now = l.now
			one, two := l.all(t), other.all(t)
			if fmt.Sprint(one) != fmt.Sprint(two) || len(one) < 1000 {
				t.Errorf("%d records and %d, not the same", len(one), len(two))
			}
			if a, b := fmt.Sprint(l.ids(one)), fmt.Sprint(other.ids(two)); a != b {
				t.Error("the ids differ")
			}
		})
	}
}

// A garbled record and the row for no call stand in the list, and nothing in them can be read.
func TestWhatCannotBeReadIsListedAllTheSame(t *testing.T) {
	readable := map[string]func(row) bool{"verimor": readableVerimor, "bulutfon": readableBulutfon}
	forever := pbxsim.Records{GarbageRate: 0.1, GarbledRate: 0.2, GarbledFor: pbxsim.Span{Min: 24 * time.Hour, Max: 48 * time.Hour}}
	for name, l := range listers(pbxsim.Config{Seed: 23, Rate: 10}, forever, pbxsim.Faults{}) {
		t.Run(name, func(t *testing.T) {
			l.now = l.now.Add(2 * time.Hour)
			truths, garbage, garbled := l.truths(), 0.0, 0.0
			for _, r := range l.all(t) {
				switch _, ok := truths[r.text(l.id)]; {
				case readable[name](r):
				case ok:
					garbled++
				default:
					garbage++
				}
			}
			near(t, "garbled", garbled/float64(len(truths)), 0.2, 0.15)
			near(t, "garbage", garbage/float64(len(truths)), 0.1, 0.15)
		})
	}
}

func TestFarPagesAndLongWorlds(t *testing.T) {
	for name, l := range listers(pbxsim.Config{Seed: 24, Rate: 10, Keep: 6 * time.Hour}, pbxsim.Records{}, pbxsim.Faults{}) {
		l.now = l.now.Add(20 * time.Hour)
		if p, err := l.page("page=99999999999&limit=100"); err != nil || len(p.rows) > 0 || p.total < 3000 {
			t.Errorf("%s: %d rows of %d, %v", name, len(p.rows), p.total, err)
		}
		forgotten := "" // its id was known when the world was young
		young := listers(pbxsim.Config{Seed: 24, Rate: 10}, pbxsim.Records{}, pbxsim.Faults{})[name]
		for _, truth := range young.Truth(young.now.Add(5 * time.Minute)) {
			if truth.Call.End.Sub(truth.Call.Start) < time.Minute {
				forgotten = truth.VendorIDs[l.id]
				if resp, _, err := l.do("/cdrs/" + forgotten + "?" + l.with); err != nil || resp.StatusCode != http.StatusNotFound {
					t.Errorf("%s: a call long forgotten: %v, %v", name, resp.Status, err)
				}
			}
		}
	}
}

func TestDelaysOfListsTakeVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		latency := pbxsim.Span{Min: 50 * time.Millisecond, Max: 100 * time.Millisecond}
		for _, l := range []*lister{verimor(pbxsim.Config{}, pbxsim.VerimorConfig{Latency: latency}), bulutfon(pbxsim.Config{}, pbxsim.BulutfonConfig{Latency: latency})} {
			began := time.Now()
			if _, err := l.page(""); err != nil || time.Since(began) < latency.Min || time.Since(began) > latency.Max {
				t.Errorf("took %s (%v), want the latency", time.Since(began), err)
			}
		}
	})
}

func TestThePBXsClockIsOnEveryReplyAndInEveryRecord(t *testing.T) {
	const skew = -90 * time.Second
	for name, l := range map[string]*lister{
		"verimor":  verimor(pbxsim.Config{Seed: 25, Rate: 8}, pbxsim.VerimorConfig{Skew: skew}),
		"bulutfon": bulutfon(pbxsim.Config{Seed: 25, Rate: 8}, pbxsim.BulutfonConfig{Skew: skew}),
	} {
		l.now = l.now.Add(time.Hour)
		resp, _, err := l.do("/cdrs?" + l.with)
		if err != nil || resp.Header.Get("Date") != l.now.Add(skew).UTC().Format(http.TimeFormat) {
			t.Errorf("%s: Date %q at %s, %v", name, resp.Header.Get("Date"), l.now, err)
		}
		truths := l.truths()
		for _, r := range l.all(t) {
			began, err := verimorStamp(r, "start_stamp")
			if name == "bulutfon" {
				began, err = bulutfonStamp(r, "call_time")
			}
			if call := truths[r.text(l.id)].Call; err != nil || !sameSecond(began, call.Start.Add(skew)) {
				t.Fatalf("%s: began %s by the PBX's clock, record says %s (%v)", name, call.Start.Add(skew), began, err)
			}
		}
	}
}

func TestSettingsThatCannotBeAreRefused(t *testing.T) {
	turned := pbxsim.Span{Min: 2, Max: 1}
	for name, err := range map[string]error{
		"verimor: latency":   pbxsim.VerimorConfig{Latency: turned}.Validate(),
		"verimor: returned":  pbxsim.VerimorConfig{ReturnAfter: turned}.Validate(),
		"verimor: defects":   pbxsim.VerimorConfig{Defects: 2}.Validate(),
		"verimor: retain":    pbxsim.VerimorConfig{Retain: -1 * time.Second}.Validate(),
		"verimor: records":   pbxsim.VerimorConfig{Records: pbxsim.Records{LateRate: 2}}.Validate(),
		"verimor: faults":    pbxsim.VerimorConfig{Faults: pbxsim.Faults{Chance: map[pbxsim.Fault]float64{"x": 1}}}.Validate(),
		"bulutfon: latency":  pbxsim.BulutfonConfig{Latency: turned}.Validate(),
		"bulutfon: revision": pbxsim.BulutfonConfig{Revision: 7}.Validate(),
		"bulutfon: details":  pbxsim.BulutfonConfig{Details: -1}.Validate(),
		"bulutfon: limit":    pbxsim.BulutfonConfig{Limit: -1}.Validate(),
		"bulutfon: records":  pbxsim.BulutfonConfig{Records: pbxsim.Records{LateRate: 2}}.Validate(),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := errors.Join(pbxsim.VerimorConfig{}.Validate(), pbxsim.BulutfonConfig{}.Validate()); err != nil {
		t.Errorf("nothing is set: %v", err)
	}
}

// Run with -race.
func TestManyMayAskForListsAtOnce(t *testing.T) {
	world := pbxsim.NewWorld(pbxsim.Config{Seed: 9, Rate: 5})
	var ticks atomic.Int64
	clock := func() time.Time { return start().Add(time.Duration(ticks.Add(1)) * time.Second) }
	v, b := pbxsim.NewVerimor(world, pbxsim.VerimorConfig{}, clock), pbxsim.NewBulutfon(world, pbxsim.BulutfonConfig{Limit: 10}, clock)
	var askers sync.WaitGroup
	for range 8 {
		askers.Go(func() {
			for _, view := range []pbxsim.View{v, b} {
				c := http.Client{Transport: pbxsim.RoundTripper(view)}
				for n := range 20 {
					id := "1"
					if truths := view.Truth(start().Add(time.Minute)); len(truths) > n {
						id = truths[n].VendorIDs["uuid"] + truths[n].VendorIDs["call_uuid"]
					}
					for _, path := range []string{"/cdrs", "/cdrs/" + id, "/hangup/" + id} {
						if resp, err := c.Get("http://pbx.example" + path + "?key=callbus&access_token=callbus&limit=50"); err != nil {
							t.Error(err)
						} else {
							resp.Body.Close()
						}
					}
					view.SetFaults(pbxsim.Faults{})
					view.TooMany()
				}
			}
		})
	}
	askers.Wait()
	if n, _ := v.Requests(); n < 8*20*3 {
		t.Errorf("%d requests", n)
	}
}

// The newest page of a day of 14,000 calls, as a poller asks for it.
func BenchmarkNewestPage(b *testing.B) {
	for name, l := range listers(pbxsim.Config{Seed: 1, Rate: 5}, pbxsim.Records{}, pbxsim.Faults{}) {
		l.now = l.now.Add(24 * time.Hour)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				resp, err := l.http.Get("http://pbx.example/cdrs?limit=100&time_limit=day&" + l.with)
				if err != nil || resp.StatusCode != http.StatusOK {
					b.Fatal(err)
				}
				resp.Body.Close()
			}
		})
	}
}

func TestNoReplyShowsASecret(t *testing.T) {
	for name, l := range map[string]*lister{
		"verimor":  verimor(pbxsim.Config{Seed: 3}, pbxsim.VerimorConfig{Key: "right-and-secret"}),
		"bulutfon": bulutfon(pbxsim.Config{Seed: 3}, pbxsim.BulutfonConfig{Token: "right-and-secret", Email: "a@example.com", Password: "right-and-secret"}),
	} {
		l.now = l.now.Add(time.Hour)
		for _, credentials := range []string{"key=right-and-secret", "access_token=right-and-secret", "email=a@example.com&password=right-and-secret"} {
			if strings.HasPrefix(credentials, "key") != (name == "verimor") {
				continue
			}
			l.with = credentials
			for _, more := range []string{"", "&limit=10&page=2", "&page=x", "&time_limit=x", "&start_stamp_from=x"} {
				resp, body, err := l.do("/cdrs?" + l.with + more)
				if err != nil || strings.Contains(string(body), "secret") || slices.Contains([]int{401, 429}, resp.StatusCode) {
					t.Errorf("%s %s: %v, %s, %s", name, more, err, resp.Status, body)
				}
			}
		}
	}
}
