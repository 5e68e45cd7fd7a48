package pbxsim_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callbus/callbus/ingest/pbxsim"
)

// Run with -race.
func TestManyMayAskAtOnce(t *testing.T) {
	world := pbxsim.NewWorld(pbxsim.Config{Seed: 9, Rate: 5})
	var ticks atomic.Int64
	view := pbxsim.NewTelsam(world, pbxsim.TelsamConfig{}, func() time.Time {
		return world.Config().Start.Add(time.Duration(ticks.Add(1)) * time.Second)
	})
	var askers sync.WaitGroup
	for range 8 {
		askers.Go(func() { askAround(t, view) })
	}
	askers.Wait()
	if n, _ := view.Requests(); n < 8*3*15 {
		t.Errorf("%d requests", n)
	}
}

func askAround(t *testing.T, view *pbxsim.Telsam) {
	c := newClient(view)
	for range 15 {
		rows, err := c.active()
		if err != nil {
			t.Error(err)
			return
		}
		if _, err := c.rows("cdr&date1=060520241100&date2=060520241110"); err != nil {
			t.Error(err)
		}
		if len(rows) > 0 { // it may have ended meanwhile, so it may be refused
			_, _ = c.rows("hangupcall&channel=" + strings.ReplaceAll(rows[0].text("channel"), "/", "%2F"))
		} else {
			_, _ = c.active()
		}
		view.SetFaults(pbxsim.Faults{})
		view.Truth(start().Add(time.Minute))
	}
}
