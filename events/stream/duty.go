package stream

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Duty is what one process at a time does of all that share a bus: it watches one account, or delivers for one sink.
type Duty struct {
	Kind DutyKind
	Name string // of the account or the sink
}

// DutyKind says what a duty is about.
type DutyKind string

// The kinds of duties.
const (
	AccountDuty DutyKind = "account"
	SinkDuty    DutyKind = "sink"
)

func (d Duty) String() string { return string(d.Kind) + " " + d.Name }

// A Wish says with which settings a process would do a duty.
type Wish struct {
	Settings string    // a digest: processes with the same one may take turns
	Since    time.Time // when this process got them: where settings differ, the newer ones count
}

// A Term is one process's time with a duty, from when it takes it until another does.
type Term struct {
	ID string
	// Lapsed are the terms of processes that vanished with the duty and may come back to life. They must have been ended, so that
	// nothing is published in their name any more, before the duty is done.
	Lapsed []string
	// LastSeen is when the last of those processes was surely alive; zero when that is not known.
	LastSeen time.Time
}

// holding is what the bucket says of one duty.
type holding struct {
	Owner    string    `json:"owner,omitempty"` // the process that does it; empty when it was given back
	Term     string    `json:"term,omitempty"`  // of the owner
	Runs     string    `json:"runs,omitempty"`  // the settings with which the owner does it
	Settings string    `json:"settings"`        // the newest that any process has said it has
	Since    time.Time `json:"since"`
	Asks     string    `json:"asks,omitempty"`   // the process that has those and wants the duty from its owner
	Lapsed   []string  `json:"lapsed,omitempty"` // terms that are not ended yet
}

// taken returns h as it is once process me has taken the duty. The owner before it, if there is one, has vanished; its term lapses
// unless it was an earlier life of the same process, which is over for certain.
func (h holding) taken(me, term string, w Wish) holding {
	if h.Owner != "" && h.Owner != me {
		h.Lapsed = append(slices.Clone(h.Lapsed), h.Term)
	}
	h.Owner, h.Term, h.Runs, h.Asks = me, term, w.Settings, ""
	return h.told(w)
}

// told returns h with the newer of its settings and w's.
func (h holding) told(w Wish) holding {
	if h.newest(w) {
		h.Settings, h.Since = w.Settings, w.Since.UTC()
	}
	return h
}

// newest tells whether no process has newer settings than w, as far as is known.
func (h holding) newest(w Wish) bool {
	return h.Settings == "" || h.Settings == w.Settings || w.Since.After(h.Since)
}

func (h holding) released() holding {
	h.Owner, h.Term, h.Runs = "", "", ""
	return h
}

// Keys of the bucket of leases.
const (
	dutyPrefix   = "duty."
	memberPrefix = "member."
)

func (d Duty) key() string { return dutyPrefix + string(d.Kind) + "." + d.Name }

func parseDuty(key string) (Duty, bool) {
	kind, name, ok := strings.Cut(strings.TrimPrefix(key, dutyPrefix), ".")
	return Duty{DutyKind(kind), name}, ok && strings.HasPrefix(key, dutyPrefix)
}

// member is what a process says of itself, for others to count and for people to read.
type member struct {
	Kinds   []DutyKind `json:"kinds"`
	Started time.Time  `json:"started"`
}

func decode[T any](key string, value []byte) (v T, err error) {
	if err := json.Unmarshal(value, &v); err != nil {
		return v, fmt.Errorf("read %s of the bucket %s: %w", key, LeasesBucket, err)
	}
	return v, nil
}
