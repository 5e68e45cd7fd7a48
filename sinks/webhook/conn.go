package webhook

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// A conn is a connection for requests in plain HTTP/1.1, one after another. Who uses it has it alone.
type conn struct {
	net.Conn
	*listener
	in    *bufio.Reader
	out   []byte    // what is written, kept for its room
	left  int       // bytes that may still be read of a header
	broke error     // why no more can be read of it, unless it just ended
	since time.Time // when it was last used
	ends  time.Time // its deadline

	done    <-chan struct{} // of the context with which it is aborted
	unwatch func() bool     // that context; nil when none is watched
}

func newConn(c net.Conn) (*conn, error) {
	l, err := listenTo(c)
	if err != nil {
		return nil, err
	}
	k := &conn{Conn: c, listener: l}
	k.in = bufio.NewReader(k)
	return k, nil
}

// isFresh tells whether c, which was kept, can have another request, and nothing came unasked: that would be taken for its
// answer.
func (c *conn) isFresh(ctx context.Context, by time.Time, slack time.Duration) bool {
	return c.in.Buffered() == 0 && c.begin(ctx, by, slack) && c.silent()
}

// begin sees that c ends with ctx, and at by or a little later; false when it cannot be used any more. To set either costs as
// much as to sign a webhook. So a connection that was used for this context is still watched, and a deadline that comes within
// slack is left.
func (c *conn) begin(ctx context.Context, by time.Time, slack time.Duration) bool {
	if c.done != ctx.Done() {
		if c.unwatch != nil && !c.unwatch() {
			return false // it was aborted
		}
		c.done, c.unwatch = ctx.Done(), context.AfterFunc(ctx, c.abort)
	}
	if late := c.ends.Sub(by); late < 0 || late > slack {
		c.ends = by.Add(slack)
		if c.SetDeadline(c.ends) != nil {
			return false
		}
	}
	if ctx.Err() != nil { // the deadline may have undone the abort
		c.abort()
	}
	return true
}

// abort ends what is read and written, at once.
func (c *conn) abort() { _ = c.SetDeadline(time.Unix(1, 0)) }

// bounds has what is read end at t, or before.
func (c *conn) bounds(ctx context.Context, t time.Time) {
	if t.Before(c.ends) {
		c.ends = t
		_ = c.SetReadDeadline(t) // fails if it is closed, which reading says as well
	}
	if ctx.Err() != nil { // the deadline may have undone the abort
		c.abort()
	}
}

// Close closes c, which nothing watches any more.
func (c *conn) Close() error {
	if c.unwatch != nil {
		c.unwatch()
	}
	return c.Conn.Close()
}

// What may be wrong with an answer; or with a request, which is a fault of callbus.
var (
	errLongHeader = errors.New("the header of the answer is too long")
	errBadHeader  = errors.New("the header of the request holds a line break")
)

// Read counts what is read of a header. It notes an error, which the parser takes for the end of a line.
func (c *conn) Read(p []byte) (n int, err error) {
	if err = errLongHeader; c.left > 0 {
		n, err = c.Conn.Read(p[:min(len(p), c.left)])
	}
	c.left -= n
	if err != io.EOF {
		c.broke = err
	}
	return n, err
}

// exchange sends r and reads the header of the answer.
func (c *conn) exchange(head string, r request) (*http.Response, error) {
	var resp *http.Response
	err := c.write(head, r)
	if err == nil {
		resp, err = c.read()
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("%w: %w", errLate, err)
	}
	return resp, err
}

// write writes r at one go. head is what it begins with after its method.
func (c *conn) write(head string, r request) error {
	b := append(append(c.out[:0], r.method...), head...)
	if len(r.body) > 0 {
		b = append(b, "Content-Length: "...)
		b = append(strconv.AppendInt(b, int64(len(r.body)), 10), "\r\n"...)
	}
	for name, values := range r.header {
		for _, v := range values {
			if strings.IndexByte(v, '\n') >= 0 || strings.IndexByte(v, '\r') >= 0 { // nothing that is made has one
				return errBadHeader
			}
			b = append(append(b, name...), ": "...)
			b = append(append(b, v...), "\r\n"...)
		}
	}
	c.out = append(append(b, "\r\n"...), r.body...)
	_, err := c.Write(c.out)
	return err
}

// read reads the header of the answer, and those of interim answers before it, all of which are bounded together.
func (c *conn) read() (*http.Response, error) {
	c.left = maxHeader
	for {
		resp, err := http.ReadResponse(c.in, nil)
		if err != nil {
			return nil, cmp.Or(c.broke, err)
		}
		if code := resp.StatusCode; code < 100 || code > 199 || code == http.StatusSwitchingProtocols {
			c.left = math.MaxInt
			return resp, nil
		}
	}
}
