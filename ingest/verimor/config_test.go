package verimor_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sethvargo/go-envconfig"

	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/verimor"
)

func TestConfigIsReadFromTheEnvironment(t *testing.T) {
	var c verimor.Config
	err := envconfig.ProcessWith(t.Context(), &envconfig.Config{Target: &c, Lookuper: envconfig.MapLookuper(map[string]string{
		"URL": "http://pbx.example/switch", "KEY": "geheim", "RAW": "true",
	})})
	want := verimor.Config{URL: "http://pbx.example/switch", Key: secret.New("geheim"),
		Timezone: "Europe/Istanbul", Region: "TR", Timeout: 10 * time.Second, Raw: true}
	if err != nil || c != want {
		t.Errorf("read %+v, %v; want %+v", c, err, want)
	}
	if err := c.Validate(); err != nil {
		t.Errorf("Validate: %v", err)
	}
}

func TestDefaults(t *testing.T) {
	want := ingest.Settings{PollActive: 2 * time.Second, PollCDR: 15 * time.Second, Rate: ingest.Rate{Requests: 6, Per: time.Minute},
		Lookback: 24 * time.Hour, First: ingest.Baseline, CallFlow: ingest.MissedFlow}
	if got := verimor.Defaults(); got != want {
		t.Errorf("Defaults: %+v, want %+v", got, want)
	}
}

func TestAKeyIsAllThatIsNeeded(t *testing.T) {
	for _, form := range []string{key, "sk_0123456789", "x"} {
		if _, err := verimor.New(verimor.Config{Key: secret.New(form)}, nil); err != nil {
			t.Errorf("New: %v", err)
		}
	}
}

func TestEveryFaultIsReportedByItsVariable(t *testing.T) {
	err := verimor.Config{URL: "pbx.example", Timezone: "Europe/Ankara", Region: "Turkey", Timeout: -time.Second}.Validate()
	if err == nil {
		t.Fatal("Validate: no error")
	}
	faults := strings.Split(err.Error(), "\n")
	for i, want := range []string{"URL: does not begin", "KEY: not set", `TIMEZONE: "Europe/Ankara"`, `REGION: "Turkey"`, "TIMEOUT: -1s"} {
		if i >= len(faults) || !strings.HasPrefix(faults[i], want) {
			t.Errorf("fault %d does not begin with %q:\n%v", i, want, err)
		}
	}
	if _, err := verimor.New(verimor.Config{Key: secret.New("x"), Timezone: "Local"}, nil); err == nil || !strings.Contains(err.Error(), "TIMEZONE") {
		t.Errorf("New in the machine's own zone: %v, want that refused", err)
	}
	if _, err := verimor.New(verimor.Config{}, nil); err == nil {
		t.Error("New without a key: no error")
	}
}

func TestURLs(t *testing.T) {
	for base, says := range map[string]string{
		"": "", "http://pbx.example": "", "https://pbx.example:8443/": "", "http://192.0.2.7/api": "",
		"pbx.example": "http://", "ftp://pbx.example": "http://", "http:///api": "names no host",
		"http://bob:hunter22@pbx.example": "user name or password", "http://pbx.example/?key=hunter22": "question mark",
		"http://pbx.example/?": "question mark", "http://pbx.example/#hunter22": "holds a #", "http://pbx.example:hunter22": "cannot be read",
	} {
		err := verimor.Config{URL: base, Key: secret.New("geheim")}.Validate()
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says) || !strings.HasPrefix(err.Error(), "URL: ")) {
			t.Errorf("Validate of URL %q: %v, want %q", base, err, says)
		}
		if err != nil && strings.Contains(err.Error(), "hunter22") {
			t.Errorf("Validate of URL %q tells the password: %v", base, err)
		}
	}
}
