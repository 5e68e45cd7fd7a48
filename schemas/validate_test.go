package schemas_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/schemas"
)

func TestValidateRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		typ  events.Type
		edit func(event, data node)
		want string // is in the error
	}{
		{"a number for an attribute", events.CallMissed, func(e, _ node) { e["subject"] = 5 }, "/subject"},
		{"an attribute that callbus does not give", events.CallMissed, func(e, _ node) { e["colour"] = "blue" }, "colour"},
		{"a type that callbus does not publish", events.CallMissed, func(e, _ node) { e["type"] = "call.lost" }, "/type"},
		{"another version of CloudEvents", events.CallMissed, func(e, _ node) { e["specversion"] = "0.3" }, "/specversion"},
		{"a time that is none", events.CallMissed, func(e, _ node) { e["time"] = "2024-13-06T08:00:41Z" }, "date-time"},
		{"a time with an offset", events.CallMissed, func(e, _ node) { e["recordedtime"] = "2024-05-06T08:00:41+03:00" }, "/recordedtime"},
		{"a trace parent that is none", events.CallMissed, func(e, _ node) { e["traceparent"] = "00-0-0-0" }, "/traceparent"},
		{"data that is no object", events.CallMissed, func(e, _ node) { e["data"] = "missed" }, "/data"},

		{"an id that is not the fact's", events.CallMissed, func(e, _ node) { e["id"] = "abc" }, "id is abc"},
		{"the id of another revision", events.CallAmended, func(_, d node) { d["revision"] = 3 }, "id is"},
		{"the id of another gap", events.GapClosed, func(e, _ node) { e["id"] = "abc" }, "id is abc"},
		{"the schema of another type", events.CallMissed, func(e, _ node) { e["dataschema"] = events.CallEnded.Schema() }, "dataschema is"},
		{"the source of another account", events.CallMissed, func(e, _ node) { e["source"] = "/callbus/verimor/other" }, "source is"},
		{"the key of another call", events.CallMissed, func(e, _ node) { e["partitionkey"] = "acme/other" }, "partitionkey is"},
		{"data about another call", events.CallMissed, func(_, d node) { d["call_id"] = "other" }, "subject is"},
		{"data about another gap", events.GapOpened, func(_, d node) { d["gap_id"] = "other" }, "subject is"},
		{"data of another account", events.CallMissed, func(_, d node) { d["account"] = "other" }, "account is"},
		{"data of another provider", events.CallMissed, func(_, d node) { d["provider"] = "telsam" }, "provider is"},

		{"an empty string for what is unknown", events.CallMissed, func(_, d node) { d["from"].(node)["name"] = "" }, "/from/name"},
		{"a number without its country", events.CallMissed, func(_, d node) { d["external_number"] = "05000000101" }, "/external_number"},
		{"a call id with a dot, which would split the subject", events.CallMissed, func(_, d node) { d["call_id"] = "a.b" }, "/call_id"},
		{"a duration below zero", events.CallEnded, func(_, d node) { d["total_seconds"] = -1 }, "/total_seconds"},
		{"revision zero", events.CallEnded, func(_, d node) { d["revision"] = 0 }, "/revision"},
		{"half a revision", events.CallEnded, func(_, d node) { d["revision"] = 1.5 }, "/revision"},
		{"a price that is a number", events.CallEnded, func(_, d node) { d["price"] = node{"amount": 1.5, "currency": "TRY"} }, "/price/amount"},
		{"an outcome of its own", events.CallEnded, func(_, d node) { d["outcome"] = "lost" }, "/outcome"},
		{"a call that nothing was seen of", events.CallEnded, func(_, d node) { d["evidence"] = []any{} }, "/evidence"},
		{"null for what is a list", events.CallEnded, func(_, d node) { d["estimated"] = nil }, "/estimated"},
		{"an estimate of what cannot be estimated", events.CallEnded, func(_, d node) { d["estimated"] = []any{"from"} }, "/estimated"},
		{"a vendor's id that is empty", events.CallEnded, func(_, d node) { d["vendor_ids"] = node{"uuid": ""} }, "/vendor_ids"},
		{"a vendor's record that is no object", events.CallEnded, func(_, d node) { d["raw"] = "x" }, "/raw"},

		{"a start that knows its end", events.CallStarted, func(_, d node) { d["ended_at"] = d["started_at"] }, "/ended_at"},
		{"a start that knows its outcome", events.CallStarted, func(_, d node) { d["outcome"] = "answered" }, "/outcome"},
		{"a start that knows it was missed", events.CallStarted, func(_, d node) { d["missed"] = true }, "/missed"},
		{"an answer that knows its end", events.CallAnswered, func(_, d node) { d["ended_at"] = d["started_at"] }, "/ended_at"},
		{"an end without a time", events.CallEnded, func(_, d node) { d["ended_at"] = nil }, "/ended_at"},
		{"an end without an outcome", events.CallEnded, func(_, d node) { d["outcome"] = nil }, "/outcome"},
		{"an end that was missed without a reason", events.CallEnded, func(_, d node) { d["missed"], d["outcome"] = true, "busy" }, "/missed_reason"},
		{"an end with a reason that was not missed", events.CallEnded, func(_, d node) { d["missed_reason"] = "busy" }, "/missed_reason"},
		{"an end that may have been missed and has a reason", events.CallEnded, func(_, d node) { d["missed"], d["missed_reason"] = nil, "busy" }, "/missed_reason"},
		{"an end that was missed and answered", events.CallEnded, func(_, d node) { d["missed"], d["missed_reason"] = true, "busy" }, "/outcome"},
		{"a missed call that was not missed", events.CallMissed, func(_, d node) { d["missed"] = false }, "/missed"},
		{"a missed call that went out", events.CallMissed, func(_, d node) { d["direction"] = "outbound" }, "/direction"},
		{"a missed call that was answered", events.CallMissed, func(_, d node) { d["outcome"] = "answered" }, "/outcome"},
		{"a missed call without a reason", events.CallMissed, func(_, d node) { d["missed_reason"] = nil }, "/missed_reason"},
		{"a missed call that says what it changes", events.CallMissed, func(_, d node) { d["changed"] = []any{"missed"} }, "changed"},
		{"an amendment that is the first", events.CallAmended, func(_, d node) { d["revision"] = 1 }, "/revision"},
		{"an amendment of nothing", events.CallAmended, func(_, d node) { d["changed"] = []any{} }, "/changed"},
		{"an amendment of the same twice", events.CallAmended, func(_, d node) { d["changed"] = []any{"missed", "missed"} }, "/changed"},
		{"an amendment of what no call has", events.CallAmended, func(_, d node) { d["changed"] = []any{"colour"} }, "/changed"},
		{"a missed call in an amendment that went out", events.CallAmended, func(_, d node) { d["direction"] = "outbound" }, "/direction"},

		{"the id of another step", events.CallbackDue, func(_, d node) { d["step"] = 2 }, "id is"},
		{"the id of another attempt", events.CallbackAttempted, func(_, d node) { d["attempts"] = 2 }, "id is"},
		{"data about another callback", events.CallbackOpened, func(_, d node) { d["callback_id"] = "other" }, "subject is"},
		{"a callback of another account", events.CallbackOpened, func(_, d node) { d["account"] = "other" }, "account is"},
		{"a callback to nobody", events.CallbackOpened, func(_, d node) { d["external_number"] = nil }, "/external_number"},
		{"a callback for no call", events.CallbackOpened, func(_, d node) { d["missed_calls"] = []any{} }, "/missed_calls"},
		{"a callback that lists calls without end", events.CallbackOpened, func(_, d node) { d["missed_calls"], d["count"] = missedCalls(101), 101 }, "/missed_calls"},
		{"a callback that lists more calls than it counts", events.CallbackDue, func(_, d node) { d["count"] = 1 }, "count is"},
		{"a callback that opens with a reminder behind it", events.CallbackOpened, func(_, d node) { d["step"] = 1 }, "/step"},
		{"a callback that opens notified", events.CallbackOpened, func(_, d node) { d["status"] = "notified" }, "/status"},
		{"a reminder that is only watching", events.CallbackDue, func(_, d node) { d["status"] = "watching" }, "/status"},
		{"a reminder of no step", events.CallbackDue, func(_, d node) { d["step"] = 0 }, "/step"},
		{"a reminder that fell due nobody knows when", events.CallbackDue, func(_, d node) { d["due_at"] = nil }, "/due_at"},
		{"a reminder of what is completed", events.CallbackDue, func(_, d node) { d["resolution"] = "returned" }, "/resolution"},
		{"an attempt without an attempt", events.CallbackAttempted, func(_, d node) { d["attempts"] = 0 }, "/attempts"},
		{"an attempt of another status", events.CallbackAttempted, func(_, d node) { d["status"] = "notified" }, "/status"},
		{"a completion nobody knows how", events.CallbackCompleted, func(_, d node) { d["resolution"] = nil }, "/resolution"},
		{"a completion of its own kind", events.CallbackCompleted, func(_, d node) { d["resolution"] = "forgotten" }, "/resolution"},
		{"a completion with a reminder ahead", events.CallbackCompleted, func(_, d node) { d["due_at"] = d["first_missed_at"] }, "/due_at"},
		{"a completion before the call", events.CallbackCompleted, func(_, d node) { d["seconds_to_return"] = -1 }, "/seconds_to_return"},
		{"a cancellation of another status", events.CallbackCancelled, func(_, d node) { d["status"] = "expired" }, "/status"},
		{"a cancellation that took a time", events.CallbackCancelled, func(_, d node) { d["seconds_to_return"] = 5 }, "/seconds_to_return"},
		{"an expiry of another status", events.CallbackExpired, func(_, d node) { d["status"] = "cancelled" }, "/status"},
		{"an expiry by a call", events.CallbackExpired, func(_, d node) { d["resolved_by_call_id"] = "abc" }, "/resolved_by_call_id"},

		{"a gap that opens closed", events.GapOpened, func(_, d node) { d["to"] = d["from"] }, "/to"},
		{"a gap that closes open", events.GapClosed, func(_, d node) { d["to"] = nil }, "/to"},
		{"a gap of less than no failure", events.GapOpened, func(_, d node) { d["failures"] = -1 }, "/failures"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := schemas.Validate(edited(t, c.typ, c.edit))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Validate(%s with %s) = %v, want an error with %q", c.typ, c.name, err, c.want)
			}
		})
	}
}

func TestValidateAccepts(t *testing.T) {
	for _, c := range []struct {
		name string
		typ  events.Type
		edit func(event, data node)
	}{
		{"an answer by nobody knows whom, nobody knows when", events.CallAnswered, func(_, d node) { d["agent"], d["answered_at"] = nil, nil }},
		{"an end of which it cannot be told whether it was missed", events.CallEnded, func(_, d node) {
			d["state"], d["missed"], d["outcome"] = "provisional", nil, "unknown"
		}},
		{"an end that was missed", events.CallEnded, func(_, d node) {
			d["missed"], d["missed_reason"], d["outcome"] = true, "unknown", "unknown"
		}},
		{"a call from a withheld number", events.CallMissed, func(_, d node) {
			d["external_number"], d["from"] = nil, node{"number": nil, "raw": nil, "name": nil, "extension": nil}
		}},
		{"a vendor that gives no id", events.CallStarted, func(_, d node) { d["vendor_ids"] = node{} }},
		{"a price", events.CallEnded, func(_, d node) { d["price"] = node{"amount": "-0.0350", "currency": nil} }},
		{"a vendor's record of any shape", events.CallEnded, func(_, d node) { d["raw"] = node{"Cevap": []any{1, "x", nil}} }},
		{"a callback that is opened out of hours", events.CallbackOpened, func(_, d node) { d["status"] = "held" }},
		{"a callback that is opened and put off", events.CallbackOpened, func(_, d node) { d["status"] = "snoozed" }},
		{"a callback that nobody will be reminded of", events.CallbackOpened, func(_, d node) { d["due_at"], d["steps"] = nil, 0 }},
		{"a caller who was missed more often than can be listed", events.CallbackDue, func(_, d node) { d["missed_calls"], d["count"] = missedCalls(100), 5000 }},
		{"an attempt after the last reminder", events.CallbackAttempted, func(_, d node) { d["due_at"], d["step"] = nil, 3 }},
		{"an attempt before the first reminder", events.CallbackAttempted, func(_, d node) { d["step"] = 0 }},
		{"a completion that somebody asked for", events.CallbackCompleted, func(_, d node) {
			d["resolution"], d["resolved_by_call_id"], d["seconds_to_return"] = "manual", nil, nil
		}},
		{"a time to the nanosecond", events.CallEnded, func(e, _ node) { e["time"] = "2024-05-06T08:00:41.123456789Z" }},
		{"every optional attribute", events.CallEnded, func(e, _ node) {
			e["causationid"], e["expirytime"] = "abc", "2024-05-06T08:00:41Z"
			e["traceparent"] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := schemas.Validate(edited(t, c.typ, c.edit)); err != nil {
				t.Errorf("Validate(%s with %s) = %v", c.typ, c.name, err)
			}
		})
	}
}

// missedCalls returns n of them.
func missedCalls(n int) []any {
	var all []any
	for i := range n {
		all = append(all, node{"call_id": fmt.Sprint("call-", i), "event_id": fmt.Sprint("event-", i), "at": "2024-05-06T08:00:41Z"})
	}
	return all
}

func TestValidateRefusesADocumentThatIsNotOneEvent(t *testing.T) {
	whole := string(example(t, events.CallMissed))
	for name, document := range map[string]string{
		"nothing": "", "half of one": whole[:len(whole)/2], "two": whole + whole, "a list": "[" + whole + "]", "null": "null",
		"one that is not UTF-8": strings.Replace(whole, "Ayşe", "Ay\xffe", 1),
	} {
		if err := schemas.Validate([]byte(document)); err == nil {
			t.Errorf("Validate of %s = nil", name)
		}
	}
}

func TestValidateRefusesEveryEventThatLacksAFieldOrHasOneMore(t *testing.T) {
	for _, typ := range events.Types() {
		eachObject("", decoded(t, example(t, typ)), func(path string, find func(root node) node) {
			for field := range find(decoded(t, example(t, typ))) {
				if optional[path+field] || strings.HasPrefix(path, "data.vendor_ids.") {
					continue
				}
				refused(t, typ, "without "+path+field, func(root node) { delete(find(root), field) })
			}
			if path != "data.vendor_ids." {
				refused(t, typ, "with "+path+"colour", func(root node) { find(root)["colour"] = "blue" })
			}
		})
	}
}

var optional = map[string]bool{"causationid": true, "expirytime": true, "traceparent": true}

func refused(t *testing.T, typ events.Type, what string, change func(root node)) {
	t.Helper()
	if err := schemas.Validate(edited(t, typ, func(event, _ node) { change(event) })); err == nil {
		t.Errorf("Validate(%s %s) = nil", typ, what)
	}
}

// eachObject calls visit for o and each object within it, with how to find that object in another copy of the document.
func eachObject(path string, o node, visit func(path string, find func(root node) node)) {
	walkObjects(path, o, func(root node) node { return root }, visit)
}

func walkObjects(path string, o node, find func(root node) node, visit func(string, func(node) node)) {
	visit(path, find)
	for name, value := range o {
		if inner, ok := value.(node); ok {
			walkObjects(path+name+".", inner, func(root node) node { return find(root)[name].(node) }, visit)
		}
		list, _ := value.([]any)
		for i := range list {
			if inner, ok := list[i].(node); ok {
				at := func(root node) node { return find(root)[name].([]any)[i].(node) }
				walkObjects(fmt.Sprintf("%s%s[%d].", path, name, i), inner, at, visit)
			}
		}
	}
}

func TestValidateMayBeCalledByManyAtOnce(t *testing.T) {
	good := compact(t, events.CallMissed)
	bad := edited(t, events.CallMissed, func(_, d node) { d["outcome"] = "lost" })
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 50 {
				if err := schemas.Validate(good); err != nil {
					t.Errorf("Validate of a good event = %v", err)
				}
				if err := schemas.Validate(bad); err == nil {
					t.Error("Validate of a bad event = nil")
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkValidate(b *testing.B) {
	for _, t := range events.Types() {
		b.Run(string(t), func(b *testing.B) {
			event := compact(b, t)
			b.ReportAllocs()
			for b.Loop() {
				if err := schemas.Validate(event); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// edited returns the example of typ after edit.
func edited(tb testing.TB, typ events.Type, edit func(event, data node)) []byte {
	tb.Helper()
	event := decoded(tb, example(tb, typ))
	edit(event, event["data"].(node))
	b, err := json.Marshal(event)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// compact returns the example of typ as it goes over the wire.
func compact(tb testing.TB, typ events.Type) []byte {
	tb.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, example(tb, typ)); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func example(tb testing.TB, typ events.Type) []byte {
	tb.Helper()
	b, err := schemas.Example(typ)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}
