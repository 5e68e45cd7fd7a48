package schemas_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/schemas"
)

func TestEveryConstantIsInItsEnumAndNothingElse(t *testing.T) {
	constants := constantsOf(t, "../events")
	wide := map[events.Type]bool{events.CallAmended: true, events.GapOpened: true, events.GapClosed: true} // these narrow no enum
	met := map[string][]string{"Type": constants["Type"]}                                                  // held to the envelope below
	for _, typ := range events.Types() {
		eachEnum(load(t, string(typ)), dataOf(t, typ), func(path, goType string, enum []string) {
			met[goType] = append(met[goType], enum...)
			want := constants[goType]
			if wide[typ] && !slices.Equal(enum, want) {
				t.Errorf("%s: enum of %s = %v, the constants of events.%s are %v", typ, path, enum, goType, want)
			}
			for _, value := range enum {
				if !slices.Contains(want, value) {
					t.Errorf("%s: %s allows %q, which is no constant of events.%s", typ, path, value, goType)
				}
			}
		})
	}
	for goType, values := range constants {
		for _, value := range values {
			if !slices.Contains(met[goType], value) {
				t.Errorf("no schema allows %q of events.%s", value, goType)
			}
		}
	}
}

func TestTheTypesAreTheSameInCodeInListAndInEnvelope(t *testing.T) {
	var want []string
	for _, typ := range events.Types() {
		want = append(want, string(typ))
	}
	slices.Sort(want)
	if got := constantsOf(t, "../events")["Type"]; !slices.Equal(got, want) {
		t.Errorf("constants of events.Type = %v, events.Types() = %v", got, want)
	}
	if got := sorted(load(t, schemas.Envelope)["properties"].(node)["type"].(node)["enum"]); !slices.Equal(got, want) {
		t.Errorf("enum of the envelope's type = %v, events.Types() = %v", got, want)
	}
}

func TestChangedNamesFieldsOfACall(t *testing.T) {
	var want []string
	for _, f := range jsonFields(reflect.TypeFor[events.Call]()) {
		want = append(want, f.name)
	}
	if got := itemEnum(t, events.CallAmended, "changed"); !slices.Equal(got, want) {
		t.Errorf("changed may name %v, the fields of a call are %v", got, want)
	}
}

func TestEstimatedNamesTimesAndDurations(t *testing.T) {
	var want []string
	for _, f := range jsonFields(reflect.TypeFor[events.Call]()) {
		isBound := strings.HasPrefix(f.name, "observed_")
		if measured := f.goType == reflect.TypeFor[*time.Time]() || f.goType == reflect.TypeFor[*float64](); measured && !isBound {
			want = append(want, f.name)
		}
	}
	for _, typ := range events.Types() {
		if !strings.HasPrefix(string(typ), "call.") {
			continue
		}
		if got := itemEnum(t, typ, "estimated"); !slices.Equal(got, want) {
			t.Errorf("%s: estimated may name %v, the times and durations of a call are %v", typ, got, want)
		}
	}
}

func itemEnum(t *testing.T, typ events.Type, field string) []string {
	t.Helper()
	return texts(load(t, string(typ))["properties"].(node)[field].(node)["items"].(node)["enum"])
}

// eachEnum calls visit for each field of goType, at any depth, that has a string type of package events and is not always null.
func eachEnum(s node, goType reflect.Type, visit func(path, goType string, enum []string)) {
	for _, f := range jsonFields(goType) {
		property, ok := s["properties"].(node)[f.name].(node)
		if !ok {
			continue // told by the comparison of struct and schema
		}
		elem := f.goType
		if elem.Kind() == reflect.Pointer {
			elem = elem.Elem()
		}
		if elem.Kind() == reflect.Slice && property["items"] != nil {
			elem, property = elem.Elem(), property["items"].(node)
		}
		switch {
		case typeIn(property) == "null":
		case isStruct(elem):
			eachEnum(property, elem, visit)
		case elem.Kind() == reflect.String && elem.PkgPath() != "":
			visit(f.name, elem.Name(), allowed(property))
		}
	}
}

func allowed(s node) []string {
	if constant, ok := s["const"].(string); ok {
		return []string{constant}
	}
	return sorted(s["enum"])
}

// constantsOf returns the values of the string constants declared in the package in dir, by the name of their type, sorted.
func constantsOf(t *testing.T, dir string) map[string][]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no Go files in %s (%v)", dir, err)
	}
	all := make(map[string][]string)
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(path, "_test.go") {
			ast.Inspect(file, func(n ast.Node) bool { addConstant(t, all, n); return true })
		}
	}
	for _, values := range all {
		slices.Sort(values)
	}
	return all
}

func addConstant(t *testing.T, all map[string][]string, n ast.Node) {
	t.Helper()
	spec, ok := n.(*ast.ValueSpec)
	if !ok || len(spec.Values) != 1 {
		return
	}
	typ, named := spec.Type.(*ast.Ident)
	value, literal := spec.Values[0].(*ast.BasicLit)
	if !named || !literal || value.Kind != token.STRING {
		return
	}
	s, err := strconv.Unquote(value.Value)
	if err != nil {
		t.Fatal(err)
	}
	all[typ.Name] = append(all[typ.Name], s)
}
