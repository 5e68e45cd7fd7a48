package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const marked = "marked-secret-"

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// secretful is a full set of settings whose secrets are all marked.
func secretful(t *testing.T) map[string]string {
	file := filepath.Join(t.TempDir(), "secret")
	writeFile(t, file, marked+"from-file\n")
	return map[string]string{
		"CALLBUS_ACCOUNTS":                    "acme,other",
		"CALLBUS_ACCOUNT_ACME_PROVIDER":       "telsam",
		"CALLBUS_ACCOUNT_ACME_URL":            "https://pbx.example.com",
		"CALLBUS_ACCOUNT_ACME_USERNAME":       "api",
		"CALLBUS_ACCOUNT_ACME_PASSWORD":       marked + "acme",
		"CALLBUS_ACCOUNT_OTHER_PROVIDER":      "telsam",
		"CALLBUS_ACCOUNT_OTHER_URL":           "https://pbx.example.com",
		"CALLBUS_ACCOUNT_OTHER_USERNAME":      "api",
		"CALLBUS_ACCOUNT_OTHER_PASSWORD_FILE": file,
		"CALLBUS_NATS_LISTEN_USER":            "u",
		"CALLBUS_NATS_LISTEN_PASSWORD":        marked + "listen",
	}
}

func TestSettingsNeverPrintTheirSecrets(t *testing.T) {
	t.Parallel()
	c, err := loadConfig(secretful(t), vendors())
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Bus.ListenPassword.Reveal(); got != marked+"listen" {
		t.Fatalf("the secrets are not there to be printed: %q", got)
	}
	var log bytes.Buffer
	for _, format := range []LogFormat{logJSON, logText, logTint} {
		slog.New(newLogHandler(&log, LogSettings{Format: format}, false, false)).Info("settings", "all", c, "account", c.Accounts[1], "vendor", c.Accounts[0].Vendor, "bus", &c.Bus)
	}
	seen := []string{asJSON(t, c), asJSON(t, c.Accounts[0].Vendor), log.String()}
	for _, v := range []any{c, &c, c.Accounts, c.Accounts[0], c.Accounts[0].Vendor, c.Accounts[0].Vendor.Target(), c.Bus, &c.Bus, c.Bus.embedded(nil), c.Bus.remote("", nil)} {
		seen = append(seen, fmt.Sprint(v), fmt.Sprintf("%v %+v %#v %s %q", v, v, v, v, v))
	}
	for _, text := range seen {
		if strings.Contains(text, marked) {
			t.Errorf("a secret is seen in %s", text)
		}
	}
}

// Every variable in turn is broken in every way: whatever is said about it, no secret is in it.
func TestNoErrorTellsASecret(t *testing.T) {
	t.Parallel()
	vars := secretful(t)
	empty := filepath.Join(t.TempDir(), "empty")
	writeFile(t, empty, "")
	said := 0
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		for _, breaks := range []func(map[string]string){
			func(v map[string]string) { delete(v, name) },
			func(v map[string]string) { v[name+"X"] = v[name]; delete(v, name) },
			func(v map[string]string) { v[name+"_FILE"] = empty },
			func(v map[string]string) { v[name+"_FILE"] = empty; delete(v, name) },
			func(v map[string]string) { v["CALLBUS_NATS_URL"] = "nats://u:" + marked + "url@host" },
			func(v map[string]string) { v["CALLBUS_ACCOUNT_ACME_URL"] = "https://u:" + marked + "url@host" },
			func(v map[string]string) { v["CALLBUS_ACCOUNT_ACME_URL"] = "::" + marked + "url@host" },
			func(v map[string]string) {
				v["CALLBUS_ACCOUNT_ACME_PROVIDER"] = "verimor"
				v["CALLBUS_ACCOUNT_ACME_KEY"] = marked
			},
			func(v map[string]string) { v["CALLBUS_ACCOUNT_ACME_TOKEN"] = marked },
		} {
			broken := maps.Clone(vars)
			breaks(broken)
			if _, err := loadConfig(broken, vendors()); err != nil {
				said++
				noSecret(t, fmt.Sprintf("%v %+v %#v", err, err, err))
			}
		}
	}
	if said < 50 {
		t.Errorf("only %d errors were looked at: the settings were not broken", said)
	}
}

func noSecret(t *testing.T, text string) {
	t.Helper()
	if strings.Contains(text, marked) {
		t.Errorf("a secret is seen in %s", text)
	}
}

func TestNoErrorOfAFileTellsASecret(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		marked, `X="` + marked, "X='" + marked, "X=" + marked + " # c", "X=" + marked + `\`, `X="a" ` + marked,
		`X="\q` + marked + `"`, "X Y=" + marked, "1X=" + marked, "=" + marked, "X=1\nX=" + marked, "X=" + marked + "\x00",
	} {
		f := parseEnvFile("f", []byte(line))
		if len(f.faults) == 0 {
			t.Errorf("%q is taken without a fault", line)
		}
		noSecret(t, fmt.Sprintf("%v", f.faults))
	}
}

func TestAWrongFileOfAnAccountTellsNoSecret(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "acme.env")
	for _, text := range []string{
		"PROVIDER=telsam\nPASSWORD=" + marked, "PROVIDER=x\nPASSWORD=" + marked, "PROVIDER=telsam\nTOKEN=" + marked,
		"PASSWORD=" + marked + "\nPASSWORD=" + marked, "CALLBUS_ACCOUNT_ACME_PASSWORD=" + marked,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		file := accountReader{vendors: vendors()}.read(path)
		if file.Err == nil {
			t.Errorf("%q is taken without a fault", text)
		}
		noSecret(t, fmt.Sprintf("%v %+v", file.Err, file))
	}
}
