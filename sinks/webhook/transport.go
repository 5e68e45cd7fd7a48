package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
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
	url     *url.URL
	lasting http.Header // of every request
	fresh   func() *generation
	maxAge  time.Duration

	mu   sync.Mutex
	now  *generation
	born time.Time
}

// A generation is the connections that are made within maxAge.
type generation struct {
	direct *direct // nil where nothing can be sent directly
	other  *http.Transport
}

// A request is what is sent to the endpoint, once.
type request struct {
	method string
	header http.Header // beside those of every request; nobody changes it meanwhile
	body   []byte
}

// isShort tells whether r can be sent directly.
func (r request) isShort() bool {
	n := len(r.body)
	for name, values := range r.header {
		n += len(name) + len(values[0]) // there is one of each
	}
	return n <= longestDirect
}

// errLate is wrapped by the error of a request whose time was over before the header of its answer had come.
var errLate = errors.New("its time is over")

func newLine(u *url.URL, lasting http.Header, t *tls.Config, g guard, r *net.Resolver, timeout time.Duration) *line {
	connect := min(longestConnect, timeout)
	dialer := &net.Dialer{Timeout: connect, ControlContext: g.control, Resolver: r}
	return &line{url: u, lasting: lasting, maxAge: maxAge, fresh: func() *generation {
		next := &generation{other: newTransport(t, dialer, connect)}
		if canListen && u.Scheme == "http" {
			next.direct = newDirect(u, lasting, dialer, timeout)
		}
		return next
	}}
}

// send sends r and returns the answer when its header is here, which it must be at by. Its body is to be closed, and can be
// read for bodyFor.
func (l *line) send(ctx context.Context, by time.Time, r request) (*http.Response, error) {
	g := l.generation()
	if g.direct != nil && r.isShort() {
		return g.direct.send(ctx, by, r)
	}
	return l.roundTrip(ctx, by, g.other, r)
}

// roundTrip sends r with t, not with an http.Client, which would follow redirects.
func (l *line) roundTrip(ctx context.Context, by time.Time, t *http.Transport, r request) (*http.Response, error) {
	attempt, cancel := context.WithDeadline(ctx, by)
	resp, err := t.RoundTrip(l.httpRequest(attempt, r))
	if err != nil && attempt.Err() != nil {
		err = fmt.Errorf("%w: %w", errLate, err)
	}
	if err != nil || resp.Body == http.NoBody {
		cancel()
		return resp, err
	}
	resp.Body = &cancelledBody{resp.Body, cancel, time.AfterFunc(bodyFor, cancel)}
	return resp, nil
}

func (l *line) httpRequest(ctx context.Context, r request) *http.Request {
	header := maps.Clone(l.lasting)
	maps.Copy(header, r.header)
	req := (&http.Request{Method: r.method, URL: l.url, Host: l.url.Host, Header: header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}).WithContext(ctx)
	if len(r.body) > 0 {
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(r.body)), nil }
		req.Body, _ = req.GetBody() // net/http may send again what it had not begun to write
		req.ContentLength = int64(len(r.body))
	}
	return req
}

// A cancelledBody is the body of an answer that is cut short by cancel, in a while by itself.
type cancelledBody struct {
	io.ReadCloser
	cancel context.CancelFunc
	timer  *time.Timer
}

func (b *cancelledBody) Close() error {
	b.timer.Stop()
	b.cancel()
	return b.ReadCloser.Close()
}

// generation returns what to send with. Connections of an older one finish what is under way, and are closed: nothing asks that
// transport for a connection again, and so it keeps none.
func (l *line) generation() *generation {
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
	if l.now == nil {
		return
	}
	l.now.other.CloseIdleConnections()
	if l.now.direct != nil {
		l.now.direct.close()
	}
}

func newTransport(t *tls.Config, dialer *net.Dialer, connect time.Duration) *http.Transport {
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
