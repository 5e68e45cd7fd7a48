package telsam_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/ingesttest"
	"github.com/callbus/callbus/ingest/telsam"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// now is when the answers of testdata are asked for, in the bubble of synctest. It is after the calls in them.
var now = time.Date(2024, 5, 6, 10, 0, 0, 0, time.UTC)

func sleepUntilNow() { time.Sleep(time.Until(now)) }

// TestAnswers has a folder for each answer: answer.json is what the PBX says when asked for active calls or records, as
// the folder's name has it, and want.json what is made of it.
func TestAnswers(t *testing.T) { ingesttest.Golden(t, 20, goldenOf) }

func goldenOf(t *testing.T, folder, answer string) (got ingesttest.Made) {
	synctest.Test(t, func(t *testing.T) {
		sleepUntilNow()
		c := client(t, answering(answer), func(cfg *telsam.Config) { cfg.Raw = strings.HasSuffix(folder, "cdr_normal") })
		if strings.Contains(folder, "cdr") || strings.Contains(folder, "login") {
			got = goldenRecords(c, t)
			return
		}
		s, err := c.ActiveCalls(t.Context())
		got.Reject(s.Rejected)
		s.Rejected = nil
		if got.Fail(err); err == nil {
			got.Snapshot = &s
		}
	})
	return got
}

func goldenRecords(c *telsam.Client, t *testing.T) (got ingesttest.Made) {
	for page, err := range c.CDRs(t.Context(), ingest.Window{From: now.Add(-time.Hour), To: now}) {
		got.Page(page, err)
	}
	return got
}
