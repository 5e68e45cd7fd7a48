package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/callbus/callbus/ingest/pbxsim/score"
)

// receiver takes webhooks, and refuses one in twenty for a while.
type receiver struct {
	mu       sync.Mutex
	requests int
	arrivals []arrival // what it took, in the order in which it took it
}

type arrival struct{ event, webhook string }

// mostBody is more than any event.
const mostBody = 1 << 20

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var e struct {
		ID string `json:"id"`
	}
	err := json.NewDecoder(http.MaxBytesReader(w, req.Body, mostBody)).Decode(&e)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests++
	switch {
	case err != nil:
		w.WriteHeader(http.StatusBadRequest)
	case r.requests%20 == 7:
		w.WriteHeader(http.StatusServiceUnavailable)
	default:
		r.arrivals = append(r.arrivals, arrival{e.ID, req.Header.Get("Webhook-Id")})
	}
}

// Deliveries says what became of the events on their way to a webhook.
type Deliveries struct {
	Events   int      // that are stored
	Lost     []string // never arrived
	Disorder []string // arrived for the first time after a later event of the same call
	Renamed  []string // arrived again under another webhook-id
	Repeats  int
}

// OK tells whether all is as promised.
func (d Deliveries) OK() bool { return len(d.Lost)+len(d.Disorder)+len(d.Renamed) == 0 }

func (d Deliveries) String() string {
	s := fmt.Sprintf("webhooks: %d events, lost %d, out of order within a call %d, under another webhook-id %d, repeated %d\n",
		d.Events, len(d.Lost), len(d.Disorder), len(d.Renamed), d.Repeats)
	for what, which := range map[string][]string{"lost": d.Lost, "out of order": d.Disorder, "renamed": d.Renamed} {
		if len(which) > 0 {
			s += "  " + what + ": " + strings.Join(which[:min(5, len(which))], ", ") + "\n"
		}
	}
	return s
}

// against holds what arrived against what is stored.
func (r *receiver) against(published []score.Stored) Deliveries {
	r.mu.Lock()
	defer r.mu.Unlock()
	first, webhook := map[string]int{}, map[string]string{}
	d := Deliveries{Events: len(published)}
	for i, a := range r.arrivals {
		if _, again := first[a.event]; !again {
			first[a.event], webhook[a.event] = i, a.webhook
			continue
		}
		d.Repeats++
		if a.webhook != webhook[a.event] {
			d.Renamed = append(d.Renamed, a.event)
		}
	}
	latest := map[string]int{} // by call: the first arrival of the last of its events so far
	for _, e := range published {
		at, arrived := first[e.ID]
		switch {
		case !arrived:
			d.Lost = append(d.Lost, string(e.Type)+" "+e.ID)
		case at < latest[e.Subject]:
			d.Disorder = append(d.Disorder, string(e.Type)+" "+e.ID)
		default:
			latest[e.Subject] = at
		}
	}
	slices.Sort(d.Lost)
	return d
}
