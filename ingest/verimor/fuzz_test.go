package verimor_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/verimor"
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
	var list struct{ Cdrs []json.RawMessage }
	if json.Unmarshal([]byte(answer), &list) != nil {
		return -1
	}
	return len(list.Cdrs)
}

func FuzzCDRs(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, answer string) {
		bubble(t, func(t *testing.T) {
			c := client(t, pages{answer}, func(cfg *verimor.Config) { cfg.Raw = true })
			first := true
			for page, err := range c.CDRs(t.Context(), lastHour()) {
				if err != nil {
					if page.Records != nil || !errors.Is(err, ingest.ErrForeign) && !errors.Is(err, ingest.ErrCredentials) {
						t.Errorf("%q: %+v with %v", answer, page, err)
					}
					return
				}
				// One that goes on is neither.
				if n := size(answer); first && n >= 0 && len(page.Records)+len(page.Rejected) > n {
					t.Errorf("%q: %d records and %d rejected of %d rows", answer, len(page.Records), len(page.Rejected), n)
				}
				first = false
				for _, r := range page.Records {
					mustBeWhole(t, c, r)
				}
			}
		})
	})
}

func mustBeWhole(t *testing.T, c *verimor.Client, r ingest.CDR) {
	t.Helper()
	call := r.Call
	if _, err := json.Marshal(call); err != nil || !json.Valid(call.Raw) {
		t.Errorf("%+v cannot be published: %v", call, err)
	}
	if call.StartedAt == nil || call.EndedAt == nil || call.Outcome == nil || call.Missed == nil || call.Direction == "" || call.Media == "" || call.Recording == "" {
		t.Fatalf("%+v lacks what every record has", call)
	}
	if lasted := call.EndedAt.Sub(*call.StartedAt); lasted < 0 || lasted > 32*24*time.Hour {
		t.Errorf("%+v lasted %s", call, lasted)
	}
	if call.AnsweredAt != nil && (*call.Outcome != events.Answered || call.AnsweredAt.Before(*call.StartedAt) || call.AnsweredAt.After(*call.EndedAt)) {
		t.Errorf("%+v was answered at %s", call, call.AnsweredAt)
	}
	if *call.Missed != (call.MissedReason != nil) || *call.Missed && (call.Direction != events.Inbound || *call.Outcome == events.Answered) {
		t.Errorf("%+v is missed: %t", call, *call.Missed)
	}
	if call.TalkSeconds != nil && *call.TalkSeconds > *call.TotalSeconds {
		t.Errorf("%+v talked longer than it was", call)
	}
	if got := c.RecordKey(call); got != r.Key || got == "" {
		t.Errorf("RecordKey %q, want %q", got, r.Key)
	}
}

func FuzzDetail(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, answer string) {
		bubble(t, func(t *testing.T) {
			call := someCall
			call.Outcome, call.Direction = new(events.Answered), events.Inbound
			d, err := client(t, answering(answer)).Detail(t.Context(), call)
			if err != nil {
				if d.Flow != nil || !errors.Is(err, ingest.ErrForeign) && !errors.Is(err, ingest.ErrCredentials) {
					t.Errorf("%q: %+v with %v", answer, d, err)
				}
				return
			}
			if d.Flow == nil || d.Key != someCall.VendorIDs["call_uuid"] || d.Agent != nil && d.Agent.Extension == nil {
				t.Errorf("%q: %+v", answer, d)
			}
			if _, err := json.Marshal(d.Flow); err != nil {
				t.Errorf("%q: %v", answer, err)
			}
		})
	})
}

// FuzzStamp holds the reading by hand against that of time.Parse.
func FuzzStamp(f *testing.F) {
	for _, s := range []string{"2024-05-06 10:20:05 +0300", "017-08-03 12:30:52 +0300", "2017-08-02 13:21:35 +030", "2024-02-30 00:00:00", "2024-05-06T07:20:05.5Z"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, written string) {
		got, ok := verimor.ParseStamp(written, verimor.Istanbul)
		want, err := time.Parse("2006-01-02 15:04:05 -0700", written)
		_, offset := want.Zone()
		if err == nil && offset >= -14*3600 && offset <= 14*3600 && (!ok || !got.Equal(want)) {
			t.Errorf("%q: %s, %t; want %s", written, got, ok, want)
		}
		if ok && (got.Year() < -1 || got.Year() > 10_000) {
			t.Errorf("%q: %s", written, got)
		}
	})
}
