package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/callbus/callbus/ingest"
)

// BenchmarkScrape is one scrape of a process with 10,000 accounts that list their active calls.
func BenchmarkScrape(b *testing.B) {
	f := newFleet(nil, nil, quiet())
	for i := range 10_000 {
		name := fmt.Sprintf("account-%05d", i)
		w, err := ingest.NewWorker(ingest.WorkerConfig{Account: name, Provider: "telsam", Vendor: idle{}, Log: quiet()})
		if err != nil {
			b.Fatal(err)
		}
		f.berth(name, true).ship.Store(&ship{worker: w})
	}
	m := newMeters(&health{log: quiet()})
	m.fleet.Store(f)
	h := httpHandler(probes{}, m)
	for _, encoding := range []string{"identity", "gzip"} {
		b.Run(encoding, func(b *testing.B) {
			b.ReportAllocs()
			var n int64
			for b.Loop() {
				r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
				r.Header.Set("Accept-Encoding", encoding)
				w := &counting{ResponseWriter: httptest.NewRecorder()}
				h.ServeHTTP(w, r)
				n = w.n
			}
			b.ReportMetric(float64(n)/1e6, "MB/scrape")
		})
	}
}

type counting struct {
	http.ResponseWriter
	n int64
}

func (c *counting) Write(p []byte) (int, error) { c.n += int64(len(p)); return io.Discard.Write(p) }
