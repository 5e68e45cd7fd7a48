package while1_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/while1"
)

var update = flag.Bool("update", false, "write what comes as what is wanted; look at the difference before you commit it")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// now is when the answers of testdata are asked for, in the bubble of synctest. It is after the calls in them.
var now = time.Date(2024, 5, 6, 10, 0, 0, 0, time.UTC)

// goldenAnswer is what becomes of an answer, in the form of want.json.
type goldenAnswer struct {
	Error     string           `json:"error,omitempty"`
	Records   []ingest.CDR     `json:",omitempty"`
	Rejected  []goldenRejected `json:",omitempty"`
	Sentinels map[string]bool  `json:",omitempty"`
}

type goldenRejected struct{ Row, Reason string }

// TestAnswers has a folder for each answer: answer.json is what the PBX says when asked for records, and want.json what
// is made of it.
func TestAnswers(t *testing.T) {
	folders, err := filepath.Glob("testdata/*/answer.json")
	if err != nil || len(folders) < 20 {
		t.Fatalf("testdata: %d answers, %v", len(folders), err)
	}
	for _, file := range folders {
		folder := filepath.Dir(file)
		t.Run(filepath.Base(folder), func(t *testing.T) {
			answer, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := goldenOf(t, folder, string(answer))
			compare(t, filepath.Join(folder, "want.json"), got)
		})
	}
}

func goldenOf(t *testing.T, folder, answer string) (got goldenAnswer) {
	at := now
	if strings.HasSuffix(folder, "october") {
		at = time.Date(2024, 10, 27, 4, 0, 0, 0, time.UTC)
	}
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(at))
		c := client(t, answering(answer), func(cfg *while1.Config) { cfg.Raw = strings.HasSuffix(folder, "cdr_transfer_outside") })
		for page, err := range c.CDRs(t.Context(), ingest.Window{From: at.Add(-6 * time.Hour), To: at}) {
			got.tell(err)
			got.Records = append(got.Records, page.Records...)
			got.Rejected = append(got.Rejected, readable(page.Rejected)...)
		}
	})
	return got
}

func (g *goldenAnswer) tell(err error) {
	if err == nil {
		return
	}
	g.Error = err.Error()
	g.Sentinels = map[string]bool{
		"ErrForeign":     errors.Is(err, ingest.ErrForeign),
		"ErrCredentials": errors.Is(err, ingest.ErrCredentials),
	}
}

func readable(rows []ingest.Rejected) (out []goldenRejected) {
	for _, r := range rows {
		out = append(out, goldenRejected{string(r.Row), r.Reason})
	}
	return out
}

func compare(t *testing.T, file string, got goldenAnswer) {
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
