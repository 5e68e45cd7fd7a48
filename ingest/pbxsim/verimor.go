package pbxsim

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/callbus/callbus/events"
)

// VerimorConfig says how a Verimor system shows a world. A zero field stands for the default named beside it.
type VerimorConfig struct {
	Key        string         // callbus
	Zone       *time.Location // of every stamp, and of times in a question that name none; Europe/Istanbul
	Skew       time.Duration  // how far the PBX's clock is ahead of the true time
	Latency    Span           // how long every reply takes; no time
	Plain      bool           // the types and forms of the vendor's document, always; else they wobble from call to call
	Ascending  bool           // records are listed oldest first; the vendor does not say
	Limit      int            // list and detail requests in any minute; 6. Below 0, no limit
	RetryAfter bool           // a reply that refuses for the limit says when to come again; the vendor does not say that it does
	Defects    float64        // the share of records with a stamp misprinted as in the vendor's document; 0
	Retain     time.Duration  // how long recordings are kept; for ever when 0
	// ReturnAfter is the time from the record of the call that returns a missed call until the missed call's record
	// names it; no time.
	ReturnAfter Span
	Records     Records
	Faults      Faults // at the beginning: see [Verimor.SetFaults]
}

func (c VerimorConfig) withDefaults() VerimorConfig {
	orDefault(&c.Key, "callbus")
	if c.Zone == nil {
		c.Zone = mustLoad("Europe/Istanbul")
	}
	orDefault(&c.Limit, 6)
	c.Records = c.Records.withDefaults()
	return c
}

// Validate returns everything that is wrong with c, joined, or nil.
func (c VerimorConfig) Validate() error {
	c = c.withDefaults()
	return errors.Join(
		c.Faults.Validate(),
		c.Records.Validate(),
		c.Latency.orderly("Latency"),
		c.ReturnAfter.orderly("ReturnAfter"),
		within("Defects", c.Defects, 0, 1),
		within("Retain", c.Retain.Seconds(), 0, float64(1<<40)),
	)
}

// Verimor shows a world as a Verimor Bulutsantralim system does: GET /cdrs, /cdrs/{call_uuid} and /hangup/{call_uuid},
// each with key=. The vendor has no list of active calls, and keeps faxes apart from its call records: they are neither
// listed nor in the truth. It is an http.Handler and may be used concurrently.
type Verimor struct {
	world   *World
	cfg     VerimorConfig
	clock   func() time.Time
	names   naming
	ledger  *ledger
	limit   *limiter
	trouble *troubled
}

var _ View = (*Verimor)(nil)

// NewVerimor returns a Verimor system that shows world as it is at clock(). It panics when c does not validate.
func NewVerimor(world *World, c VerimorConfig, clock func() time.Time) *Verimor {
	if err := c.Validate(); err != nil {
		panic("pbxsim: " + err.Error())
	}
	c = c.withDefaults()
	return &Verimor{
		world: world, cfg: c, clock: clock, names: naming{world, c.Skew, c.Records},
		ledger: newLedger(world, c.Records, verimorKeeps), limit: &limiter{most: c.Limit}, trouble: newTroubled(world.cfg.Seed, c.Faults),
	}
}

// verimorKeeps tells whether c is among the call records, or among the faxes.
func verimorKeeps(c *Call) bool { return c.Media != events.Fax }

// SetFaults changes how often requests go wrong from now on. It panics when f does not validate.
func (v *Verimor) SetFaults(f Faults) { v.trouble.set(f) }

// Requests returns how many requests there were, and how many of them each fault befell.
func (v *Verimor) Requests() (n int, faults map[Fault]int) { return v.trouble.counts() }

// TooMany returns how many requests were answered with 429, or would have been had no fault befallen them.
func (v *Verimor) TooMany() int { return v.limit.tooMany() }

// ServeHTTP answers one request.
func (v *Verimor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", v.clock().Add(v.cfg.Skew).UTC().Format(http.TimeFormat)) // the web server has the PBX's clock
	answer := v.route(r.URL.Path)
	switch {
	case answer == nil:
		send(w, page(http.StatusNotFound, "404 Not Found"))
		return
	case r.Method != http.MethodGet:
		send(w, page(http.StatusMethodNotAllowed, "405 Method Not Allowed"))
		return
	}
	ask := r.URL.Query()
	key := ask.Get("key")
	known := subtle.ConstantTimeCompare([]byte(key), []byte(v.cfg.Key)) == 1
	late := known && !strings.HasPrefix(r.URL.Path, "/hangup/") && v.tooSoon(w.Header())
	v.trouble.serve(w, r, func(q request) reply {
		_ = wait(r.Context(), die(q.rng.Uint64()).within(v.cfg.Latency))
		switch {
		case !known:
			return verimorText(http.StatusBadRequest, "Gecersiz anahtar: "+key)
		case late:
			return verimorText(http.StatusTooManyRequests, "Too Many Requests")
		}
		return answer(q, ask)
	})
}

// route returns what answers a request for path, or nil.
func (v *Verimor) route(path string) func(request, url.Values) reply {
	if path == "/cdrs" {
		return v.cdrs
	}
	if id, ok := strings.CutPrefix(path, "/cdrs/"); ok {
		return func(q request, _ url.Values) reply { return v.detail(q, id) }
	}
	if id, ok := strings.CutPrefix(path, "/hangup/"); ok {
		return func(q request, _ url.Values) reply { return v.hangup(id) }
	}
	return nil
}

// tooSoon counts a request when it arrives, however long its reply takes, and tells whether it is beyond the limit.
func (v *Verimor) tooSoon(h http.Header) bool {
	wait, ok := v.limit.admit(v.clock())
	if !ok && v.cfg.RetryAfter {
		h.Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	}
	return !ok
}

// verimorText is a reply for people: the vendor writes no JSON when something is wrong.
func verimorText(status int, text string) reply {
	return reply{status, "text/plain; charset=utf-8", []byte(text)}
}

// refuse is how a request fails without a reason.
func (v *Verimor) refuse(q request) reply {
	v.trouble.note(q.fault)
	return verimorText(http.StatusBadRequest, "Genel Hata")
}

// hangup is never refused without a reason: a call that was ended must not be reported as one that was not.
func (v *Verimor) hangup(id string) reply {
	now := v.clock()
	if c := v.names.find(id, now); c != nil && v.world.Hangup(c.N, now) {
		return verimorText(http.StatusOK, "+OK")
	}
	return verimorText(http.StatusBadRequest, "No such channel!")
}

// Truth returns the truth of every call that began at or before until, in order of beginning, but for faxes. That a
// missed call was returned is part of it when the call back began by then.
func (v *Verimor) Truth(until time.Time) []Truth {
	var truths []Truth
	calls := v.world.Calls(until)
	returns := firstReturns(calls)
	for _, c := range calls {
		if !verimorKeeps(c) {
			continue
		}
		rec := v.record(c)
		_, outcome := v.result(c)
		truths = append(truths, Truth{
			Call: c, VendorIDs: map[string]string{"call_uuid": v.names.of(c)}, Queue: queueID(c), Outcome: outcome,
			Appears: rec.appears, Readable: rec.readable, Corrected: rec.correction, Returned: v.mark(c, rec, returns[c.N]),
		})
	}
	return truths
}

func (v *Verimor) record(c *Call) record { return v.cfg.Records.of(c, v.world.cfg.Seed) }

func (v *Verimor) die(c *Call, matter string) die { return dieOf(v.world.cfg.Seed, c.N, matter) }

// mark is when the record of c begins to say that it was returned by back; nil when there is no such call. A record
// that still says that c was answered, or that cannot be read, does not.
func (v *Verimor) mark(c *Call, rec record, back *Call) *Mark {
	if back == nil || !c.Missed {
		return nil
	}
	at := v.record(back).appears.Add(v.die(c, "return after").within(v.cfg.ReturnAfter))
	if at.Before(rec.readable) {
		at = rec.readable
	}
	if rec.correction != nil && rec.correction.Outcome == events.Answered && at.Before(rec.correction.At) {
		at = rec.correction.At
	}
	return &Mark{At: at, CallID: v.names.of(back)}
}
