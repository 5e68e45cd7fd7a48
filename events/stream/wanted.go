package stream

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// words is of how many parts the types below each root are, the root included.
var words = map[string]int{"call": 2, "callback": 2, "source": 3}

// filters returns the subjects of the events of types and accounts, none of which lets through what another does: the server
// refuses such. A type may end in "*", which stands for whatever follows. No account is all accounts.
func filters(types, accounts []string) ([]string, error) {
	if len(types) == 0 {
		return nil, fmt.Errorf("%w: no type of event is named; give call.*, or * for all", ErrInvalid)
	}
	var roots []string
	for _, t := range types {
		more, err := typeFilters(t)
		if err != nil {
			return nil, err
		}
		roots = append(roots, more...)
	}
	if len(accounts) == 0 {
		accounts = []string{"*"}
	}
	var out []string
	for _, a := range accounts {
		if a != "*" && !isToken(a) {
			return nil, fmt.Errorf("%w: account %q is not of [A-Za-z0-9_-]", ErrInvalid, a)
		}
		for _, r := range roots {
			out = append(out, r+"."+a+".>")
		}
	}
	return widest(out), nil
}

var typePattern = regexp.MustCompile(`^(\*|[a-z]+(\.[a-z]+)*(\.\*)?)$`)

// typeFilters returns the beginnings of subjects that a type, or a pattern of types, stands for.
func typeFilters(t string) ([]string, error) {
	if !typePattern.MatchString(t) {
		return nil, fmt.Errorf("%w: %q is no type of event; give one such as call.missed, or call.* for all that begin so", ErrInvalid, t)
	}
	if t == "*" {
		return []string{"call.*", "callback.*", "source.*.*"}, nil
	}
	parts := strings.Split(t, ".")
	want, known := words[parts[0]]
	open := parts[len(parts)-1] == "*"
	if !known || len(parts) > want || !open && len(parts) < want {
		return nil, fmt.Errorf("%w: no type of event is called %q; give call.*, callback.* or source.gap.*, or one of them", ErrInvalid, t)
	}
	for len(parts) < want {
		parts = append(parts, "*")
	}
	return []string{strings.Join(parts, ".")}, nil
}

// widest returns all without those that another one covers, in order.
func widest(all []string) []string {
	slices.Sort(all)
	all = slices.Compact(all)
	var out []string
	for _, f := range all {
		if !slices.ContainsFunc(all, func(other string) bool { return other != f && covers(other, f) }) {
			out = append(out, f)
		}
	}
	return out
}

// covers tells whether filter lets through all that subject stands for, which may have wildcards of its own.
func covers(filter, subject string) bool {
	for {
		f, fRest, fMore := strings.Cut(filter, ".")
		s, sRest, sMore := strings.Cut(subject, ".")
		switch {
		case f == ">":
			return true
		case s == ">", f != "*" && f != s, fMore != sMore:
			return false
		case !fMore:
			return true
		}
		filter, subject = fRest, sRest
	}
}

func anyCovers(filters []string, subject string) bool {
	return slices.ContainsFunc(filters, func(f string) bool { return covers(f, subject) })
}

// wanted says which events a sink gets: those that its filters let through now, and did when they were stored. The server
// applies new filters to all that is behind the consumer's position, and that may be the events of weeks, to which a sink
// that takes a few types only has never come.
type wanted struct {
	filters []string
	before  []filterUntil // oldest first
}

// A filterUntil is what the filters were for events up to a place in the stream.
type filterUntil struct {
	Seq     uint64   `json:"seq"`
	Filters []string `json:"filters"`
}

func (w wanted) lets(subject string, seq uint64) bool {
	if !anyCovers(w.filters, subject) {
		return false
	}
	for _, b := range w.before {
		if seq <= b.Seq && !anyCovers(b.Filters, subject) {
			return false
		}
	}
	return true
}

// change returns w with other filters for what comes after last. What is true of events up to floor only, which are all
// delivered, is forgotten.
func (w wanted) change(filters []string, floor, last uint64) wanted {
	before := slices.DeleteFunc(slices.Clone(w.before), func(b filterUntil) bool { return b.Seq <= floor })
	return wanted{filters, append(before, filterUntil{last, w.filters})}
}

// metaFilters is where a consumer's metadata has what its filters were: it changes together with the filters, or not at all.
const metaFilters = "callbus-filters-before"

func (w wanted) metadata(of map[string]string) (map[string]string, error) {
	out := map[string]string{}
	for k, v := range of {
		if !strings.HasPrefix(k, "_nats.") { // the server's own
			out[k] = v
		}
	}
	b, err := json.Marshal(w.before)
	out[metaFilters] = string(b)
	return out, err
}

func wantedOf(filters []string, metadata map[string]string) (wanted, error) {
	w := wanted{filters: filters}
	if text := metadata[metaFilters]; text != "" {
		if err := json.Unmarshal([]byte(text), &w.before); err != nil {
			return w, fmt.Errorf("read the consumer's metadata %s: %w", metaFilters, err)
		}
	}
	return w, nil
}
