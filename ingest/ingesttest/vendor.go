package ingesttest

import (
	"cmp"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/callbus/callbus/ingest"
)

// Vendor describes a vendor to [Contract].
type Vendor struct {
	// NewestOnly is true where the vendor cannot be asked for what it wrote since, so that NewCDRs reads the newest records
	// alone, and those of calls that began long ago are found when the look-back is read.
	NewestOnly bool

	// Open returns the provider's client of an account at base, with Secrets for credentials, sending through hc, which
	// puts the vendor's records into raw. What else it can do (list active calls, end one) the suite sees from its methods.
	Open func(t testing.TB, hc *http.Client, base string) ingest.CDRReader

	// Secrets are the account's credentials. The suite finds the more, the more they hold that is escaped somewhere: blanks,
	// quotes, %, &, +, letters beyond ASCII, where the vendor takes them.
	Secrets []string

	// Record returns the vendor's row of the record of c, a JSON object.
	Record func(c Call) string

	// Active returns the rows that show c in the list of active calls at time.Now(): most vendors have one, some one for
	// each side. Nil where the vendor has no such list.
	Active func(c Call) []string

	// Answer answers any request as the vendor would that has what pbx has: pages, filters of time, details, and what it
	// says to whoever wants to end a call.
	Answer func(w http.ResponseWriter, r *http.Request, pbx PBX)

	// Refuse answers as the vendor does when the credentials are wrong.
	Refuse http.HandlerFunc

	// Foreign are more bodies, by name, that come with status 200 and are no answer of this vendor to any question: a
	// count that is not that of the list, an envelope without its flag.
	Foreign map[string]string

	// BadRecords are rows that no record can be made of, and BadActive rows that no active call can be made of, by a text that
	// the reason must hold, such as the name of the field that is wrong.
	BadRecords, BadActive map[string][]string

	// Alike are groups of rows of records that mean the same to the letter, beyond what the suite finds by itself (numbers
	// as text and text as numbers).
	Alike [][]string

	// HangupID is an id by which a call can be ended that the suite shows, where nothing that the vendor tells of a call
	// holds one: then a person has to know it. "" where the provider finds it.
	HangupID string

	// Page is how many rows the vendor puts on a full page; 0 is 100.
	Page int

	// Requests is how many requests one reading may make of a list that has no end within its window before it gives up;
	// 0 if that is too many to try (about 300): then only lists are tried that can be seen to have no end.
	Requests int
}

// PBX is what a vendor has to show.
type PBX struct {
	Records []Row // newest first, by when the call began
	Active  []Row
	Claimed int // how many records to say there are, where the vendor says so and the list may be shorter
}

// Row is what a vendor shows of a call.
type Row struct {
	Call
	text func() string // written once, when it is shown first
}

// JSON returns the row as the vendor writes it.
func (r Row) JSON() string { return r.text() }

// Call is a call that the suite invents. Times are whole seconds, in UTC.
type Call struct {
	ID      int    // counted in the order in which the vendor wrote the records
	Inbound bool   // else outbound
	Outside string // the number outside, E.164 with +, or any text that a vendor may have in its place
	Inside  string // the extension
	Began   time.Time
	Rang    time.Duration
	Talked  time.Duration // 0 when nobody answered
}

// Answered tells whether a person answered c.
func (c Call) Answered() bool { return c.Talked > 0 }

// Lasted is how long c lasted in all.
func (c Call) Lasted() time.Duration { return c.Rang + c.Talked }

// Ended is when c was over.
func (c Call) Ended() time.Time { return c.Began.Add(c.Lasted()) }

// From returns who called, and To who was called.
func (c Call) From() string {
	if c.Inbound {
		return c.Outside
	}
	return c.Inside
}

// To returns who was called.
func (c Call) To() string {
	if c.Inbound {
		return c.Inside
	}
	return c.Outside
}

// row returns the vendor's row of the record of c.
func (v Vendor) row(c Call) Row { return Row{c, sync.OnceValue(func() string { return v.Record(c) })} }

// written returns a row that was written otherwise, listed as if it were that of c.
func written(c Call, text string) Row { return Row{c, func() string { return text }} }

// with returns a PBX that has the records of calls.
func (v Vendor) with(calls ...Call) PBX {
	rows := make([]Row, len(calls))
	for i, c := range calls {
		rows[i] = v.row(c)
	}
	return listed(rows...)
}

// showing returns a PBX with calls that go on, as far as the vendor shows them.
func (v Vendor) showing(calls ...Call) PBX {
	var pbx PBX
	for _, c := range calls {
		if v.Active == nil {
			break
		}
		for _, text := range v.Active(c) {
			pbx.Active = append(pbx.Active, written(c, text))
		}
	}
	return pbx
}

// listed returns a PBX with rows, newest first.
func listed(rows ...Row) PBX {
	slices.SortStableFunc(rows, newestFirst)
	return PBX{Records: rows, Claimed: len(rows)}
}

func newestFirst(a, b Row) int { return cmp.Compare(b.Began.Unix(), a.Began.Unix()) }

// serving returns a server of the vendor that has what pbx returns at the moment.
func (v Vendor) serving(pbx func() PBX) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { v.Answer(w, r, pbx()) }
}

// serve returns a server of the vendor that has pbx.
func (v Vendor) serve(pbx PBX) http.HandlerFunc { return v.serving(func() PBX { return pbx }) }
