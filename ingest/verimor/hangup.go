package verimor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
)

// HangupID returns the id by which c can be ended, or "" when it has none.
func (c *Client) HangupID(call events.Call) string { return call.VendorIDs[idName] }

// Hangup ends the active call that the vendor knows by id.
func (c *Client) Hangup(ctx context.Context, id string) error {
	if !isPart(id) {
		return fmt.Errorf("end a call: %q is no id of a call", id)
	}
	req := (&http.Request{
		Method: http.MethodGet, URL: c.address("", "hangup", id), Header: http.Header{},
		// net/http sends a GET again by itself when a kept connection was closed under it, unless it has a body that
		// cannot be read twice.
		Body: io.NopCloser(bytes.NewReader(nil)),
	}).WithContext(ctx)
	reply, err := c.http.Do(req)
	switch {
	case err != nil && says(err, "no such channel"), err == nil && bytes.Contains(reply.Body, []byte("No such channel")):
		err = ingest.ErrNoSuchCall
	case err != nil:
		err = c.explained(err)
	case !bytes.HasPrefix(bytes.TrimSpace(reply.Body), []byte("+OK")):
		err = c.notOK(reply.Body)
	default:
		return nil
	}
	return fmt.Errorf("end call %s: %w", c.clean(id), err)
}

// notOK is the error of an answer with a good status that is not the vendor's: whether the call was ended is not known.
func (c *Client) notOK(body []byte) error {
	if saysWrongKey(body) {
		return fmt.Errorf("%w: the vendor says that the key is not valid", ingest.ErrCredentials)
	}
	return fmt.Errorf("%w: it is not +OK; whether the call was ended is not known", ingest.ErrForeign)
}

var errNoID = errors.New("the call has no id of the vendor's")

// isPart tells whether id can be a part of a path: servers take one of dots alone for a way up.
func isPart(id string) bool { return len(bytes.Trim([]byte(id), ". \t\r\n")) > 0 }
