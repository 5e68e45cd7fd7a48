package scalar

import "strings"

// Bool reads true and false in any of their usual spellings: true, "True", "t", "yes", "y", "on", 1, "1", and their opposites.
func (v Value) Bool() (bool, error) {
	const expected = "true or false"
	text, err := v.filled(expected)
	if err != nil {
		return false, err
	}
	switch strings.ToLower(text) {
	case "true", "t", "yes", "y", "on", "1":
		return true, nil
	case "false", "f", "no", "n", "off", "0":
		return false, nil
	}
	return false, v.not(expected)
}
