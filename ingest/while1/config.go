package while1

import (
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/vendorhttp"
)

const (
	defaultTimeout = 10 * time.Second
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
	faults = append(faults, c.place().Faults()...)
	return errors.Join(append(faults, ingest.CheckTimeout(c.Timeout))...)
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
	u, err := vendorhttp.Base(c.URL, "the address of the PBX, such as https://pbx.example", "of which the API has none")
	if err != nil {
		return nil, err
	}
	u = u.JoinPath("/") // so that the path begins with a slash
	if strings.HasSuffix(u.Path, "/api/") {
		return u, nil
	}
	return u.JoinPath("api/"), nil
}

// place says where the PBX stands.
func (c Config) place() ingest.Place {
	return ingest.Place{Timezone: c.Timezone, Region: c.Region, Home: ingest.Home{Timezone: "Europe/Bucharest", Region: "RO"}}
}
