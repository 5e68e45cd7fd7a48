package main

import (
	"context"
	"iter"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
)

// idle is a vendor without calls.
type idle struct{}

func (idle) ActiveCalls(context.Context) (ingest.Snapshot, error) {
	return ingest.Snapshot{Asked: time.Now(), At: time.Now()}, nil
}

func (idle) CDRs(_ context.Context, w ingest.Window) iter.Seq2[ingest.Page, error] {
	return func(yield func(ingest.Page, error) bool) {
		yield(ingest.Page{Asked: time.Now(), At: time.Now(), Window: w}, nil)
	}
}

func (idle) RecordKey(events.Call) string { return "" }
func (idle) Span() time.Duration          { return 0 }
