package ingest_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/ingesttest"
	"github.com/callbus/callbus/ingest/pbxsim"
	"github.com/callbus/callbus/ingest/pbxsim/score"
	"github.com/callbus/callbus/ingest/vendorhttp"
)

var (
	seeds       = flag.Uint64("seeds", 10, "how many worlds TestTheTruthIsToldWhateverTheSeed tries")
	vendorTrial = flag.Duration("vendor-trial", 4*time.Minute, "how long the calls of each trial of TestTheTruthIsToldOfEveryVendor go on")
)

// trial is a stretch of virtual time in which a worker watches a simulated PBX.
type trial struct {
	name   string
	world  pbxsim.Config
	system system
	last   time.Duration // how long it goes on
	kills  int           // how often the worker is cut off in between
	delay  time.Duration // when the worker first looks
	audit  *ingest.Audit // what the lives' self-audits found; nil when nobody asks
}

// begins are where a trial may be placed: an ordinary morning; over New Year; over the hour that Bucharest has twice; over
// the one that it leaves out.
var begins = []time.Time{
	time.Date(2026, 5, 6, 8, 0, 0, 0, time.UTC),
	time.Date(2026, 12, 31, 20, 30, 0, 0, time.UTC),
	time.Date(2026, 10, 25, 0, 15, 0, 0, time.UTC),
	time.Date(2026, 3, 29, 0, 15, 0, 0, time.UTC),
}

var bucharest = func() *time.Location {
	zone, err := time.LoadLocation("Europe/Bucharest")
	if err != nil {
		panic(err)
	}
	return zone
}()

// calmDown is how long a trial goes on without faults at its end, so that everything that is late is there. A worker
// that starts after that reads the whole look-back.
const (
	calmDown = 4 * time.Minute
	lastLook = 30 * time.Second
)

// run returns the score of what the worker published.
func (tr trial) run(t *testing.T) score.Report {
	t.Helper()
	var report score.Report
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(tr.world.Start))
		world := pbxsim.NewWorld(tr.world)
		pbx := tr.system.view(world)
		bus := &ingesttest.Bus{}
		rnd := rand.New(rand.NewPCG(tr.world.Seed, 7))
		time.Sleep(tr.delay)
		since := time.Now()
		for range tr.kills {
			tr.live(t, pbx, bus, tr.last/time.Duration(tr.kills+1), rnd.IntN(40))
			time.Sleep(time.Duration(rnd.IntN(10_000)) * time.Millisecond)
		}
		tr.live(t, pbx, bus, tr.last/time.Duration(tr.kills+1), -1)
		pbx.SetFaults(pbxsim.Faults{})
		tr.live(t, pbx, bus, calmDown, -1)
		tr.live(t, pbx, bus, lastLook, -1)
		report = score.Of(pbx.Truth(time.Now()), bus.Stored(), score.Options{
			Since: since, Until: time.Now(), Skew: tr.system.skew, Grace: tr.system.grace, RecordsOnly: tr.system.recordsOnly,
			Tolerance: 4 * time.Second, // a redial within seconds may be told for the call before it, and that for it
		})
	})
	return report
}

// live lets a worker run for a while. If cut is not negative its bus is cut off, after so many more events, in the
// middle of what it then publishes: nothing but the stream survives.
func (tr trial) live(t *testing.T, pbx http.Handler, bus *ingesttest.Bus, last time.Duration, cut int) {
	t.Helper()
	client := &http.Client{Transport: pbxsim.RoundTripper(pbx)}
	if r := tr.system.settings.Rate; r.Requests > 0 {
		client.Transport = vendorhttp.NewBudget(client.Transport, r.Requests, r.Per, tr.system.settings.Polls(!tr.system.recordsOnly))
	}
	vendor, err := tr.system.open(client)
	if err != nil {
		t.Fatal(err)
	}
	w, err := ingest.NewWorker(ingest.WorkerConfig{
		Account: "acme", Provider: tr.system.provider, Settings: tr.system.settings, Vendor: vendor, Bus: bus, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), last)
	defer cancel()
	if cut >= 0 {
		time.AfterFunc(last-last/8, func() { bus.CutAfter(cut) })
	}
	if err := w.Run(ctx); err != nil && !ingesttest.IsCut(err) {
		t.Fatalf("the worker ended: %v", err)
	}
	cancel()
	if tr.audit != nil {
		for finding, n := range w.Status().Tally.Audit {
			tr.audit[finding] += n
		}
	}
	bus.Mend()
	synctest.Wait()
}

func TestTheTruthIsToldOfHoursOfCalls(t *testing.T) {
	for _, tr := range []trial{
		{name: "a vendor without fault", world: pbxsim.Config{Seed: 1, Start: begins[0]}, last: 30 * time.Minute, system: telsamSystem(pbxsim.TelsamConfig{Zone: bucharest})},
		{name: "every fifth request fails", world: pbxsim.Config{Seed: 2, Start: begins[0]}, last: 30 * time.Minute, system: telsamSystem(pbxsim.TelsamConfig{Zone: bucharest, Faults: pbxsim.MixedFaults(0.2)})},
		{name: "killed twenty times", world: pbxsim.Config{Seed: 3, Start: begins[0]}, last: time.Hour, kills: 20, system: telsamSystem(pbxsim.TelsamConfig{Zone: bucharest, Faults: pbxsim.MixedFaults(0.2)})},
	} {
		t.Run(tr.name, func(t *testing.T) {
			t.Parallel()
			started := time.Now()
			if testing.Short() {
				tr.last /= 6
			}
			tr.audit = new(ingest.Audit)
			report := tr.run(t)
			found := counted(*tr.audit)
			t.Logf("%v of calls in %v\n%s\nthe self-audit finds %v", tr.last, time.Since(started).Round(time.Millisecond), report, found)
			if !report.Perfect() {
				t.Errorf("not the truth")
			}
			wrong := found["parties"] + found["missed"] + found["outcome"] + found["times"] // where polls fail, two calls may be taken for one another
			if found["agreed"] < 20*wrong || found["agreed"] < int(tr.last.Minutes()*6) {
				t.Errorf("the self-audit finds fault with what is the truth")
			}
		})
	}
}

// TestTheTruthIsToldOfEveryVendor: hours of calls through each API, without faults and with every kind of them.
func TestTheTruthIsToldOfEveryVendor(t *testing.T) {
	calm := pbxsim.Records{}
	rough := pbxsim.Records{LateRate: 0.1, GarbageRate: 0.02, GarbledRate: 0.02, CorrectRate: 0.02}
	faults := pbxsim.MixedFaults(0.2)
	for _, tr := range []trial{
		{name: "Verimor without fault", system: verimorSystem(pbxsim.VerimorConfig{Records: calm})},
		{name: "Verimor with faults", system: verimorSystem(pbxsim.VerimorConfig{Records: rough, Faults: faults, Ascending: true}), kills: 5},
		{name: "Bulutfon without fault", system: bulutfonSystem(pbxsim.BulutfonConfig{Records: calm})},
		{name: "Bulutfon of 2015 without fault", system: bulutfonSystem(pbxsim.BulutfonConfig{Records: calm, Revision: pbxsim.Bulutfon2015})},
		{name: "Bulutfon with faults", system: bulutfonSystem(pbxsim.BulutfonConfig{Records: rough, Faults: faults, Revision: pbxsim.BulutfonMixed}), kills: 5},
		{name: "While1 without fault", system: while1System(pbxsim.While1Config{Records: calm, Key: "k"})},
		{name: "While1 with faults", system: while1System(pbxsim.While1Config{Records: rough, Faults: faults, LateRowRate: 0.1}), kills: 5},
	} {
		t.Run(tr.name, func(t *testing.T) {
			t.Parallel()
			tr.world = pbxsim.Config{Seed: 11, Start: begins[0]}
			tr.last = *vendorTrial
			if testing.Short() {
				tr.last = min(tr.last, time.Minute)
			}
			report := tr.run(t)
			if !report.Perfect() {
				t.Errorf("not the truth\n%s", report)
			}
		})
	}
}

func TestTheTruthIsToldWhateverTheSeed(t *testing.T) {
	if testing.Short() {
		*seeds = min(*seeds, 3)
	}
	for seed := range *seeds {
		tr := trial{
			world: pbxsim.Config{Seed: 100 + seed, Rate: 10, Start: begins[seed%4]}, last: 15 * time.Minute, kills: int(seed % 5), delay: time.Duration(seed%3) * 5 * time.Minute,
			system: telsamSystem(pbxsim.TelsamConfig{
				Faults:  pbxsim.MixedFaults(0.2),
				Records: pbxsim.Records{LateRate: 0.1, GarbageRate: 0.02, GarbledRate: 0.02, CorrectRate: 0.02},
				Zone:    bucharest, Bounds: pbxsim.TelsamBounds(seed % 3),
				Skew: time.Duration(int(seed)%41-20) * time.Second, Plain: seed%2 == 0,
			}),
		}
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			if report := tr.run(t); !report.Perfect() {
				t.Errorf("not the truth\n%s", report)
			}
		})
	}
}
