package stream

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// A publisher commits for all callers together. Its goroutine takes what is waiting, commits it, answers, and takes again.
type publisher struct {
	line     *line
	pace     pace
	maxBatch int // lowered when the server takes less
	window   int // how many messages the next commit takes at most; see commit

	mu      sync.Mutex
	arrived []*job
	closed  bool
	signal  chan struct{} // something has arrived

	troubled time.Time // since when nothing can be committed; zero when it can

	quit chan struct{} // closed by stop
	done chan struct{} // closed when the goroutine has ended

	waiting []*job // of the goroutine, as all below
	group   []*message
	taken   map[string]struct{} // subjects in the group
}

func startPublisher(nc *nats.Conn, replicas int) (*publisher, error) {
	quit := make(chan struct{})
	l, err := newLine(nc, Name, quit)
	if err != nil {
		return nil, err
	}
	p := &publisher{
		line: l, pace: newPace(replicas), maxBatch: batchMessages, window: batchMessages,
		signal: make(chan struct{}, 1), quit: quit, done: make(chan struct{}),
		taken: make(map[string]struct{}, batchMessages),
	}
	go p.run()
	return p, nil
}

func (p *publisher) stop() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	close(p.quit)
	<-p.done
}

func (p *publisher) submit(j *job) {
	p.mu.Lock()
	closed := p.closed
	if !closed {
		p.arrived = append(p.arrived, j)
	}
	p.mu.Unlock()
	if closed {
		j.done <- ErrClosed
		return
	}
	select {
	case p.signal <- struct{}{}:
	default: // it is told already
	}
}

func (p *publisher) run() {
	defer close(p.done)
	defer p.line.close()
	for n := 0; p.take(); {
		p.makeGroup()
		err := p.commit(p.group)
		p.answer()
		if err == nil {
			n, p.window, p.troubled = 0, min(2*p.window, p.maxBatch), time.Time{}
			continue
		}
		p.window = 1
		if n++; !p.pause(n, err) {
			break
		}
	}
	p.answerAll(ErrClosed)
}

// take waits until there is something to commit; false says that the publisher is to end.
func (p *publisher) take() bool {
	for {
		p.mu.Lock()
		p.waiting = append(p.waiting, p.arrived...)
		clear(p.arrived)
		p.arrived = p.arrived[:0]
		closed := p.closed
		p.mu.Unlock()
		if closed {
			return false
		}
		if len(p.waiting) > 0 {
			return true
		}
		select {
		case <-p.signal:
		case <-p.quit:
		}
	}
}

// makeGroup takes from the waiting jobs what goes into the next commit: first the same share from each, so that a caller
// with one event is not kept waiting by those with thousands; then what still fits, in order of arrival.
func (p *publisher) makeGroup() {
	clear(p.taken)
	p.group = p.group[:0]
	share := (p.maxBatch + len(p.waiting) - 1) / len(p.waiting)
	room := batchBytes
	for _, j := range p.waiting {
		j.taken = j.next
		room = p.takeFrom(j, share, room)
	}
	for _, j := range p.waiting {
		room = p.takeFrom(j, p.maxBatch, room)
	}
}

// takeFrom adds up to n messages of j to the group, and returns the room that is left. It stops where a message's subject is
// in the group already: the server checks a subject once in a batch, so a second revision goes with the next commit.
func (p *publisher) takeFrom(j *job, n, room int) int {
	for ; n > 0 && j.taken < j.end && len(p.group) < p.maxBatch; n-- {
		m := &j.msgs[j.taken]
		_, twice := p.taken[m.Subject]
		if twice || j.gone.Load() || room < len(m.Data) && len(p.group) > 0 {
			break
		}
		j.taken++
		if m.stored {
			continue
		}
		p.taken[m.Subject] = struct{}{}
		p.group = append(p.group, m)
		room -= len(m.Data)
	}
	return room
}

// commit stores the group, or as much of it as it can. It marks each message that is stored or refused; the others are for
// the next commit. An error is a trouble that all messages share: it is worth trying again, later. After one, a single message
// goes ahead to see whether the server is itself again, then two, then four: a thousand are much to send in vain, and each batch
// that nats-server 2.15 cannot begin, because the disk is full, leaves a file open in it and a goroutine running.
func (p *publisher) commit(group []*message) error {
	if err := p.lookUpRevisions(group); err != nil {
		return err
	}
	if err := p.lookUpFenced(group); err != nil {
		return err
	}
	group = unsettled(group)
	group = group[:min(len(group), p.window)]
	if p.pace.alone(len(group)) {
		return p.oneByOne(group)
	}
	return p.together(group)
}

func unsettled(group []*message) []*message {
	left := group[:0]
	for _, m := range group {
		if !m.stored && m.index < m.job.end {
			left = append(left, m)
		}
	}
	return left
}

// oneByOne publishes each message for itself, and waits for each: what comes after a message of the same job must not be stored before it.
func (p *publisher) oneByOne(group []*message) error {
	for _, m := range group {
		if m.stored || m.index >= m.job.end {
			continue
		}
		start := time.Now()
		m.tried = true
		_, err := p.line.publish(m)
		switch {
		case err == nil:
			m.stored = true
			p.pace.oneTook(time.Since(start))
		case isAPI(err, codeWrongLastSequence):
			if err = p.settle(m, err); err == nil && !m.stored && m.refused == nil {
				return nil // it goes again with another expectation, and what follows it must not go before
			}
		case !isTransient(err):
			m.refuse(permanent(err))
			err = nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// together publishes the group as one atomic batch: all of it or nothing.
func (p *publisher) together(group []*message) error {
	start := time.Now()
	for _, m := range group {
		m.tried = true
	}
	_, err := p.line.publishBatch(group)
	switch {
	case err == nil:
		p.pace.batchTook(time.Since(start), len(group))
		for _, m := range group {
			m.stored = true
		}
		return nil
	case isAPI(err, codeWrongLastSequence), isAPI(err, codeDuplicateInBatch):
		return p.sortOut(group)
	case isAPI(err, codeBatchTooLarge) && p.maxBatch > 1:
		p.maxBatch /= 2
		return nil
	case isTransient(err):
		return err
	}
	return p.oneByOne(group) // the server refuses the batch for the sake of one message, and this tells which
}

// refuse ends the job before m.
func (m *message) refuse(cause error) {
	m.refused = cause
	m.job.end = min(m.job.end, m.index)
}

// answer tells the callers whose events are all stored, or refused; the others go on waiting.
func (p *publisher) answer() {
	left := p.waiting[:0]
	for _, j := range p.waiting {
		if !j.answered() {
			left = append(left, j)
		}
	}
	clear(p.waiting[len(left):])
	p.waiting = left
}

func (j *job) answered() bool {
	for j.next < j.end && j.msgs[j.next].stored {
		j.next++
	}
	switch {
	case j.next < j.end:
		return j.gone.Load()
	case j.end == len(j.msgs):
		j.done <- nil
	default:
		j.done <- &refusal{index: j.end, cause: j.msgs[j.end].refused}
	}
	return true
}

func (p *publisher) answerAll(err error) {
	p.mu.Lock()
	p.waiting = append(p.waiting, p.arrived...)
	p.arrived = nil
	p.mu.Unlock()
	for _, j := range p.waiting {
		if t, ok := j.trouble.Load().(trouble); ok {
			j.done <- fmt.Errorf("%w; the last trouble was: %w", err, t.error)
			continue
		}
		j.done <- err
	}
	p.waiting = nil
}

// How long to wait before the next try: twice as long each time, at most the longest, a random part of it less, so that the
// processes that lost one server do not return to it in step.
const (
	shortestPause = 10 * time.Millisecond
	longestPause  = time.Second
)

// pause waits after the nth trouble in a row. A connection that comes back ends the wait. False says that the publisher is to end.
func (p *publisher) pause(n int, err error) bool {
	for _, j := range p.waiting {
		j.trouble.Store(trouble{err})
	}
	if errors.Is(err, nats.ErrConnectionClosed) {
		p.mu.Lock()
		p.closed = true // it does not come back
		p.mu.Unlock()
		return false
	}
	p.leave()
	d := min(shortestPause<<min(n-1, 10), longestPause)
	return p.line.sleep(d/2 + rand.N(d/2))
}

// leaveAfter is how long a server may be of no use before another one is tried. A cluster elects a leader in less.
const leaveAfter = 15 * time.Second

// leave goes to another server, if there is one, when nothing could be committed for long: the one that we are connected to may
// be well, and cut off from those that have the stream.
func (p *publisher) leave() {
	switch now := time.Now(); {
	case p.troubled.IsZero():
		p.troubled = now
	case now.Sub(p.troubled) > leaveAfter && len(p.line.nc.Servers()) > 1:
		p.troubled = now
		_ = p.line.nc.ForceReconnect() // fails when the connection is closed, which the next try finds
	}
}
