package main

import (
	"os"
	"time"

	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/ingest/bulutfon"
	"github.com/callbus/callbus/ingest/telsam"
	"github.com/callbus/callbus/ingest/verimor"
	"github.com/callbus/callbus/ingest/while1"
	"github.com/callbus/callbus/sinks"
	"github.com/callbus/callbus/sinks/log"
	"github.com/callbus/callbus/sinks/webhook"
)

// vendors are the providers of callbus, one line each. This is the only file that knows them, and the kinds of sinks.
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
			func(name string, c webhook.Config) (sinks.Sink, error) {
				return webhook.New(name, c, webhook.Options{})
			},
			func(c webhook.Config) time.Duration { return c.GiveUpAfter }),
		sinkKindOf("log",
			func(string, nothing) (sinks.Sink, error) { return log.New(os.Stdout), nil },
			func(nothing) time.Duration { return 0 }),
	}
}

// nothing is the Config of a kind that has no settings of its own.
type nothing struct{}

func (nothing) Validate() error { return nil }

// verifierOf returns what checks the signatures of the demo's webhooks.
func verifierOf(keys secret.Text) (signatureVerifier, error) { return webhook.NewVerifier(keys) }
