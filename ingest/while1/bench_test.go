package while1_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/callbus/callbus/ingest"
)

// paged is a transport that has an answer for each page after the other.
type paged struct {
	pages []string
	next  int
}

func (p *paged) RoundTrip(req *http.Request) (*http.Response, error) {
	body := p.pages[p.next%len(p.pages)]
	p.next++
	return respond(req, http.StatusOK, body), nil
}

// BenchmarkCDRs reads pages of 100 rows and puts the calls of two rows each together.
func BenchmarkCDRs(b *testing.B) {
	began := time.Date(2024, 5, 6, 9, 0, 0, 0, time.UTC)
	for _, n := range []int{100, 10_000} {
		var rows []string
		p := &paged{}
		size := 0
		for i := range n {
			call := began.Add(time.Duration(i/2) * time.Second / 2)
			l := leg{id: int64(i + 1), began: call.Add(time.Duration(i%2) * 5 * time.Second), call: call, number: int64(i / 2), status: "NO ANSWER"}
			l.ended = l.began.Add(30 * time.Second)
			rows = append(rows, l.row())
			if len(rows) == 100 || i == n-1 {
				p.pages = append(p.pages, envelope(rows...))
				size += len(p.pages[len(p.pages)-1])
				rows = nil
			}
		}
		p.pages = append(p.pages, envelope())
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			c := client(b, p)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				for page, err := range c.CDRs(b.Context(), ingest.Window{From: began, To: began.Add(2 * time.Hour)}) {
					if err != nil || len(page.Records) != n/2 {
						b.Fatalf("CDRs: %d records, %v; want %d", len(page.Records), err, n/2)
					}
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
