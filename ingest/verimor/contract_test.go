package verimor_test

import (
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
	"github.com/callbus/callbus/ingest/verimor"
)

func TestContract(t *testing.T) {
	const secretKey = `k ä&y%C3+w"\ord`
	ingesttest.Contract(t, ingesttest.Vendor{
		NewestOnly: true,
		Open: func(t testing.TB, hc *http.Client, base string) ingest.CDRReader {
			c, err := verimor.New(verimor.Config{URL: base, Key: secret.New(secretKey), Raw: true}, hc)
			if err != nil {
				t.Fatal(err)
			}
			return c
		},
		Secrets: []string{secretKey},
		Record:  contractRecord,
		Answer:  contractAnswer,
		Refuse: func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, "Gecersiz anahtar: "+r.URL.Query().Get("key"))
		},
		Foreign: map[string]string{
			"no pagination":                     `{"cdrs":[]}`,
			"no total_pages":                    `{"cdrs":[],"pagination":{"page":1,"total_count":0,"limit":100}}`,
			"an empty list with a count of two": envelope(2, 1),
			"a list that is none":               `{"cdrs":{"a":1},"cdr":[1],"pagination":{"total_pages":1}}`,
		},
		BadRecords: map[string][]string{
			"call_uuid":          {cdr(map[string]any{"call_uuid": ""}), cdr(map[string]any{"call_uuid": absent}), cdr(map[string]any{"call_uuid": []int{1}})},
			"start_stamp":        {cdr(map[string]any{"start_stamp": "yesterday", "end_stamp": "today"}), cdr(map[string]any{"start_stamp": nil, "duration": "long"})},
			"end_stamp":          {cdr(map[string]any{"end_stamp": "today", "duration": nil})},
			"destination_number": {cdr(map[string]any{"destination_number": map[string]int{"a": 1}})},
		},
		Alike: [][]string{{
			cdr(nil), cdr(map[string]any{"missed": false}), cdr(map[string]any{"missed": "f"}), cdr(map[string]any{"recording_present": false}),
			cdr(map[string]any{"queue": ""}), cdr(map[string]any{"duration": "0:0:31"}), cdr(map[string]any{"talk_duration": 20}),
			cdr(map[string]any{"queue_wait_seconds": 0}), cdr(map[string]any{"start_stamp": "024-05-06 10:20:00 +030"}),
			cdr(map[string]any{"direction": "inbound"}), cdr(map[string]any{"end_stamp": nil}), cdr(map[string]any{"new": []int{1}}),
		}},
	})
}

func contractID(c ingesttest.Call) string {
	return fmt.Sprintf("%08x-0b79-41ef-9b08-0250c0000001", c.ID)
}

func contractRecord(c ingesttest.Call) string {
	change := map[string]any{
		"call_uuid": contractID(c), "direction": "Giden", "missed": strconv.FormatBool(c.Inbound && !c.Answered()),
		"caller_id_number": strings.TrimPrefix(c.From(), "+"), "destination_number": strings.TrimPrefix(c.To(), "+"), "destination_name": "",
		"start_stamp": contractStamp(c.Began), "end_stamp": contractStamp(c.Ended()), "answer_stamp": nil, "result": "Cevapsız",
		"duration": contractClock(c.Lasted()), "talk_duration": contractClock(c.Talked),
	}
	if c.Inbound {
		change["direction"] = "Gelen"
	}
	if c.Answered() {
		change["result"], change["answer_stamp"] = "Cevaplandı", contractStamp(c.Began.Add(c.Rang))
	}
	return cdr(change)
}

func contractStamp(t time.Time) string {
	return t.In(verimor.Istanbul).Format("2006-01-02 15:04:05 -0700")
}

func contractClock(d time.Duration) string { return time.Time{}.Add(d).Format("15:04:05") }

// contractAnswer answers as the vendor would: a page of the records of the time asked for, a detail, an end.
func contractAnswer(w http.ResponseWriter, r *http.Request, pbx ingesttest.PBX) {
	_, id, one := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if !one {
		contractPage(w, r, pbx)
		return
	}
	for _, row := range pbx.Records {
		switch {
		case contractID(row.Call) != id:
		case strings.HasPrefix(r.URL.Path, "/hangup/"):
			io.WriteString(w, "+OK")
			return
		default:
			fmt.Fprintf(w, `{"cdr":%s,"call_flow":[]}`, row.JSON())
			return
		}
	}
	if strings.HasPrefix(r.URL.Path, "/hangup/") {
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, "No such channel!")
		return
	}
	w.WriteHeader(http.StatusNotFound)
	io.WriteString(w, "cannot find call with call_uuid "+id+" ")
}

func contractPage(w http.ResponseWriter, r *http.Request, pbx ingesttest.PBX) {
	q := r.URL.Query()
	from, _ := time.Parse("2006-01-02 15:04:05 UTC", q.Get("start_stamp_from"))
	to, _ := time.Parse("2006-01-02 15:04:05 UTC", q.Get("start_stamp_to"))
	n, _ := strconv.Atoi(q.Get("page"))
	var rows []string
	for _, row := range pbx.Records {
		if !row.Began.Before(from) && !row.Began.After(to) {
			rows = append(rows, row.JSON())
		}
	}
	count := len(rows)
	if pbx.Claimed > len(pbx.Records) {
		count = pbx.Claimed
	}
	io.WriteString(w, envelope(count, (count+99)/100, rows[min(len(rows), (n-1)*100):min(len(rows), n*100)]...))
}
