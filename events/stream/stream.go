package stream

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/callbus/callbus/events"
)

// The names of what callbus keeps in JetStream.
const (
	Name        = "CALLBUS"
	DeadName    = "CALLBUS_DEAD"
	ReplayName  = "CALLBUS_REPLAY"
	StateBucket = "CALLBUS_STATE"
)

// DefaultMaxAge is how long events are kept unless the settings say otherwise.
const DefaultMaxAge = 336 * time.Hour

// Settings are what a person may choose about the streams.
type Settings struct {
	Replicas int           // at least; 0: 1; 3 on a cluster
	MaxAge   time.Duration // 0: DefaultMaxAge
}

// duplicatesWindow is how long the server remembers message ids. Expected sequences keep events single, without end; ids need
// only be remembered because the server insists on it, at some 150 bytes of memory for each event published within the window.
const duplicatesWindow = 2 * time.Second

// Subject returns the subject that e is published on: <type>.<account>.<subject id>.
func Subject(e events.Event) string { return string(e.Type) + "." + e.Account + "." + e.Subject }

// subjects of the stream of events. They are the roots of the event types.
var subjects = []string{"call.>", "callback.>", "source.>"}

// eventStream is the stream of events, the only durable record that callbus has.
func eventStream(s Settings) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        Name,
		Description: "Events of callbus",
		Subjects:    subjects,
		Storage:     jetstream.FileStorage,
		Retention:   jetstream.LimitsPolicy, // any number of readers, each at its own place
		Discard:     jetstream.DiscardOld,
		// DiscardNewPerSubject would also keep events single, but a subject may hold several revisions, and no schedule may live
		// in such a stream. Roll-ups, schedules and TTLs are off until something needs them: they can be switched on later, never
		// off, and a roll-up lets one message delete others.
		MaxMsgsPerSubject:  -1,
		MaxMsgs:            -1,
		MaxBytes:           -1,
		MaxMsgSize:         -1,
		MaxConsumers:       -1,
		MaxAge:             s.MaxAge,
		Replicas:           s.Replicas,
		Duplicates:         duplicatesWindow,
		AllowDirect:        true, // finding out what is stored is a read of many subjects at once
		AllowAtomicPublish: true,
	}
}

// deadStream holds what could not be understood or delivered, for a person to look at.
func deadStream(s Settings) jetstream.StreamConfig {
	c := eventStream(s)
	c.Name, c.Description, c.Subjects = DeadName, "Dead letters of callbus", []string{"dead.>"}
	return c
}

// replayStream holds copies of events that a sink is to deliver again, until it has. It is made when the first sink is.
func replayStream(s Settings) jetstream.StreamConfig {
	c := eventStream(s)
	c.Name, c.Description, c.Subjects = ReplayName, "Events that sinks of callbus deliver again", []string{"replay.>"}
	c.Retention = jetstream.WorkQueuePolicy // each copy is for one sink, once
	c.Duplicates = min(copiesWindow, s.MaxAge)
	return c
}

// copiesWindow is how long a copy whose acknowledgement was lost may be published again.
const copiesWindow = time.Minute

// ensureStream creates the stream, or brings the one that is there to what callbus needs. Whatever else its owner set
// (a limit of bytes, placement, further subjects, compression) stays.
func ensureStream(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig) error {
	have, err := js.Stream(ctx, want.Name)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		_, err = js.CreateStream(ctx, want)
		return streamError(want.Name, err)
	case err != nil:
		return streamError(want.Name, err)
	}
	c := have.CachedInfo().Config
	if why := unfit(c, want); why != "" {
		return unfitError(c.Name, why)
	}
	if c = adapt(c, want); reflect.DeepEqual(c, have.CachedInfo().Config) {
		return nil // an update that changes nothing would still be written by every server, and disturb those who use the stream
	}
	_, err = js.UpdateStream(ctx, c)
	return streamError(want.Name, err)
}

var errUnfit = fmt.Errorf("%w", ErrStream) // found as ErrStream

func unfitError(name, why string) error {
	return fmt.Errorf("%w: %s %s; rename or delete it, and callbus makes its own", errUnfit, name, why)
}

// unfit says what about a stream that is there cannot be changed and makes it useless to callbus.
func unfit(c, want jetstream.StreamConfig) string {
	switch {
	case c.Storage != jetstream.FileStorage:
		return "is kept in memory, not in files"
	case c.Retention != want.Retention:
		return fmt.Sprintf("deletes messages by another rule (its retention is %s, not %s)", c.Retention, want.Retention)
	case c.Sealed:
		return "is sealed"
	case c.Mirror != nil:
		return "is a mirror of another stream"
	case c.AllowMsgCounter:
		return "is a stream of counters"
	}
	return ""
}

// adapt returns c with what callbus relies on.
func adapt(c, want jetstream.StreamConfig) jetstream.StreamConfig {
	c.Subjects = slices.Clone(c.Subjects)
	for _, s := range want.Subjects {
		if !slices.Contains(c.Subjects, s) {
			c.Subjects = append(c.Subjects, s)
		}
	}
	c.Discard, c.DiscardNewPerSubject = want.Discard, false
	c.MaxMsgsPerSubject = want.MaxMsgsPerSubject // a call may be amended any number of times
	c.NoAck = false
	c.SubjectTransform = nil // the subject is how an event is found again
	c.MaxAge, c.Duplicates = want.MaxAge, want.Duplicates
	c.Replicas = max(c.Replicas, want.Replicas) // no copy is given up because one process was started without the setting
	c.AllowDirect, c.AllowAtomicPublish = true, true
	return c
}

func streamError(name string, err error) error {
	var api *jetstream.APIError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &api):
		return fmt.Errorf("set up %s: %w", name, err) // no answer, or none that is about the stream
	case api.ErrorCode == codeSubjectsOverlap:
		return fmt.Errorf("%w: another stream takes subjects that %s needs; callbus needs an account of its own on this server: %w", ErrStream, name, err)
	case api.ErrorCode == codeNoCluster:
		return fmt.Errorf("%w: this server is alone and cannot keep several replicas; set CALLBUS_STREAM_REPLICAS=1: %w", ErrStream, err)
	case api.ErrorCode == codeNoPeers:
		return fmt.Errorf("%w: %s finds not as many nodes as CALLBUS_STREAM_REPLICAS says; see that all nodes of the cluster run JetStream, have joined it and have room, or set it lower: %w",
			ErrStream, name, err)
	}
	return fmt.Errorf("%w: set up %s: %w", ErrStream, name, err)
}

// The server's codes for a stream whose subjects another one has, for replicas where there is no cluster, and where it is too small.
const (
	codeSubjectsOverlap jetstream.ErrorCode = 10065
	codeNoCluster       jetstream.ErrorCode = 10074
	codeNoPeers         jetstream.ErrorCode = 10005
)

// codesOfSettings are those with which the server refuses the settings of a stream. It calls them its own failures (500), but
// asking again is of no use: not created, settings invalid, not updated, no cluster.
var codesOfSettings = []jetstream.ErrorCode{10049, 10052, 10069, codeNoCluster}
