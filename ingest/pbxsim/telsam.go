package pbxsim

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"time"
	_ "time/tzdata" // the vendors' zones must be known also where the system has none

	"github.com/callbus/callbus/events"
)

// TelsamConfig says how a Telsam system shows a world. A zero field stands for the default named beside it.
type TelsamConfig struct {
	Username string         // callbus
	Password string         // callbus
	Zone     *time.Location // of every stamp; Europe/Istanbul
	Bounds   TelsamBounds   // which calls a span of minutes takes in; BoundsInstant
	Skew     time.Duration  // how far the PBX's clock is ahead of the true time
	Jitter   time.Duration  // over how much a running duration wobbles between replies; 1 s. For none, 1 ns
	Latency  Span           // how long every reply takes; no time
	Plain    bool           // scalars and wrapping as in the vendor's document, always; else they wobble
	Records  Records
	Faults   Faults // at the beginning: see [Telsam.SetFaults]
}

// TelsamBounds says which calls are in a span date1 to date2, which are minutes.
type TelsamBounds int

const (
	BoundsInstant TelsamBounds = iota // date1 <= start <= date2, both at their second 00
	BoundsMinute                      // also the whole last minute
	BoundsOpen                        // date1 < start < date2
)

func (c TelsamConfig) withDefaults() TelsamConfig {
	orDefault(&c.Username, "callbus")
	orDefault(&c.Password, "callbus")
	if c.Zone == nil {
		c.Zone = mustLoad("Europe/Istanbul")
	}
	orDefault(&c.Jitter, time.Second)
	c.Records = c.Records.withDefaults()
	return c
}

func mustLoad(zone string) *time.Location {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		panic("pbxsim: " + err.Error()) // embedded: see the import of time/tzdata
	}
	return loc
}

// Validate returns everything that is wrong with c, joined, or nil.
func (c TelsamConfig) Validate() error {
	c = c.withDefaults()
	return errors.Join(
		c.Faults.Validate(),
		c.Records.Validate(),
		c.Latency.orderly("Latency"),
		within("Bounds", float64(c.Bounds), float64(BoundsInstant), float64(BoundsOpen)),
		within("Jitter", c.Jitter.Seconds(), 0, 5),
	)
}

// Telsam shows a world as a Telsam system does: GET /?username=&password=&action=activecalls|cdr|hangupcall, and the
// same at /api/old/get. It is an http.Handler and may be used concurrently.
type Telsam struct {
	world   *World
	cfg     TelsamConfig
	clock   func() time.Time
	trouble *troubled
}

var _ View = (*Telsam)(nil)

// NewTelsam returns a Telsam system that shows world as it is at clock(). It panics when c does not validate.
func NewTelsam(world *World, c TelsamConfig, clock func() time.Time) *Telsam {
	if err := c.Validate(); err != nil {
		panic("pbxsim: " + err.Error())
	}
	return &Telsam{world: world, cfg: c.withDefaults(), clock: clock, trouble: newTroubled(world.cfg.Seed, c.Faults)}
}

// SetFaults changes how often requests go wrong from now on. It panics when f does not validate.
func (t *Telsam) SetFaults(f Faults) { t.trouble.set(f) }

// Requests returns how many requests there were, and how many of them each fault befell.
func (t *Telsam) Requests() (n int, faults map[Fault]int) { return t.trouble.counts() }

// TooMany is 0: the vendor publishes no limit.
func (t *Telsam) TooMany() int { return 0 }

// ServeHTTP answers one request.
func (t *Telsam) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", t.clock().Add(t.cfg.Skew).UTC().Format(http.TimeFormat)) // the web server has the PBX's clock
	if r.URL.Path != "/" && r.URL.Path != "" && r.URL.Path != "/api/old/get" {
		send(w, page(http.StatusNotFound, "404 Not Found"))
		return
	}
	if r.Method != http.MethodGet {
		send(w, page(http.StatusMethodNotAllowed, "405 Method Not Allowed"))
		return
	}
	t.trouble.serve(w, r, func(q request) reply {
		_ = wait(r.Context(), die(q.rng.Uint64()).within(t.cfg.Latency))
		return t.answer(q, r.URL.Query())
	})
}

// The codes the vendor answers with, bare, where it does not understand.
const (
	telsamBadAction = "07"
	telsamNoChannel = "13"
)

func (t *Telsam) answer(q request, ask url.Values) reply {
	if !t.admits(ask) {
		return t.refuse(q)
	}
	switch ask.Get("action") {
	case "activecalls":
		return t.activeCalls(q)
	case "cdr":
		return t.cdrs(q, ask)
	case "hangupcall":
		return t.hangup(q, ask.Get("channel"))
	}
	return reply{http.StatusOK, htmlType, []byte(telsamBadAction)}
}

func (t *Telsam) admits(ask url.Values) bool {
	user := subtle.ConstantTimeCompare([]byte(ask.Get("username")), []byte(t.cfg.Username))
	password := subtle.ConstantTimeCompare([]byte(ask.Get("password")), []byte(t.cfg.Password))
	return user&password == 1
}

func (t *Telsam) hangup(q request, channel string) reply {
	if channel == "" {
		return reply{http.StatusOK, htmlType, []byte(telsamNoChannel)}
	}
	q.fault = "" // a call that was ended must not be reported as one that was not
	now := t.clock()
	for _, c := range t.world.Active(now) {
		if telsamChannel(c) == channel && t.world.Hangup(c.N, now) {
			return t.list(q, &rows{})
		}
	}
	return t.refuse(q)
}

// Truth returns the truth of every call that began at or before until, in order of beginning.
func (t *Telsam) Truth(until time.Time) []Truth {
	var truths []Truth
	for _, c := range t.world.Calls(until) {
		rec := t.record(c)
		truths = append(truths, Truth{
			Call: c, VendorIDs: telsamIDs(c), Channel: telsamChannel(c), Queue: queueID(c),
			Appears: rec.appears, Readable: rec.readable, Corrected: rec.correction,
		})
	}
	return truths
}

func (t *Telsam) record(c *Call) record { return t.cfg.Records.of(c, t.world.cfg.Seed) }

// telsamChannel is the vendor's name for the channel of c.
func telsamChannel(c *Call) string {
	if c.Trunk != "" && c.Direction == events.Inbound {
		return "SIP/trunk-sip-" + c.Channel
	}
	return "SIP/" + c.Channel
}
