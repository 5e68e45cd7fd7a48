package pbxsim

import (
	"errors"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Fault is one way in which a reply goes wrong. None of them shows a wrong fact in a form that looks right, but for
// EmptyByMistake.
type Fault string

const (
	ServerError   Fault = "server-error"   // a 5xx, with a page for people
	Reset         Fault = "reset"          // the connection is reset before any reply
	Cut           Fault = "cut"            // the body ends early, with or without a Content-Length that tells
	HTML          Fault = "html"           // a page for people, with status 200
	Slow          Fault = "slow"           // the right reply, seconds later
	Stall         Fault = "stall"          // no reply for longer than anybody waits, then a reset
	CountMismatch Fault = "count-mismatch" // the reply's count is not that of its list
	Refused       Fault = "refused"        // well formed, without success, without a reason

	// EmptyByMistake is a list of no active calls, well formed, while there are some; for one reply or two in a row.
	// It is a lie, so MixedFaults leaves it out.
	EmptyByMistake Fault = "empty-by-mistake"
)

// mixed are the faults that cannot be mistaken for facts.
var mixed = []Fault{ServerError, Reset, Cut, HTML, Slow, Stall, CountMismatch, Refused}

// AllFaults returns every fault there is.
func AllFaults() []Fault { return append(slices.Clone(mixed), EmptyByMistake) }

// Faults says how often requests go wrong. The zero Faults is a vendor without fault.
type Faults struct {
	Chance   map[Fault]float64 // of each request; at most one fault befalls a request
	SlowFor  Span              // 1 to 5 s
	StallFor time.Duration     // 60 s
}

// MixedFaults lets the share rate of all requests go wrong, in every honest way equally often.
func MixedFaults(rate float64) Faults {
	f := Faults{Chance: map[Fault]float64{}}
	for _, k := range mixed {
		f.Chance[k] = rate / float64(len(mixed))
	}
	return f
}

// Validate returns everything that is wrong with f, joined, or nil.
func (f Faults) Validate() error {
	var errs []error
	var sum float64
	for _, k := range slices.Sorted(maps.Keys(f.Chance)) {
		p := f.Chance[k]
		if !slices.Contains(AllFaults(), k) {
			errs = append(errs, errors.New("no such fault: "+string(k)))
		}
		errs = append(errs, within("fault "+string(k), p, 0, 1))
		sum += p
	}
	errs = append(errs, f.withDefaults().SlowFor.orderly("SlowFor"), within("StallFor", f.StallFor.Seconds(), 0, 1e9))
	return errors.Join(append(errs, within("all faults together", sum, 0, 1+1e-9))...)
}

func (f Faults) withDefaults() Faults {
	f.Chance = maps.Clone(f.Chance)
	orDefault(&f.SlowFor, Span{time.Second, 5 * time.Second})
	orDefault(&f.StallFor, time.Minute)
	return f
}

func (f Faults) roll(rng *rand.Rand) Fault {
	at := rng.Float64()
	for _, k := range AllFaults() { // in fixed order: a map has none
		if at -= f.Chance[k]; at < 0 {
			return k
		}
	}
	return ""
}

// troubled lets requests go wrong. What befalls a request depends on the seed and on how many came before it.
type troubled struct {
	seed uint64

	mu       sync.Mutex
	faults   Faults
	requests uint64
	happened map[Fault]int
	empty    int // active lists that are yet to be empty by mistake
}

func newTroubled(seed uint64, f Faults) *troubled {
	t := &troubled{seed: seed, happened: map[Fault]int{}}
	t.set(f)
	return t
}

func (t *troubled) set(f Faults) {
	if err := f.Validate(); err != nil {
		panic("pbxsim: " + err.Error())
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.faults = f.withDefaults()
}

// request is one request and the dice it brings.
type request struct {
	n     uint64
	rng   *rand.Rand
	fault Fault
	of    Faults
}

func (t *troubled) next() request {
	t.mu.Lock()
	defer t.mu.Unlock()
	q := request{n: t.requests, rng: rand.New(rand.NewPCG(t.seed, t.requests)), of: t.faults}
	t.requests++
	q.fault = t.faults.roll(q.rng)
	return q
}

// note counts a fault that really befell a request.
func (t *troubled) note(f Fault) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.happened[f]++
}

// emptyNow tells whether this list of active calls, which is not empty, is to be empty by mistake.
func (t *troubled) emptyNow(q request) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if q.fault == EmptyByMistake {
		t.empty = 1 + q.rng.IntN(2)
	}
	if t.empty == 0 {
		return false
	}
	t.empty--
	t.happened[EmptyByMistake]++
	return true
}

func (t *troubled) counts() (requests int, faults map[Fault]int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return int(t.requests), maps.Clone(t.happened)
}

// reply is a whole reply before anything happens to it.
type reply struct {
	status      int
	contentType string
	body        []byte
}

const htmlType = "text/html; charset=utf-8"

func page(status int, text string) reply {
	return reply{status, htmlType, []byte("<!DOCTYPE html>\n<html><head><title>" + text + "</title></head><body><h1>" +
		text + "</h1><hr><i>pbx</i></body></html>\n")}
}

// serve answers one request with what answer returns, or with the fault that befalls it. The faults that need to know
// the vendor's form of a reply are left to answer.
func (t *troubled) serve(w http.ResponseWriter, r *http.Request, answer func(request) reply) {
	q := t.next()
	switch q.fault {
	case ServerError, HTML, Reset, Cut, Slow, Stall:
		t.note(q.fault)
	}
	switch q.fault {
	case ServerError:
		status := []int{500, 502, 503, 504}[q.rng.IntN(4)]
		send(w, page(status, strconv.Itoa(status)+" "+http.StatusText(status)))
	case HTML:
		send(w, page(http.StatusOK, "Bakım çalışması"))
	case Reset:
		reset(w)
	case Stall:
		_ = wait(r.Context(), q.of.StallFor)
		reset(w)
	case Cut:
		sendCut(w, answer(q), q.rng)
	case Slow:
		sendSlowly(w, r, q, answer)
	default:
		send(w, answer(q))
	}
}

func send(w http.ResponseWriter, r reply) { sendPart(w, r, len(r.body), len(r.body)) }

// sendPart sends the first n bytes of r and says that there are declared ones.
func sendPart(w http.ResponseWriter, r reply, n, declared int) {
	w.Header().Set("Content-Type", r.contentType)
	w.Header().Set("Content-Length", strconv.Itoa(declared))
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body[:n]) // the client is gone: nobody is left to tell
}

// sendCut leaves out at least the last byte: what is left of a JSON list or object is never one.
func sendCut(w http.ResponseWriter, r reply, rng *rand.Rand) {
	n := rng.IntN(max(1, len(r.body))) // an empty body has nothing to lose
	if rng.IntN(2) == 0 {
		sendPart(w, r, n, n)
		return
	}
	sendPart(w, r, n, len(r.body))
}

// sendSlowly is slow before the lists are read, or after: then the reply is as old as it was slow.
func sendSlowly(w http.ResponseWriter, r *http.Request, q request, answer func(request) reply) {
	d, readFirst := die(q.rng.Uint64()).within(q.of.SlowFor), q.rng.IntN(2) == 0
	var a reply
	if readFirst {
		a = answer(q)
	}
	if wait(r.Context(), d) != nil {
		reset(w)
		return
	}
	if !readFirst {
		a = answer(q)
	}
	send(w, a)
}

// reset ends the connection so that the client is told by a TCP reset, where there is a connection.
func reset(w http.ResponseWriter) {
	h, ok := w.(http.Hijacker)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	conn, _, err := h.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2: the server resets the stream
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
