package ingesttest

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/callbus/callbus/ingest"
)

var update = flag.Bool("update", false, "write what comes as what is wanted; look at the difference before you commit it")

// Made is what a provider makes of an answer, in the form of want.json.
type Made struct {
	Error     string           `json:"error,omitempty"`
	Snapshot  *ingest.Snapshot `json:",omitempty"`
	Records   []ingest.CDR     `json:",omitempty"`
	Rejected  []MadeRejected   `json:",omitempty"`
	Detail    *ingest.Detail   `json:",omitempty"`
	Sentinels map[string]bool  `json:",omitempty"`
}

// MadeRejected is a row that could not be read, as text.
type MadeRejected struct{ Row, Reason string }

// Page adds a page of records, or the error in its place.
func (m *Made) Page(p ingest.Page, err error) {
	m.Fail(err)
	m.Records = append(m.Records, p.Records...)
	m.Reject(p.Rejected)
}

// Reject adds rows that could not be read.
func (m *Made) Reject(rows []ingest.Rejected) {
	for _, r := range rows {
		m.Rejected = append(m.Rejected, MadeRejected{string(r.Row), r.Reason})
	}
}

// Fail notes err, if it is one, and what a caller can tell of it.
func (m *Made) Fail(err error) {
	if err == nil {
		return
	}
	m.Error = err.Error()
	m.Sentinels = map[string]bool{
		"ErrForeign":     errors.Is(err, ingest.ErrForeign),
		"ErrCredentials": errors.Is(err, ingest.ErrCredentials),
		"RateLimitError": errors.As(err, new(*ingest.RateLimitError)),
	}
}

// Golden holds a provider to the folders of testdata, of which there are at least so many: answer.json is what the vendor
// says, want.json what of makes of it. With -update it writes the latter.
func Golden(t *testing.T, least int, of func(t *testing.T, name, answer string) Made) {
	t.Helper()
	files, err := filepath.Glob("testdata/*/answer.json")
	if err != nil || len(files) < least {
		t.Fatalf("testdata: %d answers, want at least %d: %v", len(files), least, err)
	}
	for _, file := range files {
		folder := filepath.Dir(file)
		t.Run(filepath.Base(folder), func(t *testing.T) {
			answer, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, filepath.Join(folder, "want.json"), of(t, filepath.Base(folder), string(answer)))
		})
	}
}

func compare(t *testing.T, file string, got Made) {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(got); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: write it with -update, and read it", err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("%s wants\n%s\nbut there came\n%s", file, want, b.Bytes())
	}
}
