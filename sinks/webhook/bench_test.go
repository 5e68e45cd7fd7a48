package webhook_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/callbus/callbus/sinks/webhook"
)

const lanes = 64

// receiver is a server on loopback that answers 204, in this process: its cost is in both of what is compared.
func receiver(b *testing.B) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	s := &http.Server{Handler: answering(http.StatusNoContent)}
	go s.Serve(l)
	b.Cleanup(func() { s.Close() })
	return "http://" + l.Addr().String()
}

// inLanes calls deliver b.N times, from as many goroutines as there are lanes.
func inLanes(b *testing.B, deliver func() error) {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ReportAllocs()
	before := cpu()
	b.ResetTimer()
	began := time.Now()
	var all sync.WaitGroup
	for range lanes {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				if err := deliver(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "deliveries/s")
	b.ReportMetric(float64((cpu()-before).Microseconds())/float64(b.N), "cpu-µs/delivery")
}

// cpu is what this process has used, the receiver included.
func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkDeliver is held against BenchmarkBareLoop of the same run.
func BenchmarkDeliver(b *testing.B) {
	for _, mode := range []webhook.Mode{webhook.Structured, webhook.Binary} {
		b.Run(string(mode), func(b *testing.B) {
			s := sink(b, receiver(b), func(c *webhook.Config) { c.Mode, c.Timeout = mode, 15*time.Second })
			d := delivery(b)
			inLanes(b, func() error { return s.Deliver(b.Context(), d) })
		})
	}
}

// BenchmarkBareLoop is what net/http costs that sends the same bytes and does nothing else.
func BenchmarkBareLoop(b *testing.B) {
	url, body := receiver(b), delivery(b).Body
	transport := &http.Transport{MaxIdleConnsPerHost: lanes}
	client := &http.Client{Transport: transport, Timeout: 15 * time.Second}
	b.Cleanup(transport.CloseIdleConnections)
	inLanes(b, func() error {
		resp, err := client.Post(url, "application/cloudevents+json", bytes.NewReader(body))
		if err != nil {
			return err
		}
		io.Copy(io.Discard, resp.Body)
		return resp.Body.Close()
	})
}

func BenchmarkSign(b *testing.B) {
	s, body, now := signer(b, key), delivery(b).Body, time.Now()
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		s.Sign("msg_kteyzcdd2tzv4quziwqgzokbf3", now, body)
	}
}
