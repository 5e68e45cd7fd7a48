package stream

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// take makes d this process's, and begins it, if it is still as it was when that was decided.
func (r *Roster) take(ctx context.Context, d Duty, k kept, w Wish) error {
	r.mu.Lock()
	changed, overdue := r.holdings[d].revision != k.revision, r.overdue(d)
	r.mu.Unlock()
	if changed {
		return nil
	}
	if err := r.write(ctx, d, k.taken(r.config.ID, rand.Text(), w), k.revision); err != nil {
		return err
	}
	if k.Owner != "" {
		r.log.Info("taken over from a process that is gone", "duty", d.String(), "process", k.Owner)
	}
	r.mu.Lock()
	if k.Owner != "" {
		r.takeover[d.Kind]++
	}
	r.mine[d] = &lease{overdue: overdue, Term: Term{LastSeen: r.lastSeen[k.Owner]}}
	r.mu.Unlock()
	return r.begin(ctx, d)
}

func (r *Roster) overdue(d Duty) bool {
	free := r.holdings[d].free
	return !free.IsZero() && time.Since(free) >= freeTooLong
}

// begin begins a duty that the bucket says is this process's.
func (r *Roster) begin(ctx context.Context, d Duty) error {
	r.mu.Lock()
	k, l := r.holdings[d], r.mine[d]
	if l == nil {
		l = &lease{}
		r.mine[d] = l
	}
	l.Term = Term{k.Term, k.Lapsed, l.LastSeen}
	term := l.Term
	r.mu.Unlock()
	err := r.config.Take(ctx, d, term)
	r.mu.Lock()
	l.failed, l.retry, l.doing = err != nil, time.Now().Add(takeAgain), err == nil
	k = r.holdings[d]
	r.mu.Unlock()
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if len(k.Lapsed) == 0 || k.Owner != r.config.ID {
		return nil
	}
	k.Lapsed = nil
	return r.write(ctx, d, k.holding, k.revision)
}

// drop ends a duty.
func (r *Roster) drop(d Duty, l *lease) {
	r.mu.Lock()
	l.doing = false
	r.mu.Unlock()
	r.config.Drop(d)
	r.mu.Lock()
	delete(r.mine, d)
	r.mu.Unlock()
}

// release gives d back, for another process to take.
func (r *Roster) release(ctx context.Context, d Duty) error {
	k := r.holding(d)
	if k.Owner != r.config.ID {
		return nil
	}
	return r.write(ctx, d, k.released(), k.revision)
}

// strike takes d out of the bucket: it is not to be done by this process, and others who want it put it in again.
func (r *Roster) strike(ctx context.Context, d Duty) error {
	k := r.holding(d)
	if k.Owner != r.config.ID {
		return nil
	}
	if len(k.Lapsed) > 0 {
		return r.release(ctx, d) // they must not be forgotten
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	if err := r.leases.Delete(ctx, d.key(), jetstream.LastRevision(k.revision)); err != nil {
		return overtaken(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.holdings[d].revision == k.revision {
		r.holdings[d] = kept{revision: k.revision, free: time.Now()}
	}
	return nil
}

func (r *Roster) holding(d Duty) kept {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.holdings[d]
}

var errOvertaken = errors.New("another process was first")

func overtaken(err error) error {
	var api *jetstream.APIError
	if errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || isAPI(err, codeWrongLastSequence) {
		return fmt.Errorf("%w: %w", errOvertaken, err)
	}
	return err
}

// lookUp finds out what the bucket says of d.
func (r *Roster) lookUp(ctx context.Context, d Duty) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	u, err := r.leases.Get(ctx, d.key())
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil // it was struck off, and the watch tells the revision
	}
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.hearDuty(d, u)
}

// write puts h in the place of revision, which is that of nothing when it is 0.
func (r *Roster) write(ctx context.Context, d Duty, h holding, revision uint64) error {
	data, err := json.Marshal(h)
	if err != nil {
		return err
	}
	written, err := r.writer.put(ctx, leaseSubject+d.key(), data, revision)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if written > r.holdings[d].revision {
		r.holdings[d] = kept{holding: h, revision: written, free: freeSince(h)}
	}
	return nil
}

func freeSince(h holding) time.Time {
	if h.Owner == "" {
		return time.Now()
	}
	return time.Time{}
}
