package vendorhttp

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/callbus/callbus/ingest"
)

// pauses come before a page is asked for again.
var pauses = []time.Duration{time.Second, 2 * time.Second}

// Again is for a reading of many pages, of which one failed with err for the try-th time, from 0: to give up would mean to
// read all of them again. It waits a little and returns nil when the page may be asked for once more; else the error to
// end the reading with. A vendor that says no (credentials, limit, a status of 4xx) is not asked again.
func Again(ctx context.Context, try int, err error) error {
	if try >= len(pauses) || !mayPass(err) {
		return err
	}
	t := time.NewTimer(pauses[try])
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// mayPass tells whether a failure may be over in a moment.
func mayPass(err error) bool {
	var limited *ingest.RateLimitError
	var status *StatusError
	switch {
	case errors.Is(err, ingest.ErrCredentials), errors.As(err, &limited), errors.Is(err, ErrTooLarge), errors.Is(err, context.Canceled):
		return false
	case errors.As(err, &status):
		return status.Code >= http.StatusInternalServerError || status.Code == http.StatusRequestTimeout
	}
	return true
}
