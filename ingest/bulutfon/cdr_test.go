package bulutfon_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
)

const absent = "(absent)"

// cdr returns a record as the vendor writes it, with the fields that change sets.
func cdr(change map[string]any) string {
	row := map[string]any{"uuid": "0636a400-0b78-11ef-ac4a-0250c0000001", "bf_calltype": "voice", "direction": "IN",
		"caller": 905000000101, "callee": 908500000301, "call_time": "2024-05-06T10:12:40+03:00", "answer_time": nil,
		"hangup_time": "2024-05-06T10:16:10+03:00", "missing_call": true, "call_record": "NO", "hangup_cause": "NORMAL_CLEARING",
		"hangup_state": "recv_bye"}
	for field, v := range change {
		if v == absent {
			delete(row, field)
			continue
		}
		row[field] = v
	}
	b, err := json.Marshal(row)
	if err != nil {
		panic(err)
	}
	return string(b)
}

var day = ingest.Window{From: time.Date(2024, 5, 6, 0, 0, 0, 0, time.UTC), To: time.Date(2024, 5, 7, 0, 0, 0, 0, time.UTC)}

// records reads rows as the only page of the list.
func records(t testing.TB, rows ...string) ingest.Page {
	t.Helper()
	for page, err := range client(t, answering(whole(rows...))).CDRs(t.Context(), day) {
		if err != nil {
			t.Fatalf("CDRs: %v", err)
		}
		return page
	}
	t.Fatal("CDRs: no page")
	return ingest.Page{}
}

func record(t testing.TB, change map[string]any) ingest.CDR {
	t.Helper()
	page := records(t, cdr(change))
	if len(page.Records) != 1 {
		t.Fatalf("%v: %d records, rejected %s", change, len(page.Records), page.Rejected)
	}
	return page.Records[0]
}

func TestWhatACauseSaysOfACallThatNobodyAnswered(t *testing.T) {
	for cause, want := range map[string]struct {
		outcome events.Outcome
		reason  events.MissedReason
	}{
		"NORMAL_CLEARING":       {events.NoAnswer, events.MissedNoAnswer},
		"NO_ANSWER":             {events.NoAnswer, events.MissedNoAnswer},
		"no_answer":             {events.NoAnswer, events.MissedNoAnswer},
		"NO_USER_RESPONSE":      {events.NoAnswer, events.MissedNoAnswer},
		"USER_BUSY":             {events.Busy, events.MissedBusy},
		"CALL_REJECTED":         {events.Rejected, events.MissedRejected},
		"ORIGINATOR_CANCEL":     {events.Cancelled, events.MissedAbandoned},
		"SUBSCRIBER_ABSENT":     {events.Unreachable, events.MissedUnreachable},
		"USER_NOT_REGISTERED":   {events.Unreachable, events.MissedUnreachable},
		"OUTGOING_CALL_BARRED":  {events.Blocked, events.MissedRejected},
		"INCOMING_CALL_BARRED":  {events.Blocked, events.MissedRejected},
		"INVALID_NUMBER_FORMAT": {events.Failed, events.MissedFailed},
		"UNALLOCATED_NUMBER":    {events.Failed, events.MissedFailed},
		"GATEWAY_DOWN":          {events.Failed, events.MissedFailed},
		"LOSE_RACE":             {events.UnknownOutcome, events.MissedUnknown},
		"ANSWERED":              {events.UnknownOutcome, events.MissedUnknown},
		"NEVER_HEARD_OF":        {events.UnknownOutcome, events.MissedUnknown},
		"":                      {events.UnknownOutcome, events.MissedUnknown},
	} {
		for _, direction := range []string{"IN", "OUT", "LOCAL"} {
			r := record(t, map[string]any{"hangup_cause": cause, "direction": direction, "missing_call": direction == "IN"})
			missed := direction == "IN"
			if *r.Call.Outcome != want.outcome || *r.Call.Missed != missed || (r.Call.MissedReason != nil) != missed ||
				missed && *r.Call.MissedReason != want.reason || r.Undecided {
				t.Errorf("%s, %s: %s, missed %t because of %v; want %+v", cause, direction, *r.Call.Outcome, *r.Call.Missed, r.Call.MissedReason, want)
			}
			if said := text(r.Call.VendorResult); said != cause || text(r.Call.Hangup.Cause) != cause || (r.Call.VendorResult == nil) != (cause == "") {
				t.Errorf("%s: vendor_result %q, hangup.cause %q", cause, said, text(r.Call.Hangup.Cause))
			}
		}
	}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func TestWhoCountsAsAnswered(t *testing.T) {
	const noReason = events.MissedReason("")
	menu := "2024-05-06T10:12:41+03:00"
	for name, tc := range map[string]struct {
		row       map[string]any
		outcome   events.Outcome
		missed    bool
		reason    events.MissedReason
		answered  bool
		undecided bool
	}{
		"answered, and not missed": {
			map[string]any{"missing_call": false, "answer_time": menu}, events.Answered, false, noReason, true, false},
		"a menu picked up, and it is missed all the same": {
			map[string]any{"answer_time": menu}, events.NoAnswer, true, events.MissedUnknown, false, false},
		"a menu picked up, and then it was busy": {
			map[string]any{"answer_time": menu, "hangup_cause": "USER_BUSY"}, events.NoAnswer, true, events.MissedBusy, false, false},
		"the caller gave up in a menu or a group": {
			map[string]any{"answer_time": menu, "hangup_cause": "ORIGINATOR_CANCEL"}, events.NoAnswer, true, events.MissedAbandoned, false, false},
		"not answered, though the vendor does not count it as missed": {
			map[string]any{"missing_call": false}, events.NoAnswer, false, noReason, false, false},
		"an older row that nothing picked up": {
			map[string]any{"missing_call": absent}, events.NoAnswer, true, events.MissedNoAnswer, false, false},
		"an older row that something picked up": {
			map[string]any{"missing_call": absent, "answer_time": menu}, events.UnknownOutcome, false, noReason, false, true},
		"an older row whose missing_call is null": {
			map[string]any{"missing_call": nil, "answer_time": menu}, events.UnknownOutcome, false, noReason, false, true},
		"an older outgoing row that was answered": {
			map[string]any{"missing_call": absent, "direction": "OUT", "answer_time": menu}, events.Answered, false, noReason, true, false},
		"an older outgoing row that was not": {
			map[string]any{"missing_call": absent, "direction": "OUT"}, events.NoAnswer, false, noReason, false, false},
		"an outgoing call that the vendor counts as missed": {
			map[string]any{"direction": "OUT"}, events.NoAnswer, false, noReason, false, false},
		"a call of an unknown direction that the vendor counts as missed": {
			map[string]any{"direction": "TRANSFER"}, events.NoAnswer, true, events.MissedNoAnswer, false, false},
		"an older call of an unknown direction": {
			map[string]any{"direction": "TRANSFER", "missing_call": absent}, events.NoAnswer, false, noReason, false, false},
		"a fax": {
			map[string]any{"bf_calltype": "fax", "missing_call": absent, "answer_time": menu}, events.Answered, false, noReason, true, false},
		"a fax that did not come through": {
			map[string]any{"bf_calltype": "fax", "missing_call": absent}, events.NoAnswer, false, noReason, false, false},
		"a fax that the vendor counts as missed": {
			map[string]any{"bf_calltype": "fax"}, events.NoAnswer, true, events.MissedNoAnswer, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := record(t, tc.row)
			c := r.Call
			reason := noReason
			if c.MissedReason != nil {
				reason = *c.MissedReason
			}
			if *c.Outcome != tc.outcome || *c.Missed != tc.missed || reason != tc.reason || (c.AnsweredAt != nil) != tc.answered || r.Undecided != tc.undecided {
				t.Errorf("%s, missed %t (%s), answered at %v, undecided %t", *c.Outcome, *c.Missed, reason, c.AnsweredAt, r.Undecided)
			}
			if tc.answered && (*c.RingSeconds != 1 || *c.TalkSeconds != 209) || tc.undecided && c.TalkSeconds != nil || *c.TotalSeconds != 210 {
				t.Errorf("rang %v, talked %v, lasted %v", c.RingSeconds, c.TalkSeconds, c.TotalSeconds)
			}
			if !tc.answered && !tc.undecided && *c.TalkSeconds != 0 {
				t.Errorf("talked for %v though nobody answered", *c.TalkSeconds)
			}
		})
	}
}

func TestMissingCallInEverySpelling(t *testing.T) {
	for want, all := range map[bool][]any{
		true:  {true, "true", "True", "t", 1, "1", "yes", "Var", "Evet"},
		false: {false, "false", "FALSE", "f", 0, "0", "no", "Yok", "Hayır"},
	} {
		for _, written := range all {
			if r := record(t, map[string]any{"missing_call": written}); *r.Call.Missed != want {
				t.Errorf("missing_call %v: missed %t", written, *r.Call.Missed)
			}
		}
	}
}

func TestRecordings(t *testing.T) {
	for written, want := range map[any]events.Recording{
		"YES": events.RecordingAvailable, "Var": events.RecordingAvailable, true: events.RecordingAvailable, "yes": events.RecordingAvailable,
		"NO": events.RecordingNone, "Yok": events.RecordingNone, false: events.RecordingNone, "REMOVED": events.RecordingRemoved,
		"Silinmiş": events.RecordingRemoved, "PENDING": events.RecordingUnknown, nil: events.RecordingUnknown, absent: events.RecordingUnknown,
	} {
		if got := record(t, map[string]any{"call_record": written}).Call.Recording; got != want {
			t.Errorf("call_record %v: %s, want %s", written, got, want)
		}
	}
}

func TestPricesAreKeptDigitForDigit(t *testing.T) {
	for written, want := range map[any]string{
		json.Number("0.01143"): "0.01143", "0.0182": "0.0182", "0.1250": "0.1250", "0,0182": "0.0182", json.Number("0"): "0",
		json.Number("1.0e-05"): "0.00001", "12345678901234567890.123456789": "12345678901234567890.123456789", "-1.5": "-1.5",
		"": "", nil: "", absent: "", "1 TL": "", "NaN": "", "1.2.3": "", "0x10": "", "1e999": "", ".5": "0.5", "--1": "", "1e300": "",
	} {
		c := record(t, map[string]any{"direction": "OUT", "call_price": written}).Call
		if want == "" && c.Price != nil || want != "" && (c.Price == nil || c.Price.Amount != want || c.Price.Currency != nil) {
			t.Errorf("call_price %v: %+v, want %q", written, c.Price, want)
		}
	}
}

func TestWhoCalledWhom(t *testing.T) {
	for name, tc := range map[string]struct {
		row                                           map[string]any
		from, fromExtension, to, toExtension, outside string
	}{
		"from outside":                      {nil, "+905000000101", "", "+908500000301", "", "+905000000101"},
		"from outside, as text":             {map[string]any{"caller": "05000000101", "callee": "+908500000301"}, "+905000000101", "", "+908500000301", "", "+905000000101"},
		"withheld":                          {map[string]any{"caller": nil}, "", "", "+908500000301", "", ""},
		"to outside, from an extension":     {map[string]any{"direction": "OUT", "caller": 908500000301, "callee": 905000000102, "extension": 1004}, "+908500000301", "1004", "+905000000102", "", "+905000000102"},
		"to outside, from another number":   {map[string]any{"direction": "OUT", "caller": 908500000301, "callee": 905000000102, "extension": "908500000302"}, "+908500000301", "908500000302", "+905000000102", "", "+905000000102"},
		"to outside, from the same number":  {map[string]any{"direction": "out", "caller": 908500000301, "callee": 905000000102, "extension": "908500000301"}, "+908500000301", "", "+905000000102", "", "+905000000102"},
		"from outside, with an extension":   {map[string]any{"extension": 1004}, "+905000000101", "", "+908500000301", "", "+905000000101"},
		"between two extensions":            {map[string]any{"direction": "LOCAL", "caller": "1004", "callee": 1008}, "", "1004", "", "1008", ""},
		"of unknown direction, one outside": {map[string]any{"direction": nil, "callee": 1008}, "+905000000101", "", "", "1008", "+905000000101"},
		"more digits than 32 bits hold":     {map[string]any{"caller": json.Number("905000000101")}, "+905000000101", "", "+908500000301", "", "+905000000101"},
	} {
		c := record(t, tc.row).Call
		if text(c.From.Number) != tc.from || text(c.From.Extension) != tc.fromExtension || text(c.To.Number) != tc.to ||
			text(c.To.Extension) != tc.toExtension || text(c.ExternalNumber) != tc.outside {
			t.Errorf("%s: from %q %q to %q %q, outside %q", name, text(c.From.Number), text(c.From.Extension), text(c.To.Number), text(c.To.Extension), text(c.ExternalNumber))
		}
	}
}

func TestARowThatCannotBeReadIsRejectedForItsField(t *testing.T) {
	for field, all := range map[string][]any{
		"uuid":         {nil, "", absent, []int{1}},
		"call_time":    {nil, "", absent, "yesterday", "1999-12-31T10:00:00Z", "2100-01-01T00:00:00Z", 1714982400, []int{1}},
		"answer_time":  {absent, "soon", "2024-05-06T10:12:38+03:00", "2024-05-06T10:16:12+03:00", true},
		"hangup_time":  {absent, "later", "2024-05-06T10:12:38+03:00", "2024-07-06T10:12:40+03:00", map[string]int{"a": 1}},
		"missing_call": {"maybe", 2, []bool{true}},
		"caller":       {map[string]int{"number": 1}},
		"callee":       {[]int{1}},
		"hangup_cause": {[]int{1}},
		"direction":    {[]int{1}},
		"bf_calltype":  {[]int{1}},
	} {
		for _, written := range all {
			page := records(t, cdr(map[string]any{field: written}), cdr(map[string]any{"uuid": "the-next"}))
			if len(page.Records) != 1 || page.Records[0].Key != "the-next" || len(page.Rejected) != 1 {
				t.Errorf("%s %v: %d records, rejected %s", field, written, len(page.Records), page.Rejected)
				continue
			}
			if r := page.Rejected[0]; !strings.HasPrefix(r.Reason, field+": ") || string(r.Row) != cdr(map[string]any{field: written}) {
				t.Errorf("%s %v: rejected %s because of %s", field, written, r.Row, r.Reason)
			}
		}
	}
}

func TestTimesThatWereRoundedEachByItself(t *testing.T) {
	c := record(t, map[string]any{"call_time": "2024-05-06T10:12:40.900+03:00", "answer_time": "2024-05-06T10:12:40+03:00",
		"hangup_time": "2024-05-06T10:12:40+03:00", "missing_call": false}).Call
	if !c.EndedAt.Equal(*c.StartedAt) || !c.AnsweredAt.Equal(*c.StartedAt) || *c.RingSeconds != 0 || *c.TalkSeconds != 0 || *c.TotalSeconds != 0 {
		t.Errorf("started %s, answered %s, ended %s", c.StartedAt, c.AnsweredAt, c.EndedAt)
	}
}

func TestACallThatIsNotOverIsLeftOutUntilItIs(t *testing.T) {
	page := records(t, cdr(map[string]any{"hangup_time": nil}), cdr(map[string]any{"hangup_time": ""}))
	if len(page.Records) != 0 || len(page.Rejected) != 0 {
		t.Errorf("%+v, want neither a record nor a rejected row", page)
	}
}

func TestRecordKeyIsTheUUIDOfAPublishedCall(t *testing.T) {
	c := client(t, answering(whole()))
	r := record(t, nil)
	if got := c.RecordKey(r.Call); got != r.Key || got == "" {
		t.Errorf("RecordKey %q, want %q", got, r.Key)
	}
	if got := c.RecordKey(events.Call{}); got != "" {
		t.Errorf("RecordKey of no call: %q", got)
	}
	if c.Span() != 0 {
		t.Errorf("Span %s, want none", c.Span())
	}
}

func TestBothRevisionsMayStandOnOnePage(t *testing.T) {
	page := records(t, cdr(nil), cdr(map[string]any{"uuid": "older", "missing_call": absent, "call_record": "Yok", "answer_time": "2024-05-06T10:12:41+03:00"}))
	undecided := []bool{}
	for _, r := range page.Records {
		undecided = append(undecided, r.Undecided)
	}
	if !slices.Equal(undecided, []bool{false, true}) {
		t.Errorf("undecided are %s", fmt.Sprint(undecided))
	}
}
