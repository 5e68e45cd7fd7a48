package vendorhttp_test

import (
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/ingest/vendorhttp"
)

func TestRedactorFindsASecretHoweverItIsSpelled(t *testing.T) {
	r := vendorhttp.NewRedactor(secret.New(username), secret.New(password))
	for _, s := range []string{username, password} {
		asJSON, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		for name, spelled := range map[string]string{
			"as it is":         s,
			"in a query":       url.QueryEscape(s),
			"in a path":        url.PathEscape(s),
			"in small letters": hex.ReplaceAllStringFunc(url.QueryEscape(s), strings.ToLower),
			"every byte":       everyByte(s),
			"escaped twice":    strings.ReplaceAll(everyByte(s), "%", "%25"),
			"in JSON":          strings.Trim(string(asJSON), `"`),
			"in ASCII JSON":    strings.Trim(fmt.Sprintf("%+q", s), `"`),
			"in HTML":          html.EscapeString(s),
			"quoted by Go":     fmt.Sprintf("%q", s),
		} {
			if got := r.Text("before " + spelled + " after"); !strings.Contains(got, "***") || len(got) > len("before '***' after") {
				t.Errorf("%s: Text(%q) = %q", name, spelled, got)
			}
		}
	}
}

var hex = regexp.MustCompile("%[0-9A-F]{2}")

func everyByte(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%%%02x", s[i])
	}
	return b.String()
}

func TestRedactorLeavesTheRest(t *testing.T) {
	r := vendorhttp.NewRedactor(secret.New("hunter22"), secret.New("100"), secret.New(""))
	for text, want := range map[string]string{
		"dial tcp 127.0.0.1:80: connect: connection refused": "dial tcp 127.0.0.1:80: connect: connection refused",
		"duration: is it 100?":                               "duration: is it 100?",
		`{"dst":"100","disposition":"ANSWERED"}`:             `{"dst":"100","disposition":"ANSWERED"}`,
		"Get http://pbx.example/a?b=c&password=100: EOF":     "Get http://pbx.example/a?*** EOF",
		"username=100&x=1":                                   "username=***&x=1",
		"monkey=banana":                                      "monkey=banana",
		"hunter22hunter22":                                   "******",
		"hunter2hunter22":                                    "hunter2***",
	} {
		if got := r.Text(text); got != want {
			t.Errorf("Text(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestRedactedJSONStaysJSON(t *testing.T) {
	r := vendorhttp.NewRedactor(secret.New("hunter22"), secret.New("4711"), secret.New("pass😀word"))
	for document, want := range map[string]string{
		`{"b":"x","a":1}`:                             `{"b":"x","a":1}`,
		`{"a":"is hunter22!","n":1.50}`:               `{"a":"is ***!","n":1.50}`,
		`{"a":"\u0068unter22"}`:                       `{"a":"***"}`,
		`{"hunter22":[{"x":"hunter22"}]}`:             `{"***":[{"x":"***"}]}`,
		`{"n":147110}`:                                `{"n":"1***0"}`,
		`{"pass\ud83d\ude00word":1}`:                  `{"***":1}`,
		`{"a":"hunter22","a":"x"}`:                    `{"a":"x"}`,
		`{"a":"hunter22 & <b>"}`:                      `{"a":"*** & <b>"}`,
		`{"a":"cut hunter22`:                          `{"a":"cut ***`,
		`"http://pbx.example/?username=u&password=p"`: `"http://pbx.example/?***"`,
		`null`: `null`,
	} {
		if got := string(r.JSON([]byte(document))); got != want {
			t.Errorf("JSON(%s) = %s, want %s", document, got, want)
		}
	}
}

func TestRedactedJSONIsACopy(t *testing.T) {
	row := []byte(`{"a":1}`)
	clean := vendorhttp.NewRedactor().JSON(row)
	row[2] = 'X'
	if string(clean) != `{"a":1}` {
		t.Errorf("the redacted row changed with the answer it was cut from: %s", clean)
	}
}

func TestRedactorIsNotHeldUpBySecretsThatCanBeReadInManyWays(t *testing.T) {
	for _, letter := range []string{`\`, "%", "&", "%25", "&amp;", `\u005c`} {
		known := strings.Repeat(letter, 40) + "end"
		text := strings.Repeat(letter, 120)
		if got := vendorhttp.NewRedactor(secret.New(known)).Text(text); got != text { // would not return
			t.Errorf("Text of %s: changed", letter)
		}
	}
}

func FuzzRedactor(f *testing.F) {
	f.Add("hunter22", "before ", " after")
	f.Add(password, `{"a":"`, `"}`)
	f.Add(username, "?x=", "&y")
	f.Add(`\\\\\\\\`, `\\\`, `\`)
	f.Add("%25%25%25", "%", "25")
	f.Fuzz(func(t *testing.T, known, before, after string) {
		if len(known) < 4 || len(known) > 40 || strings.Contains("***", known) {
			return
		}
		r := vendorhttp.NewRedactor(secret.New(known))
		for _, spelled := range []string{known, url.QueryEscape(known), url.PathEscape(known), everyByte(known)} {
			text := before + spelled + after
			if got := r.Text(text); strings.Contains(got, known) && !strings.Contains(known, "*") {
				t.Errorf("Text(%q) = %q, which holds %q", text, got, known)
			}
			if doc := []byte(text); json.Valid(doc) && !json.Valid(r.JSON(doc)) {
				t.Errorf("JSON(%q) = %q, which is no JSON", doc, r.JSON(doc))
			}
		}
	})
}
