package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sethvargo/go-envconfig"

	"github.com/callbus/callbus/events/secret"
)

// secretMost is far above any password, token or key, and far below a file that was named by mistake.
const secretMost = 64 << 10

// reader reads variables into structs by their env tags, and collects what is wrong with them. go-envconfig does the
// decoding; it stops at the first fault, so the reader gives it one field at a time.
type reader struct {
	vars   map[string]string
	owners map[string]string // every variable that has been asked for, and on whose behalf: what is known, and to whom
	faults []Fault
	files  hash.Hash // of the secrets that were read from files
	opened []string  // those files
	name   func(variable string) string
}

func newReader(vars map[string]string) *reader {
	return &reader{vars: vars, owners: map[string]string{}, files: sha256.New(), name: func(v string) string { return v }}
}

// Lookup makes a reader an envconfig.Lookuper. A variable set to nothing is a variable not set: that is what
// Compose makes of ${NAME:-}.
func (r *reader) Lookup(variable string) (string, bool) {
	value := r.vars[variable]
	return value, value != ""
}

// check notes a fault of a value that was read. Where it could not even be read, that has been said, and is enough.
func (r *reader) check(variable string, err error) {
	if err != nil && !r.faulty(variable) {
		r.fault(variable, err)
	}
}

// faulty tells whether something has been said about variable.
func (r *reader) faulty(variable string) bool {
	for _, f := range r.faults {
		if f.Setting == r.name(variable) || f.Setting == r.name(variable+"_FILE") {
			return true
		}
	}
	return false
}

func (r *reader) fault(variable string, err error) {
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		for _, e := range joined.Unwrap() {
			r.fault(variable, e)
		}
		return
	}
	f := Fault{Setting: r.name(variable), Problem: err.Error()}
	var refused *refusal
	if errors.As(err, &refused) {
		f.Problem, f.Accepted = refused.problem, refused.accepted
	}
	if !slices.Contains(r.faults, f) {
		r.faults = append(r.faults, f)
	}
}

// read fills the struct that target points to from the variables that begin with prefix. A field whose variable is not
// set keeps what it holds, so defaults can be put there before.
func (r *reader) read(owner, prefix string, target any) {
	v := reflect.ValueOf(target).Elem()
	for i := range v.NumField() {
		field := v.Type().Field(i)
		key, _, _ := strings.Cut(field.Tag.Get("env"), ",")
		switch {
		case !field.IsExported():
		case key != "":
			r.readField(owner, prefix, key, field, v.Field(i))
		case field.Type.Kind() == reflect.Struct:
			r.read(owner, prefix, v.Field(i).Addr().Interface())
		}
	}
}

func (r *reader) readField(owner, prefix, key string, field reflect.StructField, into reflect.Value) {
	variable := prefix + key
	r.own(owner, variable)
	lookup := envconfig.Lookuper(r)
	if field.Type == reflect.TypeFor[secret.Text]() {
		r.own(owner, variable+"_FILE")
		value, err := r.secret(variable)
		if err != nil {
			r.fault(variable+"_FILE", err)
			return
		}
		lookup = envconfig.MapLookuper(map[string]string{variable: value})
		if value == "" {
			lookup = envconfig.MapLookuper(nil)
		}
	}
	if _, set := lookup.Lookup(variable); !set && !hasDefault(field) {
		return // go-envconfig would have a decoder read "", and call it a fault
	}
	value, err := decodeField(field, envconfig.PrefixLookuper(prefix, lookup))
	if err != nil {
		r.fault(variable, inWords(field.Type, r.vars[variable], err))
	}
	if err == nil || field.Type == reflect.TypeFor[Names]() { // a wrong name does not unmake the others
		into.Set(value)
	}
}

func hasDefault(field reflect.StructField) bool {
	_, options, _ := strings.Cut(field.Tag.Get("env"), ",")
	return strings.Contains(options, "default=")
}

// own notes that variable means something to owner. Where two accounts lay claim to one variable there is no telling
// whose it is.
func (r *reader) own(owner, variable string) {
	if other, taken := r.owners[variable]; taken && other != owner && r.vars[variable] != "" {
		r.fault(variable, fmt.Errorf("means a setting of %s, and one of %s: give one of them another name", other, owner))
	}
	r.owners[variable] = owner
}

// decodeField lets go-envconfig decode one field, as the only field of a struct made for it.
func decodeField(field reflect.StructField, lookup envconfig.Lookuper) (reflect.Value, error) {
	if decode, ok := decoders[field.Type]; ok {
		return decodeForeign(field, decode, lookup)
	}
	field.Anonymous = false
	one := reflect.New(reflect.StructOf([]reflect.StructField{field}))
	err := envconfig.ProcessWith(context.Background(), &envconfig.Config{Target: one.Interface(), Lookuper: lookup})
	return one.Elem().Field(0), err
}

// decodeForeign decodes a type that go-envconfig cannot, because it has no EnvDecode of its own.
func decodeForeign(field reflect.StructField, decode func(string) (any, error), lookup envconfig.Lookuper) (reflect.Value, error) {
	key, _, _ := strings.Cut(field.Tag.Get("env"), ",")
	text, _ := lookup.Lookup(key)
	value, err := decode(text)
	return reflect.ValueOf(value), err
}

// inWords says for a person what the decoder of a plain type found. Decoders of our own say it themselves.
func inWords(t reflect.Type, value string, err error) error {
	var refused *refusal
	switch {
	case errors.As(err, &refused):
		return err
	case t == reflect.TypeFor[secret.Text]():
		return errors.New("cannot be read") // nothing of the value may be said
	case t == reflect.TypeFor[time.Duration]():
		return refuse(acceptedDuration, "%s is not a duration", quote(value))
	case t.Kind() == reflect.Bool:
		return refuse("true or false", "%s is neither true nor false", quote(value))
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64:
		return refuse("a number like 3", "%s is not a whole number", quote(value))
	}
	return withoutField(err)
}

// withoutField drops the name of the Go field that go-envconfig puts before an error.
func withoutField(err error) error {
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return err
}

// secret returns the secret in variable, or in the file that its _FILE names; "" when there is neither.
func (r *reader) secret(variable string) (string, error) {
	value, path := r.vars[variable], r.vars[variable+"_FILE"]
	switch {
	case path == "":
		return value, nil
	case value != "":
		return "", fmt.Errorf("%s is set as well: keep one of the two", variable)
	}
	r.opened = append(r.opened, path)
	text, err := readSecret(path)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(r.files, "%s\x00%s\x00", variable, text)
	return text, nil
}

// readSecret reads a file that holds a secret. The line break that editors and echo put at its end is not part of it.
func readSecret(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("cannot read the secret: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, secretMost+1))
	if err != nil {
		return "", fmt.Errorf("cannot read the secret: %w", err)
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	switch {
	case text == "":
		return "", fmt.Errorf("the file %s is empty: it should hold the secret and nothing else", path)
	case len(b) > secretMost:
		return "", fmt.Errorf("the file %s is larger than %s bytes: it should hold the secret and nothing else", path, strconv.Itoa(secretMost))
	}
	return text, nil
}
