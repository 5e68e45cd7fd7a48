package pbxsim

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/callbus/callbus/events"
)

// BulutfonConfig says how a Bulutfon system shows a world. A zero field stands for the default named beside it.
type BulutfonConfig struct {
	Token    string           // callbus
	Email    string           // with Password, the other way to be admitted; none when either is ""
	Password string           //
	Revision BulutfonRevision // of the vendor's document, by which records are written; Bulutfon2017
	Details  BulutfonDetails  // of which calls the truth reckons that the reader asks for the detail; DetailsOfMissed
	Zone     *time.Location   // of every stamp; Europe/Istanbul
	Skew     time.Duration    // how far the PBX's clock is ahead of the true time
	Latency  Span             // how long every reply takes; no time
	Plain    bool             // the types and forms of the vendor's document, always; else they wobble from call to call
	Limit    int              // requests in any minute; no limit when 0
	Retain   time.Duration    // how long recordings are kept; for ever when 0
	Records  Records
	Faults   Faults // at the beginning: see [Bulutfon.SetFaults]
}

// BulutfonRevision says by which revision of the vendor's document records are written.
type BulutfonRevision int

const (
	Bulutfon2017  BulutfonRevision = iota // missing_call; prices and extensions are text; call_record in English
	Bulutfon2015                          // no missing_call; prices and extensions are numbers; call_record in Turkish
	BulutfonMixed                         // one or the other, from call to call
)

// BulutfonDetails says whose details a reader asks for. A record names no queue, its detail does, so what can be known
// of the queue depends on the reader.
type BulutfonDetails int

const (
	// DetailsOfMissed are those of calls that were ever said to be missed, and of those inbound calls of which only
	// the detail tells whether they were.
	DetailsOfMissed BulutfonDetails = iota
	DetailsOfAll                    // of every inbound call
	DetailsOfNone
)

func (c BulutfonConfig) withDefaults() BulutfonConfig {
	orDefault(&c.Token, "callbus")
	if c.Zone == nil {
		c.Zone = mustLoad("Europe/Istanbul")
	}
	c.Records = c.Records.withDefaults()
	return c
}

// Validate returns everything that is wrong with c, joined, or nil.
func (c BulutfonConfig) Validate() error {
	c = c.withDefaults()
	return errors.Join(
		c.Faults.Validate(),
		c.Records.Validate(),
		c.Latency.orderly("Latency"),
		within("Revision", float64(c.Revision), float64(Bulutfon2017), float64(BulutfonMixed)),
		within("Details", float64(c.Details), float64(DetailsOfMissed), float64(DetailsOfNone)),
		within("Limit", float64(c.Limit), 0, 1e9),
		within("Retain", c.Retain.Seconds(), 0, float64(1<<40)),
	)
}

// Bulutfon shows a world as a Bulutfon system does (v1): GET /cdrs and /cdrs/{uuid}, with or without .json behind, each
// with access_token=, or email= and password=. The vendor has no list of active calls, and ends none. It is an
// http.Handler and may be used concurrently.
type Bulutfon struct {
	world   *World
	cfg     BulutfonConfig
	clock   func() time.Time
	names   naming
	ledger  *ledger
	limit   *limiter
	trouble *troubled
}

var _ View = (*Bulutfon)(nil)

// NewBulutfon returns a Bulutfon system that shows world as it is at clock(). It panics when c does not validate.
func NewBulutfon(world *World, c BulutfonConfig, clock func() time.Time) *Bulutfon {
	if err := c.Validate(); err != nil {
		panic("pbxsim: " + err.Error())
	}
	c = c.withDefaults()
	return &Bulutfon{
		world: world, cfg: c, clock: clock, names: naming{world, c.Skew, c.Records},
		ledger: newLedger(world, c.Records, func(*Call) bool { return true }),
		limit:  &limiter{most: c.Limit}, trouble: newTroubled(world.cfg.Seed, c.Faults),
	}
}

// SetFaults changes how often requests go wrong from now on. It panics when f does not validate.
func (b *Bulutfon) SetFaults(f Faults) { b.trouble.set(f) }

// Requests returns how many requests there were, and how many of them each fault befell.
func (b *Bulutfon) Requests() (n int, faults map[Fault]int) { return b.trouble.counts() }

// TooMany returns how many requests were answered with 429, or would have been had no fault befallen them.
func (b *Bulutfon) TooMany() int { return b.limit.tooMany() }

// ServeHTTP answers one request.
func (b *Bulutfon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", b.clock().Add(b.cfg.Skew).UTC().Format(http.TimeFormat)) // the web server has the PBX's clock
	path := strings.TrimSuffix(r.URL.Path, ".json")
	id, isDetail := strings.CutPrefix(path, "/cdrs/")
	switch {
	case path != "/cdrs" && !isDetail:
		send(w, page(http.StatusNotFound, "404 Not Found"))
		return
	case r.Method != http.MethodGet:
		send(w, page(http.StatusMethodNotAllowed, "405 Method Not Allowed"))
		return
	}
	ask := r.URL.Query()
	known := b.admits(ask)
	late := known && b.tooSoon()
	b.trouble.serve(w, r, func(q request) reply {
		_ = wait(r.Context(), die(q.rng.Uint64()).within(b.cfg.Latency))
		switch {
		case !known:
			return bulutfonError(http.StatusUnauthorized, `{"error":"Unauthorized","code":401}`)
		case late:
			return bulutfonError(http.StatusTooManyRequests, `{"error":"Too many requests","code":429}`)
		case q.fault == Refused:
			return b.refuse(q)
		case isDetail:
			return b.detail(id)
		}
		return b.cdrs(q, ask, "http://"+r.Host+r.URL.Path)
	})
}

func (b *Bulutfon) admits(ask url.Values) bool {
	token := subtle.ConstantTimeCompare([]byte(ask.Get("access_token")), []byte(b.cfg.Token))
	email := subtle.ConstantTimeCompare([]byte(ask.Get("email")), []byte(b.cfg.Email))
	password := subtle.ConstantTimeCompare([]byte(ask.Get("password")), []byte(b.cfg.Password))
	return token == 1 || b.cfg.Email != "" && b.cfg.Password != "" && email&password == 1
}

// tooSoon counts a request when it arrives, however long its reply takes, and tells whether it is beyond the limit.
func (b *Bulutfon) tooSoon() bool {
	_, ok := b.limit.admit(b.clock())
	return !ok
}

// bulutfonError is a reply without records. The body of a bad request is empty.
func bulutfonError(status int, body string) reply { return reply{status, jsonType, []byte(body)} }

// refuse is how a request fails without a reason.
func (b *Bulutfon) refuse(q request) reply {
	b.trouble.note(q.fault)
	return bulutfonError(http.StatusBadRequest, "")
}

// Truth returns the truth of every call that began at or before until, in order of beginning. The vendor never marks a
// missed call as returned.
func (b *Bulutfon) Truth(until time.Time) []Truth {
	var truths []Truth
	for _, c := range b.world.Calls(until) {
		rec := b.record(c)
		_, _, outcome := b.hangup(c)
		truths = append(truths, Truth{
			Call: c, VendorIDs: map[string]string{"uuid": b.names.of(c)}, Queue: b.queueKnown(c, rec), Outcome: outcome,
			Appears: rec.appears, Readable: rec.readable, Corrected: rec.correction,
		})
	}
	return truths
}

// queueKnown is the queue that a reader can know who asks for the details that the configuration says. One whose
// record was said to be missed by mistake counts: the detail was asked for by then, and stays true.
func (b *Bulutfon) queueKnown(c *Call, rec record) string {
	wasMissed := c.Missed || rec.correction != nil && rec.correction.Outcome == events.NoAnswer
	asked := wasMissed || !b.saysMissed(c) // without missing_call, the detail of every inbound call that was picked up
	switch {
	case c.Direction != events.Inbound, b.cfg.Details == DetailsOfNone:
		return ""
	case b.cfg.Details == DetailsOfAll || asked:
		return queueID(c)
	}
	return ""
}

// record leaves out corrections that only a detail would show, which nobody reads twice: whether a menu or a person
// answered, by the revision that does not tell.
func (b *Bulutfon) record(c *Call) record {
	rec := b.cfg.Records.of(c, b.world.cfg.Seed)
	if rec.correction != nil && rec.correction.Outcome != "" && c.Direction == events.Inbound && c.machinePickedUp() && !b.saysMissed(c) {
		rec.correction = nil
	}
	return rec
}

func (b *Bulutfon) die(c *Call, matter string) die { return dieOf(b.world.cfg.Seed, c.N, matter) }

// saysMissed tells whether the record of c is written by the revision that has missing_call.
func (b *Bulutfon) saysMissed(c *Call) bool {
	if b.cfg.Revision == BulutfonMixed {
		return b.die(c, "revision").chance(0.5)
	}
	return b.cfg.Revision == Bulutfon2017
}
