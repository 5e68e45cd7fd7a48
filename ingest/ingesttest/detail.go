package ingesttest

import (
	"context"
	"errors"
	"testing"

	"github.com/callbus/callbus/ingest"
)

// detailed asks for the detail of the sample at a PBX; there is none where the provider reads none.
func (v Vendor) detailed(t testing.TB, about sample, pbx PBX) (d ingest.Detail, err error, ok bool) {
	srv := start(v.serve(pbx))
	defer srv.stop()
	reader, ok := srv.open(t, v).(ingest.DetailReader)
	if !ok {
		return d, nil, false
	}
	a := patiently(func(ctx context.Context) (a answer) {
		a.Detail, a.err = reader.Detail(ctx, about.call)
		return a
	})
	return a.Detail, a.err, true
}

func detailsAreOfTheirRecord(t *testing.T, v Vendor) []string {
	return atNoon(t, func(t *testing.T) []string {
		var f finding
		about := v.sampled(t)
		d, err, ok := v.detailed(t, about, about.pbx)
		if !ok {
			return nil
		}
		f.unless(err == nil, "a detail that is there: %v", err)
		f.unless(d.Key == about.key, "the Key is %q, that of the record %q", d.Key, about.key)
		f.unless(d.Flow != nil, "Flow is nil: empty says that there was nothing to tell")
		f.unless(!d.Asked.IsZero() && !d.At.Before(d.Asked), "asked at %v, here at %v", d.Asked, d.At)
		return f
	})
}

func missingDetailsAreTold(t *testing.T, v Vendor) []string {
	return atNoon(t, func(t *testing.T) []string {
		var f finding
		d, err, ok := v.detailed(t, v.sampled(t), PBX{})
		if !ok {
			return nil
		}
		f.unless(errors.Is(err, ingest.ErrNoDetail), "%v, want that it wraps ErrNoDetail", err)
		f.unless(answer{Detail: d}.holds() == "", "an error and a detail: %+v", d)
		return f
	})
}
