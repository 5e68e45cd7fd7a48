package while1_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sethvargo/go-envconfig"

	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/while1"
)

func TestConfigIsReadFromTheEnvironment(t *testing.T) {
	var c while1.Config
	err := envconfig.ProcessWith(t.Context(), &envconfig.Config{Target: &c, Lookuper: envconfig.MapLookuper(map[string]string{
		"URL": "https://pbx.example", "TOKEN": "abc", "KEY": "def", "RAW": "true",
	})})
	want := while1.Config{URL: "https://pbx.example", Token: secret.New("abc"), Key: secret.New("def"),
		Timezone: "Europe/Bucharest", Region: "RO", Timeout: 10 * time.Second, Raw: true}
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
	if got := while1.Defaults(); got != want {
		t.Errorf("Defaults: %+v, want %+v", got, want)
	}
}

func TestEveryFaultIsReportedByItsVariable(t *testing.T) {
	err := while1.Config{Timezone: "Europe/Cluj", Region: "Romania", Timeout: -time.Second}.Validate()
	if err == nil {
		t.Fatal("Validate: no error")
	}
	for _, want := range []string{"URL: not set", "TOKEN: not set", `TIMEZONE: "Europe/Cluj"`, `REGION: "Romania"`, "TIMEOUT: -1s"} {
		if !strings.Contains("\n"+err.Error(), "\n"+want) {
			t.Errorf("Validate does not say %q at the beginning of a line:\n%v", want, err)
		}
	}
	good := while1.Config{URL: "https://pbx.example", Token: secret.New("abc")}
	if _, err := while1.New(good, nil); err != nil {
		t.Errorf("New: %v", err)
	}
	for fault, c := range map[string]while1.Config{
		"URL: not set":        {Token: good.Token},
		"TOKEN: not set":      {URL: good.URL},
		"TOKEN: holds":        {URL: good.URL, Token: secret.New("hunter2\r\nX: y")},
		`TIMEZONE: "Local"`:   {URL: good.URL, Token: good.Token, Timezone: "Local"}, // would change with the machine
		"TOKEN: holds a blan": {URL: good.URL, Token: secret.New("hunter2 ")},
	} {
		if _, err := while1.New(c, nil); err == nil || !strings.Contains(err.Error(), fault) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("New: %v, want %s", err, fault)
		}
	}
}

// asking is a transport that notes which URL is asked.
type asking struct{ url string }

func (a *asking) RoundTrip(req *http.Request) (*http.Response, error) {
	a.url = req.URL.String()
	return nil, io.EOF
}

func TestWhichURLsAreTaken(t *testing.T) {
	for base, asks := range map[string]string{
		"https://pbx.example":              "https://pbx.example/api/cdr",
		"https://pbx.example/":             "https://pbx.example/api/cdr",
		"https://pbx.example/api":          "https://pbx.example/api/cdr",
		"https://pbx.example/api/":         "https://pbx.example/api/cdr",
		"https://pbx.example:8443/voice/":  "https://pbx.example:8443/voice/api/cdr",
		"http://127.0.0.1:8080/while1/api": "http://127.0.0.1:8080/while1/api/cdr",
	} {
		var at asking
		for range client(t, &at, func(c *while1.Config) { c.URL = base }).CDRs(t.Context(), lastHour()) {
		}
		if at.url != asks {
			t.Errorf("URL %q: %q is asked, want %q", base, at.url, asks)
		}
	}
	for base, says := range map[string]string{
		"pbx.example":                        "does not begin with",
		"ftp://pbx.example":                  "does not begin with",
		"https://":                           "names no host",
		"https://u:hunter2@pbx.example":      "holds a user name",
		"https://pbx.example/?token=hunter2": "question mark",
		"https://pbx.example/#hunter2":       "holds a #",
		"https://pbx.example/%zz?p=hunter2":  "cannot be read",
	} {
		err := while1.Config{URL: base, Token: secret.New("abc")}.Validate()
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Validate of URL %q: %v, want %q", base, err, says)
		}
	}
}
