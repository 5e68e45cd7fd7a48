package telsam_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/telsam"
)

// A wallPBX has a clock without a zone on its wall, as the vendor's has. It lists what began from date1 up to, and not
// within the minute of, date2 by that clock: the narrowest reading of the vendor's document.
type wallPBX struct {
	zone   *time.Location
	calls  []time.Time // when each began
	lasted int         // seconds, each of them
}

func (p *wallPBX) RoundTrip(req *http.Request) (*http.Response, error) {
	const minute, second = "020120061504", "02.01.2006 15:04:05"
	from, err := time.Parse(minute, req.URL.Query().Get("date1"))
	if err != nil {
		return nil, err
	}
	to, err := time.Parse(minute, req.URL.Query().Get("date2"))
	if err != nil {
		return nil, err
	}
	var rows []string
	for id, began := range p.calls {
		shown := began.In(p.zone).Format(second)
		wall, err := time.Parse(second, shown)
		if err != nil {
			return nil, err
		}
		if began.Before(time.Now()) && !wall.Before(from) && wall.Before(to) {
			rows = append(rows, fmt.Sprintf(`{"id":%d,"calldate":%q,"calltype":"incoming","src":"","dst":"100","duration":%d,"disposition":"BUSY"}`,
				id, shown, p.lasted))
		}
	}
	return answering(envelope(rows...)).RoundTrip(req)
}

// read returns when each call of the PBX began, as read in w, by the record's id, and its key.
func read(t *testing.T, c *telsam.Client, w ingest.Window) (began map[string]time.Time, keys map[string]string) {
	t.Helper()
	began, keys = map[string]time.Time{}, map[string]string{}
	for page, err := range c.CDRs(t.Context(), w) {
		if err != nil {
			t.Fatalf("CDRs: %v", err)
		}
		for _, r := range page.Records {
			id := r.Call.VendorIDs["id"]
			if before, twice := began[id]; twice && (!before.Equal(*r.Call.StartedAt) || keys[id] != r.Key) {
				t.Errorf("record %s is read as %s and as %s, %s and %s", id, before, r.Call.StartedAt, keys[id], r.Key)
			}
			began[id], keys[id] = *r.Call.StartedAt, r.Key
		}
	}
	return began, keys
}

func (p *wallPBX) client(t *testing.T) *telsam.Client {
	return client(t, p, func(cfg *telsam.Config) { cfg.Timezone = p.zone.String() })
}

var zones = []string{
	"Europe/Istanbul", "Europe/Bucharest", "UTC", "America/New_York", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu",
	"Pacific/Apia", "Africa/Casablanca", "Pacific/Chatham", "Asia/Tehran", "America/Sao_Paulo",
}

// moment draws a moment, half of them within two hours of a change of the zone's clock.
func moment(r *rapid.T, zone *time.Location) time.Time {
	t := time.Unix(rapid.Int64Range(1_000_000_000, 1_900_000_000).Draw(r, "moment"), 0)
	if _, change := t.In(zone).ZoneBounds(); !change.IsZero() && rapid.Bool().Draw(r, "near a change") {
		return change.Add(time.Duration(rapid.Int64Range(-7200, 7200).Draw(r, "away from it")) * time.Second)
	}
	return t
}

// TestEveryCallIsReadWhenItBegan polls a PBX in any zone, as the worker does: what began since the last poll, and then
// everything again. Each call is found, at the second it began, in the repeated hour too; and stays there.
func TestEveryCallIsReadWhenItBegan(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		name := rapid.SampledFrom(zones).Draw(r, "zone")
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		first := moment(r, zone)
		gaps := rapid.SliceOfN(rapid.Int64Range(0, 3000), 1, 6).Draw(r, "seconds between calls")
		late := time.Duration(rapid.Int64Range(2, 1200).Draw(r, "seconds until it is asked")) * time.Second
		synctest.Test(t, func(t *testing.T) {
			pbx := &wallPBX{zone: zone}
			c := pbx.client(t)
			start, last := first, first
			var all []time.Time
			for _, gap := range gaps {
				last = last.Add(time.Duration(gap) * time.Second)
				pbx.calls = append(pbx.calls, last)
				all = append(all, last)
				time.Sleep(time.Until(last.Add(late)))
				w := ingest.Window{From: last.Add(-time.Second), To: time.Now()}
				if got, _ := read(t, c, w); !got[fmt.Sprint(len(all)-1)].Equal(last) {
					t.Fatalf("%s: the call of %s is read as %v in %s to %s", name, last.In(zone), got[fmt.Sprint(len(all)-1)], w.From, w.To)
				}
			}
			w := ingest.Window{From: start.Add(-3 * time.Hour), To: time.Now()}
			got, _ := read(t, c, w)
			for i, began := range all {
				if !got[fmt.Sprint(i)].Equal(began) {
					t.Errorf("%s: the call of %s is read as %s when all are read again", name, began.In(zone), got[fmt.Sprint(i)])
				}
			}
		})
	})
}

// The hour from 03:00 to 04:00 on 27 October 2024 was shown twice in Bucharest: from 00:00Z, and from 01:00Z.
func repeatedHour(t *testing.T, minutes ...time.Duration) *wallPBX {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Bucharest")
	if err != nil {
		t.Fatal(err)
	}
	pbx := &wallPBX{zone: zone}
	for _, m := range minutes {
		pbx.calls = append(pbx.calls, time.Date(2024, 10, 27, 0, 0, 0, 0, time.UTC).Add(m*time.Minute))
	}
	return pbx
}

func TestTheRepeatedHour(t *testing.T) {
	midnight := time.Date(2024, 10, 27, 0, 0, 0, 0, time.UTC)
	at := func(minutes int) time.Time { return midnight.Add(time.Duration(minutes) * time.Minute) }
	for name, tc := range map[string]struct {
		began, asked, from int
		lasted             int // minutes
		want               int
	}{
		"what would be in the future is not meant":        {30, 32, -600, 0, 30},
		"nor what would have ended in it":                 {30, 92, 85, 30, 30},
		"what lies in the window is":                      {90, 92, 70, 0, 90},
		"what lies before the window is not, though past": {90, 100, 85, 0, 90},
		"when both are possible it is the earlier":        {90, 600, -600, 0, 30},
	} {
		synctest.Test(t, func(t *testing.T) {
			pbx := repeatedHour(t, time.Duration(tc.began))
			pbx.lasted = 60 * tc.lasted
			time.Sleep(time.Until(at(tc.asked)))
			got, _ := read(t, pbx.client(t), ingest.Window{From: at(tc.from), To: time.Now()})
			if !got["0"].Equal(at(tc.want)) {
				t.Errorf("%s: %s, want %s", name, got["0"], at(tc.want))
			}
		})
	}
}

func TestTheRepeatedHourIsReadAsItWasPublishedAlsoAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pbx := repeatedHour(t, 30, 90)
		time.Sleep(time.Until(pbx.calls[1].Add(time.Hour)))
		day := ingest.Window{From: time.Now().Add(-24 * time.Hour), To: time.Now()}
		_, keys := read(t, pbx.client(t), day)
		restarted := pbx.client(t)
		for id, began := range []time.Time{pbx.calls[0], pbx.calls[1]} {
			published := events.Call{VendorIDs: map[string]string{"id": fmt.Sprint(id), "calltype": "incoming"}, StartedAt: &began,
				Evidence: []events.Evidence{events.FromCDR}}
			if got := restarted.RecordKey(published); got != keys[fmt.Sprint(id)] {
				t.Errorf("RecordKey %q, want %q whichever way its start was read", got, keys[fmt.Sprint(id)])
			}
		}
		got, _ := read(t, restarted, day)
		if !got["0"].Equal(pbx.calls[0]) || !got["1"].Equal(pbx.calls[1]) {
			t.Errorf("read as %v, but published as %v", got, pbx.calls)
		}
	})
}

func TestAWindowOverTheChangeIsNeverAskedBackwards(t *testing.T) {
	for _, name := range zones {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		_, change := time.Date(2012, 1, 1, 0, 0, 0, 0, zone).ZoneBounds()
		for range 6 {
			if change.IsZero() {
				break
			}
			for minutes := -90; minutes <= 90; minutes += 7 {
				var n noting
				c := client(t, &n, func(cfg *telsam.Config) { cfg.Timezone = name })
				from := change.Add(time.Duration(minutes) * time.Minute)
				for range c.CDRs(t.Context(), ingest.Window{From: from, To: from.Add(20 * time.Minute)}) {
				}
				mustRunForwards(t, n)
			}
			_, change = change.In(zone).ZoneBounds()
		}
	}
}

func mustRunForwards(t *testing.T, n noting) {
	t.Helper()
	for _, u := range n.asked {
		date1, err1 := time.Parse("020120061504", u.Query().Get("date1"))
		date2, err2 := time.Parse("020120061504", u.Query().Get("date2"))
		if err1 != nil || err2 != nil || date2.Sub(date1) < 21*time.Minute {
			t.Errorf("asked for %s to %s (%v, %v)", date1, date2, err1, err2)
		}
	}
}
