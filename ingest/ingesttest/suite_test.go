package ingesttest_test

import (
	"context"
	"iter"
	"net/http"
	"slices"
	"testing"

	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/ingesttest"
)

// slips has, for each check, what a provider may do wrong that the check must find.
var slips = map[string][]string{
	"what the vendor writes of a call is what its record says":                        {"takes in for out", "takes local times for UTC", "calls nothing missed"},
	"a record has what every record has, and no zero for what is unknown":             {"leaves outcome out", "has empty for unknown", "has zero for unknown", "keeps the zone", "sets what is the tracker's"},
	"a record can be published as the end of its call":                                {"invents words"},
	"a published call leads back to its record":                                       {"forgets its keys", "knows unknown calls"},
	"the same reading gives the same records, each with a key of its own":             {"has one key for two", "has a key of the moment"},
	"numbers as text and text as numbers are read alike":                              {"wants numbers"},
	"a row that cannot be read is put aside whole, and stops nothing":                 {"drops bad rows", "cuts bad rows", "gives no reason", "stops at a bad row"},
	"a PBX without calls is no error":                                                 {"takes an empty list for an error"},
	"the active calls are those that the vendor shows":                                {"hears all talk", "takes in for out"},
	"an active call that cannot be read is put aside whole, and hides no other":       {"drops bad rows", "cuts bad rows", "gives no reason"},
	"an answer that is cut, or has a status of its own, is an error and nothing else": {"looks at no status", "gives a page with its error"},
	"what is not the vendor's is foreign":                                             {"takes nothing for an empty list", "takes anything for an empty list"},
	"credentials that are refused are told as such":                                   {"does not call credentials refused"},
	"a limit is told with how long to wait":                                           {"does not tell how long to wait"},
	"no redirect is followed":                                                         {"follows redirects"},
	"no record is left out because others are written meanwhile":                      {"trusts the first count"},
	"a page claims no span of time that was not read":                                 {"claims too much", "claims nothing"},
	"a list without an end is given up":                                               {"never gives up"},
	"what is followed comes whenever its call began":                                  {"follows nothing"},
	"what is followed is read again after a reading that broke off":                   {"remembers too early"},
	"who stops waiting is let go at once":                                             {"cannot be cancelled"},
	"who stops between two pages is asked for no other":                               {"cannot be cancelled", "stops for nobody between pages"},
	"who leaves a reading early is asked for no other page":                           {"asks on behind one who has left"},
	"a vendor that says nothing is given up in time":                                  {"waits for ever"},
	"nothing goes on behind an answer":                                                {"leaves a goroutine behind"},
	"no error tells a credential, whatever the vendor echoes":                         {"tells the body", "tells the URL"},
	"no row tells a credential, whatever the vendor echoes":                           {"redacts no row"},
	"a body without an end is given up, and costs no memory":                          {"reads all"},
	"a body that inflates without an end is given up, and costs no memory":            {"reads all"},
	"headers without an end are given up":                                             {"reads all headers"},
	"nesting without an end hurts nobody":                                             {"takes anything for an empty list"},
	"letters of another charset hide no call":                                         {"stops at a bad letter"},
	"a detail is that of its record":                                                  {"takes another's detail"},
	"a detail that is not there is told as such":                                      {"does not tell that there is no detail"},
	"a call is ended by one request, of one that the vendor knows":                    {"tries again to end a call"},
	"nothing is ended without an id":                                                  {"ends every call"},
}

func TestAProviderThatDoesAllRightPasses(t *testing.T) {
	ingesttest.Contract(t, fakeVendor(func(_ testing.TB, hc *http.Client, base string) ingest.CDRReader { return newFake("", hc, base) }))
}

func TestEachCheckFindsWhatItIsFor(t *testing.T) {
	ingesttest.WithLess(t)
	for _, check := range ingesttest.Checks() {
		if len(slips[check]) == 0 {
			t.Errorf("nothing shows that the check %q can fail", check)
		}
		for _, slip := range slips[check] {
			t.Run(check+"/"+slip, func(t *testing.T) {
				found := ingesttest.Find(t, check, slipping(t, slip))
				if len(found) == 0 {
					t.Error("a provider that does so is not found out")
				}
				for _, line := range found[:min(len(found), 3)] {
					t.Logf("%.300s", line)
				}
			})
		}
	}
	for check := range slips {
		if !slices.Contains(ingesttest.Checks(), check) {
			t.Errorf("there is no check %q", check)
		}
	}
}

// slipping returns the vendor with a provider that does one thing wrong.
func slipping(t *testing.T, slip string) ingesttest.Vendor {
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	return fakeVendor(func(_ testing.TB, hc *http.Client, base string) ingest.CDRReader {
		f := newFake(slip, hc, base)
		switch slip {
		case "leaves a goroutine behind":
			return leaving{f, release}
		case "reads all", "reads all headers", "never gives up":
			return struct{ ingest.CDRReader }{f} // which can do less, and takes less time to be found out
		}
		return f
	})
}

// leaving is a provider that starts a goroutine with each reading.
type leaving struct {
	*fake
	release chan struct{}
}

func (l leaving) CDRs(ctx context.Context, w ingest.Window) iter.Seq2[ingest.Page, error] {
	go func() { <-l.release }()
	return l.fake.CDRs(ctx, w)
}

func TestAVendorThatIsNotDescribedIsNoPass(t *testing.T) {
	v := fakeVendor(nil)
	v.Secrets, v.BadActive = []string{"short"}, nil
	if got := ingesttest.Faults(v); !slices.Equal(got, []string{"Open", "Secrets of 8 characters and more, which stand nowhere by accident", "BadActive"}) {
		t.Errorf("missing %q", got)
	}
}
