package webhook_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/sinks"
	"github.com/callbus/callbus/sinks/webhook"
)

const (
	empty200 = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
	head200  = "HTTP/1.1 200 OK\r\n"
)

// drip writes text again and again, a little each time, until the other side has enough.
func drip(c net.Conn, text string, every time.Duration) {
	for {
		if _, err := io.WriteString(c, text); err != nil {
			return
		}
		time.Sleep(every)
	}
}

// flood writes block again and again, until the other side has enough.
func flood(c net.Conn, block []byte) {
	for {
		if _, err := c.Write(block); err != nil {
			return
		}
	}
}

var mebibyte = bytes.Repeat([]byte("x"), 1<<20)

// hostile are the receivers of one connection each, by the ids under which they are known.
var hostile = []struct {
	id, name string
	serve    func(context.Context, *net.TCPConn)
	want     sinks.Fault
}{
	{"T-1", "accepts and never reads", func(ctx context.Context, _ *net.TCPConn) { <-ctx.Done() }, sinks.Passing},
	{"T-1", "reads and never answers", afterRequest(func(ctx context.Context, _ *net.TCPConn) { <-ctx.Done() }), sinks.Passing},
	{"T-2", "resets after accept", func(_ context.Context, c *net.TCPConn) { reset(c) }, sinks.Passing},
	{"T-2", "resets after the request", afterRequest(func(_ context.Context, c *net.TCPConn) { reset(c) }), sinks.Passing},
	{"T-2", "resets after our headers", func(_ context.Context, c *net.TCPConn) { c.Read(make([]byte, 10)); reset(c) }, sinks.Passing},
	{"T-2", "resets within its header", afterRequest(func(_ context.Context, c *net.TCPConn) {
		io.WriteString(c, head200+"Content-Length: 0\r\n")
		time.Sleep(5 * time.Millisecond)
		reset(c)
	}), sinks.Passing},
	{"T-2", "resets within the body of a 200", afterRequest(func(_ context.Context, c *net.TCPConn) {
		io.WriteString(c, head200+"Content-Length: 100\r\n\r\nabc")
		time.Sleep(20 * time.Millisecond)
		reset(c)
	}), delivered},
	{"T-3", "answers and half-closes", afterRequest(func(_ context.Context, c *net.TCPConn) {
		io.WriteString(c, empty200)
		c.CloseWrite()
		io.Copy(io.Discard, c)
	}), delivered},
	{"T-3", "half-closes before an answer", afterRequest(func(_ context.Context, c *net.TCPConn) { c.CloseWrite(); io.Copy(io.Discard, c) }), sinks.Passing},
	{"T-3", "closes before an answer", afterRequest(func(context.Context, *net.TCPConn) {}), sinks.Passing},
	{"T-5", "an SSH banner", func(_ context.Context, c *net.TCPConn) {
		c.Read(make([]byte, 1)) // what is sent before the request is met by TestAReceiverThatSpeaksFirst
		io.WriteString(c, "SSH-2.0-OpenSSH_9.6\r\n")
		io.Copy(io.Discard, c)
	}, sinks.OfEndpoint},
	{"T-5", "TLS where plain HTTP was asked for", func(_ context.Context, c *net.TCPConn) {
		c.Read(make([]byte, 4096))
		c.Write([]byte{21, 3, 1, 0, 2, 2, 22}) // an alert, and the end
	}, sinks.OfEndpoint},

	{"H-1", "a header that drips", afterRequest(func(_ context.Context, c *net.TCPConn) { io.WriteString(c, head200); drip(c, "X", 10*time.Millisecond) }), sinks.Passing},
	{"H-2", "a body that drips after 200", afterRequest(func(_ context.Context, c *net.TCPConn) {
		io.WriteString(c, head200+"Content-Length: 99999\r\n\r\n")
		drip(c, "x", 10*time.Millisecond)
	}), delivered},
	{"H-2", "a body that drips after 500", afterRequest(func(_ context.Context, c *net.TCPConn) {
		io.WriteString(c, "HTTP/1.1 500 No\r\nContent-Length: 99999\r\n\r\n")
		drip(c, "x", 10*time.Millisecond)
	}), sinks.Passing},
	{"H-3", "a gigabyte after 200", afterRequest(func(_ context.Context, c *net.TCPConn) {
		io.WriteString(c, head200+"Content-Length: 1073741824\r\n\r\n")
		flood(c, mebibyte)
	}), delivered},
	{"H-3", "endless chunks after 500", afterRequest(func(_ context.Context, c *net.TCPConn) {
		io.WriteString(c, "HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n")
		flood(c, append(append([]byte("1000\r\n"), mebibyte[:4096]...), "\r\n"...))
	}), sinks.Passing},
	{"H-4", "a gzip bomb", afterRequest(func(_ context.Context, c *net.TCPConn) {
		bomb := gzipBomb()
		fmt.Fprintf(c, "HTTP/1.1 400 Bad Request\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n", len(bomb))
		c.Write(bomb)
		io.Copy(io.Discard, c)
	}), sinks.OfEvent},
	{"H-5", "one header of a megabyte", afterRequest(func(_ context.Context, c *net.TCPConn) {
		io.WriteString(c, head200+"X-Large: ")
		c.Write(mebibyte)
		io.WriteString(c, "\r\n\r\n")
	}), sinks.OfEndpoint},
	{"H-5", "ten megabytes of header", afterRequest(func(_ context.Context, c *net.TCPConn) {
		io.WriteString(c, head200)
		flood(c, append([]byte("X-Large: "), append(bytes.Repeat([]byte("x"), 1000), "\r\n"...)...))
	}), sinks.OfEndpoint},
	{"H-5", "a hundred thousand headers", afterRequest(func(_ context.Context, c *net.TCPConn) {
		io.WriteString(c, head200)
		flood(c, bytes.Repeat([]byte("A: b\r\n"), 1000))
	}), sinks.OfEndpoint},
	{"H-6", "endless 103", afterRequest(func(_ context.Context, c *net.TCPConn) {
		flood(c, bytes.Repeat([]byte("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"), 100))
	}), sinks.OfEndpoint},
	{"H-6", "102 now and then", afterRequest(func(_ context.Context, c *net.TCPConn) {
		drip(c, "HTTP/1.1 102 Processing\r\n\r\n", 20*time.Millisecond)
	}), sinks.Passing},
	{"H-7", "a body that is shorter than its length", afterRequest(func(_ context.Context, c *net.TCPConn) { io.WriteString(c, head200+"Content-Length: 100\r\n\r\nabc") }), delivered},
	{"H-7", "a body that is longer than its length", saying(head200 + "Content-Length: 1\r\n\r\nabcHTTP/1.1 500 No\r\n\r\n"), delivered},
	{"H-7", "a length and chunks", saying(head200 + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), delivered},
	{"H-7", "chunks that are none", saying(head200 + "Transfer-Encoding: chunked\r\n\r\nnonsense\r\n"), delivered},
	{"H-7", "a negative length", saying(head200 + "Content-Length: -5\r\n\r\n"), sinks.OfEndpoint},
	{"H-7", "two lengths", saying(head200 + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef"), sinks.OfEndpoint},
	{"H-8", "status 999", saying("HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n"), sinks.OfEndpoint},
	{"H-8", "status 099", saying("HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n"), sinks.OfEndpoint},
	{"H-8", "status -01", saying("HTTP/1.1 -01 Odd\r\nContent-Length: 0\r\n\r\n"), sinks.OfEndpoint},
	{"H-8", "status 20", saying("HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n"), sinks.OfEndpoint},
	{"H-8", "200 without a reason", saying("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"), delivered},
	{"H-8", "HTTP/1.0", saying("HTTP/1.0 200 OK\r\n\r\n"), delivered},
	{"H-8", "HTTP/0.9", saying("<html>hello</html>\r\n\r\n"), sinks.OfEndpoint},
	{"H-8", "HTTP/9.9 of words", saying("HTTP/x.y 200 OK\r\n\r\n"), sinks.OfEndpoint},
	{"H-8", "a header without a colon", saying(head200 + "nonsense\r\n\r\n"), sinks.OfEndpoint},
	{"H-8", "garbage", saying("\x00\xff\x01\r\n\r\n\r\n"), sinks.OfEndpoint},
	{"H-9", "200 before it read the request", func(_ context.Context, c *net.TCPConn) {
		c.Read(make([]byte, 1))
		io.WriteString(c, empty200)
		time.Sleep(50 * time.Millisecond)
		io.Copy(io.Discard, c)
	}, delivered},
	{"H-10", "204 with a body", saying("HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc"), delivered},
	{"H-10", "205", saying("HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n"), delivered},
	{"H-10", "206", saying("HTTP/1.1 206 Partial Content\r\nContent-Length: 3\r\n\r\nabc"), delivered},
	{"H-10", "304", saying("HTTP/1.1 304 Not Modified\r\n\r\n"), sinks.OfEndpoint},
	{"H-10", "300 without a place", saying("HTTP/1.1 300 Multiple Choices\r\nContent-Length: 0\r\n\r\n"), sinks.OfEndpoint},
	{"H-13", "101 and holds", saying("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"), sinks.OfEndpoint},
	{"H-13", "101 and floods", afterRequest(func(_ context.Context, c *net.TCPConn) {
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
		flood(c, mebibyte)
	}), sinks.OfEndpoint},
}

var gzipBomb = sync.OnceValue(func() []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	for range 64 {
		z.Write(make([]byte, 1<<20))
	}
	z.Close()
	return b.Bytes()
})

func TestHostileReceivers(t *testing.T) {
	eachWay(t, func(t *testing.T, sink opener) {
		gzipBomb() // which takes a while
		for _, tc := range hostile {
			t.Run(tc.id+" "+tc.name, func(t *testing.T) {
				t.Parallel()
				s := sink(t, "http://"+raw(t, tc.serve)+"/hunter22", func(c *webhook.Config) { c.Bearer = secret.New("hunter22") })
				began := time.Now()
				err := s.Deliver(t.Context(), delivery(t))
				inTime(t, began)
				if faultOf(err) != tc.want {
					t.Errorf("Deliver: %v (%q), want %q", err, faultOf(err), tc.want)
				}
				if err != nil && (strings.Contains(err.Error(), "hunter22") || strings.ContainsAny(err.Error(), "\r\n\x00") || len(err.Error()) > 600) {
					t.Errorf("the error tells too much: %q", err)
				}
				if tc.id == "H-13" && time.Since(began) > timeout {
					t.Errorf("Deliver took %s, want it at once", time.Since(began))
				}
			})
		}
	})
}

// H-3, H-4, H-5: what is sent to us does not fill our memory.
func TestMemoryIsBounded(t *testing.T) {
	eachWay(t, func(t *testing.T, sink opener) {
		for _, tc := range hostile {
			if tc.id != "H-3" && tc.id != "H-4" && tc.id != "H-5" && tc.id != "H-13" {
				continue
			}
			s := sink(t, "http://"+raw(t, tc.serve))
			s.Deliver(t.Context(), delivery(t)) // what is made once
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			s.Deliver(t.Context(), delivery(t))
			runtime.ReadMemStats(&after)
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
				t.Errorf("%s %s: %d bytes were allocated, want at most a mebibyte", tc.id, tc.name, grown)
			}
			s.Close()
		}
	})
}

// T-1: a window that is closed in the middle of our body.
func TestAReceiverThatStopsReading(t *testing.T) {
	s := sink(t, "http://"+raw(t, func(ctx context.Context, c *net.TCPConn) { c.Read(make([]byte, 1000)); <-ctx.Done() }))
	began := time.Now()
	err := s.Deliver(t.Context(), delivery(t, func(e *events.Event) {
		e.Data = events.Call{Provider: string(mebibyte) + string(mebibyte) + string(mebibyte) + string(mebibyte)}
	}))
	inTime(t, began)
	if faultOf(err) != sinks.Passing {
		t.Errorf("Deliver: %v, want %q", err, sinks.Passing)
	}
}

// T-5: it may be seen before the request is written, or after.
func TestAReceiverThatSpeaksFirst(t *testing.T) {
	eachWay(t, func(t *testing.T, sink opener) {
		s := sink(t, "http://"+raw(t, func(_ context.Context, c *net.TCPConn) {
			io.WriteString(c, "SSH-2.0-OpenSSH_9.6\r\n")
			io.Copy(io.Discard, c)
		}))
		began := time.Now()
		err := s.Deliver(t.Context(), delivery(t))
		inTime(t, began)
		if f := faultOf(err); f != sinks.OfEndpoint && f != sinks.Passing || !strings.Contains(err.Error(), "check what listens") {
			t.Errorf("Deliver: %v", err)
		}
	})
}

// T-2: refused.
func TestNobodyListens(t *testing.T) {
	eachWay(t, func(t *testing.T, sink opener) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		if err := sink(t, "http://"+l.Addr().String()).Deliver(t.Context(), delivery(t)); faultOf(err) != sinks.Passing || !strings.Contains(err.Error(), "nothing listens") {
			t.Errorf("Deliver: %v", err)
		}
	})
}

// T-6: the receiver closes a kept connection as our request arrives. Whether it took the event nobody knows: it is not
// sent again behind the pump's back.
func TestAKeptConnectionThatIsClosedAsWeWrite(t *testing.T) {
	eachWay(t, func(t *testing.T, sink opener) {
		var requests atomic.Int32
		s := sink(t, "http://"+raw(t, func(_ context.Context, c *net.TCPConn) {
			r := bufio.NewReader(c)
			for readRequest(r) {
				if requests.Add(1) == 2 {
					return
				}
				io.WriteString(c, empty200)
			}
		}))
		for i, want := range []sinks.Fault{delivered, sinks.Passing, delivered} {
			if err := s.Deliver(t.Context(), delivery(t)); faultOf(err) != want || int(requests.Load()) != i+1 {
				t.Errorf("delivery %d: %v after %d requests, want %q after %d", i+1, err, requests.Load(), want, i+1)
			}
		}
	})
}

// T-6: it was closed before. Nothing had been written, or else it is the pump's to try again.
func TestAKeptConnectionThatWasClosed(t *testing.T) {
	eachWay(t, func(t *testing.T, sink opener) {
		var requests atomic.Int32
		closed := make(chan struct{}, 100)
		s := sink(t, "http://"+raw(t, afterRequest(func(_ context.Context, c *net.TCPConn) {
			requests.Add(1)
			io.WriteString(c, empty200)
			c.Close()
			closed <- struct{}{}
		})))
		for range 20 {
			if err := s.Deliver(t.Context(), delivery(t)); faultOf(err) != delivered && faultOf(err) != sinks.Passing {
				t.Fatalf("Deliver: %v", err)
			} else if err == nil {
				<-closed
			}
		}
		if n := requests.Load(); n > 20 {
			t.Errorf("%d requests for 20 deliveries", n)
		}
	})
}

// H-7: what follows an answer is not taken for the next one.
func TestNoAnswerIsSmuggled(t *testing.T) {
	eachWay(t, func(t *testing.T, sink opener) {
		var conns atomic.Int32
		s := sink(t, "http://"+raw(t, afterRequest(func(_ context.Context, c *net.TCPConn) {
			if conns.Add(1) == 1 {
				io.WriteString(c, head200+"Content-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			} else {
				io.WriteString(c, "HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n")
			}
			io.Copy(io.Discard, c)
		})))
		if err := s.Deliver(t.Context(), delivery(t)); err != nil {
			t.Fatalf("Deliver: %v", err)
		}
		for range 3 { // the surplus may be noticed only as it is read
			if err := s.Deliver(t.Context(), delivery(t)); faultOf(err) == delivered {
				t.Fatalf("the surplus of one answer was taken for another")
			}
		}
	})
}

// H-11.
func TestConnectionsThatAreClosedEachTimeDoNotPileUp(t *testing.T) {
	eachWay(t, func(t *testing.T, sink opener) {
		for _, header := range [][]string{{"Connection", "close"}, {"Keep-Alive", "max=1"}} {
			var open, most atomic.Int32
			s := sink(t, "http://"+raw(t, func(ctx context.Context, c *net.TCPConn) {
				most.Store(max(most.Load(), open.Add(1)))
				defer open.Add(-1)
				r := bufio.NewReader(c)
				for readRequest(r) {
					fmt.Fprintf(c, head200+"%s: %s\r\nContent-Length: 0\r\n\r\n", header[0], header[1])
					if header[1] == "close" {
						return
					}
				}
			}))
			for range 50 {
				if err := s.Deliver(t.Context(), delivery(t)); err != nil {
					t.Fatalf("%s: Deliver: %v", header, err)
				}
			}
			if most.Load() > 3 {
				t.Errorf("%s: %d connections at once", header, most.Load())
			}
		}
	})
}

// H-12.
func TestNothingIsExpectedBeforeTheBody(t *testing.T) {
	got := make(chan request, 1)
	s := sink(t, server(t, recording(got, answering(200))))
	d := delivery(t, func(e *events.Event) { e.Data = events.Call{Provider: string(mebibyte)} })
	if err := s.Deliver(t.Context(), d); err != nil {
		t.Fatalf("Deliver: %v", err)
	}
	if r := <-got; r.header.Get("Expect") != "" || len(r.body) != len(d.Body) {
		t.Errorf("Expect: %q, and %d bytes of %d", r.header.Get("Expect"), len(r.body), len(d.Body))
	}
}

func TestConnectionsAreKept(t *testing.T) {
	eachWay(t, func(t *testing.T, sink opener) {
		var conns atomic.Int32
		for name, body := range map[string]string{"none": "", "short": "ok", "as long as is read": strings.Repeat("x", 60<<10)} {
			conns.Store(0)
			s := sink(t, "http://"+raw(t, func(_ context.Context, c *net.TCPConn) {
				conns.Add(1)
				for r := bufio.NewReader(c); readRequest(r); {
					fmt.Fprintf(c, head200+"Content-Length: %d\r\n\r\n%s", len(body), body)
				}
			}))
			for range 20 {
				if err := s.Deliver(t.Context(), delivery(t)); err != nil {
					t.Fatalf("Deliver: %v", err)
				}
			}
			if conns.Load() != 1 {
				t.Errorf("a body that is %s: %d connections for 20 deliveries, want 1", name, conns.Load())
			}
		}
	})
}

//
func TestNoRedirectIsFollowed(t *testing.T) {
	eachWay(t, func(t *testing.T, sink opener) {
		var asked atomic.Int32
		elsewhere := server(t, func(http.ResponseWriter, *http.Request) { asked.Add(1) })
		for _, code := range []int{301, 302, 303, 307, 308} {
			for _, to := range []string{elsewhere, "http://169.254.169.254/latest/hunter22", "/", "", "http://a b\r\n", "//" + strings.TrimPrefix(elsewhere, "http://"), "javascript:1"} {
				s := sink(t, server(t, answering(code, "Location", to)))
				err := s.Deliver(t.Context(), delivery(t))
				if faultOf(err) != sinks.OfEndpoint || strings.Contains(err.Error(), "hunter22") {
					t.Errorf("%d to %q: %v", code, to, err)
				}
				s.Close()
			}
		}
		if asked.Load() != 0 {
			t.Errorf("%d redirects were followed", asked.Load())
		}
	})
}

//
func TestProxiesOfTheEnvironmentAreNotUsed(t *testing.T) {
	proxied := make(chan struct{}, 10)
	proxy := server(t, func(http.ResponseWriter, *http.Request) { proxied <- struct{}{} })
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"} {
		t.Setenv(name, proxy)
	}
	s := sink(t, server(t, answering(200)))
	if err := s.Deliver(t.Context(), delivery(t)); err != nil || len(proxied) != 0 || webhook.Transport(s).Proxy != nil {
		t.Errorf("Deliver: %v, with %d requests at the proxy", err, len(proxied))
	}
}

//
func TestConnectionsAreMadeAnewAfterAWhile(t *testing.T) {
	eachWay(t, func(t *testing.T, sink opener) {
		ended := make(chan struct{}, 10)
		s := sink(t, "http://"+raw(t, func(_ context.Context, c *net.TCPConn) {
			for r := bufio.NewReader(c); readRequest(r); {
				io.WriteString(c, empty200)
			}
			ended <- struct{}{}
		}))
		webhook.RenewAfter(s, 0)
		for range 2 {
			if err := s.Deliver(t.Context(), delivery(t)); err != nil {
				t.Fatalf("Deliver: %v", err)
			}
			time.Sleep(time.Millisecond)
		}
		<-ended // the first, when the second was made
		s.Close()
		<-ended
	})
}

// deliveries and handshakes have one guard.
func TestNothingThatIsNotPublicIsContacted(t *testing.T) {
	accepted := make(chan struct{}, 10)
	address := raw(t, func(context.Context, *net.TCPConn) { accepted <- struct{}{} })
	_, port, _ := net.SplitHostPort(address)
	for _, consent := range []bool{false, true} {
		s := sink(t, "http://localhost:"+port, func(c *webhook.Config) { c.AllowCIDRs, c.AskConsent = nil, consent })
		err := s.Deliver(t.Context(), delivery(t))
		var blocked *webhook.BlockedError
		if faultOf(err) != sinks.OfEndpoint || !asBlocked(err, &blocked) || !strings.Contains(err.Error(), "ALLOW_CIDRS") {
			t.Errorf("Deliver: %v, want the address to be refused", err)
		}
	}
	if len(accepted) != 0 {
		t.Error("something was connected to")
	}
	if err := (webhook.Config{URL: "http://127.0.0.1/", Secret: secret.New(key), AllowCIDRs: webhook.CIDRs{netip.MustParsePrefix("127.0.0.1/32")}}).Validate(); err != nil {
		t.Errorf("Validate: %v", err)
	}
}
