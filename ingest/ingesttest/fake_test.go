package ingesttest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/scalar"
	"github.com/callbus/callbus/ingest/vendorhttp"
)

// fake is a provider of a vendor that is not there. It does all that a provider can, and does it right, but for its slip.
type fake struct {
	slip   string
	base   string
	http   *vendorhttp.Client
	bare   *http.Client
	redact vendorhttp.Redactor

	mu   sync.Mutex
	last int // the ID read last by NewCDRs
}

const fakeKey = `sk ü%&+"\1`

var errRefused = fmt.Errorf("%w: the vendor says so", ingest.ErrCredentials)

func newFake(slip string, hc *http.Client, base string) *fake {
	o := vendorhttp.Options{MaxBody: 2 << 20, Secrets: []secret.Text{secret.New(fakeKey)}}
	transport := hc.Transport.(*http.Transport)
	switch slip {
	case "waits for ever":
		o.Timeout = 100 * time.Hour
	case "reads all":
		o.MaxBody = 1 << 40
	case "reads all headers":
		transport.MaxResponseHeaderBytes = 1 << 40
	}
	asker := vendorhttp.New(hc, o)
	return &fake{slip: slip, base: base, http: asker, bare: &http.Client{Transport: transport}, redact: asker.Redactor()}
}

// reply is the vendor's envelope.
type reply struct {
	Error  string
	Rows   []json.RawMessage
	Total  *int
	Ended  *bool
	Detail *struct{ ID string }
}

func (f *fake) ask(ctx context.Context, question url.Values) (reply, vendorhttp.Reply, error) {
	if f.slip == "cannot be cancelled" {
		ctx = context.WithoutCancel(ctx)
	}
	question.Set("key", fakeKey)
	u, err := url.Parse(f.base + "/api?" + question.Encode())
	if err != nil {
		return reply{}, vendorhttp.Reply{}, err
	}
	whole, err := f.get(ctx, u)
	if err != nil {
		return reply{}, whole, f.slipped(err, u)
	}
	var r reply
	if err := json.Unmarshal(whole.Body, &r); err != nil {
		if f.slip == "takes anything for an empty list" {
			return reply{Total: new(0)}, whole, nil
		}
		return reply{}, whole, fmt.Errorf("%w: it is no JSON of this vendor", ingest.ErrForeign)
	}
	if r.Error == "key" {
		return reply{}, whole, errRefused
	}
	return r, whole, nil
}

// get asks, by itself or as it should not be done.
func (f *fake) get(ctx context.Context, u *url.URL) (vendorhttp.Reply, error) {
	var refused *vendorhttp.StatusError
	r, err := f.http.Get(ctx, u)
	switch {
	case f.slip == "reads all" && len(r.Body) > 1<<20:
		return vendorhttp.Reply{}, vendorhttp.ErrTooLarge
	case f.slip == "follows redirects" && errors.As(err, &refused) && refused.Code/100 == 3:
		req, _ := http.NewRequestWithContext(ctx, "GET", u.String(), nil)
		if resp, err := f.bare.Do(req); err == nil {
			resp.Body.Close()
		}
	case f.slip == "looks at no status" && errors.As(err, &refused):
		return vendorhttp.Reply{Asked: r.Asked, At: time.Now(), Body: refused.Body}, nil
	case f.slip == "takes nothing for an empty list" && errors.Is(err, ingest.ErrForeign):
		return vendorhttp.Reply{Asked: r.Asked, At: time.Now(), Body: []byte(`{"rows":[],"total":0}`)}, nil
	}
	return r, err
}

// slipped returns err, or another in its place.
func (f *fake) slipped(err error, u *url.URL) error {
	var limit *ingest.RateLimitError
	var refused *vendorhttp.StatusError
	switch {
	case f.slip == "does not call credentials refused" && errors.Is(err, ingest.ErrCredentials):
		return ingest.ErrForeign
	case f.slip == "does not tell how long to wait" && errors.As(err, &limit):
		return &ingest.RateLimitError{}
	case f.slip == "tells the body" && errors.As(err, &refused):
		return fmt.Errorf("%w: %s", err, refused.Body)
	case f.slip == "tells the URL":
		return fmt.Errorf("%s: %w", u, err)
	}
	return err
}

func (f *fake) CDRs(ctx context.Context, w ingest.Window) iter.Seq2[ingest.Page, error] {
	return func(yield func(ingest.Page, error) bool) {
		question := url.Values{"from": {strconv.FormatInt(w.From.Unix(), 10)}, "to": {strconv.FormatInt(w.To.Unix(), 10)}}
		f.pages(ctx, question, w, yield)
	}
}

const fakePages = 12

// pages reads page after page until one is short, and gives up after very many.
func (f *fake) pages(ctx context.Context, question url.Values, w ingest.Window, yield func(ingest.Page, error) bool) {
	until := w.To
	for n, total := 1, 0; ; n++ {
		if n > fakePages && f.slip != "never gives up" {
			yield(ingest.Page{}, errors.New("more pages than any list has"))
			return
		}
		if f.slip == "stops for nobody between pages" && n > 1 {
			ctx = context.WithoutCancel(ctx)
		}
		question.Set("page", strconv.Itoa(n))
		page, shown, err := f.page(ctx, question)
		if err != nil {
			yield(page, err)
			return
		}
		if total == 0 {
			total = shown.total
		}
		last := shown.rows < fakePage && f.slip != "never gives up"
		if f.slip == "trusts the first count" {
			last = n*fakePage >= total
		}
		page.Window, until = claimed(page, w, until, last || f.slip == "claims too much")
		if f.slip == "claims nothing" {
			page.Window = ingest.Window{}
		}
		if !yield(page, nil) {
			if f.slip == "asks on behind one who has left" {
				f.page(context.WithoutCancel(ctx), question)
			}
			return
		}
		if last {
			return
		}
	}
}

// claimed returns the part of w that a page has read, newest first, and what is left of it.
func claimed(p ingest.Page, w ingest.Window, until time.Time, last bool) (ingest.Window, time.Time) {
	oldest := until
	for _, r := range p.Records {
		if r.Call.StartedAt.Before(oldest) {
			oldest = *r.Call.StartedAt
		}
	}
	if last || oldest.Before(w.From) {
		return ingest.Window{From: w.From, To: until}, w.From
	}
	return ingest.Window{From: oldest.Add(time.Second), To: until}, oldest.Add(time.Second)
}

type shownRows struct{ rows, total int }

func (f *fake) page(ctx context.Context, question url.Values) (ingest.Page, shownRows, error) {
	r, whole, err := f.ask(ctx, question)
	if err != nil {
		if f.slip == "gives a page with its error" {
			return ingest.Page{Asked: whole.Asked, At: time.Now()}, shownRows{}, err
		}
		return ingest.Page{}, shownRows{}, err
	}
	if r.Rows == nil || r.Total == nil {
		if f.slip != "takes anything for an empty list" {
			return ingest.Page{}, shownRows{}, fmt.Errorf("%w: it has no rows", ingest.ErrForeign)
		}
		r.Total = new(0)
	}
	if f.slip == "takes an empty list for an error" && len(r.Rows) == 0 {
		return ingest.Page{}, shownRows{}, fmt.Errorf("%w: it is empty", ingest.ErrForeign)
	}
	p := ingest.Page{Asked: whole.Asked, At: whole.At, Ahead: whole.Ahead}
	for _, row := range r.Rows {
		if f.slip == "stops at a bad letter" && bytes.ContainsRune(row, '\uFFFD') {
			return ingest.Page{}, shownRows{}, errors.New("a letter that is none")
		}
		record, err := f.record(row)
		if err == nil {
			p.Records = append(p.Records, record)
			continue
		}
		if f.slip == "stops at a bad row" {
			return ingest.Page{}, shownRows{}, err
		}
		p.Rejected = f.reject(p.Rejected, row, err)
	}
	return p, shownRows{len(r.Rows), *r.Total}, nil
}

func (f *fake) reject(rows []ingest.Rejected, row []byte, why error) []ingest.Rejected {
	switch f.slip {
	case "drops bad rows":
		return rows
	case "cuts bad rows":
		return append(rows, ingest.Rejected{Row: row[:len(row)/2], Reason: why.Error()})
	case "gives no reason":
		return append(rows, ingest.Rejected{Row: row, Reason: "bad row"})
	case "redacts no row":
		return append(rows, ingest.Rejected{Row: row, Reason: why.Error()})
	}
	return append(rows, ingest.Rejected{Row: f.redact.JSON(row), Reason: f.redact.Text(why.Error())})
}

// fakeRow is a row of a record or an active call.
type fakeRow struct {
	ID, Began, Rang, Talked, In, Outside, Inside scalar.Value
}

func (f *fake) record(row []byte) (ingest.CDR, error) {
	var v fakeRow
	if err := json.Unmarshal(row, &v); err != nil {
		return ingest.CDR{}, errors.New("the row is no object")
	}
	id, err := v.ID.Count()
	if f.slip == "wants numbers" && strings.HasPrefix(string(v.ID), `"`) {
		err = errors.New("a text")
	}
	if err != nil || id == 0 {
		return ingest.CDR{}, fmt.Errorf("id: %w", cmpErr(err))
	}
	began, err := v.Began.Count()
	if err != nil {
		return ingest.CDR{}, fmt.Errorf("began: %w", err)
	}
	call, err := f.call(v, time.Unix(int64(began), 0).UTC())
	if err != nil {
		return ingest.CDR{}, err
	}
	call.VendorIDs = map[string]string{"id": strconv.Itoa(id)}
	call.Raw = f.redact.JSON(row)
	if f.slip == "redacts no row" {
		call.Raw = row
	}
	key := strconv.Itoa(id)
	switch f.slip {
	case "has one key for two":
		key = strconv.Itoa(id / 2)
	case "has a key of the moment":
		f.mu.Lock()
		f.last++
		key = strconv.Itoa(id) + "/" + strconv.Itoa(f.last)
		f.mu.Unlock()
	case "sets what is the tracker's":
		call.State = events.Final
	}
	return ingest.CDR{Key: key, Call: call}, nil
}

func cmpErr(err error) error {
	if err == nil {
		return errors.New("0 is no id")
	}
	return err
}

func (f *fake) call(v fakeRow, began time.Time) (events.Call, error) {
	rang, err := v.Rang.Count()
	if err != nil {
		return events.Call{}, fmt.Errorf("rang: %w", err)
	}
	talked, err := v.Talked.Count()
	if err != nil {
		return events.Call{}, fmt.Errorf("talked: %w", err)
	}
	in, err := v.In.Bool()
	if err != nil {
		return events.Call{}, fmt.Errorf("in: %w", err)
	}
	outside, inside, err := f.sides(v)
	if err != nil {
		return events.Call{}, err
	}
	c := events.Call{
		Direction: events.Outbound, Media: events.Voice, From: inside, To: outside, ExternalNumber: outside.Number,
		StartedAt: &began, EndedAt: new(began.Add(time.Duration(rang+talked) * time.Second)), TalkSeconds: new(float64(talked)),
		Outcome: new(events.NoAnswer), Missed: new(in && talked == 0),
		Hangup: events.Hangup{By: events.ByUnknown}, Recording: events.RecordingUnknown,
	}
	if in {
		c.Direction, c.From, c.To = events.Inbound, outside, inside
	}
	if talked > 0 {
		c.Outcome = new(events.Answered)
	}
	if *c.Missed {
		c.MissedReason = new(events.MissedNoAnswer)
	}
	f.spoil(&c)
	return c, nil
}

func (f *fake) spoil(c *events.Call) {
	switch f.slip {
	case "takes in for out":
		c.Direction, c.ExternalNumber = events.Outbound, c.To.Number
	case "takes local times for UTC":
		c.StartedAt, c.EndedAt = new(c.StartedAt.Add(3*time.Hour)), new(c.EndedAt.Add(3*time.Hour))
	case "calls nothing missed":
		c.Missed, c.MissedReason = new(false), nil
	case "leaves outcome out":
		c.Outcome = nil
	case "has empty for unknown":
		c.From.Name = new("")
	case "has zero for unknown":
		c.AnsweredAt = new(time.Time{})
	case "keeps the zone":
		c.StartedAt = new(c.StartedAt.In(time.FixedZone("", 3*60*60)))
	case "invents words":
		c.Recording = "perhaps"
	}
}

func (f *fake) sides(v fakeRow) (outside, inside events.Party, err error) {
	number, err := v.Outside.Text()
	if err != nil {
		return outside, inside, fmt.Errorf("outside: %w", err)
	}
	extension, err := v.Inside.Text()
	if err != nil {
		return outside, inside, fmt.Errorf("inside: %w", err)
	}
	raw := f.redact.Text(number)
	outside.Raw = &raw
	if digits := strings.TrimPrefix(number, "+"); digits != "" && strings.Trim(digits, "0123456789") == "" {
		outside.Number = new("+" + digits)
	}
	inside.Extension = new(f.redact.Text(extension))
	return outside, inside, nil
}

func (f *fake) RecordKey(c events.Call) string {
	if f.slip == "forgets its keys" || !slices.Contains(c.Evidence, events.FromCDR) && f.slip != "knows unknown calls" {
		return ""
	}
	if f.slip == "knows unknown calls" {
		return "x" + c.VendorIDs["id"]
	}
	return c.VendorIDs["id"]
}

func (f *fake) Span() time.Duration { return 24 * time.Hour }

// NewCDRs reads what was written since, a page at a time, and remembers where when all was read.
func (f *fake) NewCDRs(ctx context.Context, newest ingest.Window) iter.Seq2[ingest.Page, error] {
	if f.slip == "follows nothing" {
		return f.CDRs(ctx, newest)
	}
	return func(yield func(ingest.Page, error) bool) {
		f.mu.Lock()
		since := f.last
		f.mu.Unlock()
		whole, top := true, since
		f.pages(ctx, url.Values{"since": {strconv.Itoa(since)}}, newest, func(p ingest.Page, err error) bool {
			for _, r := range p.Records {
				id, _ := strconv.Atoi(r.Call.VendorIDs["id"])
				top = max(top, id)
			}
			if f.slip == "remembers too early" {
				f.remember(top + 1000)
			}
			went := yield(p, err)
			whole = whole && went && err == nil
			return went
		})
		if whole {
			f.remember(top)
		}
	}
}

func (f *fake) remember(id int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last = id
}

func (f *fake) ActiveCalls(ctx context.Context) (s ingest.Snapshot, err error) {
	r, whole, err := f.ask(ctx, url.Values{"active": {"1"}})
	if err != nil {
		return s, err
	}
	if r.Rows == nil {
		return s, fmt.Errorf("%w: it has no rows", ingest.ErrForeign)
	}
	s = ingest.Snapshot{Asked: whole.Asked, At: whole.At, Ahead: whole.Ahead}
	for _, row := range r.Rows {
		record, err := f.record(row)
		if err != nil {
			s.Rejected = f.reject(s.Rejected, row, err)
			continue
		}
		c := record.Call
		s.Calls = append(s.Calls, ingest.ActiveCall{
			Channel: record.Key, Began: ingest.Window{From: *c.StartedAt, To: *c.StartedAt}, Direction: c.Direction,
			From: c.From, To: c.To, ExternalNumber: c.ExternalNumber, Talking: *c.Outcome == events.Answered || f.slip == "hears all talk",
		})
	}
	return s, nil
}

func (f *fake) Detail(ctx context.Context, c events.Call) (d ingest.Detail, err error) {
	r, whole, err := f.ask(ctx, url.Values{"detail": {c.VendorIDs["id"]}})
	switch {
	case err != nil:
		return d, err
	case r.Error == "none" && f.slip != "does not tell that there is no detail":
		return d, ingest.ErrNoDetail
	case r.Detail == nil:
		return d, fmt.Errorf("%w: it is no detail", ingest.ErrForeign)
	}
	d = ingest.Detail{Key: r.Detail.ID, Asked: whole.Asked, At: whole.At, Flow: []events.Step{}}
	if f.slip == "takes another's detail" {
		d.Key += "0"
	}
	return d, nil
}

func (f *fake) HangupID(c events.Call) string { return c.VendorIDs["channel"] }

func (f *fake) Hangup(ctx context.Context, id string) error {
	if strings.TrimSpace(id) == "" && f.slip != "ends every call" {
		return errors.New("hang up: which call?")
	}
	r, _, err := f.ask(ctx, url.Values{"hangup": {id}})
	if err != nil && f.slip == "tries again to end a call" {
		r, _, err = f.ask(ctx, url.Values{"hangup": {id}})
	}
	switch {
	case err != nil:
		return err
	case r.Ended == nil:
		return fmt.Errorf("%w: it does not tell whether the call is ended", ingest.ErrForeign)
	case !*r.Ended:
		return ingest.ErrNoSuchCall
	}
	return nil
}
