package bulutfon_test

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/bulutfon"
)

func seeds(f *testing.F) {
	files, err := filepath.Glob("testdata/*/answer.json")
	if err != nil || len(files) == 0 {
		f.Fatalf("testdata: %v", err)
	}
	for _, file := range files {
		f.Add(mustRead(f, file))
	}
}

// told tells whether err is one of those that an answer with status 200 may come to.
func told(err error) bool {
	return errors.Is(err, ingest.ErrForeign) || errors.Is(err, ingest.ErrCredentials) || errors.Is(err, ingest.ErrNoDetail) ||
		errors.As(err, new(*ingest.RateLimitError))
}

// FuzzCDRs reads any answer as a first page.
func FuzzCDRs(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, answer string) {
		c := client(t, answering(answer), func(cfg *bulutfon.Config) { cfg.Raw = true })
		for page, err := range c.CDRs(t.Context(), day) {
			if err != nil {
				if page.Records != nil || !told(err) {
					t.Errorf("%q: %+v with %v", answer, page, err)
				}
				return
			}
			var list struct{ CDRs []json.RawMessage }
			if json.Unmarshal([]byte(answer), &list) == nil && len(page.Records)+len(page.Rejected) > len(list.CDRs) {
				t.Errorf("%q: %d records and %d rejected of %d rows", answer, len(page.Records), len(page.Rejected), len(list.CDRs))
			}
			for _, r := range page.Records {
				mustBeWhole(t, c, r)
			}
			return // the second page would be the same
		}
	})
}

func mustBeWhole(t *testing.T, c *bulutfon.Client, r ingest.CDR) {
	t.Helper()
	call := r.Call
	if _, err := json.Marshal(call); err != nil || !json.Valid(call.Raw) {
		t.Errorf("%+v cannot be published: %v", call, err)
	}
	if call.StartedAt == nil || call.EndedAt == nil || call.Outcome == nil || call.Missed == nil || call.Direction == "" || call.Media == "" {
		t.Fatalf("%+v lacks what every record has", call)
	}
	if lasted := call.EndedAt.Sub(*call.StartedAt); lasted < 0 || lasted > 31*24*time.Hour {
		t.Errorf("%+v lasted %s", call, lasted)
	}
	if a := call.AnsweredAt; a != nil && (a.Before(*call.StartedAt) || a.After(*call.EndedAt)) || (a != nil) != (*call.Outcome == events.Answered) {
		t.Errorf("%+v was answered at %v", call, a)
	}
	if *call.Missed != (call.MissedReason != nil) || *call.Missed && (*call.Outcome == events.Answered || r.Undecided) {
		t.Errorf("%+v is missed: %t", call, *call.Missed)
	}
	if got := c.RecordKey(call); got != r.Key || got == "" {
		t.Errorf("RecordKey %q, want %q", got, r.Key)
	}
}

// FuzzDetail reads any answer as the detail of the call that it names.
func FuzzDetail(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, answer string) {
		d, err := client(t, answering(answer)).Detail(t.Context(), inbound(idOf(answer)))
		if err != nil {
			if d.Flow != nil || !told(err) {
				t.Errorf("%q: %+v with %v", answer, d, err)
			}
			return
		}
		if _, err := json.Marshal(d); err != nil || d.Flow == nil || d.Key == "" {
			t.Errorf("%q: %+v, %v", answer, d, err)
		}
		if d.Agent != nil && (d.Answered == nil || !*d.Answered) || d.AnsweredAt != nil && (d.Answered == nil || !*d.Answered) {
			t.Errorf("%q: %+v has an agent or an answer that nobody gave", answer, d)
		}
		for _, s := range d.Flow {
			if s.Kind == "" {
				t.Errorf("%q: %+v has no kind", answer, s)
			}
		}
	})
}
