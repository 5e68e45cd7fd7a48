package while1_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/while1"
)

// hearing is a transport that notes what it is sent.
type hearing struct {
	sent   []string
	answer string
	err    error
}

func (h *hearing) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	h.sent = append(h.sent, req.Method+" "+req.URL.Path+" "+string(body))
	if h.err != nil {
		return nil, h.err
	}
	return respond(req, http.StatusOK, h.answer), nil
}

func TestAChannelIsHungUpByItsName(t *testing.T) {
	h := &hearing{answer: `{"has_error":false,"messages":[],"results":[]}`}
	c := client(t, h, func(cfg *while1.Config) { cfg.Key = secret.New("your_api_key") })
	if err := c.Hangup(t.Context(), "PJSIP/john-doe-00000027"); err != nil {
		t.Errorf("Hangup: %v", err)
	}
	const want = "POST /api/channel action=hangup&data%5Bchannel%5D=PJSIP%2Fjohn-doe-00000027&api_hash=832b3dd961ee2bb47d99e77a5cd5343f"
	if len(h.sent) != 1 || h.sent[0] != want {
		t.Errorf("sent %q, want %q", h.sent, want)
	}
	if id := c.HangupID(events.Call{VendorIDs: map[string]string{"linkedid": "1.2"}}); id != "" {
		t.Errorf("HangupID %q, though rows tell no channel", id)
	}
}

// TestNothingIsSentWithoutAChannel: the vendor would hang up every call there is.
func TestNothingIsSentWithoutAChannel(t *testing.T) {
	h := &hearing{answer: `{"has_error":false}`}
	c := client(t, h)
	for _, id := range []string{"", " ", "\t\n", "\u00a0", "all", "*", "PJSIP/", "/x", "/", "PJSIP/*", "PJSIP/a,PJSIP/b", "PJSIP/a b", "PJSIP/a\x00", "1714979700.480"} {
		if err := c.Hangup(t.Context(), id); err == nil {
			t.Errorf("Hangup(%q): no error", id)
		}
	}
	if len(h.sent) > 0 {
		t.Errorf("sent %q", h.sent)
	}
}

func TestWhatThePBXSaysToHangingUp(t *testing.T) {
	for answer, target := range map[string]error{
		`{"has_error":true,"messages":["No such channel"]}`:   ingest.ErrNoSuchCall,
		`{"has_error":true,"messages":["Canalul nu există"]}`: ingest.ErrNoSuchCall,
		`{"has_error":true,"messages":["Invalid API token"]}`: ingest.ErrCredentials,
		`{"has_error":true,"messages":["Token not found"]}`:   ingest.ErrCredentials,
		`{"results":[]}`: ingest.ErrForeign,
		`<html>`:         ingest.ErrForeign,
		``:               ingest.ErrForeign,
	} {
		h := &hearing{answer: answer}
		if err := client(t, h).Hangup(t.Context(), "PJSIP/x-1"); !errors.Is(err, target) || len(h.sent) != 1 {
			t.Errorf("%s: %v after %d attempts, want %v after one", answer, err, len(h.sent), target)
		}
	}
	h := &hearing{answer: `{"has_error":true,"messages":["Asterisk is down"]}`}
	if err := client(t, h).Hangup(t.Context(), "PJSIP/x-1"); err == nil || !strings.Contains(err.Error(), "Asterisk is down") || errors.Is(err, ingest.ErrNoSuchCall) {
		t.Errorf("Hangup: %v", err)
	}
	h = &hearing{err: context.DeadlineExceeded}
	if err := client(t, h).Hangup(t.Context(), "PJSIP/x-1"); err == nil || len(h.sent) != 1 {
		t.Errorf("Hangup that failed on the way: %v after %d attempts", err, len(h.sent))
	}
}
