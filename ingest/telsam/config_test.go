package telsam_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sethvargo/go-envconfig"

	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/telsam"
)

func TestConfigIsReadFromTheEnvironment(t *testing.T) {
	var c telsam.Config
	err := envconfig.ProcessWith(t.Context(), &envconfig.Config{Target: &c, Lookuper: envconfig.MapLookuper(map[string]string{
		"URL": "http://pbx.example/api/old/get", "USERNAME": "api", "PASSWORD": "geheim", "RAW": "true",
	})})
	want := telsam.Config{URL: "http://pbx.example/api/old/get", Username: "api", Password: secret.New("geheim"),
		Timezone: "Europe/Istanbul", Region: "TR", Timeout: 10 * time.Second, Raw: true}
	if err != nil || c != want {
		t.Errorf("read %+v, %v; want %+v", c, err, want)
	}
	if err := c.Validate(); err != nil {
		t.Errorf("Validate: %v", err)
	}
}

func TestDefaults(t *testing.T) {
	want := ingest.Settings{PollActive: 2 * time.Second, PollCDR: 5 * time.Second, Lookback: 24 * time.Hour,
		First: ingest.Baseline, Settle: 10 * time.Second, CallFlow: ingest.MissedFlow}
	if got := telsam.Defaults(); got != want {
		t.Errorf("Defaults: %+v, want %+v", got, want)
	}
}

func TestEveryFaultIsReportedByItsVariable(t *testing.T) {
	err := telsam.Config{Timezone: "Europe/Ankara", Region: "Turkey", Timeout: -time.Second}.Validate()
	if err == nil {
		t.Fatal("Validate: no error")
	}
	for _, want := range []string{"URL: not set", "USERNAME: not set", "PASSWORD: not set", `TIMEZONE: "Europe/Ankara"`, `REGION: "Turkey"`, "TIMEOUT: -1s"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("Validate does not say %q:\n%v", want, err)
		}
	}
	good := telsam.Config{URL: "http://pbx.example", Username: "api", Password: secret.New("geheim")}
	if _, err := telsam.New(good, nil); err != nil {
		t.Errorf("New: %v", err)
	}
	for fault, c := range map[string]telsam.Config{
		"URL: not set":      {},
		"USERNAME: not set": {URL: good.URL, Password: good.Password},
		"PASSWORD: not set": {URL: good.URL, Username: good.Username},
		// The machine's own zone would change with the machine.
		`TIMEZONE: "Local"`: {URL: good.URL, Username: good.Username, Password: good.Password, Timezone: "Local"},
	} {
		if _, err := telsam.New(c, nil); err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("New: %v, want %s", err, fault)
		}
	}
}

func TestURLs(t *testing.T) {
	for base, says := range map[string]string{
		"http://pbx.example":                    "",
		"https://pbx.example:8443/":             "",
		"http://pbx.example/api/old/get":        "",
		"http://192.0.2.7":                      "",
		"http://[2001:db8::7]:80/":              "",
		"":                                      "URL: not set",
		"pbx.example":                           "http://",
		"ftp://pbx.example":                     "http://",
		"http:///api":                           "names no host",
		"http://:80":                            "names no host",
		"http:pbx.example":                      "names no host",
		"http://bob:hunter22@pbx.example":       "USERNAME and PASSWORD",
		"http://bob@pbx.example":                "USERNAME and PASSWORD",
		"http://pbx.example/?password=hunter22": "question mark",
		"http://pbx.example/?":                  "question mark",
		"http://pbx.example/#hunter22":          "holds a #",
		"http://pbx.example/#":                  "holds a #",
		"http://pbx.example/%zz?p=hunter22":     "cannot be read",
		"http://pbx.example:hunter22":           "cannot be read",
		" http://pbx.example":                   "cannot be read",
	} {
		err := telsam.Config{URL: base, Username: "api", Password: secret.New("geheim")}.Validate()
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "accepted is")) {
			t.Errorf("Validate of URL %q: %v, want %q", base, err, says)
		}
		if err != nil && strings.Contains(err.Error(), "hunter22") {
			t.Errorf("Validate of URL %q tells the password: %v", base, err)
		}
	}
}
