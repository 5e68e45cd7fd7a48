package pbxsim

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Vendors returns the names of the vendors whose APIs are simulated, as callbus calls them.
func Vendors() []string { return []string{"telsam", "verimor", "bulutfon", "while1"} }

// Manner is what the views of all vendors have in common. The zero Manner is a vendor without fault.
type Manner struct {
	Secret  string // the password, key or token; and the user, where there is one. callbus
	Skew    time.Duration
	Records Records
	Faults  Faults
	// LateRows is the share of calls of several rows of which one is written later; where a call is a row, nothing.
	LateRows float64
}

// Shown is a world as one vendor shows it, with what callbus is set to in order to watch it.
type Shown struct {
	View
	Vendor string
	World  *World
	// Settings are those of the account, by suffix, but for the URL.
	Settings map[string]string
	// RecordsOnly is true where the vendor shows no active calls, so that a call is known once it is over.
	RecordsOnly bool
}

// Show returns world as vendor shows it. It panics when vendor is none of [Vendors], or m does not validate.
func Show(vendor string, world *World, m Manner, clock func() time.Time) Shown {
	orDefault(&m.Secret, "callbus")
	s := Shown{Vendor: vendor, World: world, RecordsOnly: vendor != "telsam", Settings: map[string]string{"PROVIDER": vendor}}
	switch vendor {
	case "telsam":
		s.View = NewTelsam(world, TelsamConfig{Username: m.Secret, Password: m.Secret, Skew: m.Skew, Records: m.Records, Faults: m.Faults}, clock)
		s.Settings["USERNAME"], s.Settings["PASSWORD"] = m.Secret, m.Secret
	case "verimor":
		s.View = NewVerimor(world, VerimorConfig{Key: m.Secret, Skew: m.Skew, Records: m.Records, Faults: m.Faults}, clock)
		s.Settings["KEY"] = m.Secret
	case "bulutfon":
		s.View = NewBulutfon(world, BulutfonConfig{Token: m.Secret, Revision: BulutfonMixed, Skew: m.Skew, Records: m.Records, Faults: m.Faults}, clock)
		s.Settings["TOKEN"] = m.Secret
	case "while1":
		s.View = NewWhile1(world, While1Config{Token: m.Secret, Key: m.Secret, Skew: m.Skew, Records: m.Records, Faults: m.Faults, LateRowRate: m.LateRows}, clock)
		s.Settings["TOKEN"], s.Settings["KEY"] = m.Secret, m.Secret
	default:
		panic("pbxsim: no vendor " + vendor)
	}
	return s
}

// Variables returns the environment in which callbus watches s, served at url, as account.
func (s Shown) Variables(account, url string) []string {
	prefix := "CALLBUS_ACCOUNT_" + strings.ToUpper(strings.ReplaceAll(account, "-", "_")) + "_"
	all := []string{prefix + "URL=" + url}
	for _, suffix := range slices.Sorted(maps.Keys(s.Settings)) {
		all = append(all, prefix+suffix+"="+s.Settings[suffix])
	}
	return all
}

// Handler serves every one of shown below a path that is its vendor's name.
func Handler(shown []Shown) http.Handler {
	mux := http.NewServeMux()
	for _, s := range shown {
		for _, path := range []string{"/" + s.Vendor, "/" + s.Vendor + "/"} { // nobody is redirected
			mux.Handle(path, http.StripPrefix("/"+s.Vendor, s))
		}
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, fmt.Sprintf("no PBX is here; there are /%s/", strings.Join(Vendors(), "/, /")), http.StatusNotFound)
	})
	return mux
}
