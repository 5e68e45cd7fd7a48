package webhook

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/events/setting"
)

const (
	defaultTimeout = 15 * time.Second
	longestTimeout = 5 * time.Minute
)

// Mode is how an event is put into a request.
type Mode string

const (
	Structured Mode = "structured" // the whole event is the body, and signed
	Binary     Mode = "binary"     // its data is the body, and signed; its attributes are headers, and not signed
)

// Config is a webhook. A zero value stands for its default, where there is one.
type Config struct {
	URL         string        `env:"URL"`    // where to; a token may stand in its path or query
	Secret      secret.Text   `env:"SECRET"` // whsec_ or whsk_ keys separated by blanks, the current one first
	Mode        Mode          `env:"MODE, default=structured"`
	Timeout     time.Duration `env:"TIMEOUT, default=15s"` // of one request, to the header of its answer
	GiveUpAfter time.Duration `env:"GIVE_UP_AFTER, default=72h"`
	Rate        Rate          `env:"RATE"`                    // requests that may be made at most
	Headers     secret.Text   `env:"HEADERS"`                 // Name: value; Name: value
	Bearer      secret.Text   `env:"BEARER"`                  // sent as Authorization: Bearer
	AllowCIDRs  CIDRs         `env:"ALLOW_CIDRS"`             // addresses that may be dialled although they are not public
	AskConsent  bool          `env:"VALIDATE, default=false"` // ask for consent first, by the handshake of CloudEvents web hooks
	TLSCA       string        `env:"TLS_CA"`                  // a file: the authorities that the endpoint's certificate is checked with, instead of the system's
	TLSCert     string        `env:"TLS_CERT"`                // a file: our certificate
	TLSKey      string        `env:"TLS_KEY"`                 // a file: its key
}

// Validate returns every fault of c, each by the name of its variable. It reads the files that c names.
func (c Config) Validate() error {
	_, urlErr := c.endpoint()
	_, keysErr := signingKeys(c.Secret)
	_, headersErr := customHeaders(c.Headers)
	_, tlsErr := c.tls() // says by itself which variable
	return errors.Join(
		setting.Fault("URL", urlErr), setting.Fault("SECRET", keysErr), setting.Fault("MODE", c.checkMode()),
		setting.Fault("TIMEOUT", c.checkTimeout()), setting.Fault("GIVE_UP_AFTER", c.checkGiveUp()), setting.Fault("RATE", c.checkRate()),
		setting.Fault("HEADERS", headersErr), setting.Fault("BEARER", c.checkBearer()), tlsErr,
	)
}

func (c Config) endpoint() (*url.URL, error) { return endpoint(c.URL, guard{c.AllowCIDRs}) }

func (c Config) mode() Mode { return cmp.Or(c.Mode, Structured) }

func (c Config) timeout() time.Duration { return cmp.Or(c.Timeout, defaultTimeout) }

func (c Config) checkMode() error {
	if m := c.mode(); m != Structured && m != Binary {
		return fmt.Errorf("%s is no mode; structured and binary are accepted", setting.Quote(string(m)))
	}
	return nil
}

func (c Config) checkTimeout() error {
	if c.Timeout < 0 || c.Timeout > longestTimeout {
		return fmt.Errorf("%s is out of bounds; a duration such as 15s is accepted, at most %s", c.Timeout, longestTimeout)
	}
	return nil
}

func (c Config) checkGiveUp() error {
	if c.GiveUpAfter < 0 {
		return fmt.Errorf("%s is negative; a duration such as 72h is accepted", c.GiveUpAfter)
	}
	return nil
}

func (c Config) checkRate() error {
	if c.Rate.Requests < 0 || c.Rate.Per < 0 {
		return errors.New("is negative; a rate such as 100/m is accepted")
	}
	return nil
}

func (c Config) checkBearer() error {
	token := c.Bearer.Reveal()
	if strings.Contains(token, " ") || !plain(token) {
		return errors.New("holds a blank or letters that a header cannot carry; the token alone is accepted, without the word Bearer")
	}
	h, _ := customHeaders(c.Headers)
	if token != "" && h.Get("Authorization") != "" {
		return errors.New("HEADERS holds Authorization as well: keep one of the two")
	}
	return nil
}
