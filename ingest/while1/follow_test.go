package while1_test

import (
	"errors"
	"io"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/while1"
)

// newest is the window that a worker would ask for now.
func newest() ingest.Window {
	return ingest.Window{From: time.Now().Add(-15 * time.Minute), To: time.Now().Add(2 * time.Minute)}
}

// follow asks for what is new and takes it.
func follow(t *testing.T, c *while1.Client) ingest.Page {
	t.Helper()
	page, err := tryFollow(t, c)
	if err != nil {
		t.Fatalf("NewCDRs: %v", err)
	}
	return page
}

func tryFollow(t *testing.T, c *while1.Client) (page ingest.Page, err error) {
	t.Helper()
	pages := 0
	for page, err = range c.NewCDRs(t.Context(), newest()) {
		pages++
	}
	if pages != 1 {
		t.Errorf("%d pages, want one", pages)
	}
	return page, err
}

// busy is a call of one leg that began so long before now.
func busy(id int64, ago time.Duration) leg {
	began := now.Add(-ago)
	return leg{id: id, began: began, ended: began.Add(20 * time.Second), number: id, status: "BUSY"}
}

func TestEachCallIsReadOnceItIsWritten(t *testing.T) {
	at(t, now, func(t *testing.T) {
		p := &pbx{legs: []leg{busy(9000, 3*time.Hour), busy(9001, 10*time.Minute)}}
		c := client(t, p)
		first := follow(t, c)
		if got := keys(first); len(got) != 1 || !first.Window.From.Equal(now.Add(-15*time.Minute)) {
			t.Errorf("the first time: %q in %v, want the newest call", got, first.Window)
		}
		if again := follow(t, c); len(again.Records) != 0 || again.At.IsZero() || !again.Window.From.IsZero() {
			t.Errorf("nothing is new: %+v", again)
		}
		p.set(busy(9002, time.Minute), busy(9003, time.Minute))
		if got := keys(follow(t, c)); len(got) != 2 {
			t.Errorf("two calls are new: %q", got)
		}
		if got := keys(follow(t, c)); len(got) != 0 {
			t.Errorf("they are new once: %q", got)
		}
		asked := p.filters()
		want := []string{now.Add(-17*time.Minute).In(bucharest).Format(time.DateTime) + "|||1", "|9001||1", "|9001||1", "|9001||1"}
		if !slices.Equal(asked, want) || len(p.problems) > 0 {
			t.Errorf("asked %q, want %q; %q", asked, want, p.problems)
		}
	})
}

func TestALongCallIsReadWholeWhenItEnds(t *testing.T) {
	at(t, now, func(t *testing.T) {
		began := now.Add(-2 * time.Hour)
		p := &pbx{legs: []leg{busy(1, time.Minute)}}
		c := client(t, p)
		follow(t, c)
		p.set(leg{id: 0x7f, began: began, ended: began.Add(time.Minute), number: 77, status: "NO ANSWER"},
			leg{id: 0x80, began: began.Add(time.Minute), ended: now, call: began, number: 77, status: "ANSWERED", talked: time.Hour})
		p.filters()
		page := follow(t, c)
		if len(page.Records) != 1 || page.Records[0].Rows != 2 || !page.Records[0].Call.StartedAt.Equal(began) {
			t.Errorf("%+v, want one call of two rows", page.Records)
		}
		if asked := p.filters(); len(asked) != 2 || !strings.Contains(asked[1], ".77") {
			t.Errorf("asked %q, want all rows of the call", asked)
		}
	})
}

func TestTheRowsBeforeTheFirstReadingAreFetched(t *testing.T) {
	at(t, now, func(t *testing.T) {
		began := now.Add(-2 * time.Hour)
		p := &pbx{legs: []leg{
			{id: 1, began: began, ended: began.Add(time.Minute), number: 77, status: "NO ANSWER"}, busy(2, 10*time.Minute),
		}}
		c := client(t, p)
		follow(t, c)
		p.set(leg{id: 3, began: began.Add(time.Minute), ended: now, call: began, number: 77, status: "ANSWERED", talked: time.Hour})
		if page := follow(t, c); len(page.Records) != 1 || page.Records[0].Rows != 2 {
			t.Errorf("%+v, want one call of two rows", page.Records)
		}
	})
}

func TestAFurtherRowMakesTheCallNewAgain(t *testing.T) {
	at(t, now, func(t *testing.T) {
		began := now.Add(-time.Minute)
		p := &pbx{legs: []leg{{id: 1, began: began, ended: began.Add(time.Second), number: 1, status: "NO ANSWER"}}}
		c := client(t, p)
		if page := follow(t, c); !*page.Records[0].Call.Missed {
			t.Errorf("%+v is not missed", page.Records[0])
		}
		time.Sleep(50 * time.Minute)
		p.set(leg{id: 2, began: began.Add(time.Second), ended: time.Now(), call: began, number: 1, status: "ANSWERED", talked: time.Minute})
		p.filters()
		page := follow(t, c)
		if len(page.Records) != 1 || page.Records[0].Rows != 2 || *page.Records[0].Call.Missed || len(p.filters()) != 1 {
			t.Errorf("%+v, want the call with both rows, and one question", page.Records)
		}
		time.Sleep(3 * time.Hour) // it is forgotten
		p.set(leg{id: 3, began: began.Add(2 * time.Second), ended: time.Now(), call: began, number: 1, status: "BUSY"})
		if page := follow(t, c); len(page.Records) != 1 || page.Records[0].Rows != 3 {
			t.Errorf("%+v, want the call with all three rows", page.Records)
		}
	})
}

func TestARowThatChangesIsNewAgain(t *testing.T) {
	at(t, now, func(t *testing.T) {
		l := busy(5, time.Minute)
		p := &pbx{legs: []leg{l}}
		c := client(t, p)
		follow(t, c)
		l.change = map[string]any{"id": 5, "bill_duration": 0, "is_recovered": false, "comments": "x"} // says the same
		p.set(l)
		if page := follow(t, c); len(page.Records) != 0 {
			t.Errorf("%+v, though nothing changed", page.Records)
		}
		l.change = map[string]any{"is_recovered": "1"}
		p.set(l)
		if page := follow(t, c); len(page.Records) != 1 || page.Records[0].Call.Returned == nil {
			t.Errorf("%+v, want the call as returned", page.Records)
		}
	})
}

func TestARowThatGoesOnIsAskedForUntilItEnds(t *testing.T) {
	at(t, now, func(t *testing.T) {
		l := busy(5, time.Minute)
		l.ended = time.Time{}
		p := &pbx{legs: []leg{l}}
		c := client(t, p)
		for i := range 20 {
			time.Sleep(time.Minute)
			p.set(busy(int64(6+i), 0))
			for _, r := range follow(t, c).Records {
				if r.Key == l.linkedID() {
					t.Errorf("a call that goes on is a record: %+v", r)
				}
			}
		}
		l.ended = time.Now()
		p.set(l)
		if got := keys(follow(t, c)); !slices.Contains(got, l.linkedID()+" of 1") {
			t.Errorf("%q, want the call that ended", got)
		}
	})
}

func TestALowerIDThatComesLaterIsRead(t *testing.T) {
	at(t, now, func(t *testing.T) {
		p := &pbx{legs: []leg{busy(100, 5*time.Minute)}}
		c := client(t, p)
		follow(t, c)
		p.set(busy(102, time.Minute))
		follow(t, c)
		time.Sleep(time.Minute)
		p.set(busy(101, time.Minute))
		if got := keys(follow(t, c)); len(got) != 1 {
			t.Errorf("%q, want the row that was committed late", got)
		}
	})
}

func TestARowThatCouldNotBeReadIsReadAgain(t *testing.T) {
	at(t, now, func(t *testing.T) {
		p := &pbx{legs: []leg{busy(100, 5*time.Minute)}}
		c := client(t, p)
		follow(t, c)
		l := busy(101, time.Minute)
		l.change = map[string]any{"time": "?"}
		p.set(l)
		for range 3 {
			if page := follow(t, c); len(page.Rejected) != 1 || len(page.Records) != 0 {
				t.Errorf("%+v, want it rejected", page)
			}
			time.Sleep(30 * time.Second)
		}
		l.change = nil
		p.set(l)
		if got := keys(follow(t, c)); len(got) != 1 {
			t.Errorf("%q, want the row that can be read now", got)
		}
	})
}

func TestWhatWasNotTakenIsReadAgain(t *testing.T) {
	at(t, now, func(t *testing.T) {
		p := &pbx{legs: []leg{busy(100, 5*time.Minute)}}
		c := client(t, p)
		stopAfterOne := func() (got []string) {
			for page, err := range c.NewCDRs(t.Context(), newest()) {
				if err != nil {
					t.Fatal(err)
				}
				got = keys(page)
				break
			}
			return got
		}
		for range 2 {
			if got := stopAfterOne(); len(got) != 1 {
				t.Errorf("%q the first time, want one", got)
			}
		}
		follow(t, c)
		p.set(busy(101, time.Minute))
		for range 2 {
			if got := stopAfterOne(); len(got) != 1 {
				t.Errorf("%q, want one that is new", got)
			}
		}
		p.trouble = func(int, url.Values) (string, error) { return "", io.ErrUnexpectedEOF }
		if page, err := tryFollow(t, c); !errors.Is(err, io.ErrUnexpectedEOF) || page.Records != nil {
			t.Errorf("%+v, %v", page, err)
		}
		p.trouble = nil
		if got := keys(follow(t, c)); len(got) != 1 {
			t.Errorf("%q, want what came before the failure", got)
		}
	})
}

// TestAPBXThatCountsAnew: a PBX that was set up again knows none of the ids that were read.
func TestAPBXThatCountsAnew(t *testing.T) {
	at(t, now, func(t *testing.T) {
		p := &pbx{legs: []leg{busy(100, 5*time.Minute)}}
		c := client(t, p)
		follow(t, c)
		p.legs = nil
		p.set(busy(7, time.Minute))
		if got := keys(follow(t, c)); len(got) != 1 {
			t.Errorf("%q, want the call of the new count", got)
		}
		p.set(busy(8, time.Minute))
		if got := keys(follow(t, c)); len(got) != 1 {
			t.Errorf("%q, want the call after it", got)
		}
	})
}

func TestAPBXWithoutCallsIsAskedForTheNewest(t *testing.T) {
	at(t, now, func(t *testing.T) {
		p := &pbx{}
		c := client(t, p)
		follow(t, c)
		p.set(busy(1, time.Minute))
		if got := keys(follow(t, c)); len(got) != 1 {
			t.Errorf("%q, want the first call", got)
		}
		if asked := p.filters(); len(asked) != 3 || strings.HasPrefix(asked[2], "|") {
			t.Errorf("asked %q, want all by time", asked)
		}
	})
}

func TestALongCallIsFoundThoughNobodyElseCalls(t *testing.T) {
	at(t, now, func(t *testing.T) {
		p := &pbx{}
		c := client(t, p)
		follow(t, c)
		began := time.Now()
		time.Sleep(2 * time.Hour)
		p.set(leg{id: 1, began: began, ended: time.Now(), number: 1, status: "ANSWERED", talked: time.Hour})
		if got := keys(follow(t, c)); len(got) != 1 {
			t.Errorf("%q, want the call of two hours", got)
		}
	})
}

// TestFollowingReadsWhatTheWindowReads lets a PBX write calls at its own pace, its rows out of order and some late, and
// holds what was followed against one reading of everything.
func TestFollowingReadsWhatTheWindowReads(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		type written struct {
			leg
			at time.Time
		}
		var all []written
		id := int64(1000)
		for n := range rapid.IntRange(1, 12).Draw(rt, "calls") {
			began := now.Add(time.Duration(rapid.IntRange(0, 3000).Draw(rt, "began")) * time.Second)
			lasted := time.Duration(rapid.IntRange(1, 2000).Draw(rt, "lasted")) * time.Second
			for k := range rapid.IntRange(1, 4).Draw(rt, "rows") {
				l := leg{began: began.Add(time.Duration(k) * time.Second), ended: began.Add(lasted), call: began, number: int64(n), status: "NO ANSWER"}
				late := time.Duration(rapid.IntRange(0, 90).Draw(rt, "late")) * time.Second
				all = append(all, written{l, began.Add(lasted + late)})
			}
		}
		slices.SortStableFunc(all, func(a, b written) int { return a.at.Compare(b.at) })
		for i := range all {
			id++
			all[i].id = id
			all[i].at = all[i].at.Add(time.Duration(rapid.IntRange(0, 20).Draw(rt, "commit")) * time.Second)
		}
		at(t, now, func(t *testing.T) {
			p := &pbx{}
			c := client(t, p)
			got := map[string]ingest.CDR{}
			for range 45 {
				for _, w := range all {
					if !w.at.After(time.Now()) {
						p.set(w.leg)
					}
				}
				for _, r := range follow(t, c).Records {
					got[r.Key] = r
				}
				time.Sleep(2 * time.Minute) // as long as rows may be late: nothing is seen twice by chance
			}
			page, err := read(t, c, ingest.Window{From: now.Add(-time.Hour), To: now.Add(3 * time.Hour)})
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]ingest.CDR{}
			for _, r := range page.Records {
				want[r.Key] = r
			}
			if !reflect.DeepEqual(got, want) {
				rt.Errorf("followed %v, want %v", got, want)
			}
		})
	})
}

func TestFollowingAndReadingAtOnce(t *testing.T) {
	p := &pbx{legs: someCalls(150, time.Now().Add(-5*time.Minute))}
	c := client(t, p)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 10 {
			for _, err := range c.CDRs(t.Context(), newest()) {
				if err != nil {
					t.Errorf("CDRs: %v", err)
				}
			}
		}
	}()
	for range 10 {
		follow(t, c)
	}
	<-done
}

// A row is written long after its call is over; one that got a lower id is shown after it.
func TestARowThatWasWrittenLateHidesNoneBelowIt(t *testing.T) {
	at(t, now, func(t *testing.T) {
		p := &pbx{legs: []leg{busy(9005, time.Minute), busy(9010, 12*time.Minute)}}
		c := client(t, p)
		follow(t, c)
		p.set(busy(9007, time.Minute))
		if got := keys(follow(t, c)); len(got) != 1 {
			t.Errorf("new is %q, want the row that is shown now", got)
		}
	})
}
