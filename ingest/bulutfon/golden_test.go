package bulutfon_test

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
	"github.com/callbus/callbus/ingest/bulutfon"
)

var update = flag.Bool("update", false, "write what comes as what is wanted; look at the difference before you commit it")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// now is when the answers of testdata are asked for, in the bubble of synctest. It is after the calls in them.
var now = time.Date(2024, 5, 6, 10, 0, 0, 0, time.UTC)

func sleepUntilNow() { time.Sleep(time.Until(now)) }

// goldenAnswer is what becomes of an answer, in the form of want.json.
type goldenAnswer struct {
	Error     string           `json:"error,omitempty"`
	Records   []ingest.CDR     `json:",omitempty"`
	Rejected  []goldenRejected `json:",omitempty"`
	Detail    *ingest.Detail   `json:",omitempty"`
	Sentinels map[string]bool  `json:",omitempty"`
}

type goldenRejected struct{ Row, Reason string }

// TestAnswers has a folder for each answer: answer.json is what the vendor says when asked for records or, as the
// folder's name has it, for the detail of one, and want.json what is made of it.
func TestAnswers(t *testing.T) {
	files, err := filepath.Glob("testdata/*/answer.json")
	if err != nil || len(files) < 30 {
		t.Fatalf("testdata: %d answers, %v", len(files), err)
	}
	for _, file := range files {
		folder := filepath.Dir(file)
		t.Run(filepath.Base(folder), func(t *testing.T) {
			answer, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, filepath.Join(folder, "want.json"), goldenOf(t, folder, string(answer)))
		})
	}
}

func goldenOf(t *testing.T, folder, answer string) (got goldenAnswer) {
	synctest.Test(t, func(t *testing.T) {
		sleepUntilNow()
		c := client(t, answering(answer), func(cfg *bulutfon.Config) { cfg.Raw = strings.HasSuffix(folder, "_2017") })
		if strings.Contains(folder, "detail") {
			got = goldenDetail(t, c, answer)
			return
		}
		for page, err := range c.CDRs(t.Context(), lastDay()) {
			got.tell(err)
			got.Records = append(got.Records, page.Records...)
			got.Rejected = append(got.Rejected, readable(page.Rejected)...)
		}
	})
	return got
}

func goldenDetail(t *testing.T, c *bulutfon.Client, answer string) (got goldenAnswer) {
	d, err := c.Detail(t.Context(), inbound(idOf(answer)))
	if got.tell(err); err == nil {
		got.Detail = &d
	}
	return got
}

// idOf returns the uuid in the answer to a question for a detail.
func idOf(answer string) string {
	var a struct{ CDR struct{ UUID string } }
	_ = json.Unmarshal([]byte(answer), &a) // without one, no detail matches
	return a.CDR.UUID
}

func inbound(id string) events.Call {
	return events.Call{Direction: events.Inbound, VendorIDs: map[string]string{"uuid": id}}
}

func lastDay() ingest.Window {
	return ingest.Window{From: time.Now().Add(-24 * time.Hour), To: time.Now()}
}

func (g *goldenAnswer) tell(err error) {
	if err == nil {
		return
	}
	g.Error = err.Error()
	g.Sentinels = map[string]bool{
		"ErrForeign":     errors.Is(err, ingest.ErrForeign),
		"ErrCredentials": errors.Is(err, ingest.ErrCredentials),
		"RateLimitError": errors.As(err, new(*ingest.RateLimitError)),
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
