package pbxsim_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/callbus/callbus/ingest/pbxsim"
)

// client reads a Telsam view as somebody would who has only the vendor's document and some bad experience. It shares
// no code with the view.
type client struct {
	http *http.Client
	zone *time.Location
}

func newClient(h http.Handler) client {
	zone, err := time.LoadLocation("Europe/Istanbul")
	if err != nil {
		panic(err)
	}
	return client{&http.Client{Transport: pbxsim.RoundTripper(h)}, zone}
}

type row map[string]any

func (r row) text(name string) string {
	switch v := r[name].(type) {
	case string:
		return v
	case nil:
		return ""
	default:
		return fmt.Sprint(v)
	}
}

var errNoInformation = errors.New("no information")

func (c client) get(query string) ([]byte, error) {
	resp, err := c.http.Get("http://pbx.example/?username=callbus&password=callbus&action=" + query)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%w: status %d", errNoInformation, resp.StatusCode)
	}
	return body, err
}

// rows returns the rows of a whole and valid reply.
func (c client) rows(query string) ([]row, error) {
	body, err := c.get(query)
	if err != nil {
		return nil, err
	}
	return parseList(body)
}

func parseList(body []byte) ([]row, error) {
	text := strings.TrimSuffix(strings.TrimPrefix(string(body), "["), "]")
	if strings.HasPrefix(string(body), "[") != strings.HasSuffix(string(body), "]") {
		return nil, fmt.Errorf("%w: brackets", errNoInformation)
	}
	var list struct {
		Success any
		Count   any
		Data    []row
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&list); err != nil {
		return nil, fmt.Errorf("%w: %w", errNoInformation, err)
	}
	if !strings.EqualFold(fmt.Sprint(list.Success), "true") {
		return nil, fmt.Errorf("%w: no success", errNoInformation)
	}
	if n, err := strconv.Atoi(fmt.Sprint(list.Count)); err != nil || n != len(list.Data) {
		return nil, fmt.Errorf("%w: %d rows, count %v", errNoInformation, len(list.Data), list.Count)
	}
	return list.Data, nil
}

func (c client) active() ([]row, error) { return c.rows("activecalls") }

// cdrs asks for a span, of which the vendor takes the minutes.
func (c client) cdrs(from, to time.Time) ([]row, error) {
	const minute = "020120061504"
	return c.rows("cdr&number=&uf=yes&date1=" + from.In(c.zone).Format(minute) + "&date2=" + to.In(c.zone).Format(minute))
}

func (c client) stamp(r row) (time.Time, error) {
	layout := "02.01.2006 15:04:05"
	if !strings.Contains(r.text("calldate"), " ") {
		layout = "02.01.200615:04:05"
	}
	return time.ParseInLocation(layout, r.text("calldate"), c.zone)
}

func (c client) lasted(r row) (time.Duration, error) {
	text := r.text("duration")
	if strings.Trim(text, "0123456789,") != "" || strings.Count(text, ",") > 1 || text == "" {
		return 0, fmt.Errorf("duration %q", text)
	}
	seconds, err := strconv.ParseFloat(strings.Replace(text, ",", ".", 1), 64)
	return time.Duration(seconds * float64(time.Second)), err
}

// readable tells whether the row can be understood.
func (c client) readable(r row) bool {
	_, err1 := c.stamp(r)
	_, err2 := c.lasted(r)
	return err1 == nil && err2 == nil
}

// key tells a record from all others.
func (r row) key() string { return r.text("calltype") + "/" + r.text("id") }

func keyOf(t pbxsim.Truth) string { return t.VendorIDs["calltype"] + "/" + t.VendorIDs["id"] }

// ran is the running duration of an active row.
func ran(r row) (time.Duration, error) {
	var h, m, s int
	if _, err := fmt.Sscanf(r.text("duration"), "%d:%d:%d", &h, &m, &s); err != nil {
		return 0, err
	}
	return time.Duration(h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(s)*time.Second, nil
}
