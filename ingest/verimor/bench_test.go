package verimor_test

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/verimor"
)

const key = "K00000000-1111-2222-3333-444444444444"

// answering is a transport that has body for every question.
type answering string

func (body answering) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Request: req, Header: http.Header{}, ContentLength: int64(len(body)),
		Body: io.NopCloser(strings.NewReader(string(body))),
	}, nil
}

// pages is a transport that has a body for each page of records, and for one beyond them an empty one.
type pages []string

func (p pages) RoundTrip(req *http.Request) (*http.Response, error) {
	n, err := strconv.Atoi(req.URL.Query().Get("page"))
	if err != nil {
		n = 1 // a detail
	}
	if n > len(p) {
		return answering(envelope(0, 0)).RoundTrip(req)
	}
	return answering(p[n-1]).RoundTrip(req)
}

// client returns a Client of an invented account that sends through transport.
func client(t testing.TB, transport http.RoundTripper, change ...func(*verimor.Config)) *verimor.Client {
	t.Helper()
	cfg := verimor.Config{URL: "http://pbx.example", Key: secret.New(key)}
	for _, f := range change {
		f(&cfg)
	}
	c, err := verimor.New(cfg, &http.Client{Transport: transport})
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return c
}

// envelope wraps rows as the vendor does, a hundred to a page.
func envelope(count, pages int, rows ...string) string { return limited(count, pages, 100, rows...) }

// limited wraps rows that are so many to a page.
func limited(count, pages, limit int, rows ...string) string {
	return fmt.Sprintf(`{"cdrs":[%s],"pagination":{"page":1,"total_count":%d,"total_pages":%d,"limit":%d}}`,
		strings.Join(rows, ","), count, pages, limit)
}

// whole wraps rows that are all there are.
func whole(rows ...string) string { return envelope(len(rows), (len(rows)+99)/100, rows...) }

func lastHour() ingest.Window {
	to := time.Now()
	return ingest.Window{From: to.Add(-time.Hour), To: to}
}

func benchmarkRow(i int) string {
	return fmt.Sprintf(`{"start_stamp":"2024-05-06 10:%02d:%02d +0300","direction":"Gelen","caller_id_number":"90500%07d",`+
		`"caller_id_name":"Ornek Musteri %d","destination_number":"902120000201","destination_name":"Dahili %d","duration":"00:02:31",`+
		`"talk_duration":"00:02:23","queue_wait_seconds":"00:00:05","queue":"%d","result":"Cevaplandı","missed":"false",`+
		`"return_uuid":null,"recording_present":"true","sip_hangup_disposition":"caller",`+
		`"call_uuid":"%08x-0b79-11ef-9b08-0250c0000001","answer_stamp":"2024-05-06 10:%02d:%02d +0300","end_stamp":"2024-05-06 11:02:31 +0300"}`,
		i/60%60, i%60, i%15_000, i%500, i%40, 200+i%8, i, i/60%60, i%60)
}

// BenchmarkCDRs reads 200 pages of 100 rows, as callbus backfill does, from memory.
func BenchmarkCDRs(b *testing.B) {
	const size, all = 100, 20_000
	var served pages
	var bytes int64
	for n := range all / size {
		rows := make([]string, size)
		for i := range rows {
			rows[i] = benchmarkRow(n*size + i)
		}
		served = append(served, envelope(all, all/size, rows...))
		bytes += int64(len(served[n]))
	}
	c := client(b, served)
	to := time.Date(2024, 5, 6, 10, 0, 0, 0, time.UTC)
	b.SetBytes(bytes)
	b.ReportAllocs()
	for b.Loop() {
		got := 0
		for page, err := range c.CDRs(b.Context(), ingest.Window{From: to.Add(-time.Hour), To: to}) {
			if err != nil || len(page.Rejected) > 0 {
				b.Fatalf("CDRs: %v, %d rejected", err, len(page.Rejected))
			}
			got += len(page.Records)
		}
		if got != all {
			b.Fatalf("CDRs: %d records, want %d", got, all)
		}
	}
	perRow := float64(b.Elapsed().Nanoseconds()) / float64(b.N) / all
	b.ReportMetric(perRow, "ns/row")
	b.ReportMetric(1e9/perRow, "rows/s")
}
