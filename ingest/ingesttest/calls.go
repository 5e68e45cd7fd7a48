package ingesttest

import (
	"fmt"
	"time"

	"github.com/callbus/callbus/ingest"
)

// noon is when the suite asks, in virtual time: on a day on which no vendor's country changes its clocks.
var noon = time.Date(2026, 5, 6, 12, 0, 0, 0, time.UTC)

// span is the window that the suite asks for.
const span = 3 * time.Hour

// window is the last span before noon.
func window() ingest.Window { return ingest.Window{From: noon.Add(-span), To: noon} }

// quiet is how long before noon the calls of a list began at the latest, so that later ones can be put before them.
const quiet = 5 * time.Minute

// call returns the invented call i, which began so long before noon. In and out, answered and not take turns.
func call(i int, before time.Duration) Call {
	c := Call{
		ID: i, Inbound: i%2 == 0, Outside: fmt.Sprintf("+90500%07d", i), Inside: "215",
		Began: noon.Add(-before).Truncate(time.Second), Rang: 9 * time.Second,
	}
	if i/2%2 == 0 {
		c.Talked = 31 * time.Second
	}
	return c
}

// calls returns n calls, the first of which began first, spread over the window.
func calls(n int) []Call {
	all := make([]Call, n)
	for i := range all {
		age := span - time.Minute - time.Duration(i)*(span-time.Minute-quiet)/time.Duration(n)
		all[i] = call(100+i, age)
	}
	return all
}

// four is one call of each kind: in and out, answered and not.
func four() []Call { return calls(4) }
