package vendorhttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
)

// broken says of an error of the transport what may be told. It stays what it is for errors.Is, and for errors.As when
// nothing had to be taken out of it.
func (c *Client) broken(caller, attempt context.Context, err error) error {
	switch {
	case caller.Err() != nil:
		return stopped(caller)
	case attempt.Err() != nil:
		return fmt.Errorf("no whole reply within %s: %w", c.timeout, context.DeadlineExceeded)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fmt.Errorf("the reply was cut short: %w", io.ErrUnexpectedEOF)
	}
	for asURL := (*url.Error)(nil); errors.As(err, &asURL); {
		err = asURL.Err
	}
	if text := c.redact.Text(unquoted(err.Error())); text != err.Error() {
		return censored{text, err}
	}
	return err
}

// stopped says that the caller ended it, and why if it told.
func stopped(caller context.Context) error {
	if why := context.Cause(caller); why != caller.Err() {
		return fmt.Errorf("%w: %w", caller.Err(), why)
	}
	return caller.Err()
}

// unquoted leaves out what stands in quotes: net/http quotes there what the other side sent.
func unquoted(s string) string { return quoted.ReplaceAllString(s, `"…"`) }
