package stream

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

// A place is what the stream holds on a subject: an event's id and its sequence.
type place struct {
	id  string
	seq uint64
}

// sortOut finds out which messages of a refused batch are there already, and marks them; the rest goes with the next commit.
// If that tells nothing (a replica that lags behind, an id that the server remembers though its event is gone) the messages
// are published one by one, each to be judged by the server.
func (p *publisher) sortOut(group []*message) error {
	there, err := p.line.last(group)
	if err != nil {
		return err
	}
	told := false
	for _, m := range group {
		at, found := there[m.Subject]
		switch {
		case !found, m.index > m.job.end:
		case at.id == m.id:
			m.stored, told = true, true
		case at.seq != m.expect:
			if err := p.settle(m, nil); err != nil {
				return err
			}
			told = true
		}
	}
	if told {
		return nil
	}
	return p.oneByOne(group)
}

// lookUpRevisions finds the sequences that later revisions expect.
func (p *publisher) lookUpRevisions(group []*message) error {
	var later []*message
	for _, m := range group {
		if !m.known {
			later = append(later, m)
		}
	}
	if len(later) == 0 {
		return nil
	}
	there, err := p.line.last(later)
	if err != nil {
		return err
	}
	for _, m := range later {
		at, found := there[m.Subject]
		switch {
		case !found: // the earlier revisions are gone with age
		case at.id == m.id:
			m.stored = true
		case at.id == m.before:
			m.expectAt(at.seq)
		default:
			if err := p.settle(m, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// lookUpFenced finds out whether a fenced message that was sent before is stored. The server would not tell: what it checks of such
// a message is the fence, not the place that the message takes.
func (p *publisher) lookUpFenced(group []*message) error {
	for _, m := range group {
		if m.fence == "" || !m.tried || m.stored {
			continue
		}
		if err := p.lookUpOwn(m); err != nil {
			return err
		}
	}
	return nil
}

func (p *publisher) lookUpOwn(m *message) error {
	held, err := p.line.history(m.Subject)
	if err != nil || len(held) == 0 {
		return err
	}
	if m.stored = held[0].id == m.id; !m.stored {
		m.refuse(conflict{held[0].id})
	}
	return nil
}

// settleFenced decides on one message with a fence that the server refused.
func (p *publisher) settleFenced(m *message, refused error) error {
	if err := p.lookUpOwn(m); err != nil || m.stored || m.refused != nil {
		return err
	}
	up, err := p.line.history(m.fence)
	if err != nil {
		return err
	}
	if len(up) == 0 {
		return refused // it is being put up, or another message with it is on its way
	}
	m.refuse(ErrFenced)
	return nil
}

func (m *message) expectAt(seq uint64) {
	m.expect, m.known = seq, true
	m.Header[hdrExpected] = []string{strconv.FormatUint(seq, 10)}
}

// settle decides on one message whose subject is not at the sequence that it expects, by all that the subject holds, as the
// stream's leader knows it. refused is what the server said to it, nil if it was not asked.
func (p *publisher) settle(m *message, refused error) error {
	if m.fence != "" {
		return p.settleFenced(m, refused)
	}
	held, err := p.line.history(m.Subject)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(held, func(at place) bool { return at.id == m.id }) {
		m.stored = true
		return nil
	}
	var last place
	if len(held) > 0 {
		last = held[len(held)-1]
	}
	switch {
	case len(held) > 0 && !m.follows && (m.before == "" || last.id != m.before):
		m.refuse(conflict{last.id})
	case refused != nil && last.seq == m.expect:
		return refused // it expects what is there: whatever was in the way is gone, or comes
	default:
		m.expectAt(last.seq)
	}
	return nil
}

// multiLast is how many subjects are asked for at once. The server answers at most 1024, with the messages whole.
const multiLast = 250

// last returns the last place on the subject of each message that has one, as any replica knows it.
func (l *line) last(group []*message) (map[string]place, error) {
	there := make(map[string]place)
	for part := range slices.Chunk(group, multiLast) {
		subjects := make([]string, len(part))
		for i, m := range part {
			subjects[i] = m.Subject
		}
		if err := l.lastOf(subjects, there); err != nil {
			return nil, fmt.Errorf("look up what is stored: %w", err)
		}
	}
	return there, nil
}

// shortestLookup is how long the first server that is asked what is stored may take; the next has twice as long. The question
// goes to any replica, also to one that is frozen: the others need minutes to notice.
const shortestLookup = 250 * time.Millisecond

// lastOf asks until the servers have told of all subjects: one may not answer, and stops early when its answers grow too large.
func (l *line) lastOf(subjects []string, there map[string]place) error {
	for patience := shortestLookup; ; {
		known := len(there)
		more, err := l.lastSome(subjects, there, patience)
		switch {
		case errors.Is(err, errNoAnswer) && patience < answerTimeout && !l.quits():
			patience *= 2
		case err != nil || !more:
			return err
		case len(there) == known:
			return errors.New("the server has more to tell, and does not")
		}
		subjects = slices.DeleteFunc(subjects, func(s string) bool { _, ok := there[s]; return ok })
		if len(subjects) == 0 {
			return nil
		}
	}
}

func (l *line) lastSome(subjects []string, there map[string]place, patience time.Duration) (more bool, err error) {
	call, err := l.ask("$JS.API.DIRECT.GET."+Name, map[string]any{"multi_last": subjects})
	if err != nil {
		return false, err
	}
	l.timer.Reset(patience)
	for {
		m, err := l.await(call)
		if err != nil {
			return false, err
		}
		switch status := m.Header.Get("Status"); status {
		case "": // a message
			seq, err := strconv.ParseUint(m.Header.Get("Nats-Sequence"), 10, 64)
			if err != nil {
				return false, fmt.Errorf("read the server's answer: %w", err)
			}
			there[m.Header.Get("Nats-Subject")] = place{m.Header.Get(hdrMsgID), seq}
		case "204": // the end
			return m.Header.Get("Nats-Num-Pending") != "0", nil
		case "404": // none
			return false, nil
		default:
			return false, fmt.Errorf("%s %s", status, m.Header.Get("Description"))
		}
	}
}

// history returns all that the subject holds, as the stream's leader knows it: a replica may lag behind.
func (l *line) history(subject string) ([]place, error) {
	var held []place
	for next := uint64(1); ; {
		at, err := l.nextOn(subject, next)
		if err != nil {
			return nil, fmt.Errorf("look up what %s holds: %w", subject, err)
		}
		if at.seq == 0 {
			return held, nil
		}
		held = append(held, at)
		next = at.seq + 1
	}
}

// nextOn returns the first place on subject from seq on; the zero place if there is none.
func (l *line) nextOn(subject string, seq uint64) (place, error) {
	call, err := l.ask("$JS.API.STREAM.MSG.GET."+Name, map[string]any{"seq": seq, "next_by_subj": subject})
	if err != nil {
		return place{}, err
	}
	m, err := l.await(call)
	if err != nil {
		return place{}, err
	}
	var answer struct {
		Message struct {
			Seq  uint64 `json:"seq"`
			Hdrs []byte `json:"hdrs"`
		} `json:"message"`
		Error *apiError `json:"error"`
	}
	switch err := json.Unmarshal(m.Data, &answer); {
	case err != nil:
		return place{}, fmt.Errorf("read the server's answer: %w", err)
	case answer.Error != nil && answer.Error.ErrCode == codeNoMessage:
		return place{}, nil
	case answer.Error != nil:
		return place{}, answer.Error
	}
	if len(answer.Message.Hdrs) == 0 {
		return place{seq: answer.Message.Seq}, nil // somebody else's
	}
	h, err := nats.DecodeHeadersMsg(answer.Message.Hdrs)
	if err != nil {
		return place{}, fmt.Errorf("read the headers of %s at %d: %w", subject, answer.Message.Seq, err)
	}
	return place{h.Get(hdrMsgID), answer.Message.Seq}, nil
}

// ask sends a request to JetStream's API.
func (l *line) ask(subject string, request any) (call string, err error) {
	body, err := json.Marshal(request)
	if err != nil {
		return "", err
	}
	if call, err = l.begin(); err != nil {
		return "", err
	}
	return call, l.nc.PublishRequest(subject, call+"api", body)
}
