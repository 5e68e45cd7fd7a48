package while1

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/callbus/callbus/events/secret"
)

// placeholders are hashes that the vendor's pages print beside questions they are not of.
var placeholders = map[string]bool{
	"07112231a9c89f5b108af08608a97b07": true, "0f25e797e72d0dbba96d2c571a7bd6ba": true,
}

// TestHashesAreThoseOfPHP has hashes that the vendor publishes, and others computed by the rules of PHP.
func TestHashesAreThoseOfPHP(t *testing.T) {
	text, err := os.ReadFile("testdata/api_hash_vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Name    string
		Params  json.RawMessage
		APIKey  string `json:"api_key"`
		Query   string
		APIHash string `json:"api_hash"`
	}
	if err := json.Unmarshal(text, &vectors); err != nil || len(vectors) < 9 {
		t.Fatalf("%d vectors, %v", len(vectors), err)
	}
	for _, v := range vectors {
		if placeholders[v.APIHash] {
			continue
		}
		p := flatten(t, v.Params)
		if got := p.query(); got != v.Query {
			t.Errorf("%s: query\n%s, want\n%s", v.Name, got, v.Query)
		}
		signed := p.signed(secret.New(v.APIKey))
		if got := signed[len(signed)-1]; got != (param{"api_hash", v.APIHash}) {
			t.Errorf("%s: %v, want %s", v.Name, got, v.APIHash)
		}
	}
}

// flatten writes an object in its own order as the parameters that PHP makes of it: null and what is empty is left out.
func flatten(t *testing.T, object json.RawMessage) (p params) {
	t.Helper()
	in := json.NewDecoder(strings.NewReader(string(object)))
	in.UseNumber()
	var value func(name string)
	nested := func(name string, list bool) {
		for i := 0; in.More(); i++ {
			member := fmt.Sprint(i)
			if !list {
				token, err := in.Token()
				if err != nil {
					t.Fatal(err)
				}
				member = token.(string)
			}
			if name != "" {
				member = name + "[" + member + "]"
			}
			value(member)
		}
		if _, err := in.Token(); err != nil {
			t.Fatal(err)
		}
	}
	value = func(name string) {
		token, err := in.Token()
		if err != nil {
			t.Fatal(err)
		}
		switch v := token.(type) {
		case json.Delim:
			nested(name, v == '[')
		case bool:
			p = append(p, param{name, map[bool]string{true: "1", false: "0"}[v]})
		case string:
			p = append(p, param{name, v})
		case json.Number:
			p = append(p, param{name, v.String()})
		}
	}
	value("")
	return p
}

func TestWithoutAKeyThereIsNoHash(t *testing.T) {
	p := params{{"page", "1"}}
	if got := p.signed(secret.Text{}).query(); got != "page=1" {
		t.Errorf("without a key: %s", got)
	}
	if got := p.signed(secret.New("k")).query(); !strings.HasPrefix(got, "page=1&api_hash=") || len(p) != 1 {
		t.Errorf("with a key: %s", got)
	}
}

// FuzzEscape holds escape against the rules of PHP's urlencode, spelled out.
func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", "a b", "+40 700~*", "a&b=c/d?e%f'g(h)!", "Ștefan", "filters[date_between][0]", "\x00\xff", "-_.~"} {
		f.Add(s)
	}
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
	f.Fuzz(func(t *testing.T, s string) {
		var want strings.Builder
		for _, b := range []byte(s) {
			switch {
			case strings.IndexByte(plain, b) >= 0:
				want.WriteByte(b)
			case b == ' ':
				want.WriteByte('+')
			default:
				fmt.Fprintf(&want, "%%%02X", b)
			}
		}
		got := escape(s)
		if got != want.String() {
			t.Errorf("escape(%q) is %s, want %s", s, got, &want)
		}
		if back, err := url.QueryUnescape(got); err != nil || back != s {
			t.Errorf("escape(%q) reads as %q, %v", s, back, err)
		}
	})
}
