package bulutfon

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/text/encoding/charmap"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/vendorhttp"
)

// A Client reads one account. It may be used concurrently.
type Client struct {
	base    url.URL
	login   string // the beginning of every query
	http    *vendorhttp.Client
	redact  vendorhttp.Redactor
	secrets []string // as they are, see clean
	numbers *ingest.Numbers
	zone    *time.Location
	raw     bool
}

var _ ingest.DetailReader = (*Client)(nil)

// New returns a Client of the account c, which sends through hc; nil stands for http.DefaultClient. It contacts nobody.
// Its error is that of [Config.Validate].
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
		Secrets: []secret.Text{c.Token, secret.New(c.Username), c.Password},
		Charset: charmap.Windows1254, // what Turkish programs write that know no UTF-8
	})
	return &Client{
		base:    *base,
		login:   c.query(),
		http:    asker,
		redact:  asker.Redactor(),
		secrets: c.secrets(),
		numbers: ingest.NewNumbers(c.place().Country()),
		zone:    zone,
		raw:     c.Raw,
	}, nil
}

// RecordKey returns the uuid of a published call, by which the vendor knows its record.
func (c *Client) RecordKey(call events.Call) string { return call.VendorIDs["uuid"] }

// Span is no limit: the vendor cannot be asked for the past alone, so every reading begins with the newest records.
func (c *Client) Span() time.Duration { return 0 }

// ask sends a question, such as "page=1", to a path below the base URL.
func (c *Client) ask(ctx context.Context, question string, path ...string) (vendorhttp.Reply, answer, error) {
	u := c.base.JoinPath(path...)
	u.RawQuery = c.login
	if question != "" {
		u.RawQuery += "&" + question
	}
	reply, err := c.http.Get(ctx, u)
	if err != nil {
		return reply, answer{}, c.explained(err)
	}
	a, err := open(reply.Body)
	return reply, a, err
}

// told returns an error of what was asked for.
func told(what string, err error) error { return fmt.Errorf("ask for %s: %w", what, err) }
