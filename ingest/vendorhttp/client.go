package vendorhttp

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/text/encoding"

	"github.com/callbus/callbus/events/secret"
)

const (
	defaultTimeout = 10 * time.Second
	defaultMaxBody = 32 << 20
	// maxErrorBody is how much is kept of the body of a refusal, for the provider to recognise.
	maxErrorBody = 64 << 10
)

// ErrTooLarge is wrapped when a body is larger than the limit.
var ErrTooLarge = errors.New("the reply is too large")

// Options of a Client. The zero value of each stands for its default.
type Options struct {
	Timeout time.Duration // of one request, to the last byte of its reply; default 10s
	MaxBody int64         // bytes of a body, inflated; default 32 MiB
	Secrets []secret.Text // what no error may tell, besides the query of the URL
	// Charset is that of bodies that are not UTF-8 and do not say what they are. Without it, what is not UTF-8 in them
	// becomes U+FFFD.
	Charset encoding.Encoding
}

// A Client asks one vendor's API. It may be used concurrently.
type Client struct {
	http    *http.Client
	timeout time.Duration
	maxBody int64
	charset encoding.Encoding
	redact  Redactor
}

// New returns a Client that sends through hc's transport, or through http.DefaultTransport when hc is nil. Nothing else
// of hc is used: neither its redirects, nor its cookies, nor its timeout.
func New(hc *http.Client, o Options) *Client {
	var transport http.RoundTripper
	if hc != nil {
		transport = hc.Transport
	}
	return &Client{
		http:    &http.Client{Transport: transport, CheckRedirect: stay},
		timeout: cmp.Or(o.Timeout, defaultTimeout),
		maxBody: cmp.Or(o.MaxBody, defaultMaxBody),
		charset: o.Charset,
		redact:  NewRedactor(o.Secrets...),
	}
}

// stay follows no redirect: it would carry the credentials to another place.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Redactor returns what takes the Client's secrets out of a text.
func (c *Client) Redactor() Redactor { return c.redact }

// A Reply is a whole answer with a status of 2xx.
type Reply struct {
	Asked  time.Time      // when the request left
	At     time.Time      // when the reply was here, whole
	Ahead  *time.Duration // by how much the vendor's clock is ahead of ours, to about a second; nil when it cannot be told
	Header http.Header
	Body   []byte // UTF-8, without a byte order mark
}

// Get asks for address, whose answer must be a JSON object or array. It is not parsed further here: a body that opens
// like JSON may still not be.
func (c *Client) Get(ctx context.Context, address *url.URL) (Reply, error) {
	req := (&http.Request{Method: http.MethodGet, URL: address, Header: http.Header{}}).WithContext(ctx)
	req.Header.Set("Accept", "application/json")
	reply, err := c.Do(req)
	if err == nil {
		err = c.told(req, mustBeJSON(reply.Body))
	}
	return reply, err
}

// Do sends req as it is, with callbus as its User-Agent, and returns the answer whatever its body holds.
func (c *Client) Do(req *http.Request) (Reply, error) {
	answered, err := turn(req.Context(), c.http.Transport, req.URL.Host)
	if err != nil {
		return Reply{Asked: time.Now()}, c.told(req, err)
	}
	defer answered()
	ctx, cancel := context.WithTimeout(req.Context(), c.timeout)
	defer cancel()
	sent := req.Clone(ctx)
	sent.Header.Set("User-Agent", "callbus")
	asked := time.Now()
	resp, err := c.http.Do(sent)
	if err != nil {
		return Reply{Asked: asked}, c.told(req, c.broken(req.Context(), ctx, err))
	}
	defer resp.Body.Close()
	ahead := ahead(resp.Header.Get("Date"), asked, time.Now())
	body, err := c.body(resp)
	at := time.Now()
	if err == nil {
		err = c.refusal(resp, body, at)
	} else if !errors.Is(err, ErrTooLarge) {
		err = c.broken(req.Context(), ctx, err)
	}
	if err == nil {
		body, err = inUTF8(body, resp.Header.Get("Content-Type"), c.charset)
	}
	return Reply{Asked: asked, At: at, Ahead: ahead, Header: resp.Header, Body: body}, c.told(req, err)
}

// body reads the whole body of an answer, and of a refusal as much as is of use.
func (c *Client) body(resp *http.Response) ([]byte, error) {
	if !ok(resp) {
		// The status has the word: a refusal whose text is cut is a refusal all the same.
		body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
		return body, nil
	}
	if resp.ContentLength > c.maxBody {
		return nil, c.tooLarge()
	}
	var body bytes.Buffer
	body.Grow(int(max(resp.ContentLength, 0)) + bytes.MinRead)
	n, err := body.ReadFrom(io.LimitReader(resp.Body, c.maxBody+1))
	switch {
	case err != nil:
		return nil, err
	case n > c.maxBody:
		return nil, c.tooLarge()
	case resp.ContentLength >= 0 && n != resp.ContentLength:
		return nil, io.ErrUnexpectedEOF // net/http sees to it; a transport in memory may not
	}
	return body.Bytes(), nil
}

func (c *Client) tooLarge() error {
	return fmt.Errorf("%w: more than %d bytes", ErrTooLarge, c.maxBody)
}

func ok(resp *http.Response) bool {
	return resp.StatusCode >= 200 && resp.StatusCode < 300
}

// told says of err what was asked, and where: never with which query.
func (c *Client) told(req *http.Request, err error) error {
	if err == nil {
		return nil
	}
	where := url.URL{Scheme: req.URL.Scheme, Host: req.URL.Host, Path: req.URL.Path}
	return fmt.Errorf("%s %s: %w", req.Method, c.redact.Text(where.String()), err)
}
