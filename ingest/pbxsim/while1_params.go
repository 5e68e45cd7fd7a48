package pbxsim

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// phpArray is a list or a map of parameters as PHP holds it: the order in which they came is kept, and counts, because
// the hash is taken over it.
type phpArray struct {
	names  []string
	values map[string]phpValue
}

// phpValue is one parameter: an array, or text, or nothing when both are nil.
type phpValue struct {
	text  *string
	array *phpArray
}

func newPHPArray() *phpArray { return &phpArray{values: map[string]phpValue{}} }

// set gives name a value. One that it had before is forgotten, but keeps its place.
func (a *phpArray) set(name string, v phpValue) {
	if _, ok := a.values[name]; !ok {
		a.names = append(a.names, name)
	}
	a.values[name] = v
}

// put sets the value at path, and makes the arrays on the way. An empty name is the next index.
func (a *phpArray) put(path []string, text string) {
	name := path[0]
	if name == "" {
		name = strconv.Itoa(len(a.names))
	}
	if len(path) == 1 {
		a.set(name, phpValue{text: &text})
		return
	}
	inner := a.values[name].array
	if inner == nil {
		inner = newPHPArray()
		a.set(name, phpValue{array: inner})
	}
	inner.put(path[1:], text)
}

// text returns the text at name, or "".
func (a *phpArray) text(name string) string {
	if t := a.values[name].text; t != nil {
		return *t
	}
	return ""
}

// array returns the array at name, empty when there is none.
func (a *phpArray) array(name string) *phpArray {
	if inner := a.values[name].array; inner != nil {
		return inner
	}
	return newPHPArray()
}

// More than any question takes. PHP has such limits as well.
const (
	maxBody  = 1 << 20
	maxDepth = 64
)

// while1Params reads the parameters of a request: of a GET its query, of a POST its body, a form or JSON.
func while1Params(r *http.Request) (*phpArray, error) {
	if r.Method == http.MethodGet {
		return readForm(r.URL.RawQuery), nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if err != nil {
		return nil, errors.New("body too long, or cut short")
	}
	switch kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind {
	case "application/x-www-form-urlencoded":
		return readForm(string(body)), nil
	case "application/json":
		return readJSON(body)
	default: // PHP reads no form that is called otherwise, also not text/xml, as the vendor's document has it
		return nil, errors.New("unsupported Content-Type")
	}
}

func readForm(text string) *phpArray {
	a := newPHPArray()
	for pair := range strings.SplitSeq(text, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if path := phpPath(unescape(name)); path[0] != "" && len(path) <= maxDepth {
			a.put(path, unescape(value))
		}
	}
	return a
}

func unescape(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s // as PHP leaves what is not escaped rightly
}

// phpPath is where PHP puts a parameter: a[b][] is at a, b, and the next index.
func phpPath(name string) []string {
	outer, inner, nested := strings.Cut(name, "[")
	if !nested || outer == "" || !strings.HasSuffix(inner, "]") {
		return []string{name}
	}
	return append([]string{outer}, strings.Split(strings.TrimSuffix(inner, "]"), "][")...)
}

func readJSON(body []byte) (*phpArray, error) {
	if !json.Valid(body) {
		return nil, errors.New("the body is not JSON")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	v, err := readValue(d, maxDepth)
	switch {
	case err != nil:
		return nil, errors.New("the body cannot be read")
	case v.array == nil:
		return nil, errors.New("the body is neither object nor list")
	}
	return v.array, nil
}

func readValue(d *json.Decoder, depth int) (phpValue, error) {
	token, err := d.Token()
	if err != nil || depth == 0 {
		return phpValue{}, errors.Join(err, errors.New("nested too deep"))
	}
	if open, ok := token.(json.Delim); ok {
		a, err := readMembers(d, open == '{', depth-1)
		return phpValue{array: a}, err
	}
	return phpScalar(token), nil
}

// readMembers reads what stands between braces, where members have names, or brackets.
func readMembers(d *json.Decoder, named bool, depth int) (*phpArray, error) {
	a := newPHPArray()
	for d.More() {
		name := strconv.Itoa(len(a.names))
		if named {
			token, err := d.Token()
			if err != nil {
				return nil, err
			}
			name = fmt.Sprint(token)
		}
		v, err := readValue(d, depth)
		if err != nil {
			return nil, err
		}
		a.set(name, v)
	}
	_, err := d.Token() // the one that closes
	return a, err
}

// phpScalar is a JSON scalar as PHP writes it for text.
func phpScalar(token any) phpValue {
	var text string
	switch t := token.(type) {
	case nil:
		return phpValue{}
	case bool:
		text = map[bool]string{true: "1", false: "0"}[t]
	case json.Number:
		text = phpNumber(t)
	default:
		text = fmt.Sprint(t)
	}
	return phpValue{text: &text}
}

func phpNumber(n json.Number) string {
	if !strings.ContainsAny(n.String(), ".eE") {
		return n.String()
	}
	f, _ := n.Float64()
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// apiHash is the md5 of the query that PHP builds of a, apart from the hash itself, and the key behind it.
func apiHash(a *phpArray, key string) string {
	query := a.appendQuery(nil, "", "api_hash")
	sum := md5.Sum(append(query, key...))
	return hex.EncodeToString(sum[:])
}

// appendQuery appends a as http_build_query writes it: depth first, in the order in which it came, without nulls and
// without empty arrays.
func (a *phpArray) appendQuery(b []byte, outer, but string) []byte {
	for _, name := range a.names {
		if name == but {
			continue
		}
		full := phpEscape(name)
		if outer != "" {
			full = outer + "%5B" + full + "%5D"
		}
		switch v := a.values[name]; {
		case v.array != nil:
			b = v.array.appendQuery(b, full, "")
		case v.text != nil:
			if len(b) > 0 {
				b = append(b, '&')
			}
			b = append(b, full+"="+phpEscape(*v.text)...)
		}
	}
	return b
}

// phpEscape is PHP's urlencode.
func phpEscape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "~", "%7E") }
