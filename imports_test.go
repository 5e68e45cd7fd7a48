package callbus_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// module is what our own packages begin with.
const module = "github.com/callbus/callbus/"

// support are the packages below ingest and sinks that are no provider and no sink, but help to make or to test them.
// What is below one of them belongs to it.
var support = []string{"ingest/ingesttest", "ingest/pbxsim", "ingest/scalar", "ingest/vendorhttp", "ingest/wallclock", "sinks/sinktest"}

// vague are names that say nothing of what a package is for, and so gather everything.
var vague = []string{"base", "common", "core", "helper", "helpers", "misc", "models", "shared", "types", "util", "utils"}

// A use is an import that a file makes. Files of our module are named from its top, without the module's path.
type use struct{ file, imports string }

// TestImportsPointOneWay holds the module to the order of its packages: cmd may know everything; ingest/*, sinks/* and
// events/stream know ingest and sinks; those know events; events knows nothing of ours.
func TestImportsPointOneWay(t *testing.T) {
	t.Parallel()
	top := os.DirFS(".")
	uses, err := usesIn(top)
	if err != nil {
		t.Fatal(err)
	}
	// A walk that finds nothing breaks no rule.
	for _, known := range []use{
		{"cmd/callbus/wire.go", "ingest/telsam"}, {"events/stream/stream.go", "github.com/nats-io/nats.go/jetstream"}, {"ingest/tracker.go", "events"},
	} {
		if !slices.Contains(uses, known) {
			t.Errorf("%s is not found to import %s", known.file, known.imports)
		}
	}
	for _, broken := range brokenIn(uses) {
		t.Error(broken)
	}
}

// usesIn returns every import of every Go file below top, in order.
func usesIn(top fs.FS) ([]use, error) {
	var uses []use
	err := fs.WalkDir(top, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return passOver(d.Name())
		}
		if !strings.HasSuffix(file, ".go") {
			return nil
		}
		more, err := usesOf(top, file)
		uses = append(uses, more...)
		return err
	})
	return uses, err
}

// passOver leaves out the folders that the go command leaves out too, and those of other tools.
func passOver(dir string) error {
	if dir != "." && (strings.HasPrefix(dir, ".") || strings.HasPrefix(dir, "_")) || dir == "testdata" || dir == "node_modules" {
		return fs.SkipDir
	}
	return nil
}

func usesOf(top fs.FS, file string) ([]use, error) {
	source, err := fs.ReadFile(top, file)
	if err != nil {
		return nil, err
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), file, source, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	var uses []use
	for _, i := range parsed.Imports {
		imported, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		uses = append(uses, use{file, strings.TrimPrefix(imported, module)})
	}
	return uses, nil
}

// A rule says what is wrong with an import, or "" if nothing is.
type rule func(u use) string

// rules hold for code; those of alwaysRules for tests too, which may otherwise know more than what they test.
var (
	rules       = []rule{eventsKnowsNothing, onlyTheStreamKnowsNATS, onlyTheEdgesKnowTraces, ingestAndSinksAreStrangers, parentsDoNotKnowTheirChildren, onlyWireKnowsThemAll}
	alwaysRules = []rule{siblingsAreStrangers, nothingKnowsCmd, noVagueName}
)

func brokenIn(uses []use) []string {
	var all []string
	for _, u := range uses {
		held := alwaysRules
		if !strings.HasSuffix(u.file, "_test.go") {
			held = slices.Concat(rules, alwaysRules)
		}
		for _, r := range held {
			if wrong := r(u); wrong != "" {
				all = append(all, fmt.Sprintf("%s imports %s: %s", u.file, u.imports, wrong))
			}
		}
	}
	return all
}

// in tells whether name, a package or a file, is dir or below it.
func in(name, dir string) bool { return name == dir || strings.HasPrefix(name, dir+"/") }

// isOurs tells whether imported is a package of this module.
func isOurs(imported string) bool {
	return in(imported, "cmd") || in(imported, "events") || in(imported, "ingest") || in(imported, "sinks") || in(imported, "schemas")
}

func eventsKnowsNothing(u use) string {
	if !in(u.file, "events") || !isOurs(u.imports) || in(u.imports, "events/secret") {
		return ""
	}
	if in(u.file, "events/stream") && !in(u.imports, "cmd") && !adapter(u.imports) {
		return ""
	}
	return "events is at the bottom; only events/stream may know more of us than events/secret, and no provider or sink"
}

func onlyTheStreamKnowsNATS(u use) string {
	if !strings.HasPrefix(u.imports, "github.com/nats-io/") || in(u.file, "events/stream") || in(u.file, "cmd") || in(u.file, "ingest/pbxsim/truth") {
		return ""
	}
	return "only events/stream knows NATS, and cmd, and the truth, which reads the bus as a user does"
}

// tracedFiles begin spans, or are handed what does.
var tracedFiles = []string{
	"ingest/trace.go", "ingest/worker.go", "ingest/poll.go", "sinks/trace.go", "sinks/pump.go", "sinks/webhook/trace.go",
}

// onlyTheEdgesKnowTraces keeps the tracker and all else that decides free of them, and the SDK out of everything but cmd.
func onlyTheEdgesKnowTraces(u use) string {
	const otel = "go.opentelemetry.io/"
	switch {
	case !strings.HasPrefix(u.imports, otel), in(u.file, "cmd"), in(u.file, "sinks/sinktest"):
		return ""
	case strings.HasPrefix(u.imports, otel+"otel/sdk"), strings.HasPrefix(u.imports, otel+"otel/exporters"):
		return "only cmd knows how traces are handed over"
	case !slices.Contains(tracedFiles, u.file):
		return "spans begin at the edges: in " + strings.Join(tracedFiles, ", ")
	}
	return ""
}

func ingestAndSinksAreStrangers(u use) string {
	if in(u.file, "ingest") && in(u.imports, "sinks") || in(u.file, "sinks") && in(u.imports, "ingest") {
		return "ingest and sinks know each other's events, not each other"
	}
	return ""
}

// parentsDoNotKnowTheirChildren: ingest says what a provider is, and sinks what a sink is.
func parentsDoNotKnowTheirChildren(u use) string {
	dir := path.Dir(u.file)
	if (dir == "ingest" || dir == "sinks" || dir == "events") && strings.HasPrefix(u.imports, dir+"/") && u.imports != "events/secret" {
		return dir + " is known by what is below it, and does not know it"
	}
	return ""
}

// adapter tells whether a package is a provider or a sink, or belongs to one.
func adapter(name string) bool {
	if !strings.HasPrefix(name, "ingest/") && !strings.HasPrefix(name, "sinks/") {
		return false
	}
	return !slices.ContainsFunc(support, func(s string) bool { return in(name, s) })
}

// adapterOf returns the provider or sink that a package or file belongs to, "" if to none.
func adapterOf(name string) string {
	parts := strings.SplitN(name, "/", 3)
	if len(parts) < 2 || strings.HasSuffix(parts[1], ".go") || !adapter(name) {
		return ""
	}
	return parts[0] + "/" + parts[1]
}

func siblingsAreStrangers(u use) string {
	mine, theirs := adapterOf(u.file), adapterOf(u.imports)
	if mine != "" && theirs != "" && mine != theirs {
		return "providers and sinks never know one another (if " + theirs + " is none, name it among support)"
	}
	return ""
}

// onlyWireKnowsThemAll: adding a provider is its folder and one line. The demo shows one that is simulated.
func onlyWireKnowsThemAll(u use) string {
	theirs := adapterOf(u.imports)
	if theirs == "" || adapterOf(u.file) == theirs || u.file == "cmd/callbus/wire.go" || adapterOf(u.file) != "" {
		return "" // of two adapters siblingsAreStrangers says it
	}
	if u.file == "cmd/callbus/demo.go" || u.file == "cmd/callbus/simulated.go" {
		return ""
	}
	return "only cmd/callbus/wire.go knows every provider and sink (if " + theirs + " is none, name it among support)"
}

func nothingKnowsCmd(u use) string {
	if in(u.imports, "cmd") && !in(u.file, "cmd") {
		return "cmd ties everything together, and nothing knows it"
	}
	return ""
}

func noVagueName(u use) string {
	if isOurs(u.imports) && slices.Contains(vague, path.Base(u.imports)) {
		return "a package is named after what it is for"
	}
	return ""
}

func TestTheImportRulesFindWhatBreaksThem(t *testing.T) {
	t.Parallel()
	const nats, otel = "github.com/nats-io/nats.go", "go.opentelemetry.io/otel"
	for name, tc := range map[string]struct {
		file, imports string
		broken        bool
	}{
		"events knows secrets":                 {"events/event.go", module + "events/secret", false},
		"events knows its stream":              {"events/event.go", module + "events/stream", true},
		"events knows ingest":                  {"events/event.go", module + "ingest", true},
		"events knows the schemas":             {"events/event.go", module + "schemas", true},
		"secrets know events":                  {"events/secret/secret.go", module + "events", true},
		"the stream knows events":              {"events/stream/publish.go", module + "events", false},
		"the stream knows ingest":              {"events/stream/publish.go", module + "ingest", false},
		"the stream knows a provider":          {"events/stream/publish.go", module + "ingest/telsam", true},
		"the stream knows cmd":                 {"events/stream/publish.go", module + "cmd/callbus", true},
		"a test of events knows ingest":        {"events/event_test.go", module + "ingest", false},
		"the stream knows NATS":                {"events/stream/publish.go", nats, false},
		"cmd knows NATS":                       {"cmd/callbus/bus.go", nats + "/jetstream", false},
		"the truth knows NATS":                 {"ingest/pbxsim/truth/main.go", nats, false},
		"the simulator knows NATS":             {"ingest/pbxsim/world.go", nats, true},
		"events knows NATS":                    {"events/event.go", nats, true},
		"ingest knows the NATS server":         {"ingest/worker.go", "github.com/nats-io/nats-server/v2/server", true},
		"a sink knows NATS":                    {"sinks/webhook/webhook.go", nats, true},
		"a test of a sink knows NATS":          {"sinks/webhook/webhook_test.go", nats, false},
		"the tracker knows traces":             {"ingest/tracker.go", otel + "/trace", true},
		"events know traces":                   {"events/event.go", otel + "/trace", true},
		"the worker knows traces":              {"ingest/worker.go", otel + "/trace", false},
		"the worker knows the SDK":             {"ingest/worker.go", otel + "/sdk/trace", true},
		"a provider knows traces":              {"ingest/telsam/client.go", otel + "/trace", true},
		"callbacks know traces":                {"sinks/callbacks/sink.go", otel + "/trace", true},
		"cmd knows the SDK":                    {"cmd/callbus/traces.go", otel + "/sdk/trace", false},
		"a test of the worker knows the SDK":   {"ingest/worker_test.go", otel + "/sdk/trace", false},
		"ingest knows sinks":                   {"ingest/worker.go", module + "sinks", true},
		"a provider knows a sink":              {"ingest/telsam/client.go", module + "sinks/webhook", true},
		"sinks know ingest":                    {"sinks/pump.go", module + "ingest", true},
		"sinks know events":                    {"sinks/pump.go", module + "events", false},
		"a provider knows ingest":              {"ingest/telsam/client.go", module + "ingest", false},
		"a provider knows scalars":             {"ingest/telsam/client.go", module + "ingest/scalar", false},
		"a provider knows another":             {"ingest/telsam/client.go", module + "ingest/verimor", true},
		"a test of a provider knows another":   {"ingest/telsam/client_test.go", module + "ingest/verimor", true},
		"a provider knows a part of its own":   {"ingest/telsam/client.go", module + "ingest/telsam/wire", false},
		"a provider knows a part of another":   {"ingest/telsam/client.go", module + "ingest/verimor/wire", true},
		"a sink knows another":                 {"sinks/webhook/webhook.go", module + "sinks/callbacks", true},
		"a sink knows sinks":                   {"sinks/webhook/webhook.go", module + "sinks", false},
		"ingest knows a provider":              {"ingest/worker.go", module + "ingest/telsam", true},
		"ingest knows scalars":                 {"ingest/worker.go", module + "ingest/scalar", true},
		"a test of ingest knows a provider":    {"ingest/truth_test.go", module + "ingest/telsam", false},
		"sinks know a sink":                    {"sinks/pump.go", module + "sinks/webhook", true},
		"the simulator knows a provider":       {"ingest/pbxsim/world.go", module + "ingest/telsam", true},
		"the wiring knows a provider":          {"cmd/callbus/wire.go", module + "ingest/telsam", false},
		"the wiring knows a sink":              {"cmd/callbus/wire.go", module + "sinks/webhook", false},
		"the demo knows a provider":            {"cmd/callbus/demo.go", module + "ingest/telsam", false},
		"the simulated PBX knows a provider":   {"cmd/callbus/simulated.go", module + "ingest/telsam", false},
		"a command knows a provider":           {"cmd/callbus/run.go", module + "ingest/telsam", true},
		"a command knows a sink":               {"cmd/callbus/run.go", module + "sinks/webhook", true},
		"a command knows ingest":               {"cmd/callbus/run.go", module + "ingest", false},
		"a command knows the simulator":        {"cmd/callbus/pbxsim.go", module + "ingest/pbxsim", false},
		"a test of a command knows a provider": {"cmd/callbus/run_test.go", module + "ingest/telsam", false},
		"ingest knows cmd":                     {"ingest/worker.go", module + "cmd/callbus", true},
		"a test knows cmd":                     {"schemas/schemas_test.go", module + "cmd/callbus", true},
		"a package of that and this":           {"ingest/worker.go", module + "events/util", true},
		"a vague package of another module":    {"ingest/worker.go", "example.com/a/util", false},
		"the schemas know events":              {"schemas/schemas.go", module + "events", false},
		"a package that begins like another":   {"events/event.go", "eventsource", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := fstest.MapFS{
				tc.file:                         {Data: fmt.Appendf(nil, "package x\n\nimport (\n\t\"fmt\"\n\n\tother %q\n)\n\nvar _ = fmt.Sprint(other.X)\n", tc.imports)},
				"ingest/telsam/testdata/bad.go": {Data: []byte("not Go at all")},
				"schemas/node_modules/x/y.go":   {Data: []byte("nor this")},
				".git/x.go":                     {Data: []byte("nor this")},
			}
			uses, err := usesIn(tree)
			if err != nil {
				t.Fatal(err)
			}
			if len(uses) != 2 {
				t.Fatalf("found %v, want two imports", uses)
			}
			if broken := brokenIn(uses); (len(broken) > 0) != tc.broken || len(broken) > 0 && !strings.Contains(broken[0], tc.file) {
				t.Errorf("broken: %q, want so: %v", broken, tc.broken)
			}
		})
	}
}
