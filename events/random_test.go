package events_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/callbus/callbus/events"
)

// anEvent draws an event of any type, with data of any content: also such as no PBX would send.
func anEvent() *rapid.Generator[events.Event] {
	return rapid.Custom(func(t *rapid.T) events.Event {
		name := rapid.StringMatching(`[a-z0-9-]{1,40}`)
		e := events.Event{
			ID: notBlank().Draw(t, "id"), Type: rapid.SampledFrom(events.Types()).Draw(t, "type"),
			Account: name.Draw(t, "account"), Provider: name.Draw(t, "provider"), Subject: notBlank().Draw(t, "subject"),
			Time: maybeTime().Draw(t, "time"), RecordedTime: maybeTime().Draw(t, "recorded"), ExpiryTime: maybeTime().Draw(t, "expiry"),
			CorrelationID: anyText().Draw(t, "correlation"), CausationID: anyText().Draw(t, "causation"), TraceParent: anyText().Draw(t, "trace"),
		}
		e.Data = dataOf(t, e.Type)
		return e
	})
}

func dataOf(t *rapid.T, typ events.Type) any {
	switch typ {
	case events.CallAmended:
		return anyOf[events.Amendment]().Draw(t, "amendment")
	case events.GapOpened, events.GapClosed:
		return anyOf[events.Gap]().Draw(t, "gap")
	case events.CallStarted, events.CallAnswered, events.CallEnded, events.CallMissed:
		return anyOf[events.Call]().Draw(t, "call")
	}
	return anyOf[events.Callback]().Draw(t, "callback")
}

// anyOf draws a V, each field of it at random.
func anyOf[V any]() *rapid.Generator[V] {
	return rapid.MakeCustom[V](rapid.MakeConfig{
		Types: map[reflect.Type]*rapid.Generator[any]{
			reflect.TypeFor[time.Time]():         aTime().AsAny(),
			reflect.TypeFor[json.RawMessage]():   raw().AsAny(),
			reflect.TypeFor[[]string]():          lists(anyText()).AsAny(),
			reflect.TypeFor[[]events.Evidence](): lists(rapid.Custom(func(t *rapid.T) events.Evidence { return events.Evidence(anyText().Draw(t, "")) })).AsAny(),
		},
		Kinds: map[reflect.Kind]*rapid.Generator[any]{reflect.String: anyText().AsAny()},
	})
}

// lists draws nil, an empty list, and others: each is told from the other two on the wire.
func lists[V any](of *rapid.Generator[V]) *rapid.Generator[[]V] {
	return rapid.OneOf(rapid.Just([]V(nil)), rapid.Just([]V{}), rapid.SliceOfN(of, 1, 4))
}

// anyText draws valid UTF-8, with what JSON must escape, what JavaScript once had to, and what is not in the basic plane.
func anyText() *rapid.Generator[string] {
	awkward := []rune("\"\\/<>&\x00\x01\b\f\n\r\t\x1f\x7f\u0080\u2028\u2029\ufeff\ufffdçğışöü\U0001F4DE")
	return rapid.StringOfN(rapid.OneOf(rapid.SampledFrom(awkward), rapid.Rune()), 0, 20, -1).Filter(isUTF8)
}

// isUTF8 refuses the halves of surrogate pairs, which a Go string holds only as an invalid one.
func isUTF8(s string) bool { return strings.ToValidUTF8(s, "") == s }

// notBlank draws what CloudEvents asks of an id and a subject.
func notBlank() *rapid.Generator[string] {
	return anyText().Filter(func(s string) bool { return strings.TrimSpace(s) != "" })
}

// aTime draws a time in UTC that RFC 3339 can hold.
func aTime() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		first := time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC).Unix()
		last := time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC).Unix()
		seconds := rapid.Int64Range(first, last).Draw(t, "seconds")
		return time.Unix(seconds, rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds")).UTC()
	})
}

func maybeTime() *rapid.Generator[time.Time] { return rapid.OneOf(rapid.Just(time.Time{}), aTime()) }

// raw draws a vendor's record as encoding/json writes it, or none.
func raw() *rapid.Generator[json.RawMessage] {
	return rapid.Custom(func(t *rapid.T) json.RawMessage {
		record := rapid.MapOf(anyText(), anyText()).Draw(t, "record")
		if len(record) == 0 {
			return nil
		}
		b, err := json.Marshal(record)
		if err != nil {
			t.Fatal(err)
		}
		return b
	})
}
