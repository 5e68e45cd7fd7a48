package pbxsim_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/callbus/callbus/ingest/pbxsim"
)

// A busy exchange: about 10,000 calls at once.
func tenThousandActive() *watched {
	w := watch(pbxsim.Config{Seed: 1, Rate: 4600, Extensions: 8000, Queues: 50, Callers: 100_000}, pbxsim.TelsamConfig{})
	w.now = w.now.Add(time.Hour)
	return w
}

func BenchmarkSnapshotOf10000ActiveCalls(b *testing.B) {
	w := tenThousandActive()
	n := len(w.world.Active(w.now))
	r := httptest.NewRequest(http.MethodGet, "/?username=callbus&password=callbus&action=activecalls", nil)
	b.ReportAllocs()
	for b.Loop() {
		w.ServeHTTP(httptest.NewRecorder(), r)
	}
	b.ReportMetric(float64(n), "calls")
}

// What a poller of 2 s and 5 s asks in a day of about 20,000 calls, the newest 30 minutes of records each time.
func BenchmarkVirtualDay(b *testing.B) {
	for b.Loop() {
		w := watch(pbxsim.Config{Seed: 1, Rate: 12}, pbxsim.TelsamConfig{})
		ask := http.Client{Transport: pbxsim.RoundTripper(w)}
		for second := range 24 * 60 * 60 {
			w.now = w.now.Add(time.Second)
			if second%2 == 0 {
				drop(b, &ask, "activecalls")
			}
			if second%5 == 0 {
				zone := time.FixedZone("", 3*60*60)
				from, to := w.now.Add(-30*time.Minute).In(zone), w.now.Add(time.Minute).In(zone)
				drop(b, &ask, "cdr&date1="+from.Format("020120061504")+"&date2="+to.Format("020120061504"))
			}
		}
		b.ReportMetric(float64(len(w.world.Calls(w.now))), "calls")
	}
}

func drop(b *testing.B, c *http.Client, query string) {
	resp, err := c.Get("http://pbx.example/?username=callbus&password=callbus&action=" + query)
	if err != nil {
		b.Fatal(err)
	}
	resp.Body.Close()
}

func BenchmarkWorldDayPolledEvery2s(b *testing.B) {
	for b.Loop() {
		w := pbxsim.NewWorld(pbxsim.Config{Seed: 1, Rate: 12})
		at := w.Config().Start
		for range 43_200 {
			at = at.Add(2 * time.Second)
			w.Active(at)
			w.Ended(at.Add(-2*time.Second), at)
		}
		b.ReportMetric(float64(len(w.Calls(at))), "calls")
	}
}

func BenchmarkInventCall(b *testing.B) {
	w := pbxsim.NewWorld(pbxsim.Config{Seed: 1, Rate: 60, Keep: time.Minute})
	at := w.Config().Start
	for b.Loop() {
		at = at.Add(time.Second)
		w.Active(at)
	}
}
