package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/callbus/callbus/ingest"
)

// Account is one PBX account to watch: its settings, checked.
type Account struct {
	Name     string
	Provider string          // the vendor's name, see [vendor]
	Settings ingest.Settings // the vendor's defaults, with what the user set
	Vendor   vendorConfig    // the vendor's own: URL, credentials, zone
	Where    string          // what stands before the name of each of its variables: the prefix, or the file
}

// Open returns the provider that reads the account. It starts nothing.
func (a Account) Open(client *http.Client) (any, error) {
	p, err := a.Vendor.Open(client)
	if err != nil {
		return nil, fmt.Errorf("open account %s of %s: %w", a.Name, a.Provider, err)
	}
	return p, nil
}

// vendor is what the settings need to know of a provider: its name and how to make its empty Config.
type vendor struct {
	name   string
	config func() vendorConfig
}

// vendorConfig is the Config of one provider, on its way from variables to an open provider.
type vendorConfig interface {
	Target() any               // a pointer to the provider's own struct, with its env tags
	Validate() error           // every fault, joined, each beginning with its variable's suffix
	Defaults() ingest.Settings // what its vendor wants unless the user says otherwise
	Open(*http.Client) (any, error)
	ListsActive() bool // whether its vendor shows active calls
}

// vendorOf makes a vendor of what every provider's package exports.
func vendorOf[C interface{ Validate() error }, P any](name string, defaults func() ingest.Settings, open func(C, *http.Client) (P, error)) vendor {
	return vendor{name: name, config: func() vendorConfig { return &provider[C, P]{defaults: defaults, open: open} }}
}

type provider[C interface{ Validate() error }, P any] struct {
	Config   C
	defaults func() ingest.Settings
	open     func(C, *http.Client) (P, error)
}

func (p *provider[C, P]) Target() any                      { return &p.Config }
func (p *provider[C, P]) Validate() error                  { return p.Config.Validate() }
func (p *provider[C, P]) Defaults() ingest.Settings        { return p.defaults() }
func (p *provider[C, P]) Open(c *http.Client) (any, error) { return p.open(p.Config, c) }

// ListsActive asks a provider that was never opened: what it can do is in its type.
func (p *provider[C, P]) ListsActive() bool {
	var unopened P
	_, lists := any(unopened).(ingest.ActiveLister)
	return lists
}

// Format prints the Config, whatever verb is asked for: where fmt finds a verb that does not fit a pointer, it shows what
// the pointer leads to without asking the secrets in it.
func (p *provider[C, P]) Format(s fmt.State, _ rune) { fmt.Fprintf(s, "%+v", p.Config) }

func accountPrefix(name string) string { return settingPrefix + "ACCOUNT_" + inVariable(name) + "_" }

// accountVariables are the variables of an account that every vendor has.
type accountVariables struct {
	Provider string `env:"PROVIDER"`
}

type readAccounts struct {
	list     []Account
	unjudged map[string]bool // accounts whose vendor is not known, so neither are their variables
}

func (r *reader) accounts(named Names, vendors []vendor) readAccounts {
	read := readAccounts{unjudged: map[string]bool{}}
	for _, name := range named {
		a, ok := r.account(name, accountPrefix(name), vendors)
		if a.Vendor == nil {
			read.unjudged[name] = true
		}
		if ok {
			read.list = append(read.list, a)
		}
	}
	return read
}

// account reads the account whose variables begin with prefix. It is not ok when anything in them is wrong.
func (r *reader) account(name, prefix string, vendors []vendor) (_ Account, ok bool) {
	owner, before := "account "+name, len(r.faults)
	var v accountVariables
	r.read(owner, prefix, &v)
	a := Account{Name: name, Provider: v.Provider, Where: r.name(prefix)}
	a.Vendor = r.vendor(prefix+"PROVIDER", v.Provider, vendors)
	if a.Vendor == nil {
		return a, false
	}
	r.read(owner, prefix, a.Vendor.Target())
	a.Settings = a.Vendor.Defaults()
	r.read(owner, prefix, &a.Settings)
	r.checkSettings(prefix, a.Settings)
	r.validate(prefix, a.Vendor.Validate())
	return a, len(r.faults) == before
}

func (r *reader) vendor(variable, name string, vendors []vendor) vendorConfig {
	for _, v := range vendors {
		if v.name == name {
			return v.config()
		}
	}
	known := make([]string, len(vendors))
	for i, v := range vendors {
		known[i] = v.name
	}
	r.fault(variable, noVendor(name, known))
	return nil
}

func noVendor(name string, known []string) error {
	if name == "" {
		return refuse(listed(known), "not set: it says whose PBX this is")
	}
	return refuse(listed(known), "%s is not a vendor that callbus knows", quote(name))
}

// checkSettings keeps an account from being hammered, and from being asked so rarely that it seems dead.
func (r *reader) checkSettings(prefix string, s ingest.Settings) {
	for _, d := range []struct {
		name        string
		value       time.Duration
		least, most time.Duration
	}{
		{"POLL_ACTIVE", s.PollActive, 100 * time.Millisecond, time.Hour},
		{"POLL_CDR", s.PollCDR, 100 * time.Millisecond, 24 * time.Hour},
		{"LOOKBACK", s.Lookback, time.Minute, 31 * 24 * time.Hour}, // no vendor can be asked for more than a month
		{"SETTLE", s.Settle, 0, time.Hour},
	} {
		r.check(prefix+d.name, within(d.value, d.least, d.most))
	}
}

// validate takes over the faults that a provider found in its Config. A provider begins each with the variable's
// suffix and a colon.
func (r *reader) validate(prefix string, err error) {
	var all []Fault
	for _, e := range split(err) {
		suffix, problem, found := strings.Cut(e.Error(), ": ")
		if _, known := r.owners[prefix+suffix]; !found || !known {
			suffix, problem = "...", e.Error()
		}
		if !r.faulty(prefix + suffix) {
			all = append(all, Fault{Setting: r.name(prefix + suffix), Problem: problem})
		}
	}
	r.faults = append(r.faults, all...) // only now: one variable may have several
}

// split returns the faults that err joins, and those that they join. An error that wraps several in a sentence is one.
func split(err error) (all []error) {
	joined, ok := err.(interface{ Unwrap() []error })
	switch {
	case err == nil:
		return nil
	case !ok || errors.Join(joined.Unwrap()...).Error() != err.Error():
		return []error{err}
	}
	for _, e := range joined.Unwrap() {
		all = append(all, split(e)...)
	}
	return all
}
