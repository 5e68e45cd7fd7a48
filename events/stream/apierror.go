package stream

import (
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
)

// An apiError is what JetStream says when it refuses. The codes are those of nats-server's errors.json.
type apiError struct {
	Code        int    `json:"code"`
	ErrCode     int    `json:"err_code"`
	Description string `json:"description"`
}

func (e *apiError) Error() string { return fmt.Sprintf("%s (%d)", e.Description, e.ErrCode) }

const (
	codeNoMessage          = 10037
	codeMessageTooLarge    = 10054
	codeHeaderTooLarge     = 10097
	codeWrongLastSequence  = 10071 // the subject is at another sequence
	codeStoreFailed        = 10077
	codeDuplicateConflict  = 10158 // the same message is being stored right now
	codeSequenceInProcess  = 10164 // the same subject is being written right now
	codeBatchIncomplete    = 10176 // abandoned: it took too long, or the leader changed
	codeBatchTooLarge      = 10199
	codeDuplicateInBatch   = 10201 // the server knows the id of one of the messages
	descriptionMsgTooLarge = "message to large"
)

func isAPI(err error, code int) bool {
	var e *apiError
	return errors.As(err, &e) && e.ErrCode == code
}

// isTransient tells whether the same request may succeed later. All that is not the server's own considered refusal is:
// a connection that is cut, no leader, no answer, a full disk.
func isTransient(err error) bool {
	var e *apiError
	if !errors.As(err, &e) {
		return !errors.Is(err, nats.ErrMaxPayload) && !errors.Is(err, nats.ErrBadSubject)
	}
	switch e.ErrCode {
	case codeDuplicateConflict, codeSequenceInProcess, codeBatchIncomplete:
		return true
	case codeStoreFailed:
		return !strings.Contains(e.Description, descriptionMsgTooLarge)
	}
	return e.Code >= 500 || e.Code == 429
}

// permanent names a refusal for the caller.
func permanent(err error) error {
	var e *apiError
	switch {
	case errors.Is(err, nats.ErrMaxPayload):
		return fmt.Errorf("%w: %w", ErrTooLarge, err)
	case errors.As(err, &e) && (e.ErrCode == codeMessageTooLarge || e.ErrCode == codeHeaderTooLarge || e.ErrCode == codeStoreFailed):
		return fmt.Errorf("%w: %w", ErrTooLarge, err)
	}
	return fmt.Errorf("%w: %w", ErrRefused, err)
}
