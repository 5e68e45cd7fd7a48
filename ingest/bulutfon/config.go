package bulutfon

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/nyaruka/phonenumbers"

	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/ingest"
)

const (
	defaultURL      = "https://api.bulutfon.com"
	defaultTimezone = "Europe/Istanbul"
	defaultRegion   = "TR"
	defaultTimeout  = 10 * time.Second
)

// Config is a Bulutfon account: a token, or a user name and a password. A zero value stands for its default, where
// there is one.
type Config struct {
	URL      string        `env:"URL, default=https://api.bulutfon.com"` // base URL of the API
	Token    secret.Text   `env:"TOKEN"`                                 // the master token of the panel's developer settings
	Username string        `env:"USERNAME"`                              // an e-mail address
	Password secret.Text   `env:"PASSWORD"`
	Timezone string        `env:"TIMEZONE, default=Europe/Istanbul"` // of times without a zone
	Region   string        `env:"REGION, default=TR"`                // of numbers without a country code
	Timeout  time.Duration `env:"TIMEOUT, default=10s"`              // of one request
	Raw      bool          `env:"RAW, default=false"`                // put the vendor's record into the event
}

// Defaults returns the settings that an account of this vendor has where its user sets nothing.
func Defaults() ingest.Settings {
	return ingest.Settings{
		PollActive: 2 * time.Second, // not used: the vendor shows no active calls
		PollCDR:    5 * time.Second,
		Lookback:   24 * time.Hour,
		First:      ingest.Baseline,
		CallFlow:   ingest.MissedFlow,
	}
}

// Validate returns every fault of c, each by the name of its variable.
func (c Config) Validate() error {
	_, err := c.baseURL()
	faults := []error{err, c.login()}
	if _, err := c.location(); err != nil {
		faults = append(faults, err)
	}
	if phonenumbers.GetCountryCodeForRegion(c.region()) == 0 {
		faults = append(faults, fmt.Errorf("REGION: %q is not a country; two letters are accepted, such as TR", c.Region))
	}
	if c.Timeout < 0 {
		faults = append(faults, fmt.Errorf("TIMEOUT: %s is negative; a duration such as 10s is accepted", c.Timeout))
	}
	return errors.Join(faults...)
}

// login returns what is wrong with the credentials. Of a token and a password the vendor would take one, and nobody can
// see which.
func (c Config) login() error {
	const accepted = "accepted is TOKEN alone, or USERNAME (the e-mail address) with PASSWORD"
	token, user, password := c.Token.Set(), c.Username != "", c.Password.Set()
	switch {
	case token && (user || password):
		return fmt.Errorf("TOKEN: set together with USERNAME or PASSWORD; %s", accepted)
	case token || user && password:
		return nil
	case user:
		return fmt.Errorf("PASSWORD: not set, though USERNAME is; %s", accepted)
	case password:
		return fmt.Errorf("USERNAME: not set, though PASSWORD is; %s", accepted)
	}
	return fmt.Errorf("TOKEN: not set; %s", accepted)
}

// query returns the credentials as the beginning of a query.
func (c Config) query() string {
	if c.Token.Set() {
		return "access_token=" + escape(c.Token.Reveal())
	}
	return "email=" + escape(c.Username) + "&password=" + escape(c.Password.Reveal())
}

// secrets returns what must not be told, as it is.
func (c Config) secrets() (all []string) {
	for _, s := range []string{c.Token.Reveal(), c.Username, c.Password.Reveal()} {
		if s != "" {
			all = append(all, s)
		}
	}
	return all
}

// escape writes a blank as %20, which every server reads; not all read the + of forms.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// baseURL returns the URL that questions are added to. No error repeats it: a token may stand in it.
func (c Config) baseURL() (*url.URL, error) {
	const accepted = "accepted is the address of the API, such as " + defaultURL
	text := cmp.Or(c.URL, defaultURL)
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, fmt.Errorf("URL: cannot be read; %s", accepted)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("URL: does not begin with http:// or https://; %s", accepted)
	case u.Hostname() == "":
		return nil, fmt.Errorf("URL: names no host; %s", accepted)
	case u.User != nil:
		return nil, fmt.Errorf("URL: holds a user name or password, which belong in USERNAME and PASSWORD; %s", accepted)
	case u.RawQuery != "" || u.ForceQuery:
		return nil, fmt.Errorf("URL: goes on after a question mark, which callbus adds itself; %s", accepted)
	case strings.Contains(text, "#"):
		return nil, fmt.Errorf("URL: holds a #, which no server is sent; %s", accepted)
	}
	u.Path = cmp.Or(u.Path, "/") // else what is joined to it does not begin with one
	return u, nil
}

func (c Config) location() (*time.Location, error) {
	name := cmp.Or(c.Timezone, defaultTimezone)
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, fmt.Errorf("TIMEZONE: %q is not a known time zone; a name such as Europe/Istanbul is accepted", name)
	}
	return zone, nil
}

func (c Config) region() string { return strings.ToUpper(cmp.Or(c.Region, defaultRegion)) }
