package ingesttest

import "testing"

// A check returns what the provider of v does wrong, a line each.
type check struct {
	name string
	find func(t *testing.T, v Vendor) []string
}

// checks are all that every provider is held to.
var checks = []check{
	{"what the vendor writes of a call is what its record says", recordsSayWhatRowsSay},
	{"a record has what every record has, and no zero for what is unknown", recordsAreSound},
	{"a record can be published as the end of its call", recordsCanBePublished},
	{"a published call leads back to its record", publishedCallsLeadBack},
	{"the same reading gives the same records, each with a key of its own", readingsAreRepeatable},
	{"numbers as text and text as numbers are read alike", scalarsWobble},
	{"a row that cannot be read is put aside whole, and stops nothing", badRowsArePutAside},
	{"a PBX without calls is no error", emptyIsNoError},
	{"the active calls are those that the vendor shows", activeCallsAreThoseShown},
	{"an active call that cannot be read is put aside whole, and hides no other", badActiveRowsArePutAside},

	{"an answer that is cut, or has a status of its own, is an error and nothing else", answersAreWhole},
	{"what is not the vendor's is foreign", foreignIsForeign},
	{"credentials that are refused are told as such", refusalsAreTold},
	{"a limit is told with how long to wait", limitsAreTold},
	{"no redirect is followed", redirectsAreNotFollowed},

	{"no record is left out because others are written meanwhile", driftLosesNothing},
	{"a page claims no span of time that was not read", windowsAreHonest},
	{"a list without an end is given up", endlessListsEnd},
	{"what is followed comes whenever its call began", followedComesLate},
	{"what is followed is read again after a reading that broke off", followedComesAgain},

	{"who stops waiting is let go at once", cancellationIsHeard},
	{"who stops between two pages is asked for no other", cancellationIsHeardBetweenPages},
	{"who leaves a reading early is asked for no other page", leavingEarlyAsksNoMore},
	{"a vendor that says nothing is given up in time", silenceIsGivenUp},
	{"nothing goes on behind an answer", nothingGoesOn},

	{"no error tells a credential, whatever the vendor echoes", errorsTellNoSecret},
	{"no row tells a credential, whatever the vendor echoes", rowsTellNoSecret},

	{"a body without an end is given up, and costs no memory", endlessBodiesAreGivenUp},
	{"a body that inflates without an end is given up, and costs no memory", bombsAreGivenUp},
	{"headers without an end are given up", headersAreGivenUp},
	{"nesting without an end hurts nobody", nestingHurtsNobody},
	{"letters of another charset hide no call", damagedLettersHideNothing},

	{"a detail is that of its record", detailsAreOfTheirRecord},
	{"a detail that is not there is told as such", missingDetailsAreTold},
	{"a call is ended by one request, of one that the vendor knows", hangupsAreSentOnce},
	{"nothing is ended without an id", hangupsNeedAnID},
}

// shownAtMost is how many lines of one check are shown: one fault often has many.
const shownAtMost = 10

// Contract holds the provider of v to what every provider promises.
func Contract(t *testing.T, v Vendor) {
	t.Helper()
	if faults := v.faults(); len(faults) > 0 {
		t.Fatalf("the vendor is not described: %q", faults)
	}
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			wrong := c.find(t, v)
			for i, line := range wrong {
				if i == shownAtMost {
					t.Errorf("and %d more", len(wrong)-i)
					break
				}
				t.Errorf("%.2000s", line)
			}
		})
	}
}

// faults returns what is missing of v, without which checks would find nothing to check.
func (v Vendor) faults() (all []string) {
	missing := func(is bool, what string) {
		if is {
			all = append(all, what)
		}
	}
	missing(v.Open == nil, "Open")
	missing(v.Record == nil, "Record")
	missing(v.Answer == nil, "Answer")
	missing(v.Refuse == nil, "Refuse")
	missing(len(v.BadRecords) == 0, "BadRecords")
	missing(len(v.Secrets) == 0, "Secrets")
	for _, s := range v.Secrets {
		missing(len(s) < 8, "Secrets of 8 characters and more, which stand nowhere by accident")
	}
	missing(v.Active != nil && len(v.BadActive) == 0, "BadActive")
	return all
}
