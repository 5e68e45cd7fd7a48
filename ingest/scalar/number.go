package scalar

import (
	"math"
	"strconv"
	"strings"
)

// Number reads a decimal number with a point or a comma: 85.6972, "85,6972", "0". Both in one are refused: which of
// them parts the thousands cannot be told.
func (v Value) Number() (float64, error) {
	const expected = "a number"
	text, err := v.filled(expected)
	if err != nil {
		return 0, err
	}
	if strings.Trim(text, "+-0123456789.,eE") != "" {
		return 0, v.not(expected) // ParseFloat knows more: hexadecimal, infinity, underscores
	}
	n, err := strconv.ParseFloat(strings.Replace(text, ",", ".", 1), 64)
	if err != nil {
		return 0, v.not(expected)
	}
	return n, nil
}

// Count reads a whole number that is not negative, also one that is written with a decimal zero: 3, "3", "3,0".
func (v Value) Count() (int, error) {
	n, err := v.Number()
	if err != nil {
		return 0, err
	}
	if n < 0 || n != math.Trunc(n) || n > math.MaxInt32 {
		return 0, v.not("a count")
	}
	return int(n), nil
}
