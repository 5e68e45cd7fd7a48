package stream

import (
	"errors"
	"fmt"

	"github.com/callbus/callbus/events"
)

// What [StartServer] may fail with.
var (
	ErrFolderInUse     = errors.New("data folder in use")
	ErrAddressInUse    = errors.New("address in use")
	ErrAddress         = errors.New("address cannot be listened on")
	ErrNeedCredentials = errors.New("credentials needed")
	ErrStore           = errors.New("store cannot be used")
)

// What [Dial] may fail with.
var (
	ErrURL         = errors.New("wrong URL")
	ErrTLS         = errors.New("wrong TLS settings")
	ErrUnreachable = errors.New("server unreachable")
	ErrCredentials = errors.New("credentials refused")
)

// What [Open] may fail with.
var (
	ErrNoJetStream  = errors.New("JetStream is not available")
	ErrServerTooOld = errors.New("server too old")
	ErrStream       = errors.New("stream cannot be used")
)

// What [Bus.Publish] may fail with, other than the end of its context.
var (
	ErrConflict = errors.New("another event has its place")
	ErrTooLarge = errors.New("message too large")
	ErrInvalid  = errors.New("event cannot be published")
	ErrRefused  = errors.New("refused by the server")
	ErrFenced   = errors.New("this process's term is over: another one has taken the account over")
	ErrClosed   = errors.New("bus closed")
)

// A ConflictError says that the place of Event in the stream is taken by another event: another writer decided first,
// and differently. errors.Is finds it as [ErrConflict].
type ConflictError struct {
	Event  events.Event
	Stored string // id of the event that is there
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("publish %s: %v: %s holds %s, not %s", e.Event.Type, ErrConflict, Subject(e.Event), e.Stored, e.Event.ID)
}

// Unwrap returns [ErrConflict].
func (e *ConflictError) Unwrap() error { return ErrConflict }

// A RefusedError says that Event can never be published as it is. errors.Is finds Cause: [ErrTooLarge], [ErrInvalid], [ErrRefused] or [ErrFenced].
type RefusedError struct {
	Event events.Event
	Cause error
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("publish %s %s: %v", e.Event.Type, e.Event.ID, e.Cause)
}

// Unwrap returns the cause.
func (e *RefusedError) Unwrap() error { return e.Cause }
