package stream_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/stream"
)

const (
	killRounds  = 10
	killCallers = 6
)

// groupOf returns the events that a caller publishes at once as its nth: mostly a few of one call, sometimes those of many.
func groupOf(caller, n int) []events.Event {
	account := "a" + strconv.Itoa(caller)
	if n%7 == 3 {
		var out []events.Event
		for i := range 100 {
			call := fmt.Sprintf("%d-%d", n, i)
			out = append(out, event(account, call, events.CallStarted), event(account, call, events.CallEnded))
		}
		return out
	}
	call := strconv.Itoa(n)
	all := []events.Event{event(account, call, events.CallStarted), event(account, call, events.CallAnswered), event(account, call, events.CallEnded), amended(account, call, 2), amended(account, call, 3)}
	return all[:1+n%5]
}

// publishUntilKilled publishes with an embedded server, and says on standard output what was acknowledged. STREAM_TEST_FROM
// says from which group on; the last acknowledged one is published again.
func publishUntilKilled(dir string) {
	s, err := stream.StartServer(context.Background(), stream.ServerConfig{DataDir: dir, Listen: "off", SyncAlways: true})
	exitOn(err)
	nc, err := s.Connect("publisher")
	exitOn(err)
	b, err := stream.Open(context.Background(), nc, stream.Settings{})
	exitOn(err)
	for caller, from := range strings.Fields(os.Getenv("STREAM_TEST_FROM")) {
		go func() {
			n, err := strconv.Atoi(from)
			exitOn(err)
			for ; ; n++ {
				exitOn(b.Publish(context.Background(), groupOf(caller, n)...))
				fmt.Println(caller, n)
			}
		}()
	}
	select {}
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// What was acknowledged before kill -9 is there, nothing is there twice, and of each call to Publish there is no later event
// without the earlier ones.
func TestKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	acked := make([]int, killCallers) // the last group of each caller that was acknowledged
	rounds := killRounds
	if testing.Short() {
		rounds = 4
	}
	for round := range rounds {
		before := fmt.Sprint(acked)
		killOnce(t, dir, acked)
		if fmt.Sprint(acked) == before && round > 0 {
			t.Logf("round %d acknowledged nothing", round)
		}
	}
	b := openBus(t, connect(t, startServer(t, stream.ServerConfig{DataDir: dir})))
	place := make(map[string]int)
	for i, e := range storedEvents(t, b, stream.Filter{}) {
		if at, twice := place[e.ID]; twice {
			t.Fatalf("%s is at %d and at %d", stream.Subject(e), at, i)
		}
		place[e.ID] = i
	}
	for caller, last := range acked {
		for n := range last + 3 { // beyond what was acknowledged
			checkGroup(t, place, caller, n, n <= last)
		}
	}
	t.Logf("after %d kills: %d events; the last groups acknowledged: %v", rounds, len(place), acked)
}

// checkGroup fails unless what is stored of a group is a beginning of it, in order, and all of it if whole.
func checkGroup(t *testing.T, place map[string]int, caller, n int, whole bool) {
	t.Helper()
	evs := groupOf(caller, n)
	last, missing := -1, false
	for i, e := range evs {
		at, there := place[e.ID]
		if whole && !there {
			t.Fatalf("caller %d, group %d: event %d of %d was acknowledged, and is not there", caller, n, i, len(evs))
		}
		if there && (missing || at < last) {
			t.Fatalf("caller %d, group %d: event %d of %d is there without the earlier ones, or before them", caller, n, i, len(evs))
		}
		if there {
			last = at
		}
		missing = missing || !there
	}
}

// killOnce runs a publisher, kills it at a random moment after some acknowledgements, and notes what it acknowledged.
func killOnce(t *testing.T, dir string, acked []int) {
	cmd := exec.CommandContext(testContext(t), os.Args[0])
	cmd.Env = append(os.Environ(), "STREAM_TEST_ROLE=publisher", "STREAM_TEST_DIR="+dir, "STREAM_TEST_FROM="+strings.Trim(fmt.Sprint(acked), "[]"))
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ackedNow, enough := 0, 1+rand.IntN(60)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if ackedNow++; ackedNow == enough {
			time.AfterFunc(rand.N(20*time.Millisecond), func() { _ = cmd.Process.Kill() })
		}
		var caller, n int
		if _, err := fmt.Sscan(lines.Text(), &caller, &n); err == nil {
			acked[caller] = n
		}
	}
	if err := cmd.Wait(); err == nil || errs.Len() > 0 {
		t.Fatalf("the publisher ended by itself: %v\n%s", err, errs.String())
	}
}
