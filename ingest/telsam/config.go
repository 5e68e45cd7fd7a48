package telsam

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
	defaultTimeout = 10 * time.Second
)

// Config is an account of a Telsam PBX. A zero value stands for its default, where there is one.
type Config struct {
	URL      string        `env:"URL"`      // base URL: http://pbx.example/, or http://pbx.example/api/old/get for version 2 of the API
	Username string        `env:"USERNAME"` // of the API
	Password secret.Text   `env:"PASSWORD"`
	Timezone string        `env:"TIMEZONE, default=Europe/Istanbul"` // of the PBX's clock
	Region   string        `env:"REGION, default=TR"`                // of numbers without a country code
	Timeout  time.Duration `env:"TIMEOUT, default=10s"`              // of one request
	Raw      bool          `env:"RAW, default=false"`                // put the vendor's record into the event
}

// Defaults returns the settings that an account of this vendor has where its user sets nothing.
func Defaults() ingest.Settings {
	return ingest.Settings{
		PollActive: 2 * time.Second,
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
	faults := []error{err}
	if c.Username == "" {
		faults = append(faults, errors.New("USERNAME: not set; it is the user name of the PBX's API"))
	}
	if !c.Password.Set() {
		faults = append(faults, errors.New("PASSWORD: not set; it is the password of the PBX's API"))
	}
	faults = append(faults, c.place().Faults()...)
	return errors.Join(append(faults, ingest.CheckTimeout(c.Timeout))...)
}

// baseURL returns the URL that questions are added to. No error repeats it: a password may stand in it.
func (c Config) baseURL() (*url.URL, error) {
	u, err := vendorhttp.Base(c.URL, "the address of the PBX, such as http://pbx.example/ or http://pbx.example/api/old/get", "which belong in USERNAME and PASSWORD")
	if err != nil {
		return nil, err
	}
	u.Path = cmp.Or(u.Path, "/")
	return u, nil
}

// place says where the PBX stands.
func (c Config) place() ingest.Place {
	return ingest.Place{Timezone: c.Timezone, Region: c.Region, Home: ingest.Home{Timezone: "Europe/Istanbul", Region: "TR"}}
}
