// Package setting is how the fault of a setting is said, so that whoever reads the settings can list all of them at once, each by
// the name of its variable. It depends on nothing and cannot fail.
package setting

import (
	"errors"
	"fmt"
)

// Fault puts the name of its variable before each fault that err joins. It is nil when err is.
func Fault(variable string, err error) error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return fmt.Errorf("%s: %w", variable, err)
	}
	var faults []error
	for _, e := range joined.Unwrap() {
		faults = append(faults, Fault(variable, e))
	}
	return errors.Join(faults...)
}

// Quote quotes a value that is no secret, at most its beginning.
func Quote(value string) string {
	const most = 60
	if runes := []rune(value); len(runes) > most {
		value = string(runes[:most]) + "..."
	}
	return fmt.Sprintf("%q", value)
}
