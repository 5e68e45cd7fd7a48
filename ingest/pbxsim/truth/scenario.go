package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest/pbxsim"
	"github.com/callbus/callbus/ingest/pbxsim/score"
)

// Scenario is worlds of calls, how their PBXs show them, and what befalls callbus.
type Scenario struct {
	Name    string
	Dir     string
	Seed    uint64
	Manner  pbxsim.Manner
	Mix     pbxsim.Mix
	Vendors []Watched
	Sinks   []Reminders
	Last    time.Duration // how long calls go on
	Calm    time.Duration // how long callbus may catch up afterwards, without faults
	Kills   int
	Binary  string
	Folder  string
	Verbose bool

	receiver *receiver     // of the webhooks, where there is one
	known    time.Duration // how long a sink may overlook what is stored; the score's own when 0
}

// Watched is one vendor's PBX, and how callbus is set to watch it.
type Watched struct {
	Vendor   string
	Rate     float64           // fresh calls a minute
	Settings map[string]string // of the account
	Poll     time.Duration     // the longest that passes between two polls of what shows a call first
	Settle   time.Duration     // and how long that is waited with
	Grace    time.Duration     // how long before the end of the calm a record must be readable to be judged
}

// watched are the PBXs of all vendors. A call of telsam is seen while it lasts; of the others, its record is.
func watched(calm time.Duration) []Watched {
	third := calm / 3
	return []Watched{
		{"telsam", 300, map[string]string{"POLL_ACTIVE": "1s", "POLL_CDR": "2s", "SETTLE": "5s"}, time.Second, 0, third},
		{"verimor", 30, nil, 15 * time.Second, 0, max(third, calm-calm/4)}, // six requests a minute for everything
		{"bulutfon", 60, map[string]string{"POLL_CDR": "2s"}, 2 * time.Second, 0, third},
		{"while1", 60, map[string]string{"POLL_CDR": "2s", "SETTLE": "5s"}, 2 * time.Second, 7 * time.Second, third}, // decided by the poll after SETTLE
	}
}

// Calm is vendors without fault.
func Calm(seed uint64, last time.Duration) Scenario {
	const calm = 40 * time.Second
	return Scenario{
		Name: "vendors without fault", Dir: "calm", Seed: seed, Mix: brief(), Last: last, Calm: calm, Vendors: watched(calm),
		Sinks: reminders("telsam", "verimor"),
	}
}

// Rough is vendors where much goes wrong, and a callbus that is killed again and again.
func Rough(seed uint64, last time.Duration, kills int) Scenario {
	faults := pbxsim.MixedFaults(0.2)
	faults.StallFor, faults.SlowFor = 5*time.Second, pbxsim.Span{Min: 500 * time.Millisecond, Max: 1500 * time.Millisecond}
	const calm = 150 * time.Second
	vendors := watched(calm)
	vendors[0].Rate = 120 // of callers who withhold their number, more than that cannot be told apart by anybody
	return Scenario{
		Name: fmt.Sprintf("a fifth of all requests fail, records late and unreadable, callbus killed %d times", kills),
		Dir:  "rough", Seed: seed + 1, Mix: brief(), Last: last, Calm: calm, Vendors: vendors, Kills: kills,
		Sinks: reminders("bulutfon", "while1"),
		Manner: pbxsim.Manner{Faults: faults, Skew: 3 * time.Second, LateRows: 0.05, Records: pbxsim.Records{
			LateRate: 0.1, LateLag: pbxsim.Span{Min: 2 * time.Second, Max: 60 * time.Second},
			GarbageRate: 0.02, GarbledRate: 0.02, GarbledFor: pbxsim.Span{Min: 2 * time.Second, Max: 20 * time.Second},
			CorrectRate: 0.02, CorrectAfter: pbxsim.Span{Min: 5 * time.Second, Max: 20 * time.Second},
		}},
	}
}

// brief leaves out the calls of hours: the run is one of minutes. Callers and agents are eager: they try other queues, and
// call back at once.
func brief() pbxsim.Mix {
	m := pbxsim.DefaultMix()
	m.Long = 0
	m.Returned, m.Prompt, m.Wander = 0.5, 0.3, 0.3
	return m
}

// Result is the score of a scenario.
type Result struct {
	Name      string
	Last      time.Duration
	Kills     int
	Vendors   []Score
	Schema    []string // events that do not hold their schema
	Restarted time.Duration
	Late      time.Duration // how long after the calm was over it had told all
	Troubles  []string      // what befell the processes and the cluster

	Deliveries Deliveries
}

// Score is that of one vendor's account.
type Score struct {
	score.Report
	Callbacks score.Callbacks
	Vendor    string
	Requests  int
	Faults    int
	TooMany   int // requests beyond the vendor's limit
	Arrivals  Arrivals
}

// perfect tells whether everything was told right. Arrival in time and keeping to the limit are asked for only when
// nothing goes wrong: a process that is killed forgets what it has asked for.
func (s Score) perfect(calm bool) bool {
	return s.Report.Perfect() && s.Callbacks.Perfect() && (!calm || s.TooMany == 0 && s.Arrivals.OK())
}

// Perfect tells whether everything was told right, and well-formed.
func (r Result) Perfect() bool {
	for _, s := range r.Vendors {
		if !s.perfect(r.Kills == 0) {
			return false
		}
	}
	return len(r.Schema) == 0 && r.Deliveries.OK()
}

func (r Result) String() string {
	s := fmt.Sprintf("== %s: %v of calls, %d kills\n", r.Name, r.Last, r.Kills)
	for _, what := range r.Troubles {
		s += "   " + what + "\n"
	}
	for _, v := range r.Vendors {
		s += fmt.Sprintf("\n-- %s: %d requests, %d of them failed, %d beyond the vendor's limit\n\n%s", v.Vendor, v.Requests, v.Faults, v.TooMany, v.Report)
		s += v.Callbacks.String()
		if r.Kills == 0 {
			s += v.Arrivals.String()
		}
	}
	if r.Restarted > 0 {
		s += fmt.Sprintf("\nup again after a kill: %v on average\n", r.Restarted.Round(time.Millisecond))
	}
	if r.Late >= lookAgain {
		s += fmt.Sprintf("looked again until %v after the calm was over\n", r.Late)
	}
	if r.Deliveries.Events > 0 {
		s += "\n" + r.Deliveries.String()
	}
	for _, broken := range r.Schema {
		s += "schema: " + broken + "\n"
	}
	return s
}

// Run runs s and scores it.
func (s Scenario) Run(ctx context.Context) (Result, error) {
	began := time.Now()
	pbxs := s.show(began)
	url, stop, err := serve(pbxsim.Handler(pbxs))
	if err != nil {
		return Result{}, err
	}
	defer stop()
	c, err := newProcess(s, pbxs, url, began)
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
	if err := s.calmDown(ctx, pbxs); err != nil {
		return Result{}, err
	}
	result, err := s.judge(ctx, evidence{pbxs: pbxs, bus: c.natsURL(), away: c.away, listener: listener, since: since, until: until})
	result.Restarted = c.meanStart()
	return result, errors.Join(err, c.terminate())
}

// calmDown lets callbus catch up without faults.
func (s Scenario) calmDown(ctx context.Context, pbxs []pbxsim.Shown) error {
	for _, p := range pbxs {
		p.SetFaults(pbxsim.Faults{})
	}
	return rest(ctx, s.Calm)
}

// A machine whose disk stands still for half a minute makes callbus late, not wrong: what is not there yet has moreTime to come
// before it counts as left out.
const (
	moreTime  = 90 * time.Second
	lookAgain = 10 * time.Second
)

// evidence is by what a scenario is judged.
type evidence struct {
	pbxs     []pbxsim.Shown
	bus      string // its address
	away     []score.Stretch
	listener *listener
	since    time.Time // when callbus first looked
	until    time.Time // when the trouble was over
	over     time.Time // when the calm was
	read     time.Time
}

// judge scores what callbus has told. What it was expected to have told is fixed when the calm is over.
func (s Scenario) judge(ctx context.Context, e evidence) (Result, error) {
	for over := time.Now(); ; {
		e.over = over
		r, err := s.score(ctx, e)
		r.Late = time.Since(over).Truncate(time.Second)
		if err != nil || r.Perfect() || r.Late > moreTime {
			return r, err
		}
		if err := rest(ctx, lookAgain); err != nil {
			return r, err
		}
	}
}

// show returns each vendor's PBX, with calls of its own.
func (s Scenario) show(start time.Time) []pbxsim.Shown {
	var all []pbxsim.Shown
	for i, v := range s.Vendors {
		world := pbxsim.NewWorld(pbxsim.Config{Seed: s.Seed + 100*uint64(i), Start: start, Rate: v.Rate, Scale: 0.05, Extensions: 500, Callers: 2000, Mix: s.Mix})
		shown := pbxsim.Show(v.Vendor, world, s.Manner, time.Now)
		maps.Copy(shown.Settings, v.Settings)
		shown.Settings["TIMEOUT"] = "2s"
		all = append(all, shown)
	}
	return all
}

// trouble lets the calls go on, and kills callbus at random moments meanwhile.
func (s Scenario) trouble(ctx context.Context, c *process) error {
	rnd := rand.New(rand.NewPCG(s.Seed, 11))
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

func (s Scenario) score(ctx context.Context, e evidence) (Result, error) {
	e.read = time.Now()
	published, broken, err := readStream(ctx, e.bus)
	if err != nil {
		return Result{}, err
	}
	r := Result{Name: s.Name, Last: s.Last, Kills: s.Kills, Schema: broken}
	for i, p := range e.pbxs {
		of := slices.DeleteFunc(slices.Clone(published), func(stored score.Stored) bool { return stored.Account != p.Vendor })
		v := s.Vendors[i].score(p, of, e, s.Manner.Skew)
		v.Callbacks = s.scoreCallbacks(p, of, e.away, e.read)
		r.Vendors = append(r.Vendors, v)
	}
	if s.receiver != nil {
		r.Deliveries = s.receiver.against(published)
	}
	return r, nil
}

func (v Watched) score(p pbxsim.Shown, published []score.Stored, e evidence, skew time.Duration) Score {
	var of []events.Event
	for _, stored := range published {
		of = append(of, stored.Event)
	}
	r := Score{Vendor: v.Vendor, TooMany: p.TooMany()}
	r.Report = score.Of(p.Truth(time.Now()), of, score.Options{
		Since: e.since, Until: e.over, Skew: skew, Grace: v.Grace, Look: 10 * time.Second, SeenAfter: v.Poll + arrivalSlack, RecordsOnly: p.RecordsOnly,
	})
	requests, faults := p.Requests()
	r.Requests = requests
	for _, n := range faults {
		r.Faults += n
	}
	if e.listener != nil {
		r.Arrivals = e.listener.against(p.Truth(e.until), of, v, p.RecordsOnly)
	}
	return r
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

func (s Scenario) data() string { return filepath.Join(s.Folder, "data") }
