package main

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/telsam"
)

// A file of testdata/config breaks one rule, which is its name. Its lines "# want ..." are the whole list of faults.
func TestEveryRuleOfTheSettings(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/config/*.env")
	if err != nil || len(files) < 40 {
		t.Fatalf("testdata/config holds %d files (%v): there is one for each rule", len(files), err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".env"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			want := wanted(string(text))
			got := faultsOf(t, loadFile(path, text))
			if !slices.Equal(got, want) {
				t.Errorf("faults:\n  %s\nwant:\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
			}
		})
	}
}

func wanted(text string) []string {
	var all []string
	for line := range strings.Lines(text) {
		if want, ok := strings.CutPrefix(line, "# want "); ok {
			all = append(all, strings.TrimSpace(want))
		}
	}
	return all
}

func loadFile(path string, text []byte) error {
	file := parseEnvFile(path, text)
	_, err := loadConfig(file.vars, vendors())
	return file.with(err)
}

func faultsOf(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	var settings *SettingsError
	if !errors.As(err, &settings) {
		t.Fatalf("%v is not a SettingsError", err)
	}
	var all []string
	for _, f := range settings.Faults {
		all = append(all, f.Error())
	}
	return all
}

func TestDefaultsAreThoseOfTheDocumentation(t *testing.T) {
	t.Parallel()
	c, err := loadConfig(acme(), vendors())
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Roles:      Roles{Ingest: true, Sinks: true, HTTP: true},
		HTTPListen: "127.0.0.1:8080",
		Bus:        Bus{Listen: "127.0.0.1:4222", DataDir: "callbus-data", Sync: Sync{Always: true}, Replicas: 1, MaxAge: 336 * time.Hour},
		Log:        LogSettings{Format: "auto"},
	}
	accounts := c.Accounts
	c.Accounts = nil
	if !reflect.DeepEqual(c, want) {
		t.Errorf("settings %+v\nwant     %+v", c, want)
	}
	settings := ingest.Settings{
		PollActive: 2 * time.Second, PollCDR: 5 * time.Second, Lookback: 24 * time.Hour,
		First: ingest.Baseline, Settle: 10 * time.Second, CallFlow: ingest.MissedFlow,
	}
	if len(accounts) != 1 || accounts[0].Name != "acme" || accounts[0].Provider != "telsam" || accounts[0].Settings != settings {
		t.Errorf("accounts %+v, want acme of telsam with %+v", accounts, settings)
	}
}

// acme is the least that one account needs.
func acme() map[string]string {
	return map[string]string{
		"CALLBUS_ACCOUNTS":              "acme",
		"CALLBUS_ACCOUNT_ACME_PROVIDER": "telsam",
		"CALLBUS_ACCOUNT_ACME_URL":      "https://pbx.example.com",
		"CALLBUS_ACCOUNT_ACME_USERNAME": "api",
		"CALLBUS_ACCOUNT_ACME_PASSWORD": "hunter2",
	}
}

func acmeWith(pairs ...string) map[string]string {
	vars := acme()
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		vars[name] = value
	}
	return vars
}

func TestEverySettingOfAnAccountArrives(t *testing.T) {
	t.Parallel()
	c, err := loadConfig(acmeWith(
		"CALLBUS_ACCOUNT_ACME_POLL_ACTIVE=3s", "CALLBUS_ACCOUNT_ACME_POLL_CDR=7s", "CALLBUS_ACCOUNT_ACME_RATE=6/m",
		"CALLBUS_ACCOUNT_ACME_LOOKBACK=48h", "CALLBUS_ACCOUNT_ACME_FIRST=backfill", "CALLBUS_ACCOUNT_ACME_SETTLE=0s",
		"CALLBUS_ACCOUNT_ACME_CALL_FLOW=all",
	), vendors())
	if err != nil {
		t.Fatal(err)
	}
	want := ingest.Settings{
		PollActive: 3 * time.Second, PollCDR: 7 * time.Second, Rate: ingest.Rate{Requests: 6, Per: time.Minute},
		Lookback: 48 * time.Hour, First: ingest.FromBackfill, Settle: 0, CallFlow: ingest.AllFlow,
	}
	if got := c.Accounts[0].Settings; got != want {
		t.Errorf("settings %+v, want %+v", got, want)
	}
}

func TestASecretComesFromItsFileWithoutTheLastLineBreak(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{"s3cret": "s3cret", "s3cret\n": "s3cret", "s3cret\r\n": "s3cret", " s3cret \n\n": " s3cret \n"} {
		path := filepath.Join(t.TempDir(), "secret")
		writeFile(t, path, content)
		b, err := loadBus(map[string]string{"CALLBUS_NATS_LISTEN_USER": "u", "CALLBUS_NATS_LISTEN_PASSWORD_FILE": path})
		if err != nil {
			t.Fatal(err)
		}
		if got := b.ListenPassword.Reveal(); got != want {
			t.Errorf("a file of %q gives the secret %q, want %q", content, got, want)
		}
	}
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A name that begins like another is no trouble, as long as every variable means one thing.
func TestAnAccountWhoseNameBeginsLikeAnother(t *testing.T) {
	t.Parallel()
	c, err := loadConfig(acmeWith("CALLBUS_ACCOUNTS=acme,acme-pbx",
		"CALLBUS_ACCOUNT_ACME_PBX_PROVIDER=telsam", "CALLBUS_ACCOUNT_ACME_PBX_URL=https://other.example.com",
		"CALLBUS_ACCOUNT_ACME_PBX_USERNAME=api", "CALLBUS_ACCOUNT_ACME_PBX_PASSWORD=hunter3",
	), vendors())
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Accounts) != 2 || c.Accounts[1].Name != "acme-pbx" {
		t.Errorf("accounts %+v, want acme and acme-pbx", c.Accounts)
	}
}

// ambiguousConfig has a suffix that ends like another: PBX_URL of acme is URL of acme-pbx.
type ambiguousConfig struct {
	URL    string      `env:"URL"`
	PBXURL string      `env:"PBX_URL"`
	Token  secret.Text `env:"TOKEN"`
}

func (ambiguousConfig) Validate() error { return nil }

func openNothing[C any](C, *http.Client) (any, error) { return nil, nil }

func TestAVariableThatTwoAccountsClaimIsRefused(t *testing.T) {
	t.Parallel()
	_, err := loadConfig(map[string]string{
		"CALLBUS_ACCOUNTS":                  "acme,acme-pbx",
		"CALLBUS_ACCOUNT_ACME_PROVIDER":     "ambiguous",
		"CALLBUS_ACCOUNT_ACME_PBX_PROVIDER": "ambiguous",
		"CALLBUS_ACCOUNT_ACME_PBX_URL":      "https://pbx.example.com",
	}, []vendor{vendorOf("ambiguous", telsam.Defaults, openNothing[ambiguousConfig])})
	want := []string{"CALLBUS_ACCOUNT_ACME_PBX_URL: means a setting of account acme, and one of account acme-pbx: give one of them another name"}
	if got := faultsOf(t, err); !slices.Equal(got, want) {
		t.Errorf("faults %q, want %q", got, want)
	}
}

func TestNoTwoNamesMeetInOneVariable(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, name := range []string{"a-b", "ab", "a--b", "-ab", "ab-", "a-b-"} {
		if other, taken := seen[inVariable(name)]; taken {
			t.Errorf("%s and %s are both %s", name, other, inVariable(name))
		}
		seen[inVariable(name)] = name
	}
}

func TestTheBusAloneDoesNotAskForAccounts(t *testing.T) {
	t.Parallel()
	b, err := loadBus(map[string]string{"CALLBUS_NATS_URL": "nats://a:4222, tls://b", "CALLBUS_ACCOUNTS": "???"})
	if err != nil || !slices.Equal(b.URL, Servers{"nats://a:4222", "tls://b"}) {
		t.Errorf("loadBus: %v, %v", b.URL, err)
	}
	_, err = loadBus(map[string]string{"CALLBUS_NATS_URLS": "nats://a:4222"})
	if want := []string{"CALLBUS_NATS_URLS: is not a setting of callbus; did you mean CALLBUS_NATS_URL?"}; !slices.Equal(faultsOf(t, err), want) {
		t.Errorf("loadBus: %v, want %q", err, want)
	}
}
