package webhook

import (
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	longestConnect = 5 * time.Second // DNS and TCP; and again TLS
	maxHeader      = 64 << 10        // bytes of an answer's header, interim answers included
	maxBody        = 64 << 10        // bytes of an answer's body; what is longer costs its connection
	idleFor        = 30 * time.Second
	idleAtMost     = 256  // kept connections
	connsAtMost    = 1024 // only a bound: the pump says how many requests there are at once
	// maxAge is how long new requests use connections of one generation: one that is always busy would else hold on to an
	// address that the name has long left.
	maxAge = 10 * time.Minute
)

// A line is the connections to the endpoint. From time to time they are made anew.
type line struct {
	fresh  func() *http.Transport
	maxAge time.Duration

	mu   sync.Mutex
	now  *http.Transport
	born time.Time
}

func newLine(t *tls.Config, g guard, r *net.Resolver, timeout time.Duration) *line {
	return &line{maxAge: maxAge, fresh: func() *http.Transport { return newTransport(t, g, r, timeout) }}
}

// transport returns what to send with. Connections of an older generation finish what is under way, and are closed: nothing
// asks that transport for a connection again, and so it keeps none.
func (l *line) transport() *http.Transport {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now == nil || time.Since(l.born) > l.maxAge {
		l.closeIdle()
		l.now, l.born = l.fresh(), time.Now()
	}
	return l.now
}

func (l *line) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closeIdle()
}

func (l *line) closeIdle() {
	if l.now != nil {
		l.now.CloseIdleConnections()
	}
}

func newTransport(t *tls.Config, g guard, r *net.Resolver, timeout time.Duration) *http.Transport {
	connect := min(longestConnect, timeout)
	dialer := &net.Dialer{Timeout: connect, ControlContext: g.control, Resolver: r}
	return &http.Transport{
		Proxy:                  nil, // the guard would see the proxy's address only
		DialContext:            dialer.DialContext,
		TLSClientConfig:        t.Clone(),
		TLSHandshakeTimeout:    connect,
		ForceAttemptHTTP2:      true, // which a dialer of one's own turns off
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 5 * time.Second},
		DisableCompression:     true, // so that the bounds are those of what is read
		MaxResponseHeaderBytes: maxHeader,
		MaxConnsPerHost:        connsAtMost,
		MaxIdleConnsPerHost:    idleAtMost,
		IdleConnTimeout:        idleFor,
	}
}
