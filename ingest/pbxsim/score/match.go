package score

import (
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest/pbxsim"
)

// matchWithin is how far apart a call's start and what was published of it may be before they are taken for two calls.
const matchWithin = 15 * time.Second

// match finds for each story the true call it is about, by the ids of its record if it has them, else by likeness.
// Of several stories about one call all but the first are doubles.
func match(truth []pbxsim.Truth, stories []*story, o Options) {
	taken := map[*pbxsim.Truth]bool{}
	var rest []*story
	ids := byIDs(truth)
	for _, s := range stories {
		key, ok := s.key(truth)
		if !ok {
			rest = append(rest, s)
			continue
		}
		if t := ids[key]; t != nil {
			s.truth, s.double = t, taken[t]
			taken[t] = true
		}
	}
	matchAlike(truth, rest, taken, o)
}

func byIDs(truth []pbxsim.Truth) map[string]*pbxsim.Truth {
	ids := make(map[string]*pbxsim.Truth, len(truth))
	for i := range truth {
		names := slices.Sorted(maps.Keys(truth[i].VendorIDs))
		key, _ := keyOf(truth[i].VendorIDs, names)
		ids[key] = &truth[i]
	}
	return ids
}

// key is made of the ids in the last of the story's events that has all that tell the view's records apart.
func (s *story) key(truth []pbxsim.Truth) (string, bool) {
	if len(truth) == 0 {
		return "", false
	}
	names := slices.Sorted(maps.Keys(truth[0].VendorIDs))
	for _, c := range slices.Backward(s.calls) {
		if key, ok := keyOf(c.VendorIDs, names); ok {
			return key, true
		}
	}
	return "", false
}

func keyOf(ids map[string]string, names []string) (string, bool) {
	var key []string
	for _, name := range names {
		v, ok := ids[name]
		if !ok {
			return "", false
		}
		key = append(key, v)
	}
	return strings.Join(key, "\x00"), len(key) > 0
}

// pair is a story that may be about a call.
type pair struct {
	story *story
	truth *pbxsim.Truth
	apart time.Duration
}

// matchAlike takes the nearest pairs first. What is left is a double of the call most like it, if there is one.
func matchAlike(truth []pbxsim.Truth, stories []*story, taken map[*pbxsim.Truth]bool, o Options) {
	var pairs []pair
	for _, s := range stories {
		pairs = append(pairs, s.alike(truth, o)...)
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return int(a.apart - b.apart) })
	for _, p := range pairs {
		if p.story.truth == nil && !taken[p.truth] {
			p.story.truth = p.truth
			taken[p.truth] = true
		}
	}
	for _, p := range pairs {
		if p.story.truth == nil {
			p.story.truth, p.story.double = p.truth, true
		}
	}
}

// alike returns the calls that s may be about. truth is in order of beginning.
func (s *story) alike(truth []pbxsim.Truth, o Options) []pair {
	c := s.last()
	if c.StartedAt == nil {
		return nil
	}
	first := sort.Search(len(truth), func(i int) bool {
		return truth[i].Call.Start.After(c.StartedAt.Add(-matchWithin - max(0, o.Skew)))
	})
	var pairs []pair
	for i := first; i < len(truth) && truth[i].Call.Start.Before(c.StartedAt.Add(matchWithin+max(0, -o.Skew))); i++ {
		if apart := o.apart(*c.StartedAt, truth[i].Call.Start); apart <= matchWithin && looksLike(c, &truth[i]) {
			pairs = append(pairs, pair{s, &truth[i], apart})
		}
	}
	return pairs
}

func looksLike(c events.Call, t *pbxsim.Truth) bool {
	channel, hasChannel := c.VendorIDs["channel"]
	if c.Direction != t.Call.Direction && c.Direction != events.UnknownDirection {
		return false
	}
	if hasChannel { // says more than a number, which a snapshot that tells no direction cannot place
		return channel == t.Channel
	}
	return text(c.ExternalNumber) == t.Call.External()
}

// apart is how far a published time is from the true one, on whichever clock it is nearer.
func (o Options) apart(published, true time.Time) time.Duration {
	d := published.Sub(true)
	return min(d.Abs(), (d - o.Skew).Abs())
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
