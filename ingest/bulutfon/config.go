package bulutfon

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/vendorhttp"
)

const (
	defaultURL     = "https://api.bulutfon.com"
	defaultTimeout = 10 * time.Second
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
	faults = append(faults, c.place().Faults()...)
	return errors.Join(append(faults, ingest.CheckTimeout(c.Timeout))...)
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
		return "access_token=" + vendorhttp.Escape(c.Token.Reveal())
	}
	return "email=" + vendorhttp.Escape(c.Username) + "&password=" + vendorhttp.Escape(c.Password.Reveal())
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

// baseURL returns the URL that questions are added to. No error repeats it: a token may stand in it.
func (c Config) baseURL() (*url.URL, error) {
	u, err := vendorhttp.Base(cmp.Or(c.URL, defaultURL), "the address of the API, such as "+defaultURL, "which belong in USERNAME and PASSWORD")
	if err != nil {
		return nil, err
	}
	u.Path = cmp.Or(u.Path, "/") // else what is joined to it does not begin with one
	return u, nil
}

// place says where the PBX stands.
func (c Config) place() ingest.Place {
	return ingest.Place{Timezone: c.Timezone, Region: c.Region, Home: ingest.Home{Timezone: "Europe/Istanbul", Region: "TR"}}
}
