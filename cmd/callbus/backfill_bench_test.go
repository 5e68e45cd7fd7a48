package main

import (
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/events/stream"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/verimor"
)

var backfillRecords = flag.Int("backfill-records", 20_000, "how many records BenchmarkBackfill reads")

// verimorArchive serves records of a Verimor PBX as fast as it can: one every ten seconds, the newest last.
type verimorArchive struct {
	first   time.Time
	records int
}

const archiveStep = 10 * time.Second

func (a verimorArchive) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	const stamp = "2006-01-02 15:04:05 UTC"
	q := r.URL.Query()
	from, _ := time.Parse(stamp, q.Get("start_stamp_from"))
	to, _ := time.Parse(stamp, q.Get("start_stamp_to"))
	page, _ := strconv.Atoi(q.Get("page"))
	lo := max(0, int((from.Sub(a.first)+archiveStep-1)/archiveStep))
	hi := min(a.records, int(to.Sub(a.first)/archiveStep)+1)
	n := max(0, hi-lo)
	b := []byte(`{"cdrs":[`)
	for i := lo + (page-1)*100; i < min(lo+page*100, hi); i++ {
		if i > lo+(page-1)*100 {
			b = append(b, ',')
		}
		b = a.row(b, i)
	}
	b = fmt.Appendf(b, `],"pagination":{"page":%d,"total_count":%d,"total_pages":%d,"limit":100}}`, page, n, (n+99)/100)
	_, _ = w.Write(b)
}

func (a verimorArchive) row(b []byte, i int) []byte {
	const stamp = "2006-01-02 15:04:05 -0700"
	start := a.first.Add(time.Duration(i) * archiveStep)
	b = append(b, `{"start_stamp":"`...)
	b = start.AppendFormat(b, stamp)
	result, missed, talk := "Cevaplandı", "false", "00:01:05"
	if i%3 == 0 {
		result, missed, talk = "Cevapsız", "true", "00:00:00"
	}
	if i%3 != 0 {
		b = append(b, `","answer_stamp":"`...)
		b = start.Add(10*time.Second).AppendFormat(b, stamp)
	} else {
		b = append(b, `","answer_stamp":"`...)
	}
	b = append(b, `","end_stamp":"`...)
	b = start.Add(75*time.Second).AppendFormat(b, stamp)
	return fmt.Appendf(b, `","direction":"Gelen","caller_id_number":"0500%07d","caller_id_name":"","destination_number":"%d","destination_name":"Ayşe Örnek",`+
		`"duration":"00:01:15","talk_duration":"%s","queue_wait_seconds":"00:00:05","queue":"600","result":"%s","missed":"%s","return_uuid":"",`+
		`"recording_present":"true","sip_hangup_disposition":"caller","call_uuid":"%08x-3a1c-4b6f-9d2e-%012x"}`, i%10_000, 100+i%500, talk, result, missed, i, i)
}

// BenchmarkBackfill is callbus backfill of records of the past: HTTP over loopback, decoding, tracker, encoding, publisher,
// fsync always. Beside it, on the same server, a bare publisher sends the same events in atomic batches of a thousand.
func BenchmarkBackfill(b *testing.B) {
	ctx := b.Context()
	bus, err := openBus(ctx, Bus{DataDir: b.TempDir(), Listen: "off", Sync: Sync{Always: true}, Replicas: 1, MaxAge: 24 * time.Hour}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer bus.close()
	archive := verimorArchive{first: time.Now().Add(-60 * 24 * time.Hour).Truncate(time.Minute), records: *backfillRecords}
	server := httptest.NewServer(archive)
	defer server.Close()
	vendor, err := verimor.New(verimor.Config{URL: server.URL, Key: secret.New("k")}, server.Client())
	if err != nil {
		b.Fatal(err)
	}
	bare := newBare(b, bus.nc)
	var ours, bares time.Duration
	published := 0
	for run := 0; b.Loop(); run++ {
		account := fmt.Sprintf("acme-%d", run)
		began := time.Now()
		tally, err := ingest.Backfill(ctx, ingest.BackfillConfig{
			Account: account, Provider: "verimor", Settings: verimor.Defaults(), Vendor: vendor, Bus: ingestBus{Bus: bus.Bus},
			Window: ingest.Window{From: archive.first, To: archive.first.Add(time.Duration(archive.records) * archiveStep)}, Log: slog.New(slog.DiscardHandler),
		})
		if err != nil || tally.Calls != archive.records {
			b.Fatalf("%+v, %v", tally, err)
		}
		ours += time.Since(began)
		n, took := bare.again(b, bus.Bus, account)
		bares += took
		published += n
	}
	b.ReportMetric(float64(archive.records*b.N)/ours.Seconds(), "cdrs/s")
	b.ReportMetric(float64(published)/ours.Seconds(), "events/s")
	b.ReportMetric(float64(published)/bares.Seconds(), "bare-events/s")
	b.ReportMetric(bares.Seconds()/ours.Seconds(), "ratio")
}

// again publishes what is stored of account once more, by the bare publisher, and returns how long that alone took.
func (p *barePublisher) again(b *testing.B, bus *stream.Bus, account string) (n int, took time.Duration) {
	var bodies [][]byte
	flush := func() {
		began := time.Now()
		p.publish(b, bodies)
		took += time.Since(began)
		bodies = bodies[:0]
	}
	for e, err := range bus.Events(b.Context(), stream.Filter{Account: account}) {
		if err != nil {
			b.Fatal(err)
		}
		body, err := e.AppendJSON(nil)
		if err != nil {
			b.Fatal(err)
		}
		if bodies, n = append(bodies, body), n+1; len(bodies) == 1000 {
			flush()
		}
	}
	flush()
	return n, took
}
