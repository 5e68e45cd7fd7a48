package verimor

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/text/encoding/charmap"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/vendorhttp"
)

// A Client reads one account. It may be used concurrently.
type Client struct {
	base    *url.URL
	key     string
	http    *vendorhttp.Client
	redact  vendorhttp.Redactor
	numbers *ingest.Numbers
	words   *cache[*string]
	queues  *cache[*events.Queue]
	sides   *cache[side]
	lengths *cache[*float64]
	zone    *time.Location
	raw     bool
	front   front
}

var (
	_ ingest.CDRFollower  = (*Client)(nil)
	_ ingest.DetailReader = (*Client)(nil)
	_ ingest.Hanger       = (*Client)(nil)
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
		Secrets: []secret.Text{c.Key},
		Charset: charmap.Windows1254, // what Turkish programs write that know no UTF-8
	})
	client := &Client{
		base: base, key: c.Key.Reveal(), http: asker, redact: asker.Redactor(),
		numbers: ingest.NewNumbers(c.place().Country()), zone: zone, raw: c.Raw,
	}
	client.words, client.queues = newCache(client.word), newCache(client.queue)
	client.sides, client.lengths = newCache(client.side), newCache(seconds)
	return client, nil
}

// address returns the URL of a question: the parts of its path below the base, and its query without the key.
func (c *Client) address(query string, path ...string) *url.URL {
	escaped := strings.TrimSuffix(c.base.EscapedPath(), "/")
	plain := strings.TrimSuffix(c.base.Path, "/")
	for _, part := range path {
		escaped += "/" + url.PathEscape(part)
		plain += "/" + part
	}
	return &url.URL{Scheme: c.base.Scheme, Host: c.base.Host, Path: plain, RawPath: escaped, RawQuery: "key=" + vendorhttp.Escape(c.key) + query}
}

// get asks a question whose answer is JSON.
func (c *Client) get(ctx context.Context, address *url.URL) (vendorhttp.Reply, error) {
	reply, err := c.http.Get(ctx, address)
	return reply, c.explained(err)
}

// told returns an error of what was asked for.
func told(what string, err error) error { return fmt.Errorf("ask for %s: %w", what, err) }
