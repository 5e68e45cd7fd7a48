package schemas_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/schemas"
)

func TestEveryExampleIsAValidEvent(t *testing.T) {
	for _, typ := range events.Types() {
		if err := schemas.Validate(example(t, typ)); err != nil {
			t.Errorf("the example of %s: %v", typ, err)
		}
	}
}

func TestEveryExampleIsByteForByteWhatCallbusWrites(t *testing.T) {
	for _, typ := range events.Types() {
		event, err := events.Parse(example(t, typ))
		if err != nil {
			t.Errorf("the example of %s: %v", typ, err)
			continue
		}
		if event.Type != typ {
			t.Errorf("the example of %s is a %s", typ, event.Type)
		}
		got, err := event.AppendJSON(nil)
		if err != nil {
			t.Fatal(err)
		}
		if want := compact(t, typ); !bytes.Equal(got, want) {
			t.Errorf("the example of %s is written again as\n%s\nwant\n%s", typ, got, want)
		}
	}
}

func TestTheDataOfEveryExampleHasNoFieldThatItsStructLacks(t *testing.T) {
	for _, typ := range events.Types() {
		document := decoded(t, example(t, typ))
		if err := intoStruct(t, typ, document["data"]); err != nil {
			t.Errorf("the example of %s: %v", typ, err)
		}
		document["data"].(node)["colour"] = "blue"
		if err := intoStruct(t, typ, document["data"]); err == nil {
			t.Errorf("a field that the struct of %s lacks was not noticed", typ)
		}
	}
}

// intoStruct decodes data strictly.
func intoStruct(t *testing.T, typ events.Type, data any) error {
	t.Helper()
	b, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(reflect.New(dataOf(t, typ)).Interface())
}

func TestTheExamplesTellAStory(t *testing.T) {
	parsed := make(map[events.Type]events.Event)
	for _, typ := range events.Types() {
		event, err := events.Parse(example(t, typ))
		if err != nil {
			t.Fatal(err)
		}
		parsed[typ] = event
	}
	for _, pair := range [][2]events.Type{
		{events.CallStarted, events.CallAnswered},
		{events.CallAnswered, events.CallEnded},
		{events.CallMissed, events.CallAmended},
		{events.CallbackOpened, events.CallbackDue},
		{events.CallbackDue, events.CallbackAttempted},
		{events.CallbackAttempted, events.CallbackCompleted},
		{events.GapOpened, events.GapClosed},
	} {
		if a, b := parsed[pair[0]], parsed[pair[1]]; a.PartitionKey() != b.PartitionKey() {
			t.Errorf("%s is about %s, %s about %s", a.Type, a.PartitionKey(), b.Type, b.PartitionKey())
		}
	}
	missed, amendment := parsed[events.CallMissed], parsed[events.CallAmended].Data.(events.Amendment)
	if amendment.Supersedes != missed.ID {
		t.Errorf("call.amended supersedes %s, want the id of call.missed, %s", amendment.Supersedes, missed.ID)
	}
	if ended := events.ID(missed.Account, missed.Subject, events.CallEnded, 1); missed.CausationID != ended {
		t.Errorf("call.missed was caused by %s, want the id of its call.ended, %s", missed.CausationID, ended)
	}
	if opened := parsed[events.CallbackOpened]; opened.CausationID != missed.ID || opened.CorrelationID != missed.CorrelationID {
		t.Errorf("callback.opened was caused by %s of %s, want call.missed, %s of %s", opened.CausationID, opened.CorrelationID, missed.ID, missed.CorrelationID)
	}
}

func TestTheExamplesShowNoNumberThatCouldBeSomebodys(t *testing.T) {
	invented := []string{"+9050000001", "+9021200002"}
	for _, typ := range events.Types() {
		event, err := events.Parse(example(t, typ))
		if err != nil {
			t.Fatal(err)
		}
		call, _ := event.Call()
		numbers := []*string{call.From.Number, call.To.Number, call.ExternalNumber}
		if callback, ok := event.Callback(); ok {
			numbers = append(numbers, &callback.ExternalNumber)
		}
		for _, number := range numbers {
			if number != nil && !strings.HasPrefix(*number, invented[0]) && !strings.HasPrefix(*number, invented[1]) {
				t.Errorf("the example of %s shows %s, which is not in a range invented for examples", typ, *number)
			}
		}
	}
}
