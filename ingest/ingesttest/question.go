package ingesttest

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"net/http"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
)

// patience is how long a question may take in virtual time before its context ends: longer than any of the bounds that
// the suite holds a provider to.
const patience = 2 * time.Hour

// A question is one of the things that a provider can be asked.
type question struct {
	name string
	ask  func(ctx context.Context) answer
}

// An answer is all that came of a question.
type answer struct {
	Pages    []ingest.Page
	Snapshot ingest.Snapshot
	Detail   ingest.Detail
	err      error
}

// records returns the records of every page.
func (a answer) records() (all []ingest.CDR) {
	for _, p := range a.Pages {
		all = append(all, p.Records...)
	}
	return all
}

// rejected returns every row that could not be read.
func (a answer) rejected() []ingest.Rejected {
	all := append([]ingest.Rejected(nil), a.Snapshot.Rejected...)
	for _, p := range a.Pages {
		all = append(all, p.Rejected...)
	}
	return all
}

// holds tells what of an answer came although there was none, or "".
func (a answer) holds() string {
	switch {
	case len(a.Pages) > 0:
		return fmt.Sprintf("a page with %d records", len(a.records()))
	case !a.Snapshot.At.IsZero() || a.Snapshot.Calls != nil || a.Snapshot.Rejected != nil:
		return fmt.Sprintf("a snapshot of %d calls", len(a.Snapshot.Calls))
	case a.Detail.Flow != nil || a.Detail.Key != "" || !a.Detail.At.IsZero():
		return "a detail"
	}
	return ""
}

// read takes every page to the end. An error that comes with a page counts that page as well.
func read(pages iter.Seq2[ingest.Page, error]) (a answer) {
	for p, err := range pages {
		if err == nil || !p.At.IsZero() || p.Records != nil || p.Rejected != nil {
			a.Pages = append(a.Pages, p)
		}
		if err != nil {
			a.err = err
		}
	}
	return a
}

// patiently asks with a context that ends after patience.
func patiently(ask func(context.Context) answer) answer {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return ask(ctx)
}

// reading asks for the records of the window.
func reading(c ingest.CDRReader) answer {
	return patiently(func(ctx context.Context) answer { return read(c.CDRs(ctx, window())) })
}

// questions returns what c can be asked; about sample, where a question is about one call.
func questions(c ingest.CDRReader, sample sample) []question {
	all := []question{{"CDRs", func(ctx context.Context) answer { return read(c.CDRs(ctx, window())) }}}
	if f, ok := c.(ingest.CDRFollower); ok {
		all = append(all, question{"NewCDRs", func(ctx context.Context) answer { return read(f.NewCDRs(ctx, window())) }})
	}
	if l, ok := c.(ingest.ActiveLister); ok {
		all = append(all, question{"ActiveCalls", answerOf(l)})
	}
	if d, ok := c.(ingest.DetailReader); ok {
		all = append(all, question{"Detail", func(ctx context.Context) (a answer) {
			a.Detail, a.err = d.Detail(ctx, sample.call)
			return a
		}})
	}
	if h, ok := c.(ingest.Hanger); ok {
		all = append(all, question{"Hangup", func(ctx context.Context) answer { return answer{err: h.Hangup(ctx, sample.hangup)} }})
	}
	return all
}

func answerOf(l ingest.ActiveLister) func(context.Context) answer {
	return func(ctx context.Context) (a answer) {
		a.Snapshot, a.err = l.ActiveCalls(ctx)
		return a
	}
}

// noID is asked to be ended where no id is known by which a call can be.
const noID = "no id"

// A sample is a call that the vendor has, and what the provider made of it.
type sample struct {
	v      Vendor
	asked  []string // the names of the questions that the provider can be asked
	pbx    PBX
	call   events.Call // as it would be published
	key    string
	hangup string // the id by which it can be ended, or noID
}

// sampled reads a call that goes on and its record.
func (v Vendor) sampled(t testing.TB) sample {
	shown := Call{ID: 7, Inbound: true, Outside: "+905000000007", Inside: "215", Began: noon.Add(-10 * time.Minute), Talked: time.Minute}
	s := sample{v: v, pbx: v.with(shown), hangup: cmp.Or(v.HangupID, noID)}
	s.pbx.Active = v.showing(shown).Active
	srv := start(v.serve(s.pbx))
	defer srv.stop()
	c := srv.open(t, v)
	for _, r := range reading(c).records() {
		s.call, s.key = published(r.Call), r.Key
	}
	if h, ok := c.(ingest.Hanger); ok {
		if id := h.HangupID(live(c, s.call)); id != "" {
			s.hangup = id
		}
	}
	for _, q := range questions(c, s) {
		s.asked = append(s.asked, q.name)
	}
	return s
}

// live returns call with the channel under which it is shown, if it is.
func live(c ingest.CDRReader, call events.Call) events.Call {
	l, ok := c.(ingest.ActiveLister)
	if !ok {
		return call
	}
	s, err := l.ActiveCalls(context.Background())
	if err != nil || len(s.Calls) == 0 {
		return call
	}
	ids := map[string]string{"channel": s.Calls[0].Channel}
	for name, id := range call.VendorIDs {
		ids[name] = id
	}
	call.VendorIDs = ids
	return call
}

// asks puts each question to a client of its own, of a server that answers with h, and hands over what came of it.
func (s sample) asks(t *testing.T, h http.Handler, judge func(q question, a answer, srv *server)) {
	for i := range s.asked {
		srv := start(h)
		q := questions(srv.open(t, s.v), s)[i]
		judge(q, patiently(q.ask), srv)
		srv.stop()
	}
}
