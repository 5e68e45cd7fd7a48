package telsam_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/telsam"
)

// answering is a transport that has body for every question.
type answering string

func (body answering) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Request: req, Header: http.Header{}, ContentLength: int64(len(body)),
		Body: io.NopCloser(strings.NewReader(string(body))),
	}, nil
}

// client returns a Client of an invented account that sends through transport.
func client(t testing.TB, transport http.RoundTripper, change ...func(*telsam.Config)) *telsam.Client {
	t.Helper()
	cfg := telsam.Config{URL: "http://pbx.example", Username: "callbus-api", Password: secret.New("correct horse")}
	for _, f := range change {
		f(&cfg)
	}
	c, err := telsam.New(cfg, &http.Client{Transport: transport})
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return c
}

// envelope wraps rows as the vendor does.
func envelope(rows ...string) string {
	return fmt.Sprintf(`[{"success":true,"count":%d,"data":[%s]}]`, len(rows), strings.Join(rows, ","))
}

func BenchmarkActiveCalls(b *testing.B) {
	for _, n := range []int{100, 100_000} {
		rows := make([]string, n)
		for i := range rows {
			rows[i] = fmt.Sprintf(`{"channel":"SIP/trunk-sip-Trunk215-%x","duration":"00:%02d:%02d","calltype":"Kuyruk(%d)",`+
				`"callinfo":"Konuşuyor","src":"90500%07d","dst":"%d"}`, i, i/60%60, i%60, 600+i%40, i%15_000, 100+i%800)
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			body := envelope(rows...)
			c := client(b, answering(body))
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				s, err := c.ActiveCalls(b.Context())
				if err != nil || len(s.Calls) != n {
					b.Fatalf("ActiveCalls: %d calls, %v; want %d", len(s.Calls), err, n)
				}
			}
		})
	}
}

func BenchmarkCDRs(b *testing.B) {
	const n = 10_000
	rows := make([]string, n)
	for i := range rows {
		rows[i] = fmt.Sprintf(`{"id":"%d","calldate":"06.05.2024 12:%02d:%02d","calltype":"incoming","src":"90500%07d","dst":"%d",`+
			`"duration":"%d,4417","disposition":"ANSWERED","queue":"640","record":true,"userfield":"siparis %d"}`,
			30_000+i, i/60%60, i%60, i, 100+i%800, i%300, i)
	}
	body := envelope(rows...)
	c := client(b, answering(body))
	to := time.Date(2024, 5, 6, 10, 0, 0, 0, time.UTC)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		for page, err := range c.CDRs(b.Context(), ingest.Window{From: to.Add(-time.Hour), To: to}) {
			if err != nil || len(page.Records) != n {
				b.Fatalf("CDRs: %d records, %v; want %d", len(page.Records), err, n)
			}
		}
	}
}
