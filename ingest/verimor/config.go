package verimor

import (
	"cmp"
	"errors"
	"net/url"
	"time"

	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/vendorhttp"
)

const (
	defaultURL     = "https://api.bulutsantralim.com"
	defaultTimeout = 10 * time.Second
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
	faults = append(faults, c.place().Faults()...)
	return errors.Join(append(faults, ingest.CheckTimeout(c.Timeout))...)
}

// baseURL returns the URL that paths are added to. No error repeats it: a key may stand in it.
func (c Config) baseURL() (*url.URL, error) {
	return vendorhttp.Base(cmp.Or(c.URL, defaultURL), "the address of the API, such as "+defaultURL, "which this vendor does not have")
}

// place says where the PBX stands.
func (c Config) place() ingest.Place {
	return ingest.Place{Timezone: c.Timezone, Region: c.Region, Home: ingest.Home{Timezone: "Europe/Istanbul", Region: "TR"}}
}
