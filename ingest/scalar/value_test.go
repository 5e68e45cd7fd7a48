package scalar_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/callbus/callbus/ingest/scalar"
)

func TestKindTellsAbsentNullAndEmptyApart(t *testing.T) {
	for written, want := range map[string]scalar.Kind{
		`{}`: scalar.Absent, `{"a":null}`: scalar.Null, `{"a":""}`: scalar.Empty, `{"a":"  "}`: scalar.Empty,
		`{"a":[]}`: scalar.Empty, `{"a":{ }}`: scalar.Empty, `{"a":"\t"}`: scalar.Empty, `{"a":"null"}`: scalar.Scalar,
		`{"a":0}`: scalar.Scalar, `{"a":false}`: scalar.Scalar, `{"a":"0"}`: scalar.Scalar,
		`{"a":[0]}`: scalar.Nested, `{"a":[[]]}`: scalar.Nested, `{"a":{"b":null}}`: scalar.Nested,
	} {
		var row struct{ A scalar.Value }
		if err := json.Unmarshal([]byte(written), &row); err != nil {
			t.Fatalf("%s: %v", written, err)
		}
		if got := row.A.Kind(); got != want {
			t.Errorf("%s is %s, want %s", written, got, want)
		}
	}
}

func TestText(t *testing.T) {
	for written, want := range map[string]string{
		`"Konuşuyor"`: "Konuşuyor", `"Konu\u015fuyor"`: "Konuşuyor", `" 215\t"`: "215", `28699`: "28699", `1e400`: "1e400",
		`12345678901234567890`: "12345678901234567890", `true`: "true", `null`: "", `""`: "", `[]`: "", ``: "", "\"a\xffb\"": "a\uFFFDb",
	} {
		if got, err := scalar.Value(written).Text(); err != nil || got != want {
			t.Errorf("Text of %s: %q, %v; want %q", written, got, err, want)
		}
	}
	if got, err := scalar.Value(`{"number":"215"}`).Text(); err == nil || !strings.Contains(err.Error(), `{"number":"215"} is not a text`) {
		t.Errorf("Text of an object: %q, %v; want an error that shows it", got, err)
	}
}

func TestBool(t *testing.T) {
	for want, all := range map[bool][]string{
		true:  {`true`, `"true"`, `"True"`, `"TRUE"`, `"t"`, `1`, `"1"`, `"yes"`, `"Y"`, `" on "`},
		false: {`false`, `"false"`, `"False"`, `"f"`, `0`, `"0"`, `"no"`, `"N"`, `"off"`},
	} {
		for _, written := range all {
			if got, err := scalar.Value(written).Bool(); err != nil || got != want {
				t.Errorf("Bool of %s: %t, %v; want %t", written, got, err, want)
			}
		}
	}
	for _, written := range []string{`2`, `-1`, `"maybe"`, `[true]`, `1.0`} {
		if got, err := scalar.Value(written).Bool(); err == nil || errors.Is(err, scalar.ErrNone) {
			t.Errorf("Bool of %s: %t, %v; want an error of what it is", written, got, err)
		}
	}
}

func TestNumber(t *testing.T) {
	for written, want := range map[string]float64{
		`"85,6972"`: 85.6972, `85.6972`: 85.6972, `"85.6972"`: 85.6972, `"0"`: 0, `0`: 0, `"4,39364"`: 4.39364, `"12"`: 12,
		`-3`: -3, `"+3"`: 3, `1e3`: 1000, `" 7 "`: 7, `",5"`: 0.5, `"5,"`: 5,
	} {
		if got, err := scalar.Value(written).Number(); err != nil || got != want {
			t.Errorf("Number of %s: %v, %v; want %v", written, got, err, want)
		}
	}
	for _, written := range []string{
		`"1.234,5"`, `"1,234,567"`, `"NaN"`, `"Inf"`, `"infinity"`, `"0x10"`, `"1_000"`, `1e400`, `"12 s"`, `"-"`, `","`, `true`, `{"a":1}`, `"٣"`,
	} {
		if got, err := scalar.Value(written).Number(); err == nil || errors.Is(err, scalar.ErrNone) {
			t.Errorf("Number of %s: %v, %v; want an error of what it is", written, got, err)
		}
	}
}

func TestCount(t *testing.T) {
	for written, want := range map[string]int{`3`: 3, `"3"`: 3, `"3,0"`: 3, `0`: 0, `1e2`: 100} {
		if got, err := scalar.Value(written).Count(); err != nil || got != want {
			t.Errorf("Count of %s: %d, %v; want %d", written, got, err, want)
		}
	}
	for _, written := range []string{`-1`, `1.5`, `1e18`, `"many"`} {
		if got, err := scalar.Value(written).Count(); err == nil {
			t.Errorf("Count of %s: %d and no error", written, got)
		}
	}
}

func TestClock(t *testing.T) {
	for written, want := range map[string]time.Duration{
		`"00:01:14"`: 74 * time.Second, `"00:0:35"`: 35 * time.Second, `"0:0:0"`: 0, `"49:00:01"`: 49*time.Hour + time.Second,
		`"100:00:00"`: 100 * time.Hour, `"00:00:01.5"`: 1500 * time.Millisecond, `"00:00:01,25"`: 1250 * time.Millisecond,
		`"00:00:00.12345678999"`: 123456789, `" 00:00:02 "`: 2 * time.Second,
	} {
		if got, err := scalar.Value(written).Clock(); err != nil || got != want {
			t.Errorf("Clock of %s: %s, %v; want %s", written, got, err, want)
		}
	}
	for _, written := range []string{
		`"01:14"`, `"1:2:3:4"`, `"00:60:00"`, `"00:00:60"`, `"-1:00:00"`, `"00:-1:00"`, `"+1:00:00"`, `"::"`, `"00::00"`, `74`, `"74"`,
		`"9999999:00:00"`, `"99999999999999999999:00:00"`, `"00:00:01.x"`, `"00:00:01.5.5"`, `"aa:bb:cc"`, `["00:01:14"]`,
	} {
		if got, err := scalar.Value(written).Clock(); err == nil || errors.Is(err, scalar.ErrNone) {
			t.Errorf("Clock of %s: %s, %v; want an error of what it is", written, got, err)
		}
	}
}

func TestNothingIsNeverAValue(t *testing.T) {
	for written, kind := range map[string]string{``: "absent", `null`: "null", `""`: "empty", `[]`: "empty"} {
		v := scalar.Value(written)
		_, errBool := v.Bool()
		_, errNumber := v.Number()
		_, errCount := v.Count()
		_, errClock := v.Clock()
		for _, err := range []error{errBool, errNumber, errCount, errClock} {
			if !errors.Is(err, scalar.ErrNone) || !strings.Contains(err.Error(), kind) {
				t.Errorf("%q: %v; want %v that says %s", written, err, scalar.ErrNone, kind)
			}
		}
	}
}

func TestErrorsShowNoMoreThanTheBeginning(t *testing.T) {
	long := scalar.Value(`"` + strings.Repeat("ş", 100_000) + `"`)
	if _, err := long.Number(); err == nil || len(err.Error()) > 200 {
		t.Errorf("Number of a long text: %d bytes of error", len(fmt.Sprint(err)))
	}
}

func TestMembersAndElements(t *testing.T) {
	const written = ` { "a" : [1, "x,]}\"" , {"b":2}] ,"\u0062": null,"c":{},"a2":-1.5e3 } `
	members, err := scalar.Value(written).Members()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for name, v := range members {
		got = append(got, fmt.Sprintf("%s=%s", name, []byte(v)))
		if string(name) != "a" {
			continue
		}
		elements, err := v.Elements()
		if err != nil {
			t.Fatal(err)
		}
		for e := range elements {
			got = append(got, string(e))
		}
	}
	want := `a=[1, "x,]}\"" , {"b":2}] 1 "x,]}\"" {"b":2} b=null c={} a2=-1.5e3`
	if strings.Join(got, " ") != want {
		t.Errorf("members are %s\nwant %s", strings.Join(got, " "), want)
	}
	for _, other := range []string{``, `1`, `null`, `"{}"`, `[`, `{`, `]`} {
		if _, err := scalar.Value(other).Members(); err == nil {
			t.Errorf("Members of %q: no error", other)
		}
		if _, err := scalar.Value(other).Elements(); err == nil {
			t.Errorf("Elements of %q: no error", other)
		}
	}
}

func TestValueIsACopyAndWritesWhatItRead(t *testing.T) {
	written := []byte(`{"A":{"x":[1,2]}}`)
	var row struct{ A, B scalar.Value }
	if err := json.Unmarshal(written, &row); err != nil {
		t.Fatal(err)
	}
	clear(written)
	if b, err := json.Marshal(row); err != nil || string(b) != `{"A":{"x":[1,2]},"B":null}` {
		t.Errorf("Marshal: %s, %v", b, err)
	}
}

// FuzzValue holds every reading against encoding/json where that knows, and never panics.
func FuzzValue(f *testing.F) {
	for _, seed := range []string{
		`"85,6972"`, `"00:01:14"`, `"00:0:35"`, `"49:59:59,999"`, `true`, `"True"`, `null`, ``, `"`, `[`, `{`, `[]`, `{"a":[{"b":"\"]}"}]}`,
		`"\u0`, "\"\xff\"", `[1,2`, `1e999`, `-`, `{"a":1,"a":2}`, `[[[[]]]]`, ` [ 1 , "a" ] `,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, written []byte) {
		v := scalar.Value(written)
		if v.Kind().String() == "" {
			t.Errorf("%q has no kind", written)
		}
		if d, err := v.Clock(); err == nil && (d < 0 || d > 1_000_001*time.Hour) {
			t.Errorf("Clock of %q: %s", written, d)
		}
		if n, err := v.Number(); err == nil && n != n {
			t.Errorf("Number of %q is no number", written)
		}
		if _, err := v.Bool(); err != nil && len(err.Error()) > 400 {
			t.Errorf("Bool of %q: an error of %d bytes", written, len(err.Error()))
		}
		checkText(t, v)
		checkNested(t, v)
	})
}

func checkText(t *testing.T, v scalar.Value) {
	t.Helper()
	got, err := v.Text()
	var want string
	if json.Unmarshal(v, &want) != nil {
		return
	}
	if err != nil || got != strings.TrimSpace(want) {
		t.Errorf("Text of %q: %q, %v; want %q", []byte(v), got, err, strings.TrimSpace(want))
	}
}

func checkNested(t *testing.T, v scalar.Value) {
	t.Helper()
	if elements, err := v.Elements(); err == nil {
		var want []json.RawMessage
		known := json.Unmarshal(v, &want) == nil
		n := 0
		for e := range elements {
			if known && (n >= len(want) || string(e) != string(want[n])) {
				t.Errorf("element %d of %q: %q", n, []byte(v), []byte(e))
			}
			n++
		}
		if known && n != len(want) {
			t.Errorf("%q has %d elements, want %d", []byte(v), n, len(want))
		}
	}
	if members, err := v.Members(); err == nil {
		var want map[string]json.RawMessage
		known := json.Unmarshal(v, &want) == nil
		got := map[string]string{}
		for name, value := range members {
			got[string(name)] = string(value)
		}
		for name, value := range want {
			if known && got[name] != string(value) {
				t.Errorf("member %q of %q: %q, want %q", name, []byte(v), got[name], value)
			}
		}
	}
}
