package verimor

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
	defaultURL      = "https://api.bulutsantralim.com"
	defaultTimezone = "Europe/Istanbul"
	defaultRegion   = "TR"
	defaultTimeout  = 10 * time.Second
)

// Config is an account of Verimor Bulutsantralim. A zero value stands for its default, where there is one.
type Config struct {
	URL      string        `env:"URL"`                               // base URL; https://api.bulutsantralim.com when empty
	Key      secret.Text   `env:"KEY"`                               // of the API, of any form
	Timezone string        `env:"TIMEZONE, default=Europe/Istanbul"` // of stamps without a zone
	Region   string        `env:"REGION, default=TR"`                // of numbers without a country code
	Timeout  time.Duration `env:"TIMEOUT, default=10s"`              // of one request
	Raw      bool          `env:"RAW, default=false"`                // put the vendor's record into the event
}

// Defaults returns the settings that an account of this vendor has where its user sets nothing. The vendor allows six
// requests a minute.
func Defaults() ingest.Settings {
	return ingest.Settings{
		PollActive: 2 * time.Second, // of no use: the vendor lists no active calls
		PollCDR:    15 * time.Second,
		Rate:       ingest.Rate{Requests: 6, Per: time.Minute},
		Lookback:   24 * time.Hour,
		First:      ingest.Baseline,
		CallFlow:   ingest.MissedFlow,
	}
}

// Validate returns every fault of c, each by the name of its variable.
func (c Config) Validate() error {
	_, err := c.baseURL()
	faults := []error{err}
	if !c.Key.Set() {
		faults = append(faults, errors.New("KEY: not set; it is the API key (API Anahtarı) of the PBX's settings page"))
	}
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

// baseURL returns the URL that paths are added to. No error repeats it: a key may stand in it.
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
		return nil, fmt.Errorf("URL: holds a user name or password, which this vendor does not have; %s", accepted)
	case u.RawQuery != "" || u.ForceQuery:
		return nil, fmt.Errorf("URL: goes on after a question mark, which callbus adds itself; %s", accepted)
	case strings.Contains(text, "#"):
		return nil, fmt.Errorf("URL: holds a #, which no server is sent; %s", accepted)
	}
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
