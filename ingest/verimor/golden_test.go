package verimor_test

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

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/verimor"
)

var update = flag.Bool("update", false, "write what comes as what is wanted; look at the difference before you commit it")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// now is when the answers of testdata are asked for, in the bubble of synctest. It is after the calls in them, but for
// one that goes on.
var now = time.Date(2024, 5, 6, 9, 0, 0, 0, time.UTC)

// bubble runs f in a bubble of synctest, from now on.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(now))
		f(t)
	})
}

// goldenAnswer is what becomes of an answer, in the form of want.json.
type goldenAnswer struct {
	Error     string           `json:"error,omitempty"`
	Records   []ingest.CDR     `json:",omitempty"`
	Rejected  []goldenRejected `json:",omitempty"`
	Detail    *ingest.Detail   `json:",omitempty"`
	Sentinels map[string]bool  `json:",omitempty"`
}

type goldenRejected struct{ Row, Reason string }

// TestAnswers has a folder for each answer: answer.json is what the vendor says when asked for records or for the detail
// of a call, as the folder's name has it, and want.json what is made of it.
func TestAnswers(t *testing.T) {
	files, err := filepath.Glob("testdata/*/answer.json")
	if err != nil || len(files) < 15 {
		t.Fatalf("testdata: %d answers, %v", len(files), err)
	}
	for _, file := range files {
		folder := filepath.Dir(file)
		t.Run(filepath.Base(folder), func(t *testing.T) {
			answer, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, filepath.Join(folder, "want.json"), goldenOf(t, filepath.Base(folder), string(answer)))
		})
	}
}

func goldenOf(t *testing.T, name, answer string) (got goldenAnswer) {
	bubble(t, func(t *testing.T) {
		c := client(t, pages{answer}, func(cfg *verimor.Config) { cfg.Raw = name == "cdrs_normal" })
		if strings.HasPrefix(name, "cdr_detail") {
			d, err := c.Detail(t.Context(), asked(t, c, name))
			if got.tell(err); err == nil {
				got.Detail = &d
			}
			return
		}
		for page, err := range c.CDRs(t.Context(), lastHour()) {
			got.tell(err)
			got.Records = append(got.Records, page.Records...)
			for _, r := range page.Rejected {
				got.Rejected = append(got.Rejected, goldenRejected{string(r.Row), r.Reason})
			}
		}
	})
	return got
}

// asked returns the call whose detail is asked for: the first record of list.json beside the answer.
func asked(t *testing.T, c *verimor.Client, name string) events.Call {
	t.Helper()
	list, err := os.ReadFile(filepath.Join("testdata", name, "list.json"))
	if err != nil {
		t.Fatal(err)
	}
	lister := client(t, pages{string(list)})
	for page, err := range lister.CDRs(t.Context(), lastHour()) {
		if err != nil || len(page.Records) == 0 {
			t.Fatalf("list.json: %+v, %v", page, err)
		}
		return page.Records[0].Call
	}
	panic("no page")
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
