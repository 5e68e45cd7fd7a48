package bulutfon_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sethvargo/go-envconfig"

	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/bulutfon"
)

func TestConfigIsReadFromTheEnvironment(t *testing.T) {
	var c bulutfon.Config
	err := envconfig.ProcessWith(t.Context(), &envconfig.Config{Target: &c, Lookuper: envconfig.MapLookuper(map[string]string{
		"TOKEN": "geheim", "RAW": "true",
	})})
	want := bulutfon.Config{URL: "https://api.bulutfon.com", Token: secret.New("geheim"),
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
		First: ingest.Baseline, CallFlow: ingest.MissedFlow}
	if got := bulutfon.Defaults(); got != want {
		t.Errorf("Defaults: %+v, want %+v", got, want)
	}
}

func TestEveryFaultIsReportedByItsVariable(t *testing.T) {
	err := bulutfon.Config{URL: "ftp://x", Timezone: "Europe/Ankara", Region: "Turkey", Timeout: -time.Second}.Validate()
	if err == nil {
		t.Fatal("Validate: no error")
	}
	lines := strings.Split(err.Error(), "\n")
	for i, want := range []string{"URL: ", "TOKEN: not set", `TIMEZONE: "Europe/Ankara"`, `REGION: "Turkey"`, "TIMEOUT: -1s"} {
		if i >= len(lines) || !strings.HasPrefix(lines[i], want) {
			t.Errorf("Validate does not begin its line %d by %q:\n%v", i, want, err)
		}
	}
}

func TestEitherATokenOrAnAddressWithAPassword(t *testing.T) {
	token, password := secret.New("geheim-token"), secret.New("geheim-password")
	for says, all := range map[string][]bulutfon.Config{
		"":                     {{Token: token}, {Username: "who@example.org", Password: password}},
		"TOKEN: not set":       {{}},
		"PASSWORD: not set":    {{Username: "who@example.org"}},
		"USERNAME: not set":    {{Password: password}},
		"TOKEN: set together":  {{Token: token, Username: "who@example.org"}, {Token: token, Password: password}},
		`TIMEZONE: "Local" is`: {{Token: token, Timezone: "Local"}},
	} {
		for _, c := range all {
			_, err := bulutfon.New(c, nil)
			if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
				t.Errorf("New of %+v: %v, want %q", c, err, says)
			}
		}
	}
}

func TestURLs(t *testing.T) {
	for base, says := range map[string]string{
		"":                                   "",
		"http://api.example":                 "",
		"https://api.example:8443/v1/":       "",
		"http://[2001:db8::7]:80/":           "",
		"api.example":                        "http://",
		"ftp://api.example":                  "http://",
		"http:///cdrs":                       "names no host",
		"http://bob:hunter22@api.example":    "USERNAME and PASSWORD",
		"http://api.example/?token=hunter22": "question mark",
		"http://api.example/#hunter22":       "holds a #",
		"http://api.example/%zz?p=hunter22":  "cannot be read",
	} {
		err := bulutfon.Config{URL: base, Token: secret.New("geheim")}.Validate()
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "accepted is")) {
			t.Errorf("Validate of URL %q: %v, want %q", base, err, says)
		}
		if err != nil && strings.Contains(err.Error(), "hunter22") {
			t.Errorf("Validate of URL %q tells the password: %v", base, err)
		}
	}
}
