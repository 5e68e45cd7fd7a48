package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/telsam"
)

// BenchmarkPipeline is a page of 1,000 new records from observation to acknowledged: tracker, encoding, publisher, fsync
// always. Beside it, in turn on the same server, a bare publisher sends the same bytes in the same atomic batches.
func BenchmarkPipeline(b *testing.B) {
	ctx := b.Context()
	bus, err := openBus(ctx, Bus{DataDir: b.TempDir(), Listen: "off", Sync: Sync{Always: true}, Replicas: 1, MaxAge: 24 * time.Hour}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer bus.close()
	bare := newBare(b, bus.nc)
	vendor, err := telsam.New(telsam.Config{URL: "http://pbx.example", Username: "u", Password: secret.New("p")}, nil)
	if err != nil {
		b.Fatal(err)
	}
	now := time.Now().Truncate(time.Second)
	tracker := ingest.NewTracker(ingest.TrackerConfig{
		Account: "acme", Provider: "telsam", Settings: telsam.Defaults(), FirstSeen: now.Add(-time.Hour), Since: now, RecordKey: vendor.RecordKey,
	})
	var ours, bares time.Duration
	stored := 0
	for page := 0; b.Loop(); page++ {
		p := benchPage(now, page)
		began := time.Now()
		evs := tracker.Observe(p)
		if err := bus.Publish(ctx, evs...); err != nil {
			b.Fatal(err)
		}
		ours += time.Since(began)
		stored += len(evs)
		bodies := make([][]byte, len(evs))
		for i, e := range evs {
			if bodies[i], err = e.AppendJSON(nil); err != nil {
				b.Fatal(err)
			}
		}
		began = time.Now()
		bare.publish(b, bodies)
		bares += time.Since(began)
	}
	b.ReportMetric(float64(stored)/ours.Seconds(), "events/s")
	b.ReportMetric(float64(stored)/bares.Seconds(), "bare-events/s")
	b.ReportMetric(bares.Seconds()/ours.Seconds(), "ratio")
}

func benchPage(now time.Time, page int) ingest.Page {
	p := ingest.Page{Asked: now.Add(time.Duration(page) * time.Second), At: now.Add(time.Duration(page) * time.Second)}
	numbers := ingest.NewNumbers("TR")
	for i := range 1000 {
		n := page*1000 + i
		start := now.Add(time.Duration(page)*time.Second - time.Minute)
		from, to := numbers.Party(fmt.Sprintf("90500%07d", n%10_000)), numbers.Party(strconv.Itoa(100+n%500))
		outcome, missed, total := events.Answered, n%3 == 0, 42.5
		if missed {
			outcome = events.NoAnswer
		}
		call := events.Call{
			VendorIDs: map[string]string{"id": strconv.Itoa(n), "calltype": "incoming"}, Direction: events.Inbound, Media: events.Voice,
			From: from, To: to, ExternalNumber: from.Number, StartedAt: &start, EndedAt: new(start.Add(42500 * time.Millisecond)),
			Outcome: &outcome, Missed: &missed, TotalSeconds: &total, Hangup: events.Hangup{By: events.ByUnknown}, Recording: events.RecordingNone,
		}
		if missed {
			call.MissedReason = new(events.MissedNoAnswer)
		}
		p.Records = append(p.Records, ingest.CDR{Key: strconv.Itoa(n), Call: call})
	}
	return p
}

// barePublisher does nothing but send bytes that are ready, in atomic batches, to a stream of its own.
type barePublisher struct {
	nc      *nats.Conn
	subject int
}

func newBare(b *testing.B, nc *nats.Conn) *barePublisher {
	const config = `{"name":"BARE","subjects":["bare.>"],"storage":"file","num_replicas":1,"retention":"limits","allow_atomic":true}`
	if _, err := nc.Request("$JS.API.STREAM.CREATE.BARE", []byte(config), 5*time.Second); err != nil {
		b.Fatal(err)
	}
	return &barePublisher{nc: nc}
}

func (p *barePublisher) publish(b *testing.B, bodies [][]byte) {
	for len(bodies) > 0 {
		n := min(len(bodies), 1000)
		p.batch(b, bodies[:n])
		bodies = bodies[n:]
	}
}

func (p *barePublisher) batch(b *testing.B, bodies [][]byte) {
	id := nuid.Next()
	for i, body := range bodies {
		m := nats.NewMsg("bare." + strconv.Itoa(p.subject))
		p.subject++
		m.Data = body
		m.Header = nats.Header{"Nats-Batch-Id": {id}, "Nats-Batch-Sequence": {strconv.Itoa(i + 1)}}
		if i < len(bodies)-1 {
			if err := p.nc.PublishMsg(m); err != nil {
				b.Fatal(err)
			}
			continue
		}
		m.Header.Set("Nats-Batch-Commit", "1")
		answer, err := p.nc.RequestMsg(m, 10*time.Second)
		if err != nil {
			b.Fatal(err)
		}
		var ack struct{ Count int }
		if err := json.Unmarshal(answer.Data, &ack); err != nil || ack.Count != len(bodies) {
			b.Fatalf("the bare batch was answered %s", answer.Data)
		}
	}
}
