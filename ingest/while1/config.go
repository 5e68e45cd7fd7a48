package while1

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
	defaultTimezone = "Europe/Bucharest"
	defaultRegion   = "RO"
	defaultTimeout  = 10 * time.Second
)

// Config is an account of a While1 Voice PBX. A zero value stands for its default, where there is one.
type Config struct {
	URL      string        `env:"URL"`                                // of the PBX: https://pbx.example, with or without /api
	Token    secret.Text   `env:"TOKEN"`                              // of the API
	Key      secret.Text   `env:"KEY"`                                // behind api_hash; without it no hash is sent
	Timezone string        `env:"TIMEZONE, default=Europe/Bucharest"` // of the PBX's clock
	Region   string        `env:"REGION, default=RO"`                 // of numbers without a country code
	Timeout  time.Duration `env:"TIMEOUT, default=10s"`               // of one request
	Raw      bool          `env:"RAW, default=false"`                 // put the vendor's rows into the event
}

// Defaults returns the settings that an account of this vendor has where its user sets nothing.
func Defaults() ingest.Settings {
	return ingest.Settings{
		PollActive: 2 * time.Second, // unused: there is no list of active calls
		PollCDR:    5 * time.Second,
		Lookback:   24 * time.Hour,
		First:      ingest.Baseline,
		Settle:     10 * time.Second,
		CallFlow:   ingest.MissedFlow,
	}
}

// Validate returns every fault of c, each by the name of its variable.
func (c Config) Validate() error {
	_, err := c.baseURL()
	faults := []error{err, c.tokenFault()}
	if _, err := c.location(); err != nil {
		faults = append(faults, err)
	}
	if phonenumbers.GetCountryCodeForRegion(c.region()) == 0 {
		faults = append(faults, fmt.Errorf("REGION: %q is not a country; two letters are accepted, such as RO", c.Region))
	}
	if c.Timeout < 0 {
		faults = append(faults, fmt.Errorf("TIMEOUT: %s is negative; a duration such as 10s is accepted", c.Timeout))
	}
	return errors.Join(faults...)
}

func (c Config) tokenFault() error {
	if !c.Token.Set() {
		return errors.New("TOKEN: not set; it is the token of the PBX's API")
	}
	notInHeaders := func(r rune) bool { return r <= ' ' || r > '~' }
	if strings.ContainsFunc(c.Token.Reveal(), notInHeaders) {
		return errors.New("TOKEN: holds a blank or a character that cannot be sent; letters, digits and signs of ASCII are accepted")
	}
	return nil
}

// baseURL returns the URL that the names of the endpoints are added to. No error repeats it: a token may stand in it.
func (c Config) baseURL() (*url.URL, error) {
	const accepted = "accepted is the address of the PBX, such as https://pbx.example"
	u, err := url.Parse(c.URL)
	switch {
	case c.URL == "":
		return nil, fmt.Errorf("URL: not set; %s", accepted)
	case err != nil:
		return nil, fmt.Errorf("URL: cannot be read; %s", accepted)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("URL: does not begin with http:// or https://; %s", accepted)
	case u.Hostname() == "":
		return nil, fmt.Errorf("URL: names no host; %s", accepted)
	case u.User != nil:
		return nil, fmt.Errorf("URL: holds a user name or password, of which the API has none; %s", accepted)
	case u.RawQuery != "" || u.ForceQuery:
		return nil, fmt.Errorf("URL: goes on after a question mark, and the API is asked in the body; %s", accepted)
	case strings.Contains(c.URL, "#"):
		return nil, fmt.Errorf("URL: holds a #, which no server is sent; %s", accepted)
	}
	u = u.JoinPath("/") // so that the path begins with a slash
	if strings.HasSuffix(u.Path, "/api/") {
		return u, nil
	}
	return u.JoinPath("api/"), nil
}

func (c Config) location() (*time.Location, error) {
	name := cmp.Or(c.Timezone, defaultTimezone)
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, fmt.Errorf("TIMEZONE: %q is not a known time zone; a name such as Europe/Bucharest is accepted", name)
	}
	return zone, nil
}

func (c Config) region() string { return strings.ToUpper(cmp.Or(c.Region, defaultRegion)) }
