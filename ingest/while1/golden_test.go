package while1_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/ingesttest"
	"github.com/callbus/callbus/ingest/while1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// now is when the answers of testdata are asked for, in the bubble of synctest. It is after the calls in them.
var now = time.Date(2024, 5, 6, 10, 0, 0, 0, time.UTC)

// TestAnswers has a folder for each answer: answer.json is what the PBX says when asked for records, and want.json what
// is made of it.
func TestAnswers(t *testing.T) { ingesttest.Golden(t, 20, goldenOf) }

func goldenOf(t *testing.T, folder, answer string) (got ingesttest.Made) {
	at := now
	if strings.HasSuffix(folder, "october") {
		at = time.Date(2024, 10, 27, 4, 0, 0, 0, time.UTC)
	}
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(at))
		c := client(t, answering(answer), func(cfg *while1.Config) { cfg.Raw = strings.HasSuffix(folder, "cdr_transfer_outside") })
		for page, err := range c.CDRs(t.Context(), ingest.Window{From: at.Add(-6 * time.Hour), To: at}) {
			got.Page(page, err)
		}
	})
	return got
}
