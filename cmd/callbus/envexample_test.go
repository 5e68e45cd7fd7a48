package main

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const examplePath = "../../deploy/callbus.env.example"

func readExample(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(examplePath)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	embeddedLine = regexp.MustCompile(`(?m)^#(CALLBUS_)`)
	externalLine = regexp.MustCompile(`(?m)^#external: (CALLBUS_)`)
	folderLine   = regexp.MustCompile(`(?m)^CALLBUS_ACCOUNTS_DIR=.*$`)
	fileLine     = regexp.MustCompile(`(?m)^(CALLBUS_NATS_(?:CREDS|TLS_\w+))=.*$`)
	loginLine    = regexp.MustCompile(`(?m)^CALLBUS_NATS_(USER|PASSWORD)=.*$`)
	tracesLine   = regexp.MustCompile(`(?m)^#traces: (OTEL_)`)
	sinkLine     = regexp.MustCompile(`(?m)^#sink: (CALLBUS_)`)
	sinkFileLine = regexp.MustCompile(`(?m)^CALLBUS_SINK_\w+_TLS_\w+=.*$`)
	serverLine   = regexp.MustCompile(`(?m)^CALLBUS_(NATS_LISTEN\w*|DATA_DIR|SYNC)=.*$`)
)

func TestTheExampleLoads(t *testing.T) {
	t.Parallel()
	text := readExample(t)
	embedded := folderLine.ReplaceAllString(embeddedLine.ReplaceAllString(text, "$1"), "CALLBUS_ACCOUNTS_DIR="+t.TempDir())
	external := externalLine.ReplaceAllString(serverLine.ReplaceAllString(embedded, ""), "$1")
	external = fileLine.ReplaceAllString(loginLine.ReplaceAllString(external, ""), "$1="+examplePath)
	traces := tracesLine.ReplaceAllString(text, "$1")
	if traces == text {
		t.Error("the example has no lines about traces")
	}
	sinks := sinkFileLine.ReplaceAllString(sinkLine.ReplaceAllString(text, "$1"), "")
	for name, text := range map[string]string{
		"as it is": text, "every line but the external server's": embedded, "with the external server": external, "with the sinks": sinks, "with traces": traces,
	} {
		if err := loadFile(examplePath, []byte(text)); err != nil {
			t.Errorf("the example, %s: %v", name, err)
		}
	}
}

// What the example shows commented out is the default, so that to take a # away changes nothing by itself.
func TestTheExampleShowsTheDefaults(t *testing.T) {
	t.Parallel()
	shown := parseEnvFile("example", []byte(embeddedLine.ReplaceAllString(readExample(t), "$1"))).vars
	for _, name := range []string{"CALLBUS_ACCOUNTS_DIR", "CALLBUS_NATS_LISTEN_USER", "CALLBUS_NATS_LISTEN_PASSWORD"} {
		delete(shown, name) // these have none
	}
	plain := parseEnvFile("example", []byte(readExample(t))).vars
	with, err := loadConfig(shown, vendors())
	if err != nil {
		t.Fatal(err)
	}
	without, err := loadConfig(plain, vendors())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := asJSON(t, with), asJSON(t, without); got != want {
		t.Errorf("with every line: %s\nwithout:         %s", got, want)
	}
}

func TestTheExampleExplainsEveryVariable(t *testing.T) {
	t.Parallel()
	text := readExample(t)
	r := newReader(nil)
	r.read("callbus", settingPrefix, new(general))
	r.read("callbus", settingPrefix, new(Bus))
	r.account("acme", accountPrefix("acme"), vendors())
	for _, v := range vendors() {
		r.read("account acme", accountPrefix("acme"), v.config().Target())
	}
	for suffix := range accountSuffixes(vendors()) {
		r.owners[accountPrefix("acme")+suffix] = "account acme"
	}
	for _, k := range kinds() {
		prefix := sinkPrefix(map[string]string{"webhook": "crm", "callbacks": "reminders"}[k.name])
		r.read("sink", prefix, k.config().Target())
	}
	r.read("sink crm", sinkPrefix("crm"), new(sinkVariables))
	if len(r.owners) < 60 {
		t.Fatalf("%d variables are known: some are not looked at", len(r.owners))
	}
	for _, variable := range slices.Sorted(maps.Keys(r.owners)) {
		if strings.HasSuffix(variable, "_FILE") {
			continue
		}
		if !strings.Contains(text, variable+"=") {
			t.Errorf("the example does not explain %s", variable)
		}
	}
}
