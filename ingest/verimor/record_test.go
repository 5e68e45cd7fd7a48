package verimor_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/verimor"
)

const absent = "(absent)"

// cdr returns a record as the vendor writes it, with the fields that change sets: an answered inbound call.
func cdr(change map[string]any) string {
	row := map[string]any{
		"start_stamp": "2024-05-06 10:20:00 +0300", "direction": "Gelen",
		"caller_id_number": "05000000101", "caller_id_name": "", "destination_number": "902120000201", "destination_name": "Dahili 1",
		"duration": "00:00:31", "talk_duration": "00:00:20", "queue_wait_seconds": "00:00:00", "queue": nil,
		"result": "Cevaplandı", "missed": "false", "return_uuid": nil, "recording_present": "false", "sip_hangup_disposition": "caller",
		"call_uuid": "0c795000-0b79-41ef-9b08-0250c0000001", "answer_stamp": "2024-05-06 10:20:08 +0300", "end_stamp": "2024-05-06 10:20:31 +0300",
	}
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

// read returns the page that has these rows.
func read(t testing.TB, rows ...string) ingest.Page {
	t.Helper()
	for page, err := range client(t, pages{whole(rows...)}).CDRs(t.Context(), lastHour()) {
		if err != nil {
			t.Fatalf("CDRs: %v", err)
		}
		return page
	}
	t.Fatal("CDRs: no page")
	return ingest.Page{}
}

// one returns the call of a row that is to be read.
func one(t testing.TB, change map[string]any) events.Call {
	t.Helper()
	page := read(t, cdr(change))
	if len(page.Records) != 1 {
		t.Fatalf("%v: rejected %s", change, page.Rejected)
	}
	return page.Records[0].Call
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func TestHowACallWent(t *testing.T) {
	for result, tc := range map[string]struct {
		outcome events.Outcome
		reason  events.MissedReason // of a call that is flagged as missed
	}{
		"Cevaplandı":             {events.Answered, events.MissedInMenu},
		"Katılımlı aktarım":      {events.Answered, events.MissedInMenu},
		"Diğer dahili cevapladı": {events.Answered, events.MissedInMenu},
		"Çağrısı çekildi":        {events.Answered, events.MissedInMenu},
		"Meşgul":                 {events.Busy, events.MissedBusy},
		"Meşgule atıldı":         {events.Rejected, events.MissedRejected},
		"Reddedildi":             {events.Rejected, events.MissedRejected},
		"Vazgeçildi":             {events.Cancelled, events.MissedAbandoned},
		"Cevapsız":               {events.NoAnswer, events.MissedNoAnswer},
		"Ulaşılamıyor":           {events.Unreachable, events.MissedUnreachable},
		"Hatalı Numara":          {events.Failed, events.MissedFailed},
		"İYS izni yok":           {events.Blocked, events.MissedFailed},
		"Ses kodekleri uyumsuz":  {events.Failed, events.MissedFailed},
		"Hata":                   {events.Failed, events.MissedFailed},
		"Genel Hata":             {events.Failed, events.MissedFailed},
		"Çağrı bağlanamadı":      {events.Failed, events.MissedFailed},
		"Zamanaşımı":             {events.Failed, events.MissedFailed},
		"Cihaz yönlendirmesi":    {events.UnknownOutcome, events.MissedUnknown},
		"Bilinmeyen durum":       {events.UnknownOutcome, events.MissedUnknown},
		"cevaplandı":             {events.UnknownOutcome, events.MissedUnknown}, // no letter is made small
		"CEVAPLANDI":             {events.UnknownOutcome, events.MissedUnknown},
		"":                       {events.UnknownOutcome, events.MissedUnknown},
	} {
		for _, written := range []string{result, norm.NFD.String(result)} {
			answered := one(t, map[string]any{"result": written})
			if *answered.Outcome != tc.outcome || *answered.Missed || answered.MissedReason != nil || text(answered.VendorResult) != written {
				t.Errorf("%q: %s, missed %t, vendor_result %q; want %s and not missed", written, *answered.Outcome, *answered.Missed, text(answered.VendorResult), tc.outcome)
			}
			outcome := tc.outcome
			if outcome == events.Answered {
				outcome = events.NoAnswer
			}
			missed := one(t, map[string]any{"result": written, "missed": "true"})
			if *missed.Outcome != outcome || !*missed.Missed || *missed.MissedReason != tc.reason || missed.AnsweredAt != nil || missed.Agent != nil || *missed.TalkSeconds != 0 {
				t.Errorf("%q and missed: %s because of %v, answered at %v; want %s, %s, nil", written, *missed.Outcome, *missed.MissedReason, missed.AnsweredAt, outcome, tc.reason)
			}
			derived := one(t, map[string]any{"result": written, "missed": absent})
			if *derived.Missed != (tc.outcome != events.Answered) {
				t.Errorf("%q without the flag: missed %t", written, *derived.Missed)
			}
		}
	}
}

func TestTheFlagIsBelievedBeforeEverythingElse(t *testing.T) {
	type fields = map[string]any
	for name, tc := range map[string]struct {
		change  fields
		outcome events.Outcome
		missed  events.MissedReason // "" for not missed
	}{
		"picked up by the queue":                    {fields{"missed": "true", "queue": "201"}, events.NoAnswer, events.MissedInQueue},
		"picked up by a menu":                       {fields{"missed": "true"}, events.NoAnswer, events.MissedInMenu},
		"picked up, nobody knows when":              {fields{"missed": "true", "answer_stamp": nil}, events.NoAnswer, events.MissedUnknown},
		"picked up, and an extension was called":    {fields{"missed": "true", "destination_number": "1001"}, events.NoAnswer, events.MissedUnknown},
		"given up in the queue":                     {fields{"missed": "true", "queue": "201", "result": "Vazgeçildi"}, events.Cancelled, events.MissedInQueue},
		"the flag is a boolean":                     {fields{"missed": true}, events.NoAnswer, events.MissedInMenu},
		"the flag is t":                             {fields{"missed": "t"}, events.NoAnswer, events.MissedInMenu},
		"the flag is f":                             {fields{"missed": "f"}, events.Answered, ""},
		"no answer, and not missed":                 {fields{"missed": false, "result": "Cevapsız"}, events.NoAnswer, ""},
		"the flag cannot be read, and it rang":      {fields{"missed": "belki", "result": "Cevapsız"}, events.NoAnswer, events.MissedNoAnswer},
		"the flag cannot be read, and was answered": {fields{"missed": nil}, events.Answered, ""},
		"outbound":                    {fields{"direction": "Giden", "missed": "true", "result": "Cevapsız"}, events.NoAnswer, ""},
		"outbound without the flag":   {fields{"direction": "Giden", "missed": "", "result": "Cevapsız"}, events.NoAnswer, ""},
		"internal":                    {fields{"direction": "Santral içi", "missed": "true"}, events.NoAnswer, ""},
		"broke off while they talked": {fields{"result": "RTP zamanaşımı"}, events.Answered, ""},
		"broke off before":            {fields{"result": "RTP zamanaşımı", "answer_stamp": nil, "talk_duration": "00:00:00"}, events.Failed, ""},
	} {
		c := one(t, tc.change)
		if *c.Outcome != tc.outcome || *c.Missed != (tc.missed != "") || *c.Missed != (c.MissedReason != nil) || *c.Missed && *c.MissedReason != tc.missed {
			t.Errorf("%s: %s, missed %t because of %v; want %s, %q", name, *c.Outcome, *c.Missed, c.MissedReason, tc.outcome, tc.missed)
		}
	}
}

func TestWhichWayACallWent(t *testing.T) {
	for written, want := range map[any]events.Direction{
		"Gelen": events.Inbound, "inbound": events.Inbound, "Giden": events.Outbound, "Giden (API)": events.Outbound, "Giden (IVR)": events.Outbound,
		"outbound": events.Outbound, "Santral içi": events.Internal, norm.NFD.String("Santral içi"): events.Internal, "internal": events.Internal,
		"Giden (Yeni)": events.UnknownDirection, "": events.UnknownDirection, absent: events.UnknownDirection, 7: events.UnknownDirection,
	} {
		c := one(t, map[string]any{"direction": written})
		outside := map[events.Direction]string{events.Inbound: "+905000000101", events.Outbound: "+902120000201"}[want]
		if c.Direction != want || text(c.ExternalNumber) != outside {
			t.Errorf("%v: %s, outside %q; want %s, %q", written, c.Direction, text(c.ExternalNumber), want, outside)
		}
	}
	if c := one(t, map[string]any{"direction": "?", "destination_number": "1001"}); text(c.ExternalNumber) != "+905000000101" {
		t.Errorf("between a number and an extension, outside is %q", text(c.ExternalNumber))
	}
}

func TestWhoAnswered(t *testing.T) {
	for name, tc := range map[string]struct {
		change          map[string]any
		extension, name string
	}{
		"the extension's name goes with our number": {nil, "", "Dahili 1"},
		"an extension":                     {map[string]any{"destination_number": "1001"}, "1001", "Dahili 1"},
		"an extension without name":        {map[string]any{"destination_number": "1001", "destination_name": ""}, "1001", ""},
		"the queue is not a person":        {map[string]any{"destination_number": "201", "queue": "201", "destination_name": nil}, "", ""},
		"nobody is told":                   {map[string]any{"destination_name": nil}, "", ""},
		"another than was called":          {map[string]any{"destination_number": "1001", "result": "Diğer dahili cevapladı"}, "", ""},
		"outbound: who answers is outside": {map[string]any{"direction": "Giden"}, "", ""},
	} {
		agent := one(t, tc.change).Agent
		if agent == nil {
			agent = &events.Agent{}
		}
		if text(agent.Extension) != tc.extension || text(agent.Name) != tc.name {
			t.Errorf("%s: %q %q, want %q %q", name, text(agent.Extension), text(agent.Name), tc.extension, tc.name)
		}
	}
}

func TestDurations(t *testing.T) {
	for written, want := range map[any]float64{
		"00:00:20": 20, "00:0:20": 20, "0:0:5": 5, "20": 20, 20: 20, 7.5: 7.5, "1:00:00": 31, "00:00:32": 31, "00:00:00": 0, 0: 0, // no talk is longer than its call
		"": -1, absent: -1, "forever": -1, -1: -1, "99999999": -1, true: -1,
	} {
		c := one(t, map[string]any{"talk_duration": written})
		if want < 0 && c.TalkSeconds != nil || want >= 0 && (c.TalkSeconds == nil || *c.TalkSeconds != want) {
			t.Errorf("talk_duration %v: %v, want %v", written, c.TalkSeconds, want)
		}
		if *c.TotalSeconds != 31 || c.RingSeconds != nil || *c.WaitSeconds != 0 {
			t.Errorf("talk_duration %v: total %v, ring %v, wait %v", written, *c.TotalSeconds, c.RingSeconds, c.WaitSeconds)
		}
	}
}

func TestRecordingHangupAndReturn(t *testing.T) {
	for written, want := range map[any]events.Recording{
		"true": events.RecordingAvailable, true: events.RecordingAvailable, "t": events.RecordingAvailable, "false": events.RecordingNone, false: events.RecordingNone,
		"deleted": events.RecordingRemoved, "": events.RecordingUnknown, absent: events.RecordingUnknown, "perhaps": events.RecordingUnknown,
	} {
		if got := one(t, map[string]any{"recording_present": written}).Recording; got != want {
			t.Errorf("recording_present %v: %s, want %s", written, got, want)
		}
	}
	for written, want := range map[any]events.HangupSide{
		"caller": events.ByCaller, "callee": events.ByCallee, "system": events.BySystem, "send_bye": events.ByUnknown, "": events.ByUnknown, absent: events.ByUnknown,
	} {
		if got := one(t, map[string]any{"sip_hangup_disposition": written}).Hangup; got.By != want || got.Cause != nil {
			t.Errorf("sip_hangup_disposition %v: %+v, want %s", written, got, want)
		}
	}
	missed := one(t, map[string]any{"missed": "true", "return_uuid": "38359b70-7c10-4342-9479-e98ff716d102"})
	if missed.Returned == nil || text(missed.Returned.CallID) != "38359b70-7c10-4342-9479-e98ff716d102" || missed.Returned.At != nil {
		t.Errorf("returned %+v, want by that call", missed.Returned)
	}
	if c := one(t, map[string]any{"return_uuid": "38359b70-7c10-4342-9479-e98ff716d102"}); c.Returned != nil {
		t.Errorf("an answered call was returned: %+v", c.Returned)
	}
}

func TestARecordKeepsItsKey(t *testing.T) {
	for _, id := range []string{"0c795000-0b79-11ef-9b08-0250c0000001", "651f8a68-782e-11g7-a6b6-5bedc26e2ab3", "a/b c?d&e#f", "1", "ş"} {
		c := client(t, pages{whole(cdr(map[string]any{"call_uuid": id, "uuid": "another"}))})
		for page, err := range c.CDRs(t.Context(), lastHour()) {
			if err != nil || len(page.Records) != 1 {
				t.Fatalf("%s: %+v, %v", id, page, err)
			}
			r := page.Records[0]
			r.Call.Evidence = []events.Evidence{events.FromCDR}
			b, err := json.Marshal(r.Call)
			if err != nil {
				t.Fatal(err)
			}
			var published events.Call
			if err := json.Unmarshal(b, &published); err != nil {
				t.Fatal(err)
			}
			if r.Key != id || c.RecordKey(published) != id || c.HangupID(published) != id || len(published.VendorIDs) != 1 {
				t.Errorf("key %q, RecordKey %q, vendor_ids %v; want %q", r.Key, c.RecordKey(published), published.VendorIDs, id)
			}
		}
	}
	if got := client(t, pages{}).RecordKey(events.Call{}); got != "" {
		t.Errorf("RecordKey of a call without ids: %q", got)
	}
}

func TestStamps(t *testing.T) {
	want := time.Date(2024, 5, 6, 7, 20, 5, 0, time.UTC)
	for _, written := range []string{
		"2024-05-06 10:20:05 +0300", "2024-05-06 10:20:05 +030", "2024-05-06 10:20:05 +03", "2024-05-06 10:20:05 +3", "2024-05-06 10:20:05+03:00",
		"2024-05-06T10:20:05.000+03:00", "2024-05-06 10:20:05", "2024-5-6 10:20:5", "024-05-06 10:20:05 +0300", "2024-05-06 07:20:05 UTC",
		"2024-05-06T07:20:05Z", "2024-05-06 07:20:05 +0000", "2024-05-06 02:20:05 -0500", "2024-05-06  10:20:05  +0300", "2024-05-06 10:20:05,0 +0300",
	} {
		if got, ok := verimor.ParseStamp(written, verimor.Istanbul); !ok || !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("%q: %s, %t; want %s", written, got, ok, want)
		}
	}
	for _, written := range []string{
		"", "soon", "2024-05-06", "2024-05-06 10:20", "2024-02-30 10:20:05 +0300", "2024-13-01 10:20:05", "2024-00-01 10:20:05", "2024-01-00 10:20:05", "24-05-06 10:20:05",
		"12024-05-06 10:20:05", "2024-05-06 24:20:05", "2024-05-06 10:60:05", "2024-05-06 10:20:61", "2024-05-06 10:20:05 +9900", "2024-05-06 10:20:05 +0399",
		"2024-05-06 10:20:05 +03000", "2024-05-06 10:20:05 CEST", "2024-05-06 10:20:05 +", "2024-05-06 10:20:05.", "2024/05/06 10:20:05", "2024-05-0610:20:05", "06.05.2024 10:20:05",
	} {
		if got, ok := verimor.ParseStamp(written, verimor.Istanbul); ok {
			t.Errorf("%q is read as %s", written, got)
		}
	}
}

func TestIdsOfVersion1TellWhenTheCallBegan(t *testing.T) {
	got, ok := verimor.UUIDTime("0c795000-0b79-11ef-9b08-0250c0000001")
	if want := time.Date(2024, 5, 6, 7, 20, 0, 0, time.UTC); !ok || !got.Equal(want) {
		t.Errorf("%s, %t; want %s", got, ok, want)
	}
	for _, id := range []string{"", "38359b70-7c10-4342-9479-e98ff716d102", "651f8a68-782e-11g7-a6b6-5bedc26e2ab3", "0c795000-0b79-11ef-7b08-0250c0000001",
		"0c795000x0b79-11ef-9b08-0250c0000001", "+c795000-0b79-11ef-9b08-0250c0000001", strings.Repeat("1", 36)} {
		if got, ok := verimor.UUIDTime(id); ok {
			t.Errorf("%q tells %s", id, got)
		}
	}
}

// TestNoRowStopsItsPage puts every kind of value into every field.
func TestNoRowStopsItsPage(t *testing.T) {
	var row map[string]any
	if err := json.Unmarshal([]byte(cdr(nil)), &row); err != nil {
		t.Fatal(err)
	}
	rows := []string{cdr(map[string]any{"call_uuid": "good"})}
	for field := range row {
		for _, v := range []any{nil, "", " ", absent, 0, -1, 1e300, true, "x", "\u0000", []any{}, []any{1}, map[string]any{"a": "b"}, strings.Repeat("ş", 10_000)} {
			rows = append(rows, cdr(map[string]any{field: v}))
		}
	}
	got, all := 0, 0
	for _, part := range [][]string{rows[:100], rows[100:]} {
		page := read(t, part...)
		got, all = got+len(page.Records), all+len(page.Records)+len(page.Rejected)
		for _, r := range page.Rejected {
			if name, _, found := strings.Cut(r.Reason, ": "); !found || !strings.Contains(string(r.Row), "call_uuid") && name != "call_uuid" || len(r.Reason) > 500 || !json.Valid(r.Row) {
				t.Errorf("rejected without a reason that helps: %s", r.Reason)
			}
		}
	}
	if all != len(rows) || got < len(rows)/2 {
		t.Errorf("%d rows came to %d, of them %d records", len(rows), all, got)
	}
}

func TestTheSameRowGivesTheSameRecord(t *testing.T) {
	c := client(t, pages{whole(cdr(nil), cdr(map[string]any{"missed": "true"}))})
	var all []string
	for range 2 {
		for page, err := range c.CDRs(t.Context(), lastHour()) {
			if err != nil {
				t.Fatal(err)
			}
			b, err := json.Marshal(page.Records)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, string(b))
		}
	}
	if len(all) != 2 || all[0] != all[1] {
		t.Errorf("first\n%s\nthen\n%s", all[0], fmt.Sprint(all[1:]))
	}
}
