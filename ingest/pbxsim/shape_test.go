package pbxsim_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// shape is what a JSON object is like: its keys in order, and which types their values have.
type shape struct {
	keys  []string
	types map[string][]string
}

// shapeOf reads an object. Lists and objects in it are not looked into.
func shapeOf(t *testing.T, raw []byte) shape {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(raw))
	s := shape{types: map[string][]string{}}
	if tok, err := d.Token(); err != nil || tok != json.Delim('{') {
		t.Fatalf("no object: %s", raw)
	}
	for d.More() {
		key, err := d.Token()
		var value json.RawMessage
		if err == nil {
			err = d.Decode(&value)
		}
		if err != nil {
			t.Fatalf("%v in %s", err, raw)
		}
		s.keys = append(s.keys, key.(string))
		s.types[key.(string)] = []string{typeOf(value)}
	}
	return s
}

func typeOf(value []byte) string {
	switch value[0] {
	case '"':
		return "text"
	case '{':
		return "object"
	case '[':
		return "list"
	case 't', 'f':
		return "boolean"
	case 'n':
		return "null"
	}
	return "number"
}

// shapes are those of rows with the same keys, by these keys.
type shapes map[string]shape

func (s shapes) add(t *testing.T, raw []byte) {
	one := shapeOf(t, raw)
	known, ok := s[strings.Join(one.keys, " ")]
	if !ok {
		s[strings.Join(one.keys, " ")] = one
		return
	}
	for key, types := range one.types {
		if !slices.Contains(known.types[key], types[0]) {
			known.types[key] = append(known.types[key], types[0])
		}
	}
}

// allow fails where s has keys that like does not have, or a value of another type.
func (s shapes) allow(t *testing.T, like shapes) {
	t.Helper()
	for keys, one := range s {
		of, ok := like[keys]
		if !ok {
			t.Errorf("the document has no object with %s", keys)
			continue
		}
		for key, types := range one.types {
			for _, typ := range types {
				if !slices.Contains(of.types[key], typ) {
					t.Errorf("%s is %s, in the document %v", key, typ, of.types[key])
				}
			}
		}
	}
}

// sample returns a reply as the vendor's document has it, with invented numbers.
func sample(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", path))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// cdrList is a list of records of either vendor.
type cdrList struct {
	CDRs       []json.RawMessage `json:"cdrs"`
	Pagination json.RawMessage   `json:"pagination"`
}

func parseCDRs(t *testing.T, body []byte) cdrList {
	t.Helper()
	var l cdrList
	if err := json.Unmarshal(body, &l); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return l
}

// addList adds the rows of a list, and its pagination.
func (s shapes) addList(t *testing.T, body []byte) {
	l := parseCDRs(t, body)
	for _, raw := range l.CDRs {
		s.add(t, raw)
	}
	s.add(t, l.Pagination)
	s.add(t, body)
}

// addDeep adds an object and all objects in it, at any depth.
func (s shapes) addDeep(t *testing.T, raw []byte) {
	if raw[0] == '[' {
		var list []json.RawMessage
		if err := json.Unmarshal(raw, &list); err != nil {
			t.Fatal(err)
		}
		for _, one := range list {
			s.addDeep(t, one)
		}
		return
	}
	if raw[0] != '{' {
		return
	}
	s.add(t, raw)
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		t.Fatal(err)
	}
	for _, m := range members {
		s.addDeep(t, m)
	}
}

// may adds that the values of a key may be of a type, which the samples happen not to show.
func (s shapes) may(key, typ string) {
	for _, one := range s {
		if one.types[key] != nil {
			one.types[key] = append(one.types[key], typ)
		}
	}
}
