package stream

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/callbus/callbus/events"
)

// Publish returns nil only when the stream has stored every event of evs, or had it already. They are stored in their order,
// never a later one without the earlier ones, however many there are.
//
// It waits as long as it takes, until ctx is done; then it returns ctx's cause and the last trouble, and whether the last
// events are stored is not known. A [ConflictError] or [RefusedError] names the event that the stream will not take: those
// before it are stored, it and those after it are not. Publishing again what was published before is always safe.
//
// The events are encoded before Publish waits, and not kept after it has returned.
func (b *Bus) Publish(ctx context.Context, evs ...events.Event) error {
	return b.PublishFenced(ctx, "", evs...)
}

// PublishFenced is [Bus.Publish] for a process that may be thought dead and replaced without knowing it. Once the stream holds an
// event on the subject fence, which nobody can put there twice, it takes none of evs that only this process would make so: a
// call.started that was made from a snapshot, and whose id depends on when that was taken. The error is [ErrFenced]. All others
// have ids that every process makes alike, and places that are taken once.
//
// The server checks one thing of a message, and of those it is the fence. So a caller that does not know whether they were stored
// must read that back before it publishes them again.
func (b *Bus) PublishFenced(ctx context.Context, fence string, evs ...events.Event) error {
	var sent *job
	for len(evs) > 0 {
		if sent == nil && ctx.Err() != nil {
			return fmt.Errorf("publish %d events: none was sent: %w", len(evs), context.Cause(ctx))
		}
		j, refused := encode(evs, fence, b.nc.MaxPayload()) // while the one before is committed
		if err := b.publisher.wait(ctx, sent); err != nil {
			return err
		}
		sent = j
		b.publisher.submit(sent)
		if refused != nil {
			if err := b.publisher.wait(ctx, sent); err != nil {
				return err
			}
			return refused
		}
		evs = evs[len(j.msgs):]
	}
	return b.publisher.wait(ctx, sent)
}

// A job is what one caller waits for: some events to be stored in their order.
type job struct {
	events []events.Event // the caller's; the publisher does not look at them
	msgs   []message      // one for each event
	done   chan error     // gets one answer: nil, a *refusal, or ErrClosed

	gone    atomic.Bool  // the caller waits no longer
	trouble atomic.Value // of type trouble: why it is not stored yet

	// Of the publisher's goroutine alone:
	next  int // messages before it are stored
	taken int // messages before it are in the group that is being made
	end   int // the first message that the stream will never take, or len(msgs): none after it may be stored
}

type trouble struct{ error }

// A message is one event on its way to the stream. After submit only the publisher's goroutine touches it.
type message struct {
	nats.Msg
	job     *job
	index   int // in the job
	id      string
	before  string // id of the revision before this one, which its subject must hold; "" for most: it must hold nothing
	follows bool   // it may follow whatever its subject holds, but itself
	expect  uint64 // the sequence that the subject must be at
	known   bool   // expect is what the stream said, not only likely
	fence   string // the subject that must be empty for it; "" for most
	tried   bool   // it was sent, and may be stored
	stored  bool
	refused error
}

// A refusal is the stream's final word on one message of a job.
type refusal struct {
	index int
	cause error
}

func (r *refusal) Error() string { return r.cause.Error() }

// conflict is the cause of a refusal whose place another event has.
type conflict struct{ stored string }

func (c conflict) Error() string { return "its place is taken by " + c.stored }

// A job is at most one commit's worth, so that one caller's many events leave room for other callers' few.
const (
	jobMessages = batchMessages
	jobBytes    = batchBytes
)

// encode makes a job of as many of evs as fit in one commit. An error concerns the event after the last one in the job.
func encode(evs []events.Event, fence string, maxPayload int64) (*job, error) {
	n := min(len(evs), jobMessages)
	j := &job{msgs: make([]message, 0, n), done: make(chan error, 1)}
	buf := make([]byte, 0, n*1536) // grows, but seldom
	var err error
	for _, e := range evs[:n] {
		if len(buf) > jobBytes {
			break
		}
		start := len(buf)
		if buf, err = appendEvent(buf, e, maxPayload); err != nil {
			err = &RefusedError{Event: e, Cause: err}
			break
		}
		j.add(e, buf[start:len(buf):len(buf)], fence)
	}
	j.events, j.end = evs[:len(j.msgs)], len(j.msgs)
	return j, err
}

// headerRoom is more than the headers of any message of ours, which count towards the server's limit.
const headerRoom = 512

func appendEvent(buf []byte, e events.Event, maxPayload int64) ([]byte, error) {
	if err := checkSubject(e); err != nil {
		return buf, err
	}
	start := len(buf)
	buf, err := e.AppendJSON(buf)
	if err != nil {
		return buf, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if n := int64(len(buf) - start); n+headerRoom > maxPayload {
		return buf, fmt.Errorf("%w: %d bytes, and the server takes %d with headers", ErrTooLarge, n, maxPayload)
	}
	return buf, nil
}

// checkSubject refuses what would go to another subject than its own, or be read as a wildcard.
func checkSubject(e events.Event) error {
	if e.ID == "" || e.Type == "" {
		return fmt.Errorf("%w: it has no id or no type", ErrInvalid)
	}
	if !isToken(e.Account) {
		return fmt.Errorf("%w: account %q is not of [A-Za-z0-9_-]", ErrInvalid, e.Account)
	}
	if !isToken(e.Subject) {
		return fmt.Errorf("%w: subject %q is not of [A-Za-z0-9_-]", ErrInvalid, e.Subject)
	}
	return nil
}

func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-') {
			return false
		}
	}
	return s != ""
}

const (
	hdrMsgID     = jetstream.MsgIDHeader
	hdrExpected  = jetstream.ExpectedLastSubjSeqHeader
	hdrFence     = jetstream.ExpectedLastSubjSeqSubjHeader
	hdrType      = "Content-Type"
	headerFields = 6 // the three of every message, and the three of one in a batch
)

// Header values that all messages share; nobody changes them.
var (
	contentType = []string{events.ContentType}
	expectFirst = []string{"0"}
)

func (j *job) add(e events.Event, data []byte, fence string) {
	h := make(nats.Header, headerFields)
	h[hdrMsgID], h[hdrType], h[hdrExpected] = []string{e.ID}, contentType, expectFirst
	m := message{job: j, index: len(j.msgs), id: e.ID, known: true, follows: recurs(e.Type)}
	m.Subject, m.Header, m.Data = Subject(e), h, data
	if r := revision(e); r > 1 {
		m.before = events.ID(e.Account, e.Subject, e.Type, r-1)
		m.known = r == 2 // the first amendment: its subject is empty
	}
	if fence != "" && isGuess(e) {
		m.fence = fence
		h[hdrFence] = []string{fence}
	}
	j.msgs = append(j.msgs, m)
}

// isGuess tells whether the id of e depends on when a snapshot was taken.
func isGuess(e events.Event) bool {
	c, ok := e.Data.(events.Call)
	return ok && e.Type == events.CallStarted && slices.Contains(c.Evidence, events.FromSnapshot)
}

// revision returns which revision of its fact e is, where its subject may hold several; 1 for all others, of which there is one.
func revision(e events.Event) int {
	if a, ok := e.Data.(events.Amendment); ok {
		return a.Revision
	}
	return 1
}

// recurs tells whether one callback may have several events of type t. Unlike amendments they need not come in unbroken order,
// because reminders whose time has passed are left out; so none can name the one before it. Most are the first on their subject,
// and are published as if they were; the server tells of the others.
func recurs(t events.Type) bool { return t == events.CallbackDue || t == events.CallbackAttempted }

// explain turns the answer to a job into the caller's error.
func (j *job) explain(err error) error {
	r, ok := err.(*refusal)
	if !ok {
		return err
	}
	e := j.events[r.index]
	if c, ok := r.cause.(conflict); ok {
		return &ConflictError{Event: e, Stored: c.stored}
	}
	return &RefusedError{Event: e, Cause: r.cause}
}

// wait returns the answer to j, or why it waits no longer. The nil job has nothing to wait for.
func (p *publisher) wait(ctx context.Context, j *job) error {
	if j == nil {
		return nil
	}
	select {
	case err := <-j.done:
		return j.explain(err)
	default:
	}
	select {
	case err := <-j.done:
		return j.explain(err)
	case <-ctx.Done():
		j.gone.Store(true)
		return gaveUp(ctx, j)
	}
}

func gaveUp(ctx context.Context, j *job) error {
	err := fmt.Errorf("publish %d events: not known to be stored: %w", len(j.msgs), context.Cause(ctx))
	if t, ok := j.trouble.Load().(trouble); ok {
		return fmt.Errorf("%w; the last trouble was: %w", err, t.error)
	}
	return err
}
