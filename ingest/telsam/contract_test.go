package telsam_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/ingesttest"
	"github.com/callbus/callbus/ingest/telsam"
)

var istanbul = time.FixedZone("+03", 3*60*60)

func TestContract(t *testing.T) {
	const username, password = `api üser%&+1`, `p ä&s%C3+w"\ord`
	ingesttest.Contract(t, ingesttest.Vendor{
		Open: func(t testing.TB, hc *http.Client, base string) ingest.CDRReader {
			c, err := telsam.New(telsam.Config{URL: base, Username: username, Password: secret.New(password), Raw: true}, hc)
			if err != nil {
				t.Fatal(err)
			}
			return c
		},
		Secrets: []string{username, password},
		Record:  contractRecord,
		Active:  contractActive,
		Answer:  contractAnswer,
		Refuse:  contractRefuse,
		Foreign: map[string]string{
			"a count that is too high": `[{"success":true,"count":2,"data":[{}]}]`,
			"a count that is too low":  `[{"success":true,"count":0,"data":[{}]}]`,
			"no count":                 `{"success":true,"data":[]}`,
			"no success":               `{"count":0,"data":[]}`,
			"two answers":              `[{"success":true,"count":0,"data":[]},{"success":true,"count":0,"data":[]}]`,
			"a code":                   `07`,
		},
		BadRecords: map[string][]string{
			"id":       {cdr(map[string]any{"id": ""}), cdr(map[string]any{"id": absent}), cdr(map[string]any{"id": []int{1}})},
			"calldate": {cdr(map[string]any{"calldate": "2024-05-06"}), cdr(map[string]any{"calldate": "06.05.1999 10:00:00"})},
			"duration": {cdr(map[string]any{"duration": "long"}), cdr(map[string]any{"duration": "-1"}), cdr(map[string]any{"duration": nil})},
			"src":      {cdr(map[string]any{"src": map[string]int{"a": 1}})},
		},
		BadActive: map[string][]string{
			"channel":  {`{"channel":"","duration":"00:00:05","src":"1"}`},
			"duration": {`{"channel":"SIP/x","duration":"5","src":"1"}`, `{"channel":"SIP/x","src":"1"}`},
			"dst":      {`{"channel":"SIP/x","duration":"00:00:05","dst":[1]}`},
		},
		Alike: [][]string{{
			cdr(nil), cdr(map[string]any{"duration": 31.07}), cdr(map[string]any{"duration": "31.07"}), cdr(map[string]any{"record": "True"}),
			cdr(map[string]any{"record": 1}), cdr(map[string]any{"queue": nil}), cdr(map[string]any{"calldate": "06.05.202410:19:45"}), cdr(map[string]any{"new": []int{1}}),
		}},
	})
}

func contractRecord(c ingesttest.Call) string {
	callType, disposition := "outcoming", "NO ANSWER"
	if c.Inbound {
		callType = "incoming"
	}
	if c.Answered() {
		disposition = "ANSWERED"
	}
	return cdr(map[string]any{
		"id": fmt.Sprint(c.ID), "calldate": c.Began.In(istanbul).Format("02.01.2006 15:04:05"), "calltype": callType,
		"src": strings.TrimPrefix(c.From(), "+"), "dst": strings.TrimPrefix(c.To(), "+"), "disposition": disposition,
		"duration": strings.ReplaceAll(fmt.Sprint(c.Lasted().Seconds()), ".", ","),
	})
}

func contractActive(c ingesttest.Call) []string {
	callInfo, lasted := "Çalıyor", time.Since(c.Began).Truncate(time.Second)
	if c.Answered() {
		callInfo = "Konuşuyor"
	}
	row, err := json.Marshal(map[string]any{
		"channel": contractChannel(c), "calltype": "Dahili", "callinfo": callInfo,
		"duration": time.Time{}.Add(lasted).Format("15:04:05"), "src": strings.TrimPrefix(c.From(), "+"), "dst": strings.TrimPrefix(c.To(), "+"),
	})
	if err != nil {
		panic(err)
	}
	return []string{string(row)}
}

func contractChannel(c ingesttest.Call) string { return fmt.Sprintf("SIP/trunk-%08x", c.ID) }

// contractAnswer answers as a PBX would: all active calls, the records of the minutes asked for, or whether a call was
// ended.
func contractAnswer(w http.ResponseWriter, r *http.Request, pbx ingesttest.PBX) {
	if r.URL.Query().Get("action") == "hangupcall" {
		there := func(row ingesttest.Row) bool { return contractChannel(row.Call) == r.URL.Query().Get("channel") }
		fmt.Fprintf(w, `[{"success":%t,"count":0,"data":[]}]`, slices.ContainsFunc(pbx.Active, there))
		return
	}
	var rows []string
	if r.URL.Query().Get("action") == "activecalls" {
		for _, row := range pbx.Active {
			rows = append(rows, row.JSON())
		}
	} else {
		from, _ := time.ParseInLocation("020120061504", r.URL.Query().Get("date1"), istanbul)
		to, _ := time.ParseInLocation("020120061504", r.URL.Query().Get("date2"), istanbul)
		for _, row := range pbx.Records {
			if !row.Began.Before(from) && row.Began.Before(to.Add(time.Minute)) {
				rows = append(rows, row.JSON())
			}
		}
	}
	count := len(rows) + max(0, pbx.Claimed-len(pbx.Records))
	fmt.Fprintf(w, `[{"success":true,"count":%d,"data":[%s]}]`, count, strings.Join(rows, ","))
}

func contractRefuse(w http.ResponseWriter, _ *http.Request) {
	io.WriteString(w, `[{"success":false}]`)
}
