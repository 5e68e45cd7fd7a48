package pbxsim_test

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest/pbxsim"
)

// romanian is a While1 view whose clock the test moves.
type romanian struct {
	*pbxsim.While1
	world *pbxsim.World
	now   time.Time
}

func watchRomanian(c pbxsim.Config, wc pbxsim.While1Config) *romanian {
	w := &romanian{world: pbxsim.NewWorld(c)}
	w.now = w.world.Config().Start
	w.While1 = pbxsim.NewWhile1(w.world, wc, func() time.Time { return w.now })
	return w
}

// romanianClient reads a While1 view as somebody would who has only the vendor's document. It shares no code with the view.
type romanianClient struct {
	http  *http.Client
	zone  *time.Location
	token string
	key   string
}

func newRomanianClient(h http.Handler) romanianClient {
	zone, err := time.LoadLocation("Europe/Bucharest")
	if err != nil {
		panic(err)
	}
	return romanianClient{http: &http.Client{Transport: pbxsim.RoundTripper(h)}, zone: zone, token: "callbus"}
}

// pair of a name, in plain, and a value
type param [2]string

// post sends parameters in their order, hashed if there is a key.
func (c romanianClient) post(path string, params ...param) ([]byte, error) {
	var text []string
	for _, p := range params {
		text = append(text, strings.ReplaceAll(url.QueryEscape(p[0])+"="+url.QueryEscape(p[1]), "~", "%7E"))
	}
	body := strings.Join(text, "&")
	if c.key != "" {
		body += "&api_hash=" + md5Of(body+c.key)
	}
	return c.send(http.MethodPost, path, "application/x-www-form-urlencoded", body)
}

func md5Of(text string) string {
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

func (c romanianClient) send(method, path, contentType, body string) ([]byte, error) {
	req, err := http.NewRequest(method, "http://pbx.example"+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Authorization", "Bearer "+c.token)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	reply, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%w: status %d: %s", errNoInformation, resp.StatusCode, reply)
	}
	return reply, err
}

// rows returns one page, of a whole and valid reply.
func (c romanianClient) rows(page int, filters ...param) ([]row, error) {
	params := []param{{"page", strconv.Itoa(page)}}
	for _, f := range filters {
		name, index, _ := strings.Cut(f[0], "[")
		full := "filters[" + name + "]"
		if index != "" {
			full += "[" + index
		}
		params = append(params, param{full, f[1]})
	}
	body, err := c.post("/api/cdr", params...)
	if err != nil {
		return nil, err
	}
	return romanianRows(body)
}

func romanianRows(body []byte) ([]row, error) {
	var reply struct {
		HasError *bool `json:"has_error"`
		Messages []string
		Results  []row
	}
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.UseNumber()
	if err := d.Decode(&reply); err != nil {
		return nil, fmt.Errorf("%w: %w", errNoInformation, err)
	}
	if reply.HasError == nil || *reply.HasError || reply.Results == nil {
		return nil, fmt.Errorf("%w: %q", errNoInformation, reply.Messages)
	}
	return reply.Results, nil
}

// all returns the rows of every page.
func (c romanianClient) all(filters ...param) ([]row, error) {
	var all []row
	for page := 1; ; page++ {
		rows, err := c.rows(page, filters...)
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
		if len(rows) < 100 {
			return all, nil
		}
	}
}

// between is the filter for a span of time.
func (c romanianClient) between(from, to time.Time) []param {
	return []param{
		{"date_between[0]", from.In(c.zone).Format(time.DateTime)},
		{"date_between[1]", to.In(c.zone).Format(time.DateTime)},
	}
}

func (r row) integer(t *testing.T, name string) int {
	t.Helper()
	n, err := strconv.Atoi(r.text(name))
	if err != nil {
		t.Fatalf("%s is %q, want digits", name, r.text(name))
	}
	return n
}

// clock reads HH:MM:SS.
func (r row) clock(t *testing.T, name string) time.Duration {
	t.Helper()
	var h, m, s int
	if n, err := fmt.Sscanf(r.text(name), "%2d:%2d:%2d", &h, &m, &s); n != 3 || err != nil {
		t.Fatalf("%s is %q, want HH:MM:SS", name, r.text(name))
	}
	return time.Duration(h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(s)*time.Second
}

var channelName = regexp.MustCompile(`^\d+\.\d+$`)

// readable tells whether the row can be told from others and placed in time.
func (c romanianClient) readable(r row) bool {
	_, err := time.ParseInLocation(time.DateTime, r.text("time"), c.zone)
	return err == nil && channelName.MatchString(r.text("linkedid")) && channelName.MatchString(r.text("uniqueid"))
}

// epoch is when a channel began, by the PBX's clock.
func epoch(t *testing.T, channel string) time.Time {
	t.Helper()
	seconds, _, _ := strings.Cut(channel, ".")
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		t.Fatalf("channel %q", channel)
	}
	return time.Unix(n, 0).UTC()
}

// told is what the rows of one call say together.
type told struct {
	rows     []row
	talk     time.Duration
	statuses []string
	queue    string
	returned bool
}

// callsOf folds the rows that can be read, by linkedid.
func (c romanianClient) callsOf(t *testing.T, rows []row) map[string]*told {
	t.Helper()
	calls := map[string]*told{}
	for _, r := range rows {
		if !c.readable(r) {
			continue
		}
		id := r.text("linkedid")
		if calls[id] == nil {
			calls[id] = &told{}
		}
		calls[id].add(t, r)
	}
	return calls
}

func (k *told) add(t *testing.T, r row) {
	t.Helper()
	k.rows = append(k.rows, r)
	k.talk += r.clock(t, "bill_duration")
	k.statuses = append(k.statuses, r.text("call_status"))
	if q := r.text("qname"); q != "" {
		k.queue = q
	}
	k.returned = k.returned || r.text("is_recovered") != ""
}

func (k *told) outcome() events.Outcome {
	switch {
	case k.talk > 0:
		return events.Answered
	case k.statuses[0] == "BUSY":
		return events.Busy
	case k.statuses[0] == "FAILED", k.statuses[0] == "CONGESTION":
		return events.Failed
	}
	return events.NoAnswer
}
