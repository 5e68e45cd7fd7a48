package stream

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"time"
	"unicode/utf8"

	"github.com/callbus/callbus/events"
)

// A DeadLetter is a vendor's row that could not be understood.
type DeadLetter struct {
	Account  string
	Provider string
	Reason   string
	Row      []byte // whole, as it came
	At       time.Time
}

// deadLetter is the wire form. A row that is text stays readable.
type deadLetter struct {
	Account  string    `json:"account"`
	Provider string    `json:"provider"`
	Reason   string    `json:"reason"`
	Row      *string   `json:"row,omitempty"`
	Base64   []byte    `json:"row_base64,omitempty"` // instead of Row, where the row is not text
	At       time.Time `json:"at"`
}

// MarshalJSON returns d as it is stored.
func (d DeadLetter) MarshalJSON() ([]byte, error) {
	w := deadLetter{Account: d.Account, Provider: d.Provider, Reason: d.Reason, At: d.At.UTC()}
	if utf8.Valid(d.Row) {
		row := string(d.Row)
		w.Row = &row
	} else {
		w.Base64 = d.Row
	}
	return json.Marshal(w)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (d *DeadLetter) UnmarshalJSON(b []byte) error {
	var w deadLetter
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	*d = DeadLetter{Account: w.Account, Provider: w.Provider, Reason: w.Reason, Row: w.Base64, At: w.At}
	if w.Row != nil {
		d.Row = []byte(*w.Row)
	}
	return nil
}

const deadIngest = "dead.ingest."

// DeadLetter keeps d, once for each row of a provider's account, however often it is called; the first reason stays.
// It waits for a server that is away until ctx is done.
func (b *Bus) DeadLetter(ctx context.Context, d DeadLetter) error {
	what := fmt.Sprintf("keep a dead letter of %s/%s", d.Provider, d.Account)
	if !isToken(d.Account) {
		return fmt.Errorf("%s: %w: account %q is not of [A-Za-z0-9_-]", what, ErrInvalid, d.Account)
	}
	body, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("%s: %w: %w", what, ErrInvalid, err)
	}
	id := events.Hash(d.Provider, string(d.Row))
	return b.keepDead(ctx, what, deadIngest+d.Account+"."+id, body)
}

// DeadLetters returns the rows of the account, or of all if account is "", in the order in which they were kept.
func (b *Bus) DeadLetters(ctx context.Context, account string) iter.Seq2[DeadLetter, error] {
	filter := deadIngest + ">"
	if account != "" {
		filter = deadIngest + account + ".>"
	}
	r := reader{js: b.js, stream: DeadName, filters: []string{filter}}
	return func(yield func(DeadLetter, error) bool) {
		for m, err := range r.messages(ctx) {
			if err != nil {
				yield(DeadLetter{}, err)
				return
			}
			var d DeadLetter
			if err := json.Unmarshal(m.Data(), &d); err != nil {
				if !yield(DeadLetter{}, &UnreadableError{Subject: m.Subject(), Seq: m.seq, Cause: err}) {
					return
				}
				continue
			}
			if !yield(d, nil) {
				return
			}
		}
	}
}
