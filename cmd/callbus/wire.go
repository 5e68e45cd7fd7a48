package main

import (
	"context"
	"errors"
	"iter"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/events/stream"
	"github.com/callbus/callbus/ingest/bulutfon"
	"github.com/callbus/callbus/ingest/telsam"
	"github.com/callbus/callbus/ingest/verimor"
	"github.com/callbus/callbus/ingest/while1"
	"github.com/callbus/callbus/sinks"
	"github.com/callbus/callbus/sinks/callbacks"
	"github.com/callbus/callbus/sinks/log"
	"github.com/callbus/callbus/sinks/webhook"
)

// vendors are the providers of callbus, one line each. This is the only file that knows them, and the kinds of sinks; but the
// command callbacks and the check of reminders know the kind callbacks.
func vendors() []vendor {
	return []vendor{
		vendorOf("telsam", telsam.Defaults, telsam.New),
		vendorOf("verimor", verimor.Defaults, verimor.New),
		vendorOf("bulutfon", bulutfon.Defaults, bulutfon.New),
		vendorOf("while1", while1.Defaults, while1.New),
	}
}

// kinds are the kinds of sinks, likewise.
func kinds() []sinkKind {
	return []sinkKind{
		sinkKindOf("webhook",
			func(_ context.Context, at sinkPlace, c webhook.Config) (sinks.Sink, error) {
				return webhook.New(at.name, c, webhook.Options{})
			},
			func(c webhook.Config) time.Duration { return c.GiveUpAfter }),
		sinkKindOf("log",
			func(context.Context, sinkPlace, nothing) (sinks.Sink, error) { return log.New(os.Stdout), nil },
			func(nothing) time.Duration { return 0 }),
		sinkKindOf("callbacks", openCallbacks, func(callbacks.Config) time.Duration { return 0 },
			events.CallAnswered, events.CallEnded, events.CallMissed, events.CallAmended), // by which somebody was missed, or called back
	}
}

// openCallbacks opens the sink with its diary, and closes both together.
func openCallbacks(ctx context.Context, at sinkPlace, c callbacks.Config) (sinks.Sink, error) {
	if err := keepReminderSettings(ctx, at.bus, at.name, c); err != nil {
		return nil, err
	}
	diary, err := at.bus.Diary(ctx, at.name, at.log)
	if err != nil {
		return nil, err
	}
	returns := returnDuration(at.name)
	s, err := callbacks.New(at.name, c, callbacks.Options{Diary: diary, Past: pastOf(at.bus), Told: measureReturn(returns), Log: at.log})
	if err != nil {
		diary.Close()
		return nil, err
	}
	return &withDiary{s, diary, returns}, nil
}

type withDiary struct {
	*callbacks.Sink
	diary   *stream.Diary
	returns prometheus.Histogram
}

// Returns makes it a callbackKeeper.
func (s *withDiary) Returns() prometheus.Histogram { return s.returns }

func (s *withDiary) Close() error {
	defer s.diary.Close()
	return s.Sink.Close()
}

// pastOf reads what is stored, and passes over what cannot be read.
func pastOf(bus *stream.Bus) func(context.Context, time.Time) iter.Seq2[events.Event, error] {
	return func(ctx context.Context, since time.Time) iter.Seq2[events.Event, error] {
		return func(yield func(events.Event, error) bool) {
			for e, err := range bus.Events(ctx, stream.Filter{Since: since}) {
				var unreadable *stream.UnreadableError
				if errors.As(err, &unreadable) {
					continue
				}
				if !yield(e, err) {
					return
				}
			}
		}
	}
}

// nothing is the Config of a kind that has no settings of its own.
type nothing struct{}

func (nothing) Validate() error { return nil }

// verifierOf returns what checks the signatures of the demo's webhooks.
func verifierOf(keys secret.Text) (signatureVerifier, error) { return webhook.NewVerifier(keys) }

// What the commands about callbacks need of that kind.
type (
	callbacksConfig  = callbacks.Config
	callbacksRules   = callbacks.Rules
	callbacksIgnored = callbacks.Ignored
)

var (
	whoIsOwed        = callbacks.Open
	dueFirst         = callbacks.DueFirst
	markCallbackDone = callbacks.MarkDone
	putOffCallback   = callbacks.PutOff
)
