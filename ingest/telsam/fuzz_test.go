package telsam_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/telsam"
)

func seeds(f *testing.F) {
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
}

// size returns how many rows an answer has by the reading of encoding/json, or -1.
func size(answer string) int {
	type wrapped struct{ Data []json.RawMessage }
	var one wrapped
	var list []wrapped
	if json.Unmarshal([]byte(answer), &one) == nil {
		return len(one.Data)
	}
	if json.Unmarshal([]byte(answer), &list) == nil && len(list) == 1 {
		return len(list[0].Data)
	}
	return -1
}

func FuzzActiveCalls(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, answer string) {
		s, err := client(t, answering(answer)).ActiveCalls(t.Context())
		if err != nil {
			if s.Calls != nil || s.Rejected != nil || !errors.Is(err, ingest.ErrForeign) && !errors.Is(err, ingest.ErrCredentials) {
				t.Errorf("%q: %+v with %v", answer, s, err)
			}
			return
		}
		if n := size(answer); len(s.Calls)+len(s.Rejected) > n && n >= 0 || n > 0 && len(s.Calls)+len(s.Rejected) == 0 {
			t.Errorf("%q: %d calls and %d rejected of %d rows", answer, len(s.Calls), len(s.Rejected), n)
		}
		if s.Partial != (len(s.Rejected) > 0) {
			t.Errorf("%q: partial %t with %d rejected", answer, s.Partial, len(s.Rejected))
		}
		channels := map[string]bool{}
		for _, c := range s.Calls {
			if c.Channel == "" || channels[c.Channel] || c.Began.To.Before(c.Began.From) || c.Began.To.After(s.At) || c.Direction == "" {
				t.Errorf("%q: %+v", answer, c)
			}
			channels[c.Channel] = true
		}
	})
}

func FuzzCDRs(f *testing.F) {
	seeds(f)
	w := hourOf(2024, 5, 6, 7)
	f.Fuzz(func(t *testing.T, answer string) {
		c := client(t, answering(answer), func(cfg *telsam.Config) { cfg.Raw, cfg.Timezone = true, "Europe/Bucharest" })
		for page, err := range c.CDRs(t.Context(), w) {
			if err != nil {
				if page.Records != nil || !errors.Is(err, ingest.ErrForeign) && !errors.Is(err, ingest.ErrCredentials) {
					t.Errorf("%q: %+v with %v", answer, page, err)
				}
				return
			}
			if n := size(answer); n >= 0 && len(page.Records)+len(page.Rejected) != n {
				t.Errorf("%q: %d records and %d rejected of %d rows", answer, len(page.Records), len(page.Rejected), n)
			}
			for _, r := range page.Records {
				mustBeWhole(t, c, r)
			}
		}
	})
}

func mustBeWhole(t *testing.T, c *telsam.Client, r ingest.CDR) {
	t.Helper()
	call := r.Call
	call.Evidence = []events.Evidence{events.FromCDR}
	if _, err := json.Marshal(call); err != nil || !json.Valid(call.Raw) {
		t.Errorf("%+v cannot be published: %v", call, err)
	}
	if call.StartedAt == nil || call.EndedAt == nil || call.Outcome == nil || call.Missed == nil || call.Direction == "" || call.Media == "" {
		t.Fatalf("%+v lacks what every record has", call)
	}
	if lasted := call.EndedAt.Sub(*call.StartedAt); lasted < 0 || lasted > 32*24*time.Hour {
		t.Errorf("%+v lasted %s", call, lasted)
	}
	if *call.Missed != (call.MissedReason != nil) || *call.Missed && (call.Direction != events.Inbound || *call.Outcome == events.Answered) {
		t.Errorf("%+v is missed: %t", call, *call.Missed)
	}
	if got := c.RecordKey(call); got != r.Key {
		t.Errorf("RecordKey %q, want %q", got, r.Key)
	}
}
