package bulutfon_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/bulutfon"
	"github.com/callbus/callbus/ingest/ingesttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// now is when the answers of testdata are asked for, in the bubble of synctest. It is after the calls in them.
var now = time.Date(2024, 5, 6, 10, 0, 0, 0, time.UTC)

func sleepUntilNow() { time.Sleep(time.Until(now)) }

// TestAnswers has a folder for each answer: answer.json is what the vendor says when asked for records or, as the
// folder's name has it, for the detail of one, and want.json what is made of it.
func TestAnswers(t *testing.T) { ingesttest.Golden(t, 30, goldenOf) }

func goldenOf(t *testing.T, folder, answer string) (got ingesttest.Made) {
	synctest.Test(t, func(t *testing.T) {
		sleepUntilNow()
		c := client(t, answering(answer), func(cfg *bulutfon.Config) { cfg.Raw = strings.HasSuffix(folder, "_2017") })
		if strings.Contains(folder, "detail") {
			got = goldenDetail(t, c, answer)
			return
		}
		for page, err := range c.CDRs(t.Context(), lastDay()) {
			got.Page(page, err)
		}
	})
	return got
}

func goldenDetail(t *testing.T, c *bulutfon.Client, answer string) (got ingesttest.Made) {
	d, err := c.Detail(t.Context(), inbound(idOf(answer)))
	if got.Fail(err); err == nil {
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
