package pbxsim

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// While1Config says how a While1 Voice system shows a world. A zero field stands for the default named beside it. For
// (next to) none of a Span that has a default, set its Max to 1 ns.
type While1Config struct {
	Token    string         // the bearer token; callbus
	Key      string         // of api_hash; empty: the vendor asks for no hash
	Zone     *time.Location // of every stamp; Europe/Bucharest
	Skew     time.Duration  // how far the PBX's clock is ahead of the true time
	Latency  Span           // how long every reply takes; no time
	Plain    bool           // scalars and counts as in the vendor's document, always; else they wobble
	NeedRead bool           // an older installation: the parameter action of /api/cdr must be read
	Newest   bool           // rows are listed newest first; else in the order of their ids

	Spread       Span    // from the first row of a call to its last, as they are written; 0 to 3 s
	LateRowRate  float64 // the share of calls with several rows of which one, never the first, is written after the others,
	LateRow      Span    // by so much; 12 to 60 s
	RecoverAfter Span    // from the record of a call that returned a missed one until that one is marked; 0 to 5 s

	Records Records
	Faults  Faults // at the beginning: see [While1.SetFaults]
}

func (c While1Config) withDefaults() While1Config {
	orDefault(&c.Token, "callbus")
	if c.Zone == nil {
		c.Zone = mustLoad("Europe/Bucharest")
	}
	orDefault(&c.Spread, Span{0, 3 * time.Second})
	orDefault(&c.LateRow, Span{12 * time.Second, time.Minute})
	orDefault(&c.RecoverAfter, Span{0, 5 * time.Second})
	c.Records = c.Records.withDefaults()
	return c
}

// Validate returns everything that is wrong with c, joined, or nil.
func (c While1Config) Validate() error {
	c = c.withDefaults()
	return errors.Join(
		c.Faults.Validate(),
		c.Records.Validate(),
		c.Latency.orderly("Latency"),
		c.Spread.orderly("Spread"),
		c.LateRow.orderly("LateRow"),
		c.RecoverAfter.orderly("RecoverAfter"),
		within("LateRowRate", c.LateRowRate, 0, 1),
	)
}

// While1 shows a world as a While1 Voice system does: GET or POST /api/cdr and /api/channel. It is an http.Handler and
// may be used concurrently.
//
// A row's id is its place in the order in which the PBX wrote all rows, so the view keeps a log of them, as far as its
// clock has gone. The world may be hung up in as long as nobody does so for a moment that this clock has passed.
type While1 struct {
	world   *World
	cfg     While1Config
	clock   func() time.Time
	trouble *troubled

	mu         sync.Mutex
	log        while1Log
	hangupAlls int
}

var _ View = (*While1)(nil)

// NewWhile1 returns a While1 Voice system that shows world as it is at clock(). It panics when c does not validate.
func NewWhile1(world *World, c While1Config, clock func() time.Time) *While1 {
	if err := c.Validate(); err != nil {
		panic("pbxsim: " + err.Error())
	}
	return &While1{
		world: world, cfg: c.withDefaults(), clock: clock, trouble: newTroubled(world.cfg.Seed, c.Faults),
		log: newWhile1Log(world.cfg.Start),
	}
}

// SetFaults changes how often requests go wrong from now on. It panics when f does not validate.
func (v *While1) SetFaults(f Faults) { v.trouble.set(f) }

// Requests returns how many requests there were, and how many of them each fault befell.
func (v *While1) Requests() (n int, faults map[Fault]int) { return v.trouble.counts() }

// TooMany is 0: the vendor publishes no limit.
func (v *While1) TooMany() int { return 0 }

// HangupAlls returns how often a hangup came that named no channel, and so ended every call.
func (v *While1) HangupAlls() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.hangupAlls
}

// ServeHTTP answers one request.
func (v *While1) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", v.clock().Add(v.cfg.Skew).UTC().Format(http.TimeFormat)) // the web server has the PBX's clock
	if r.URL.Path != "/api/cdr" && r.URL.Path != "/api/channel" {
		send(w, page(http.StatusNotFound, "404 Not Found"))
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		send(w, page(http.StatusMethodNotAllowed, "405 Method Not Allowed"))
		return
	}
	v.trouble.serve(w, r, func(q request) reply {
		_ = wait(r.Context(), die(q.rng.Uint64()).within(v.cfg.Latency))
		return v.answer(q, r)
	})
}

func (v *While1) answer(q request, r *http.Request) reply {
	if !v.admits(r) {
		refusal := while1Error("Invalid API token")
		refusal.status = http.StatusUnauthorized
		return refusal
	}
	ask, err := while1Params(r)
	if err != nil {
		return while1Error("Invalid request: " + err.Error())
	}
	if !v.signed(ask) {
		return while1Error("Invalid API hash")
	}
	if r.URL.Path == "/api/channel" {
		return v.channel(ask)
	}
	return v.cdrs(q, ask)
}

func (v *While1) admits(r *http.Request) bool {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return ok && subtle.ConstantTimeCompare([]byte(token), []byte(v.cfg.Token)) == 1
}

// signed tells whether the hash in ask is that of its other parameters, where one is asked for.
func (v *While1) signed(ask *phpArray) bool {
	if v.cfg.Key == "" {
		return true
	}
	want := apiHash(ask, v.cfg.Key)
	return subtle.ConstantTimeCompare([]byte(ask.text("api_hash")), []byte(want)) == 1
}

// Truth returns the truth of every call that began at or before until, in order of beginning. A record has the id that
// it was given by until, or by now if that is later; before it is written, that id is "". Likewise a missed call is
// Returned once the call that did so has ended by then.
func (v *While1) Truth(until time.Time) []Truth {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.extend(&v.log, v.clock())
	log := &v.log
	if until.After(log.covered) { // what is told of the future must not be written in the log: somebody may hang up
		log = v.log.clone()
		v.extend(log, until)
	}
	var truths []Truth
	for _, c := range v.world.Calls(until) {
		truths = append(truths, v.truth(log, v.written(c)))
	}
	return truths
}

func (v *While1) truth(log *while1Log, k *while1Call) Truth {
	t := Truth{
		Call:      k.Call,
		VendorIDs: map[string]string{"linkedid": k.linkedid, "uniqueid": k.linkedid, "id": ""},
		Channel:   while1Channel(k.Call), Queue: queueID(k.Call),
		Appears: k.appears, Readable: k.readable, Corrected: k.rec.correction,
	}
	if id, ok := log.first[k.N]; ok {
		t.VendorIDs["id"] = strconv.Itoa(id)
	}
	if at, ok := log.recovered[k.N]; ok {
		t.Returned = &Mark{At: at}
	}
	return t
}

func (v *While1) die(c *Call, matter string) die {
	return dieOf(v.world.cfg.Seed, c.N, "while1 "+matter)
}

// wall is what the PBX's clock on the wall shows at the true time t, in seconds, as if that were UTC.
func (v *While1) wall(t time.Time) int64 {
	t = t.Add(v.cfg.Skew).In(v.cfg.Zone)
	_, east := t.Zone()
	return t.Unix() + int64(east)
}

// stamp is what the vendor writes for the true time t: the clock on the wall, without zone.
func (v *While1) stamp(t time.Time) string {
	return time.Unix(v.wall(t), 0).UTC().Format(time.DateTime)
}
