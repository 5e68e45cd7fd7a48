package ingest

import (
	"slices"
	"time"

	"github.com/callbus/callbus/events"
)

// Observation is what was seen of an account at one moment: a [Snapshot], a [Page] or a [Failure].
type Observation interface{ observe(*Tracker) []events.Event }

// TrackerConfig says whose calls a [Tracker] follows, and how.
type TrackerConfig struct {
	Account  string
	Provider string
	Settings Settings
	// FirstSeen is when callbus first saw the account: what becomes of calls that ended before is Settings.First.
	FirstSeen time.Time
	// Since is when this tracker began to look: an account that was never read since then has a gap from there.
	Since time.Time
	// RecordKey is the provider's (see CDRReader). Nil where the vendor has no records.
	RecordKey func(events.Call) string
	// Details is true where the vendor tells more of a call when it is asked for that call alone (see DetailReader).
	Details bool
	// Backfill is true for a tracker of the past: everything it tells is backfill.
	Backfill bool
}

// Tracker works out what happened from what was seen. It is a value with state and no I/O: it reads no clock, logs
// nothing, and the same observations always give the same events, in the same order.
//
// What it makes of each thing seen:
//
//	a call not seen before                 started (and answered, if it is talking already)
//	a call that talks now                  answered
//	a call unchanged, or seen twice        nothing
//	a call gone from one whole snapshot    nothing yet: the record is asked for (Missing)
//	gone for SETTLE, and no record         ended, provisional; whether it was missed waits for the record
//	gone, and there again                  nothing: it was never gone; if it had ended, the amendment follows
//	gone while polls fail                  nothing: no information is not absence
//	its channel carries another call       gone, and a call not seen before
//	its record                             ended, final (and missed)
//	its record after a provisional end     missed if it is, then amended
//	a record of no call seen               started, answered if it was, ended, missed if it was
//	a snapshot that still shows it then    nothing
//	a record that says something new       missed if it is now, then amended
//	a record seen before                   nothing
//	a record of a call of several rows     nothing until SETTLE after the last; then as above
//	a record that leaves open who answered nothing until the detail is here; then as above
//	the detail of a call                   amended, by what it adds
//
// It is not safe for concurrent use: one goroutine owns it.
type Tracker struct {
	cfg   TrackerConfig
	tally Tally

	byID     map[string]*call
	byRecord map[string]*call
	// byChannel holds every remembered call that a snapshot showed, live or over.
	byChannel map[string][]*call
	live      map[string]*call // by channel: calls that the last snapshot showed, or that are gone but not over
	gone      []*call          // calls that the last snapshot did not show, and that are not over
	unjoined  parties          // calls that snapshots showed and no record is known of
	awaiting  []*call          // calls that ended without a record, lately or undecided whether they were missed
	unseen    parties          // calls that ended lately, known from their record alone

	held    map[string]*held // records that are waited with, by key
	wanting map[string]*call // calls a detail of which is to be asked for, by the key of their record

	lineup       lineup    // the calls in the order of the last snapshot's rows
	round        uint64    // counts snapshots
	lastSnapshot time.Time // when the newest was here
	asked        time.Time // when it was asked for
	askedBefore  time.Time // and the one before it
	now          time.Time // of the newest observation
	forgotten    time.Time // when forget last ran
	clock        clockOffset
	gaps         map[events.List]*gap
}

// Tally counts what a tracker did since it was made. A join that silently matches nothing is the classic failure of
// a vendor whose snapshot and record share no id: Joined stays 0 while Unjoined grows.
type Tally struct {
	Joined      int // records that were found to be of a call that snapshots had shown
	RecordOnly  int // records of calls that no snapshot had shown
	Provisional int // calls that ended without a record in time
	Late        int // of these, the record came later
	Amended     int
	Stale       int // rows of snapshots that showed a call after its record said it was over
	Audit       Audit
}

// NewTracker returns a tracker that has seen nothing. Restore gives it its past.
func NewTracker(cfg TrackerConfig) *Tracker {
	return &Tracker{
		cfg:       cfg,
		byID:      map[string]*call{},
		byRecord:  map[string]*call{},
		byChannel: map[string][]*call{},
		live:      map[string]*call{},
		unjoined:  parties{},
		unseen:    parties{},
		held:      map[string]*held{},
		wanting:   map[string]*call{},
		gaps:      map[events.List]*gap{},
	}
}

// Observe takes in what was seen and returns what that means, in the order in which it is to be published.
func (t *Tracker) Observe(o Observation) []events.Event { return o.observe(t) }

// Tally returns what the tracker has counted so far.
func (t *Tracker) Tally() Tally { return t.tally }

// GapOpen tells whether list could not be read for so long that it was said aloud, and still cannot.
func (t *Tracker) GapOpen(list events.List) bool { return t.gap(list).open != nil }

// Live returns how many calls are going on, as far as is known.
func (t *Tracker) Live() int { return len(t.live) }

// Missing returns the windows in which the records begin that are waited for: of calls that are gone from the
// snapshots, and for how long at most (then the ordinary sweeps must do). Windows do not overlap; the newest is first.
func (t *Tracker) Missing(within time.Duration) []Window {
	var ws []Window
	for _, cs := range [][]*call{t.gone, t.awaiting} {
		for _, c := range cs {
			if !c.goneAt.IsZero() && !c.recorded() && t.now.Sub(c.goneAt) <= within {
				ws = append(ws, Window{c.began.From.Add(-joinTolerance), c.began.To.Add(joinTolerance)})
			}
		}
	}
	return merged(ws)
}

// remember is how long after a call's begin its record is still taken for new, beyond the look-back; what the tracker
// knows of a call is kept for twice as long, so that a record can never outlive the knowledge that it was published.
const remember = time.Hour

// knownSince is the moment before which a record that is not known may have been known once.
func (t *Tracker) knownSince() time.Time { return t.now.Add(-t.cfg.Settings.Lookback - remember) }

// forget drops calls that began too long ago for their record to be taken for a new one.
func (t *Tracker) forget() {
	if t.now.Sub(t.forgotten) < remember/6 {
		return
	}
	t.forgotten = t.now
	defer func() {
		t.awaiting = slices.DeleteFunc(t.awaiting, func(c *call) bool { return t.byID[c.facts.CallID] != c })
	}()
	t.forgetUnseen()
	horizon := t.knownSince().Add(-remember)
	for _, c := range t.byID {
		if c.ended && !c.present && c.began.To.Before(horizon) && t.now.Sub(*c.facts.EndedAt) > remember {
			t.drop(c)
		}
	}
}

func (t *Tracker) drop(c *call) {
	delete(t.byID, c.facts.CallID)
	if c.record != "" {
		delete(t.byRecord, c.record)
		delete(t.wanting, c.record)
	}
	if rest := without(t.byChannel[c.channel], c); len(rest) > 0 {
		t.byChannel[c.channel] = rest
	} else {
		delete(t.byChannel, c.channel)
	}
	t.unjoined.remove(c)
	t.unseen.remove(c)
}

func (t *Tracker) advance(at time.Time) {
	if at.After(t.now) {
		t.now = at
	}
}

func (t *Tracker) forgetUnseen() {
	for _, cs := range t.unseen {
		for _, c := range slices.Clone(cs) {
			if t.now.Sub(t.clock.ours(*c.facts.EndedAt)) > unseenFor {
				t.unseen.remove(c)
			}
		}
	}
}
