// Package deploy_test holds the files of deploy/ to callbus and to one another. What it takes another program to check,
// make deploy-check does.
package deploy_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// all returns the first group of every match, each once, in order.
func all(pattern, text string) []string {
	var found []string
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		found = append(found, m[1])
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func TestWhatIsAskedForIsMeasured(t *testing.T) {
	t.Parallel()
	_, metrics, found := strings.Cut(read(t, "../README.md"), "\n## Metrics\n")
	if !found {
		t.Fatal("the README has no metrics any more")
	}
	metrics, _, _ = strings.Cut(metrics, "\n## ")
	measured := all("`(callbus_[a-z_]+)`", metrics)
	for _, file := range []string{"prometheus/callbus.rules.yaml", "grafana/callbus.json"} {
		asked := all(`\b(callbus_[a-z_]+)`, read(t, file))
		if len(asked) < 10 {
			t.Errorf("%s asks for %q alone", file, asked)
		}
		for _, metric := range asked {
			metric = strings.TrimSuffix(metric, "_bucket")
			if !slices.Contains(measured, metric) {
				t.Errorf("%s asks for %s, which callbus does not have", file, metric)
			}
		}
	}
}

func TestEveryAlertIsTriedAndExplained(t *testing.T) {
	t.Parallel()
	rules, tests, guide := read(t, "prometheus/callbus.rules.yaml"), read(t, "prometheus/callbus.rules.test.yaml"), read(t, "../docs/operating.md")
	blocks := strings.Split(rules, "- alert: ")[1:]
	if len(blocks) < 20 {
		t.Fatalf("%d alerts are found", len(blocks))
	}
	for _, rule := range blocks {
		name, _, _ := strings.Cut(rule, "\n")
		for _, part := range []string{"severity: ", "summary: ", "description: "} {
			if !strings.Contains(rule, part) {
				t.Errorf("%s has no %s", name, part)
			}
		}
		if !strings.Contains(rule, "docs/operating.md#"+strings.ToLower(name)+"\n") {
			t.Errorf("%s does not lead to its part of the guide", name)
		}
		if !strings.Contains(guide, "\n### "+name+"\n") {
			t.Errorf("the guide does not say what to do on %s", name)
		}
		if !strings.Contains(tests, "alertname: "+name+"\n        exp_alerts: []") {
			t.Errorf("no test says when %s does not fire", name)
		}
		if !strings.Contains(tests, "alertname: "+name+"\n        exp_alerts:\n") {
			t.Errorf("no test says when %s fires", name)
		}
	}
	for _, name := range all(`(?m)^### (Callbus\w+)$`, guide) {
		if !strings.Contains(rules, "- alert: "+name+"\n") {
			t.Errorf("the guide explains %s, which there is not", name)
		}
	}
}

// The password is of digits alone: unquoted it would be a number, and refused.
func TestTheComposeFilesNATSServersAreAClusterThatSyncs(t *testing.T) {
	t.Setenv("SERVER_NAME", `"nats-1"`)
	t.Setenv("CALLBUS_PASSWORD", `"12345"`)
	o, err := server.ProcessConfigFile("compose/nats/nats.conf")
	if err != nil {
		t.Fatal(err)
	}
	if o.ServerName != "nats-1" || o.Cluster.Name != "callbus" || len(o.Routes) != 3 {
		t.Errorf("server %q of cluster %q with %d routes", o.ServerName, o.Cluster.Name, len(o.Routes))
	}
	if !o.JetStream || !o.SyncAlways || o.StoreDir != "/data" {
		t.Errorf("JetStream %t, synced always %t, in %s", o.JetStream, o.SyncAlways, o.StoreDir)
	}
	if o.Username != "callbus" || o.Password != "12345" {
		t.Errorf("it asks for %q and %q", o.Username, o.Password)
	}
	if o.HTTPHost != "127.0.0.1" {
		t.Errorf("the monitoring can be reached at %s", o.HTTPHost)
	}
}

func TestTheComposeFileRunsTheServerThatIsTested(t *testing.T) {
	t.Parallel()
	tested := all(`nats-server/v2 v(\d+\.\d+)\.`, read(t, "../go.mod"))
	run := all(`nats:\$\{NATS_TAG:-(\d+\.\d+)-alpine\}`, read(t, "compose/compose.yaml"))
	if len(tested) != 1 || !slices.Equal(tested, run) {
		t.Errorf("go.mod has nats-server %q, the compose file %q", tested, run)
	}
}
