package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/callbus/callbus/ingest"
)

// unknown refuses the variables that begin with CALLBUS_ and mean nothing: a setting with a slip in its name would
// otherwise do nothing, silently.
func (r *reader) unknown(accounts, sinks Names, unjudged, unjudgedSinks map[string]bool, vendors []vendor) {
	for _, variable := range slices.Sorted(maps.Keys(r.vars)) {
		if _, known := r.owners[variable]; known || !strings.HasPrefix(variable, settingPrefix) {
			continue
		}
		switch {
		case byKubernetes(variable, r.vars[variable]):
		case strings.HasPrefix(variable, settingPrefix+"ACCOUNT_"):
			r.unknownAccount(variable, accounts, unjudged, vendors)
		case strings.HasPrefix(variable, settingPrefix+"SINK_"):
			r.unknownSink(variable, sinks, unjudgedSinks)
		default:
			r.fault(variable, errors.New("is not a setting of callbus"+r.meant(variable)))
		}
	}
}

// unknownBus does the same for the variables of the bus alone.
func (r *reader) unknownBus() {
	for _, variable := range slices.Sorted(maps.Keys(r.vars)) {
		if _, known := r.owners[variable]; !known && strings.HasPrefix(variable, settingPrefix+"NATS_") && !byKubernetes(variable, r.vars[variable]) {
			r.fault(variable, errors.New("is not a setting of callbus"+r.meant(variable)))
		}
	}
}

func (r *reader) unknownAccount(variable string, accounts Names, unjudged map[string]bool, vendors []vendor) {
	name, suffix := ownerOf(variable, accounts, accountPrefix)
	missing := missingAccount(variable, vendors)
	switch {
	case unjudged[name]:
	case name == "" && missing == "":
		r.fault(variable, errors.New("is not a setting of an account"+r.meant(variable)))
	case name == "":
		r.fault(variable, fmt.Errorf("the account %s is not named in CALLBUS_ACCOUNTS%s", missing, r.meant(variable)))
	case missing != "" && missing != name:
		r.fault(variable, fmt.Errorf("the account %s has no setting %s, and an account %s is not named in CALLBUS_ACCOUNTS%s", name, suffix, missing, r.meant(variable)))
	default:
		meant := r.meant(variable)
		if meant == "" {
			meant = "; it has " + strings.Join(r.settingsOf("account "+name, accountPrefix(name)), ", ")
		}
		r.fault(variable, fmt.Errorf("the account %s has no setting %s%s", name, suffix, meant))
	}
}

func (r *reader) unknownSink(variable string, sinks Names, unjudged map[string]bool) {
	name, suffix := ownerOf(variable, sinks, sinkPrefix)
	switch {
	case unjudged[name]:
	case name == "":
		r.fault(variable, errors.New("no sink of this name is in CALLBUS_SINKS"+r.meant(variable)))
	default:
		meant := r.meant(variable)
		if meant == "" {
			meant = "; it has " + strings.Join(r.settingsOf("sink "+name, sinkPrefix(name)), ", ")
		}
		r.fault(variable, fmt.Errorf("the sink %s has no setting %s%s", name, suffix, meant))
	}
}

// ownerOf returns which of names variable belongs to, and the rest of it: the longest, so that ACME_PBX_URL is of
// acme-pbx where there is one, though there may be an acme too.
func ownerOf(variable string, names Names, prefix func(string) string) (owner, suffix string) {
	for _, name := range names {
		if rest, ok := strings.CutPrefix(variable, prefix(name)); ok && len(name) > len(owner) {
			owner, suffix = name, rest
		}
	}
	return owner, suffix
}

// missingAccount guesses whose variable it would be: what stands before the longest suffix that some vendor knows.
func missingAccount(variable string, vendors []vendor) string {
	rest := strings.TrimPrefix(variable, settingPrefix+"ACCOUNT_")
	guess := ""
	for suffix := range accountSuffixes(vendors) {
		if name, ok := strings.CutSuffix(rest, "_"+suffix); ok && name != "" && (guess == "" || len(name) < len(guess)) {
			guess = name
		}
	}
	return strings.ToLower(strings.ReplaceAll(guess, "_", "-"))
}

// accountSuffixes are what a variable of an account can end with.
func accountSuffixes(vendors []vendor) map[string]string {
	all := newReader(nil)
	for _, v := range vendors {
		all.read(v.name, "", v.config().Target())
	}
	all.read("", "", &accountVariables{})
	all.read("", "", new(ingest.Settings))
	return all.owners
}

// settingsOf lists what owner can set, without the _FILE forms.
func (r *reader) settingsOf(owner, prefix string) []string {
	var all []string
	for _, variable := range slices.Sorted(maps.Keys(r.owners)) {
		if suffix := strings.TrimPrefix(variable, prefix); r.owners[variable] == owner && !strings.HasSuffix(suffix, "_FILE") {
			all = append(all, suffix)
		}
	}
	return all
}

// meant proposes the known variable that is nearest to an unknown one, as the end of a sentence.
func (r *reader) meant(variable string) string {
	if plain, ok := strings.CutSuffix(variable, "_FILE"); ok && r.owners[plain] != "" {
		return ": " + plain + " is no secret, give it directly"
	}
	if best := nearest(variable, slices.Sorted(maps.Keys(r.owners))); best != "" {
		return "; did you mean " + best + "?"
	}
	return ""
}

// nearest returns the candidate that takes the fewest slips of the hand to become word, or "" when none is near.
func nearest(word string, candidates []string) string {
	best, least := "", min(3, len(word)/3+1)+1
	for _, c := range candidates {
		if d := slips(word, c); d < least {
			best, least = c, d
		}
	}
	return best
}

// slips counts the letters to add, drop or change to turn a into b (Levenshtein).
func slips(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := corner
			if a[i] != b[j] {
				change++
			}
			corner = row[j+1]
			row[j+1] = min(row[j+1]+1, row[j]+1, change)
		}
	}
	return row[len(b)]
}
