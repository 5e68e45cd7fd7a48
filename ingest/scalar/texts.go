package scalar

import "fmt"

// Texts reads the texts of a row, one after another, and remembers the first that is none.
type Texts struct{ Err error }

// Read returns v as text. field is its name, for the error.
func (t *Texts) Read(field string, v Value) string {
	text, err := v.Text()
	if err != nil && t.Err == nil {
		t.Err = fmt.Errorf("%s: %w", field, err)
	}
	return text
}

// Must is Read of a field that no row is without: expected says what it should hold.
func (t *Texts) Must(field string, v Value, expected string) string {
	text := t.Read(field, v)
	if text == "" && t.Err == nil {
		t.Err = fmt.Errorf("%s: %w (%s), expected %s", field, ErrNone, v.Kind(), expected)
	}
	return text
}
