package ingesttest_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/ingesttest"
)

// fakePage is how many rows the vendor has on a page.
const fakePage = 50

// fakeVendor describes the vendor that fake is a provider of.
func fakeVendor(open func(t testing.TB, hc *http.Client, base string) ingest.CDRReader) ingesttest.Vendor {
	return ingesttest.Vendor{
		Open:    open,
		Secrets: []string{fakeKey},
		Record:  fakeRecord,
		Active:  func(c ingesttest.Call) []string { return []string{fakeRecord(c)} },
		Answer:  fakeAnswer,
		Refuse:  func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"error":"key"}`) },
		BadRecords: map[string][]string{
			"id":    {`{"id":"x"}`, `{"began":1}`},
			"began": {`{"id":1,"began":"noon"}`},
		},
		BadActive: map[string][]string{"id": {`{"id":null}`}},
		Requests:  15,
		Page:      fakePage,
		Alike:     [][]string{{`{"id":1,"began":1,"rang":1,"talked":1,"in":true}`, `{"id":1,"began":1,"rang":"1,0","talked":1,"in":"t"}`}},
	}
}

func fakeRecord(c ingesttest.Call) string {
	b, err := json.Marshal(map[string]any{
		"id": c.ID, "began": c.Began.Unix(), "rang": int(c.Rang.Seconds()), "talked": int(c.Talked.Seconds()), "in": c.Inbound,
		"outside": c.Outside, "inside": c.Inside,
	})
	if err != nil {
		panic(err)
	}
	return string(b)
}

func fakeAnswer(w http.ResponseWriter, r *http.Request, pbx ingesttest.PBX) {
	q := r.URL.Query()
	switch {
	case q.Has("hangup"):
		there := slices.ContainsFunc(pbx.Active, func(row ingesttest.Row) bool { return strconv.Itoa(row.ID) == q.Get("hangup") })
		fmt.Fprintf(w, `{"ended":%t}`, there)
	case q.Has("detail"):
		fakeDetail(w, q.Get("detail"), pbx)
	case q.Has("active"):
		fakeList(w, pbx.Active, len(pbx.Active))
	default:
		rows := fakeRows(q, pbx.Records)
		n, _ := strconv.Atoi(q.Get("page"))
		from := min(max(n-1, 0)*fakePage, len(rows))
		fakeList(w, rows[from:min(from+fakePage, len(rows))], max(len(rows), pbx.Claimed))
	}
}

func fakeDetail(w http.ResponseWriter, id string, pbx ingesttest.PBX) {
	if !slices.ContainsFunc(pbx.Records, func(row ingesttest.Row) bool { return strconv.Itoa(row.ID) == id }) {
		fmt.Fprint(w, `{"error":"none"}`)
		return
	}
	fmt.Fprintf(w, `{"detail":{"id":%q}}`, id)
}

// fakeRows returns the rows that are asked for: by when they began, or those written since an id, the newest last.
func fakeRows(q url.Values, rows []ingesttest.Row) (asked []ingesttest.Row) {
	since, _ := strconv.Atoi(q.Get("since"))
	from, _ := strconv.ParseInt(q.Get("from"), 10, 64)
	to, _ := strconv.ParseInt(q.Get("to"), 10, 64)
	for _, row := range rows {
		if q.Has("since") && row.ID >= since || !q.Has("since") && row.Began.Unix() >= from && row.Began.Unix() <= to {
			asked = append(asked, row)
		}
	}
	if q.Has("since") {
		slices.SortFunc(asked, func(a, b ingesttest.Row) int { return cmp.Compare(a.ID, b.ID) })
	}
	return asked
}

func fakeList(w http.ResponseWriter, rows []ingesttest.Row, total int) {
	var texts []string
	for _, row := range rows {
		texts = append(texts, row.JSON())
	}
	w.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat))
	fmt.Fprintf(w, `{"total":%d,"rows":[%s]}`, total, strings.Join(texts, ","))
}
