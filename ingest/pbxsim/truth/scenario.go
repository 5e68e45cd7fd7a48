package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/callbus/callbus/ingest/pbxsim"
	"github.com/callbus/callbus/ingest/pbxsim/score"
)

// Scenario is a world, how its PBX shows it, and what befalls callbus.
type Scenario struct {
	Name    string
	Dir     string
	World   pbxsim.Config
	PBX     pbxsim.TelsamConfig
	Poll    time.Duration // POLL_ACTIVE; POLL_CDR is twice that
	Settle  time.Duration
	Last    time.Duration // how long calls go on
	Calm    time.Duration // how long callbus may catch up afterwards, without faults
	Kills   int
	Binary  string
	Folder  string
	Verbose bool
}

// Calm is a vendor without fault.
func Calm(seed uint64, last time.Duration) Scenario {
	return Scenario{
		Name: "a vendor without fault", Dir: "calm", Last: last, Calm: 10 * time.Second,
		World: pbxsim.Config{Seed: seed, Rate: 300, Scale: 0.05, Extensions: 500, Mix: brief()},
		Poll:  time.Second, Settle: 5 * time.Second,
	}
}

// Rough is a vendor where much goes wrong, and a callbus that is killed again and again.
func Rough(seed uint64, last time.Duration, kills int) Scenario {
	faults := pbxsim.MixedFaults(0.2)
	faults.StallFor, faults.SlowFor = 5*time.Second, pbxsim.Span{Min: 500 * time.Millisecond, Max: 1500 * time.Millisecond}
	s := Calm(seed+1, last)
	s.Name, s.Dir, s.Kills, s.Calm = fmt.Sprintf("a fifth of all requests fail, records late and unreadable, callbus killed %d times", kills), "rough", kills, 80*time.Second
	s.PBX = pbxsim.TelsamConfig{Faults: faults, Skew: 3 * time.Second, Records: pbxsim.Records{
		LateRate: 0.1, LateLag: pbxsim.Span{Min: 2 * time.Second, Max: 30 * time.Second},
		GarbageRate: 0.02, GarbledRate: 0.02, GarbledFor: pbxsim.Span{Min: 2 * time.Second, Max: 20 * time.Second},
		CorrectRate: 0.02, CorrectAfter: pbxsim.Span{Min: 5 * time.Second, Max: 20 * time.Second},
	}}
	return s
}

// brief leaves out the calls of hours: the run is one of minutes.
func brief() pbxsim.Mix {
	m := pbxsim.DefaultMix()
	m.Long = 0
	return m
}

// Result is the score of a scenario.
type Result struct {
	score.Report
	Name      string
	Last      time.Duration
	Kills     int
	Requests  int
	Faults    int
	Arrivals  Arrivals
	Schema    []string // events that do not hold their schema
	Restarted time.Duration
}

// Perfect tells whether everything was told right, and well-formed.
func (r Result) Perfect() bool {
	return r.Report.Perfect() && len(r.Schema) == 0 && (r.Kills > 0 || r.Arrivals.OK())
}

func (r Result) String() string {
	s := fmt.Sprintf("== %s: %v of calls, %d requests of which %d failed, %d kills\n\n%s", r.Name, r.Last, r.Requests, r.Faults, r.Kills, r.Report)
	if r.Kills == 0 {
		s += r.Arrivals.String()
	} else {
		s += fmt.Sprintf("up again after a kill: %v on average\n", r.Restarted.Round(time.Millisecond))
	}
	for _, broken := range r.Schema {
		s += "schema: " + broken + "\n"
	}
	return s
}

// Run runs s and scores it.
func (s Scenario) Run(ctx context.Context) (Result, error) {
	s.World.Start = time.Now()
	pbx := pbxsim.NewTelsam(pbxsim.NewWorld(s.World), s.PBX, time.Now)
	url, stop, err := serve(pbx)
	if err != nil {
		return Result{}, err
	}
	defer stop()
	c, err := newProcess(s, url)
	if err != nil {
		return Result{}, err
	}
	defer c.kill()
	since := time.Now()
	if err := c.start(ctx); err != nil {
		return Result{}, err
	}
	listener := listen(c.natsURL())
	defer listener.stop()
	if err := s.trouble(ctx, c); err != nil {
		return Result{}, err
	}
	until := time.Now()
	pbx.SetFaults(pbxsim.Faults{})
	if err := rest(ctx, s.Calm); err != nil {
		return Result{}, err
	}
	return s.score(ctx, pbx, c, listener, since, until)
}

// trouble lets the calls go on, and kills callbus at random moments meanwhile.
func (s Scenario) trouble(ctx context.Context, c *process) error {
	rnd := rand.New(rand.NewPCG(s.World.Seed, 11))
	if s.Kills == 0 {
		return rest(ctx, s.Last)
	}
	each := s.Last / time.Duration(s.Kills)
	for range s.Kills {
		if err := rest(ctx, time.Duration(rnd.Int64N(int64(2*each)))); err != nil {
			return err
		}
		c.kill()
		if err := rest(ctx, time.Duration(rnd.IntN(1000))*time.Millisecond); err != nil {
			return err
		}
		if err := c.start(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s Scenario) score(ctx context.Context, pbx *pbxsim.Telsam, c *process, l *listener, since, until time.Time) (Result, error) {
	published, broken, err := readStream(ctx, c.natsURL())
	if err != nil {
		return Result{}, err
	}
	if err := c.terminate(); err != nil {
		return Result{}, err
	}
	now := time.Now()
	r := Result{Name: s.Name, Last: s.Last, Kills: s.Kills, Schema: broken, Restarted: c.meanStart()}
	r.Report = score.Of(pbx.Truth(now), published, score.Options{
		Since: since, Until: now, Skew: s.PBX.Skew, Grace: s.grace(), SeenAfter: s.Poll + 300*time.Millisecond,
	})
	requests, faults := pbx.Requests()
	r.Requests = requests
	for _, n := range faults {
		r.Faults += n
	}
	r.Arrivals = l.against(r.Report, pbx.Truth(until), published, s.Poll)
	return r, nil
}

// serve serves h on a free port of loopback.
func serve(h http.Handler) (url string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	srv := &http.Server{Handler: h}
	go func() { _ = srv.Serve(l) }() // ends with stop
	return "http://" + l.Addr().String(), func() { _ = srv.Close() }, nil
}

func rest(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return errors.New("interrupted")
	}
}

// grace is how long an event may take before it counts as left out: to the end of the calm, less one poll of records.
func (s Scenario) grace() time.Duration { return s.Calm / 3 }

func (s Scenario) data() string { return filepath.Join(s.Folder, "data") }
