package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/callbus/callbus/events/secret"
)

const settingPrefix = "CALLBUS_"

// Config is every setting of callbus, read and checked. It prints and encodes without its secrets.
type Config struct {
	Accounts    []Account // those of CALLBUS_ACCOUNTS
	AccountsDir string    // the folder that holds more of them, see [accountsDir]
	Sinks       []SinkConfig
	Roles       Roles
	Bus         Bus
	HTTPListen  Listen
	Log         LogSettings
	Traces      Traces
}

// Bus is where the events are kept: in the embedded server, or on an external one.
type Bus struct {
	URL            Servers     `env:"NATS_URL"`
	Creds          string      `env:"NATS_CREDS"` // a file
	User           string      `env:"NATS_USER"`
	Password       secret.Text `env:"NATS_PASSWORD"`
	TLSCA          string      `env:"NATS_TLS_CA"`   // a file
	TLSCert        string      `env:"NATS_TLS_CERT"` // a file
	TLSKey         string      `env:"NATS_TLS_KEY"`  // a file, not the key itself
	Listen         Listen      `env:"NATS_LISTEN,default=127.0.0.1:4222"`
	ListenUser     string      `env:"NATS_LISTEN_USER"`
	ListenPassword secret.Text `env:"NATS_LISTEN_PASSWORD"`

	DataDir  string        `env:"DATA_DIR,default=callbus-data"`
	Sync     Sync          `env:"SYNC,default=always"`
	Replicas int           `env:"STREAM_REPLICAS,default=1"`
	MaxAge   time.Duration `env:"STREAM_MAX_AGE,default=336h"`
}

// External tells whether the bus is somebody else's server, not the one in this process.
func (b Bus) External() bool { return len(b.URL) > 0 }

// LogSettings are how the log is written.
type LogSettings struct {
	Level  Level     `env:"LOG_LEVEL,default=info"`
	Format LogFormat `env:"LOG_FORMAT,default=auto"`
}

// general are the variables that are neither of the bus nor of one account or sink.
type general struct {
	Accounts    Names  `env:"ACCOUNTS"`
	AccountsDir string `env:"ACCOUNTS_DIR"`
	Sinks       Names  `env:"SINKS"`
	Roles       Roles  `env:"ROLES,default=ingest,sinks,http"`
	HTTPListen  Listen `env:"HTTP_LISTEN,default=127.0.0.1:8080"`
	Log         LogSettings
}

const ownerCallbus = "callbus"

// loadConfig reads the settings of callbus from vars. Its error is a [SettingsError] with every fault there is.
func loadConfig(vars map[string]string, vendors []vendor) (Config, error) {
	r := newReader(vars)
	var g general
	r.read(ownerCallbus, settingPrefix, &g)
	c := Config{AccountsDir: g.AccountsDir, Roles: g.Roles, HTTPListen: g.HTTPListen, Log: g.Log}
	c.Bus = r.bus()
	c.Traces = r.traces()
	accounts := r.accounts(g.Accounts, vendors)
	c.Accounts = accounts.list
	r.checkAccounts(c, g.Accounts)
	var unjudged map[string]bool
	c.Sinks, unjudged = r.sinks(g.Sinks, kinds())
	r.unknown(g.Accounts, g.Sinks, accounts.unjudged, unjudged, vendors)
	return c, settingsError(r.faults)
}

// loadBus reads what a command needs that only talks to the bus: other settings may be wrong, or not there.
func loadBus(vars map[string]string) (Bus, error) {
	r := newReader(vars)
	b := r.bus()
	r.unknownBus()
	return b, settingsError(r.faults)
}

// bus reads and checks where the events are kept. What the chosen kind of server does not look at is refused: a
// password or a folder that does nothing is a mistake somewhere.
func (r *reader) bus() Bus {
	var b Bus
	r.read(ownerCallbus, settingPrefix, &b)
	if r.given("NATS_URL") {
		r.checkExternal(b)
	} else {
		r.checkEmbedded(b)
	}
	r.general("STREAM_MAX_AGE", within(b.MaxAge, time.Hour, 10*365*24*time.Hour))
	if b.Replicas < 1 || b.Replicas > 5 {
		r.general("STREAM_REPLICAS", refuse("1 to 5", "%d copies cannot be kept", b.Replicas))
	}
	return b
}

func (r *reader) checkExternal(b Bus) {
	for _, name := range []string{"NATS_LISTEN", "NATS_LISTEN_USER", "NATS_LISTEN_PASSWORD", "DATA_DIR", "SYNC"} {
		r.ineffective(name, "is for the embedded server, which does not run because CALLBUS_NATS_URL is set: remove one of the two")
	}
	for name, path := range map[string]string{"NATS_CREDS": b.Creds, "NATS_TLS_CA": b.TLSCA, "NATS_TLS_CERT": b.TLSCert, "NATS_TLS_KEY": b.TLSKey} {
		r.readable(name, path)
	}
	r.together("NATS_USER", b.User != "", "NATS_PASSWORD", r.given("NATS_PASSWORD"))
	r.together("NATS_TLS_CERT", b.TLSCert != "", "NATS_TLS_KEY", b.TLSKey != "")
	if b.Creds != "" && b.User != "" {
		r.general("NATS_CREDS", errors.New("CALLBUS_NATS_USER is set as well: keep one of the two ways to log in"))
	}
}

func (r *reader) checkEmbedded(b Bus) {
	for _, name := range []string{"NATS_CREDS", "NATS_USER", "NATS_PASSWORD", "NATS_TLS_CA", "NATS_TLS_CERT", "NATS_TLS_KEY"} {
		r.ineffective(name, "is for an external server, and CALLBUS_NATS_URL names none; the embedded server has CALLBUS_NATS_LISTEN_USER and CALLBUS_NATS_LISTEN_PASSWORD")
	}
	if b.Replicas > 1 && b.Replicas <= 5 {
		r.general("STREAM_REPLICAS", errors.New("more than 1 needs a cluster, and the embedded server is one server: set CALLBUS_NATS_URL, or leave this at 1"))
	}
	r.together("NATS_LISTEN_USER", b.ListenUser != "", "NATS_LISTEN_PASSWORD", r.given("NATS_LISTEN_PASSWORD"))
	switch guarded := b.ListenUser != "" && r.given("NATS_LISTEN_PASSWORD"); {
	case r.faulty(settingPrefix + "NATS_LISTEN"):
	case b.Listen.Off() && guarded:
		r.general("NATS_LISTEN_USER", errors.New("nobody can log in: CALLBUS_NATS_LISTEN is off"))
	case !b.Listen.Off() && !b.Listen.Loopback() && !guarded:
		r.general("NATS_LISTEN", refuse("a loopback address like 127.0.0.1:4222, or any with CALLBUS_NATS_LISTEN_USER and CALLBUS_NATS_LISTEN_PASSWORD",
			"%s can be reached from other machines, and asks for no credentials", b.Listen))
	}
}

// checkAccounts checks what needs more than one account's own settings.
func (r *reader) checkAccounts(c Config, named Names) {
	if c.AccountsDir != "" {
		r.checkAccountsDir(c.AccountsDir, named)
	}
	if c.Roles.Ingest && len(named) == 0 && c.AccountsDir == "" && r.vars["CALLBUS_ACCOUNTS"] == "" {
		r.general("ACCOUNTS", refuse(acceptedNames, "not set, and neither is CALLBUS_ACCOUNTS_DIR: there is no PBX to watch (callbus demo needs none)"))
	}
	if r.faulty("CALLBUS_STREAM_MAX_AGE") {
		return
	}
	for _, a := range c.Accounts {
		r.check(accountPrefix(a.Name)+"LOOKBACK", a.fits(c.Bus))
	}
}

// fits holds the look-back against the stream's age: what the stream has forgotten would be published once more.
func (a Account) fits(b Bus) error {
	if a.Settings.Lookback <= b.MaxAge {
		return nil
	}
	return refuse("at most "+span(b.MaxAge), "%s is longer than CALLBUS_STREAM_MAX_AGE keeps events: calls would be published twice", span(a.Settings.Lookback))
}

func (r *reader) general(name string, err error) { r.check(settingPrefix+name, err) }

func (r *reader) ineffective(name, why string) {
	for _, variable := range []string{settingPrefix + name, settingPrefix + name + "_FILE"} {
		if r.vars[variable] != "" {
			r.fault(variable, errors.New(why))
		}
	}
}

func (r *reader) together(a string, hasA bool, b string, hasB bool) {
	if hasA && !hasB {
		r.general(b, fmt.Errorf("not set, but CALLBUS_%s is: they go together", a))
	}
	if hasB && !hasA {
		r.general(a, fmt.Errorf("not set, but CALLBUS_%s is: they go together", b))
	}
}

func (r *reader) readable(name, path string) {
	if path == "" {
		return
	}
	f, err := os.Open(path)
	if err != nil {
		r.general(name, fmt.Errorf("cannot be read: %w", err))
		return
	}
	f.Close()
}

// given tells whether somebody set name, directly or as a file, be it well or badly.
func (r *reader) given(name string) bool {
	return r.vars[settingPrefix+name] != "" || r.vars[settingPrefix+name+"_FILE"] != ""
}

func within(d, least, most time.Duration) error {
	if d >= least && d <= most {
		return nil
	}
	return refuse(span(least)+" to "+span(most), "%s is out of bounds", span(d))
}

// span writes a duration as a person would: 24h, not 24h0m0s.
func span(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
