package bulutfon_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/bulutfon"
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
func client(t testing.TB, transport http.RoundTripper, change ...func(*bulutfon.Config)) *bulutfon.Client {
	t.Helper()
	cfg := bulutfon.Config{URL: "http://api.example", Token: secret.New("correct-horse-battery")}
	for _, f := range change {
		f(&cfg)
	}
	c, err := bulutfon.New(cfg, &http.Client{Transport: transport})
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return c
}

// whole wraps rows as the only page of a list.
func whole(rows ...string) string {
	return fmt.Sprintf(`{"cdrs":[%s],"pagination":{"page":1,"total_count":%d,"total_pages":1,"limit":%d,"previous_page":null,"next_page":null}}`,
		strings.Join(rows, ","), len(rows), len(rows)+1)
}

// BenchmarkPage reads a page as large as it is asked for. Divided by 100, it is the cost of a row.
func BenchmarkPage(b *testing.B) {
	const n = 100
	rows := make([]string, n)
	for i := range rows {
		rows[i] = fmt.Sprintf(`{"uuid":"0636a400-0b78-11ef-ac4a-0250c00%05d","bf_calltype":"voice","direction":"IN","caller":90500%07d,"callee":908500000301,`+
			`"call_time":"2024-05-06T10:%02d:%02d+03:00","answer_time":"2024-05-06T10:59:59+03:00","hangup_time":"2024-05-06T11:16:10+03:00",`+
			`"missing_call":false,"call_record":"YES","hangup_cause":"NORMAL_CLEARING","hangup_state":"send_bye"}`, i, i, 59-i/60, 59-i%60)
	}
	body := whole(rows...)
	c := client(b, answering(body))
	to := time.Date(2024, 5, 6, 10, 0, 0, 0, time.UTC)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		for page, err := range c.CDRs(b.Context(), ingest.Window{From: to.Add(-24 * time.Hour), To: to}) {
			if err != nil || len(page.Records) != n {
				b.Fatalf("CDRs: %d records, %v; want %d", len(page.Records), err, n)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/row")
}

func BenchmarkDetail(b *testing.B) {
	body := mustRead(b, "testdata/cdr_detail_normal/answer.json")
	c := client(b, answering(body))
	call := inbound(idOf(body))
	b.ReportAllocs()
	for b.Loop() {
		if d, err := c.Detail(b.Context(), call); err != nil || d.Agent == nil {
			b.Fatalf("Detail: %+v, %v", d, err)
		}
	}
}
