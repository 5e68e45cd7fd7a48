package while1_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/ingesttest"
	"github.com/callbus/callbus/ingest/while1"
)

const absent = "(absent)"

func TestContract(t *testing.T) {
	const apiToken, hashKey = `tok&en%C3+"\x<1>`, `k ș&y%C3+w"\ord`
	ingesttest.Contract(t, ingesttest.Vendor{
		Open: func(t testing.TB, hc *http.Client, base string) ingest.CDRReader {
			c, err := while1.New(while1.Config{URL: base, Token: secret.New(apiToken), Key: secret.New(hashKey), Raw: true}, hc)
			if err != nil {
				t.Fatal(err)
			}
			return c
		},
		Secrets:  []string{apiToken, hashKey},
		Record:   contractRecord,
		Answer:   contractAnswer,
		Refuse:   contractRefuse,
		HangupID: "PJSIP/john-doe-00000027",
		Foreign: map[string]string{
			"no has_error":                `{"messages":[],"results":[]}`,
			"a has_error that is neither": `{"has_error":"perhaps","messages":[],"results":[]}`,
			"an answer in a list":         `[{"has_error":false,"messages":[],"results":[]}]`,
			"two braces too many":         `{"has_error":false,"messages":[],"results":[]}}}`,
		},
		BadRecords: map[string][]string{
			"id":            {contractRow(map[string]any{"id": ""}), contractRow(map[string]any{"id": absent}), contractRow(map[string]any{"id": "x"})},
			"linkedid":      {contractRow(map[string]any{"linkedid": "the call"}), contractRow(map[string]any{"linkedid": nil, "uniqueid": nil})},
			"time":          {contractRow(map[string]any{"time": "noon"}), contractRow(map[string]any{"time": nil})},
			"time_end":      {contractRow(map[string]any{"time_end": "later"}), contractRow(map[string]any{"time_end": nil, "duration": nil})},
			"bill_duration": {contractRow(map[string]any{"bill_duration": "long"}), contractRow(map[string]any{"bill_duration": -1})},
			"source":        {contractRow(map[string]any{"source": map[string]int{"a": 1}})},
		},
		Alike: [][]string{{
			contractRow(nil), contractRow(map[string]any{"bill_duration": 20}), contractRow(map[string]any{"bill_duration": "0:00:20"}),
			contractRow(map[string]any{"time": "2026-05-06T14:00:00"}), contractRow(map[string]any{"has_rating": nil}),
			contractRow(map[string]any{"linkedid": nil}), contractRow(map[string]any{"qname": ""}), contractRow(map[string]any{"direction": "in"}),
			contractRow(map[string]any{"is_recovered": 0}), contractRow(map[string]any{"new": []int{1}}),
		}},
	})
}

// contractRow returns the only row of a call, with what change sets.
func contractRow(change map[string]any) string {
	row := map[string]any{
		"id": "27", "uniqueid": "1778065200.27", "linkedid": "1778065200.27", "time": "2026-05-06 14:00:00", "time_end": "2026-05-06 14:00:29",
		"source": "0700000001", "destination": "215", "direction": "IN", "dstchannel_formatted": "PJSIP/ana", "qname": nil, "call_status": "ANSWERED",
		"call_codes": "ANSWERED", "bill_duration": "00:00:20", "duration": "00:00:29", "ring_time": "00:00:09", "is_recovered": nil,
	}
	for field, v := range change {
		if row[field] = v; v == absent {
			delete(row, field)
		}
	}
	b, err := json.Marshal(row)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func contractID(c ingesttest.Call) string { return fmt.Sprintf("%d.%d", c.Began.Unix(), c.ID) }

func contractRecord(c ingesttest.Call) string {
	change := map[string]any{
		"id": strconv.Itoa(c.ID), "uniqueid": contractID(c), "linkedid": contractID(c),
		"time": c.Began.In(bucharest).Format(time.DateTime), "time_end": c.Ended().In(bucharest).Format(time.DateTime),
		"source": strings.Replace(c.From(), "+", "00", 1), "destination": strings.Replace(c.To(), "+", "00", 1), "direction": "OUT",
		"call_status": "NO ANSWER", "call_codes": "NO ANSWER", "bill_duration": clock(c.Talked), "duration": clock(c.Lasted()), "ring_time": clock(c.Rang),
	}
	if c.Inbound {
		change["direction"] = "IN"
	}
	if c.Answered() {
		change["call_status"], change["call_codes"] = "ANSWERED", "ANSWERED"
	}
	return contractRow(change)
}

// contractAnswer answers as a PBX would: a page of the rows that pass its filters, or what it says to hanging up.
func contractAnswer(w http.ResponseWriter, r *http.Request, pbx ingesttest.PBX) {
	if r.URL.Path == "/api/channel" {
		if len(pbx.Records) == 0 {
			io.WriteString(w, `{"has_error":true,"messages":["No such channel"]}`)
			return
		}
		io.WriteString(w, `{"has_error":false,"messages":[]}`)
		return
	}
	rows := contractRows(r, pbx.Records)
	n, _ := strconv.Atoi(r.FormValue("page"))
	shown := rows[min(len(rows), (n-1)*100):min(len(rows), n*100)]
	fmt.Fprintf(w, `{"has_error":false,"messages":[],"pagination":{"page_size":100,"current_page":%d,"max_page":%d},"results":[%s]}`,
		n, (max(len(rows), pbx.Claimed)+99)/100, written(shown))
}

// contractRows returns the rows that pass the filter of a question, which has one.
func contractRows(r *http.Request, all []ingesttest.Row) (rows []ingesttest.Row) {
	id, _ := strconv.Atoi(r.FormValue("filters[from_id]"))
	linked := r.FormValue("filters[linkedid]")
	from, _ := time.ParseInLocation(time.DateTime, r.FormValue("filters[date_between][0]"), bucharest)
	to, _ := time.ParseInLocation(time.DateTime, r.FormValue("filters[date_between][1]"), bucharest)
	for _, row := range all {
		during := !row.Began.Before(from) && !row.Began.After(to)
		if during || id > 0 && row.ID >= id || linked != "" && linked == contractID(row.Call) {
			rows = append(rows, row)
		}
	}
	return rows
}

func written(rows []ingesttest.Row) string {
	var texts []string
	for _, row := range rows {
		texts = append(texts, row.JSON())
	}
	return strings.Join(texts, ",")
}

func contractRefuse(w http.ResponseWriter, r *http.Request) {
	json.NewEncoder(w).Encode(map[string]any{
		"has_error": true, "messages": []string{"Invalid API token: " + r.Header.Get("Authorization")}, "pagination": []int{}, "results": []int{},
	})
}
