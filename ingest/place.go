package ingest

import (
	"cmp"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nyaruka/phonenumbers"
)

// Place is where a PBX stands, as its user sets it: the zone of its clock, and the country of numbers without a country
// code. Home is what its vendor's country is, for what is not set.
type Place struct {
	Timezone string // IANA, Europe/Istanbul
	Region   string // ISO 3166, TR
	Home     Home
}

// Home is the zone and the country of a vendor.
type Home struct{ Timezone, Region string }

// Zone returns the zone. Its error begins with TIMEZONE:.
func (p Place) Zone() (*time.Location, error) {
	name := cmp.Or(p.Timezone, p.Home.Timezone)
	zone, err := loadZone(name)
	if err != nil || name == "Local" {
		return nil, fmt.Errorf("TIMEZONE: %q is not a known time zone; a name such as %s is accepted", name, p.Home.Timezone)
	}
	return zone, nil
}

// zones are those that are in use, by name: each is some 2 kB, and a process may watch ten thousand accounts.
var zones sync.Map

func loadZone(name string) (*time.Location, error) {
	if zone, ok := zones.Load(name); ok {
		return zone.(*time.Location), nil
	}
	zone, err := time.LoadLocation(name)
	if err == nil {
		zones.Store(name, zone)
	}
	return zone, err
}

// Country returns the country.
func (p Place) Country() string { return strings.ToUpper(cmp.Or(p.Region, p.Home.Region)) }

// Faults returns what is wrong with p, each by the name of its variable.
func (p Place) Faults() (all []error) {
	if _, err := p.Zone(); err != nil {
		all = append(all, err)
	}
	if phonenumbers.GetCountryCodeForRegion(p.Country()) == 0 {
		all = append(all, fmt.Errorf("REGION: %q is not a country; two letters are accepted, such as %s", p.Region, p.Home.Region))
	}
	return all
}

// CheckTimeout returns what is wrong with a TIMEOUT.
func CheckTimeout(d time.Duration) error {
	if d < 0 {
		return fmt.Errorf("TIMEOUT: %s is negative; a duration such as 10s is accepted", d)
	}
	return nil
}
