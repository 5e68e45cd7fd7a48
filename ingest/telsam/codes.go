package telsam

import (
	"errors"
	"fmt"
	"strings"

	"github.com/callbus/callbus/ingest/vendorhttp"
)

// codes are the answers of two digits that the vendor lists for its call centre product; this API may give them too.
var codes = map[string]string{
	"00": "done", "01": "the state could not be changed", "02": "the state could not be changed",
	"03": "wrong domain", "04": "the PBX cannot be reached", "05": "no such user", "06": "no action given",
	"07": "no such action", "08": "no phone given", "09": "wrong phone", "10": "no status id given",
	"11": "no label given", "12": "no user given", "13": "no channel given", "14": "no channel given",
	"15": "no channel given", "16": "no field given", "17": "no value given", "18": "error of Asterisk",
	"19": "the record's field could not be set", "20": "data added",
}

// withCode adds to the error of an answer in plain text what its code means, if it is one.
func withCode(err error) error {
	code := codeOf(err)
	if meaning, known := codes[code]; known {
		return &codeError{code, fmt.Errorf("%w: code %s, which the vendor's call centre API uses for: %s", err, code, meaning)}
	}
	return err
}

// A codeError is an answer that is a code.
type codeError struct {
	code string
	error
}

func (e *codeError) Unwrap() error { return e.error }

// saysDone tells whether err is the code of an action that was done.
func saysDone(err error) bool {
	var coded *codeError
	return errors.As(err, &coded) && coded.code == "00"
}

func codeOf(err error) string {
	plain := (*vendorhttp.ForeignError)(nil)
	if !errors.As(err, &plain) {
		return ""
	}
	return strings.Trim(string(plain.Body[:min(len(plain.Body), 16)]), "\" \t\r\n")
}
