package scalar_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/callbus/callbus/ingest/scalar"
)

// texts are JSON and not quite.
var texts = []string{
	``, ` `, `null`, ` true `, `false`, `nul`, `truee`, `True`, `0`, `-0`, `-`, `+1`, `01`, `-01`, `1.`, `.5`, `1.5`, `1e5`, `1E+5`, `1e-05`, `1e`, `1e+`,
	`1.5e3.2`, `0x1`, `1 2`, `"a"`, `"a`, `"`, `"\"`, `"\\"`, `"\""`, `"\u00e7\n\/\b"`, `"\u00e"`, `"\u00eg"`, `"\u`, `"\x"`, "\"a\nb\"", "\"\x7f\xff\"",
	`[]`, `[ ]`, `[1,]`, `[,1]`, `[1 2]`, `[1,2]`, `[`, `[1`, `[1,`, `]`, `[}`, `{}`, `{ }`, `{"a":1}`, `{"a" : [ 1 , {} ] , "b":null}`, `{"a"}`, `{"a":}`,
	`{"a":1,}`, `{a:1}`, `{"a":1 "b":2}`, `{1:2}`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1]`, `[1}`, "\ufeff[]", "[\v]", "[\u00a0]", `[1]]`, `{}{}`, `"a" "b"`,
}

func TestValidSaysWhatEncodingJSONSays(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	deep := strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000)
	for _, text := range append(texts, nested(9_999), nested(10_000), nested(10_001), deep, `[`+deep+`]`, strings.Repeat("[", 1_000_000)) {
		if got, want := scalar.Valid([]byte(text)), json.Valid([]byte(text)); got != want {
			t.Errorf("%.60q of %d bytes: %t, want %t", text, len(text), got, want)
		}
	}
}

// FuzzValid also cuts what it is given everywhere, as a connection may.
func FuzzValid(f *testing.F) {
	for _, text := range texts {
		f.Add([]byte(text))
	}
	f.Add([]byte(`{"cdrs":[{"start_stamp":"2024-05-06 10:20:00 +0300","queue":null,"result":"Cevapland\u0131","n":[-1.5e3,true]}],"pagination":{"page":1}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		for n := range min(len(text), 300) {
			if got, want := scalar.Valid(text[:n]), json.Valid(text[:n]); got != want {
				t.Fatalf("%q: %t, want %t", text[:n], got, want)
			}
		}
		if got, want := scalar.Valid(text), json.Valid(text); got != want {
			t.Fatalf("%q: %t, want %t", text, got, want)
		}
	})
}

func BenchmarkValid(b *testing.B) {
	row := `{"start_stamp":"2024-05-06 10:20:00 +0300","direction":"Gelen","caller_id_number":"905000000101","queue":null,"n":[1,-2.5,true]}`
	text := []byte(`{"cdrs":[` + strings.Repeat(row+",", 99) + row + `]}`)
	for name, valid := range map[string]func([]byte) bool{"ours": scalar.Valid, "encoding/json": json.Valid} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if !valid(text) {
					b.Fatal("not valid")
				}
			}
		})
	}
}
