package webhook

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// longestDirect is the longest body, with the headers of its event, that is sent directly: as much as a connection takes though
// nobody reads it. While more is written an answer may come, and somebody must read it meanwhile.
const longestDirect = 16 << 10

// A direct sends short requests in plain HTTP/1.1: whoever sends one writes it and reads its answer, and nobody else is woken.
// net/http has two more goroutines for each connection, and to a receiver that answers at once they cost more than anything
// else that callbus does to deliver an event. Answers are read by net/http's own parser.
//
// A request is never sent again, not even one of which nothing was written: that is for the pump to decide.
type direct struct {
	dialer  *net.Dialer
	address string        // that is dialled
	head    string        // of every request, after its method
	slack   time.Duration // by which a request may take longer

	mu     sync.Mutex
	idle   []*conn     // the one that was used last is last
	timer  *time.Timer // closes what is not used; nil when nothing is idle
	closed bool        // nothing is kept any more
}

func newDirect(u *url.URL, lasting http.Header, dialer *net.Dialer, timeout time.Duration) *direct {
	head := bytes.NewBufferString(" " + u.RequestURI() + " HTTP/1.1\r\nHost: " + u.Host + "\r\n")
	_ = lasting.Write(head) // a buffer takes everything
	return &direct{dialer: dialer, address: net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "80")), head: head.String(), slack: timeout / 100}
}

// send sends r, whose time is over at by, and returns the answer. Its body is to be closed.
func (d *direct) send(ctx context.Context, by time.Time, r request) (*http.Response, error) {
	c, err := d.conn(ctx, by)
	if err != nil {
		return nil, err
	}
	resp, err := c.exchange(d.head, r)
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	b := &directBody{Reader: resp.Body, direct: d, conn: c, last: resp.Close || resp.StatusCode == http.StatusSwitchingProtocols}
	if resp.Body == http.NoBody {
		b.whole = true
		_ = b.Close() // nothing can be lost any more
		return resp, nil
	}
	c.bounds(ctx, time.Now().Add(bodyFor))
	resp.Body = b
	return resp, nil
}

// conn returns a connection for one request: a kept one on which nothing came meanwhile, or a new one.
func (d *direct) conn(ctx context.Context, by time.Time) (*conn, error) {
	for c := d.pop(ctx.Done()); c != nil; c = d.pop(ctx.Done()) {
		if c.isFresh(ctx, by, d.slack) {
			return c, nil
		}
		_ = c.Close()
	}
	to, err := d.dialer.DialContext(ctx, "tcp", d.address)
	if err != nil {
		return nil, err
	}
	c, err := newConn(to)
	if err != nil {
		_ = to.Close()
		return nil, err
	}
	c.begin(ctx, by, d.slack) // fails if it is closed, which writing says as well
	return c, nil
}

// pop takes a connection from those that are kept: the last that was used for the same context, or else the last.
func (d *direct) pop(done <-chan struct{}) *conn {
	d.mu.Lock()
	defer d.mu.Unlock()
	last := len(d.idle) - 1
	if last < 0 {
		return nil
	}
	i := last
	for i > 0 && d.idle[i].done != done {
		i--
	}
	if d.idle[i].done != done {
		i = last
	}
	c := d.idle[i]
	d.idle = slices.Delete(d.idle, i, i+1)
	return c
}

// keep keeps c for another request.
func (d *direct) keep(c *conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || len(d.idle) >= idleAtMost {
		_ = c.Close()
		return
	}
	c.since = time.Now()
	d.idle = append(d.idle, c)
	if d.timer == nil {
		d.timer = time.AfterFunc(idleFor, d.closeUnused)
	}
}

// closeUnused closes what was not used for a while, and sees that it is called again while anything is kept.
func (d *direct) closeUnused() {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, now := 0, time.Now()
	for n < len(d.idle) && now.Sub(d.idle[n].since) >= idleFor {
		_ = d.idle[n].Close()
		n++
	}
	d.idle = slices.Delete(d.idle, 0, n)
	d.timer = nil
	if len(d.idle) > 0 {
		d.timer = time.AfterFunc(idleFor-now.Sub(d.idle[0].since), d.closeUnused)
	}
}

// close closes what is idle, and has all else closed after its request.
func (d *direct) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	if d.timer != nil {
		d.timer.Stop()
	}
	for _, c := range d.idle {
		_ = c.Close()
	}
	d.idle = nil
}

// A directBody is the body of an answer.
type directBody struct {
	io.Reader
	direct *direct
	conn   *conn // nil when it was closed
	whole  bool  // it was read to its end
	last   bool  // the connection ends with it
}

func (b *directBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	b.whole = b.whole || err == io.EOF
	return n, err
}

// Close keeps the connection when it can be used again. It does not read on, as net/http's own body would.
func (b *directBody) Close() error {
	c := b.conn
	if b.conn = nil; c == nil {
		return nil
	}
	if b.whole && !b.last {
		b.direct.keep(c)
		return nil
	}
	return c.Close()
}
