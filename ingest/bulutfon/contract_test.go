package bulutfon_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/bulutfon"
	"github.com/callbus/callbus/ingest/ingesttest"
)

const contractToken = `t ök&en%C3+"\x`

func TestContract(t *testing.T) {
	ingesttest.Contract(t, ingesttest.Vendor{
		Open: func(t testing.TB, hc *http.Client, base string) ingest.CDRReader {
			c, err := bulutfon.New(bulutfon.Config{URL: base, Token: secret.New(contractToken), Raw: true}, hc)
			if err != nil {
				t.Fatal(err)
			}
			return c
		},
		Secrets: []string{contractToken},
		Record:  contractRecord,
		Answer:  contractAnswer,
		Refuse:  contractRefuse,
		Foreign: map[string]string{
			"no pagination":                     `{"cdrs":[]}`,
			"no total_pages":                    `{"cdrs":[],"pagination":{"page":1,"total_count":0,"limit":100}}`,
			"an empty list with a count of two": `{"cdrs":[],"pagination":{"page":1,"total_count":2,"total_pages":1,"limit":100}}`,
			"another page":                      `{"cdrs":[],"pagination":{"page":2,"total_count":0,"total_pages":1,"limit":100}}`,
			"a list and a detail that are none": `{"cdrs":{"a":1},"cdr":[1],"pagination":{"total_pages":1}}`,
			"the list of version 2":             `{"data":[],"pagination":{"total_pages":0}}`,
		},
		BadRecords: map[string][]string{
			"uuid":         {cdr(map[string]any{"uuid": ""}), cdr(map[string]any{"uuid": absent}), cdr(map[string]any{"uuid": []int{1}})},
			"call_time":    {cdr(map[string]any{"call_time": "yesterday"}), cdr(map[string]any{"call_time": nil}), cdr(map[string]any{"call_time": 1714982400})},
			"answer_time":  {cdr(map[string]any{"answer_time": absent}), cdr(map[string]any{"answer_time": "2024-05-06T10:12:38+03:00"})},
			"hangup_time":  {cdr(map[string]any{"hangup_time": "later"}), cdr(map[string]any{"hangup_time": "2024-05-06T10:12:38+03:00"})},
			"missing_call": {cdr(map[string]any{"missing_call": "maybe"})},
			"caller":       {cdr(map[string]any{"caller": map[string]int{"a": 1}})},
		},
		Alike: [][]string{{
			cdr(nil), cdr(map[string]any{"missing_call": "true"}), cdr(map[string]any{"missing_call": "Evet"}), cdr(map[string]any{"call_record": "YOK"}),
			cdr(map[string]any{"call_time": "2024-05-06 10:12:40 +0300"}), cdr(map[string]any{"hangup_time": "2024-05-06T07:16:10Z"}),
			cdr(map[string]any{"caller": "905000000101"}), cdr(map[string]any{"direction": "in"}), cdr(map[string]any{"new": []int{1}}),
		}},
	})
}

func contractID(c ingesttest.Call) string {
	return fmt.Sprintf("%08x-0b78-11ef-ac4a-0250c0000001", c.ID)
}

func contractRecord(c ingesttest.Call) string {
	change := map[string]any{
		"uuid": contractID(c), "direction": "OUT", "caller": strings.TrimPrefix(c.From(), "+"), "callee": strings.TrimPrefix(c.To(), "+"),
		"call_time": contractTime(c.Began), "answer_time": nil, "hangup_time": contractTime(c.Ended()),
		"missing_call": c.Inbound && !c.Answered(), "hangup_cause": "NO_ANSWER",
	}
	if c.Inbound {
		change["direction"] = "IN"
	}
	if c.Answered() {
		change["answer_time"], change["hangup_cause"] = contractTime(c.Began.Add(c.Rang)), "NORMAL_CLEARING"
	}
	return cdr(change)
}

func contractTime(t time.Time) string {
	return t.In(time.FixedZone("", 3*60*60)).Format(time.RFC3339)
}

// contractAnswer answers as the vendor would: a page of the newest records, or the detail of an incoming call.
func contractAnswer(w http.ResponseWriter, r *http.Request, pbx ingesttest.PBX) {
	id, one := strings.CutPrefix(r.URL.Path, "/cdrs/")
	if !one {
		contractPage(w, r, pbx)
		return
	}
	for _, row := range pbx.Records {
		if contractID(row.Call) == id && row.Inbound {
			fmt.Fprintf(w, `{"cdr":%s}`, strings.TrimSuffix(row.JSON(), "}")+`,"call_flow":[]}`)
			return
		}
	}
	w.WriteHeader(http.StatusNotFound)
	io.WriteString(w, `{"error":"Not found"}`)
}

func contractPage(w http.ResponseWriter, r *http.Request, pbx ingesttest.PBX) {
	reach, limited := map[string]time.Duration{"hour": time.Hour, "day": 24 * time.Hour, "month": 30 * 24 * time.Hour}[r.URL.Query().Get("time_limit")]
	n, _ := strconv.Atoi(r.URL.Query().Get("page"))
	rows := pbx.Records
	older := func(row ingesttest.Row) bool { return limited && time.Since(row.Began) > reach }
	if i := slices.IndexFunc(rows, older); i >= 0 {
		rows = rows[:i]
	}
	count := max(len(rows), pbx.Claimed)
	var shown []string
	for _, row := range rows[min(len(rows), (n-1)*100):min(len(rows), n*100)] {
		shown = append(shown, row.JSON())
	}
	fmt.Fprintf(w, `{"cdrs":[%s],"pagination":{"page":%d,"total_count":%d,"total_pages":%d,"limit":100}}`,
		strings.Join(shown, ","), n, count, (count+99)/100)
}

func contractRefuse(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(http.StatusBadRequest)
	json.NewEncoder(w).Encode(map[string]string{"error": "Invalid token: " + r.URL.Query().Get("access_token")})
}
