package verimor_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest/ingesttest"
	"github.com/callbus/callbus/ingest/verimor"
)

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

// TestAnswers has a folder for each answer: answer.json is what the vendor says when asked for records or for the detail
// of a call, as the folder's name has it, and want.json what is made of it.
func TestAnswers(t *testing.T) { ingesttest.Golden(t, 15, goldenOf) }

func goldenOf(t *testing.T, name, answer string) (got ingesttest.Made) {
	bubble(t, func(t *testing.T) {
		c := client(t, pages{answer}, func(cfg *verimor.Config) { cfg.Raw = name == "cdrs_normal" })
		if strings.HasPrefix(name, "cdr_detail") {
			d, err := c.Detail(t.Context(), asked(t, c, name))
			if got.Fail(err); err == nil {
				got.Detail = &d
			}
			return
		}
		for page, err := range c.CDRs(t.Context(), lastHour()) {
			got.Page(page, err)
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
