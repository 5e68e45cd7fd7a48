package telsam

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"

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
	queues  *queues
	clock   *clock
	raw     bool
}

var (
	_ ingest.ActiveLister = (*Client)(nil)
	_ ingest.CDRReader    = (*Client)(nil)
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
		Secrets: []secret.Text{secret.New(c.Username), c.Password},
		Charset: charmap.Windows1254, // what Turkish programs write that know no UTF-8
	})
	return &Client{
		base:    *base,
		login:   "username=" + vendorhttp.Escape(c.Username) + "&password=" + vendorhttp.Escape(c.Password.Reveal()),
		http:    asker,
		redact:  asker.Redactor(),
		secrets: []string{c.Username, c.Password.Reveal()},
		numbers: ingest.NewNumbers(c.place().Country()),
		queues:  &queues{known: map[string]*events.Queue{}},
		clock:   newClock(zone),
		raw:     c.Raw,
	}, nil
}

// ask sends a question, such as "action=activecalls", and returns the rows of the answer.
func (c *Client) ask(ctx context.Context, question string) (vendorhttp.Reply, []row, error) {
	u := c.base
	u.RawQuery = c.login + "&" + question
	reply, err := c.http.Get(ctx, &u)
	if err != nil {
		return reply, nil, withCode(err)
	}
	rows, err := open(reply.Body)
	return reply, rows, err
}

// told returns an error of what was asked for.
func told(what string, err error) error { return fmt.Errorf("ask for %s: %w", what, err) }
