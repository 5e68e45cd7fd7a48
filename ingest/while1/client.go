package while1

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/text/encoding/charmap"

	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/vendorhttp"
)

// A Client reads one account. It may be used concurrently.
type Client struct {
	base    url.URL
	token   secret.Text
	key     secret.Text
	http    *vendorhttp.Client
	redact  vendorhttp.Redactor
	words   *words
	numbers *ingest.Numbers
	zone    *time.Location
	raw     bool
	ledger  *ledger
}

var (
	_ ingest.CDRReader   = (*Client)(nil)
	_ ingest.CDRFollower = (*Client)(nil)
	_ ingest.Hanger      = (*Client)(nil)
)

// New returns a Client of the account c, which sends through hc; nil stands for http.DefaultClient. It contacts nobody.
func New(c Config, hc *http.Client) (*Client, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	base, err := c.baseURL()
	if err != nil {
		return nil, err
	}
	zone, err := c.place().Zone()
	if err != nil {
		return nil, err
	}
	asker := vendorhttp.New(hc, vendorhttp.Options{
		Timeout: cmp.Or(c.Timeout, defaultTimeout),
		Secrets: []secret.Text{c.Token, c.Key},
		Charset: charmap.ISO8859_16, // what Romanian programs write that know no UTF-8
	})
	return &Client{
		base:    *base,
		token:   c.Token,
		key:     c.Key,
		http:    asker,
		redact:  asker.Redactor(),
		words:   newWords(asker.Redactor()),
		numbers: ingest.NewNumbers(c.place().Country()),
		zone:    zone,
		raw:     c.Raw,
		ledger:  newLedger(),
	}, nil
}

// ask sends a question and returns what the answer's envelope holds.
func (c *Client) ask(req *http.Request, question params) (vendorhttp.Reply, envelope, error) {
	hidden := vendorhttp.NewRedactor(c.token, c.key, secret.New(question.hash(c.key)))
	reply, err := c.http.Do(req)
	if err != nil {
		return reply, envelope{}, explained(err, hidden)
	}
	e, err := open(reply.Body)
	if err == nil {
		err = e.fault(hidden)
	}
	return reply, e, err
}

// request returns a question to an endpoint. net/http does not send it a second time by itself.
func (c *Client) request(ctx context.Context, endpoint string, question params) *http.Request {
	body := question.signed(c.key).query()
	req := (&http.Request{
		Method: http.MethodPost, URL: c.base.JoinPath(endpoint), Header: http.Header{},
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}).WithContext(ctx)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Authorization", "Bearer "+c.token.Reveal())
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return req
}

// list asks for one page of records. net/http may send this question again on another connection, when the PBX turns
// out to have closed the one that was kept: nothing comes of it but the same answer.
func (c *Client) list(ctx context.Context, question params) (vendorhttp.Reply, envelope, error) {
	req := c.request(ctx, "cdr", question)
	body := question.signed(c.key).query()
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }
	req.Header["Idempotency-Key"] = nil // tells net/http, and is not sent
	return c.ask(req, question)
}

// askedFor returns an error of what was asked for.
func askedFor(what string, err error) error { return fmt.Errorf("ask for %s: %w", what, err) }
