package bulutfon

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest/scalar"
)

var decimal = regexp.MustCompile(`^-?[0-9]{1,30}(\.[0-9]{1,30})?$`)

// priceOf reads a price, digit for digit as the vendor wrote it. The currency it does not tell. What is no price is none:
// nobody loses a call over it.
func priceOf(v scalar.Value) *events.Price {
	text, err := v.Text()
	if err != nil || text == "" {
		return nil
	}
	text = strings.Replace(text, ",", ".", 1)
	if decimal.MatchString(text) {
		return &events.Price{Amount: text}
	}
	return scientific(text)
}

// scientific reads 1.0e-05, as JSON writers put very small numbers.
func scientific(text string) *events.Price {
	if strings.Trim(text, "+-.eE0123456789") != "" {
		return nil
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil
	}
	amount := strconv.FormatFloat(n, 'f', -1, 64)
	if !decimal.MatchString(amount) {
		return nil
	}
	return &events.Price{Amount: amount}
}
