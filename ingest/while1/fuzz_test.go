package while1_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/while1"
)

func FuzzCDRs(f *testing.F) {
	files, err := filepath.Glob("testdata/*/answer.json")
	if err != nil || len(files) == 0 {
		f.Fatalf("testdata: %v", err)
	}
	for _, file := range files {
		answer, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(answer))
	}
	w := ingest.Window{From: time.Date(2024, 5, 6, 5, 0, 0, 0, time.UTC), To: time.Date(2024, 5, 6, 10, 0, 0, 0, time.UTC)}
	f.Fuzz(func(t *testing.T, answer string) {
		c := client(t, answering(answer), func(cfg *while1.Config) { cfg.Raw = true })
		for page, err := range c.CDRs(t.Context(), w) {
			if err != nil {
				mustBeNoPage(t, answer, page, err)
				continue
			}
			for _, r := range page.Records {
				mustBeWhole(t, c, r, w)
			}
		}
		for page, err := range c.NewCDRs(t.Context(), w) {
			if err != nil {
				mustBeNoPage(t, answer, page, err)
			}
		}
	})
}

// mustBeNoPage: an answer that is none is one of somebody else, or the vendor's own word for an error.
func mustBeNoPage(t *testing.T, answer string, page ingest.Page, err error) {
	t.Helper()
	if page.Records != nil || page.Rejected != nil {
		t.Errorf("%q: %+v with %v", answer, page, err)
	}
	var whole struct {
		Failed  *bool             `json:"has_error"`
		Results []json.RawMessage `json:"results"`
	}
	if json.Unmarshal([]byte(answer), &whole) == nil && whole.Failed != nil && !*whole.Failed && len(whole.Results) > 0 && errors.Is(err, ingest.ErrCredentials) {
		t.Errorf("%q: %v", answer, err)
	}
}

func mustBeWhole(t *testing.T, c *while1.Client, r ingest.CDR, w ingest.Window) {
	t.Helper()
	call := r.Call
	call.Evidence = []events.Evidence{events.FromCDR}
	if _, err := json.Marshal(call); err != nil || !json.Valid(call.Raw) {
		t.Errorf("%+v cannot be published: %v", call, err)
	}
	if call.StartedAt == nil || call.EndedAt == nil || call.Outcome == nil || call.Missed == nil || call.Direction == "" || call.Media == "" || r.Rows < 1 {
		t.Fatalf("%+v lacks what every record has", call)
	}
	if lasted := call.EndedAt.Sub(*call.StartedAt); lasted < 0 || lasted > 62*24*time.Hour || !w.Contains(*call.StartedAt) {
		t.Errorf("%+v lasted %s", call, lasted)
	}
	if *call.Missed != (call.MissedReason != nil) || *call.Missed && (call.Direction != events.Inbound || *call.Outcome == events.Answered) {
		t.Errorf("%+v is missed: %t", call, *call.Missed)
	}
	if got := c.RecordKey(call); got != r.Key || got == "" {
		t.Errorf("RecordKey %q, want %q", got, r.Key)
	}
}
