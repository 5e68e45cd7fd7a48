package pbxsim_test

import (
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest/pbxsim"
	"github.com/callbus/callbus/ingest/pbxsim/score"
)

// A client reads the simulated PBX in memory. The clock is the test's: a day passes as fast as it is asked about.
func Example() {
	world := pbxsim.NewWorld(pbxsim.Config{Seed: 4, Rate: 2})
	now := world.Config().Start
	pbx := pbxsim.NewTelsam(world, pbxsim.TelsamConfig{Plain: true}, func() time.Time { return now })
	client := &http.Client{Transport: pbxsim.RoundTripper(pbx)}

	now = now.Add(time.Minute)
	resp, err := client.Get("http://pbx.example/?username=callbus&password=callbus&action=activecalls")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	fmt.Println(string(body), err)

	// what really went on
	for _, c := range world.Active(now) {
		fmt.Println(c.Direction, c.External(), c.Phase(now))
	}
	// Output:
	// [{"success":true,"count":1,"data":[{"channel":"SIP/trunk-sip-Trunk212-04eef","duration":"00:00:31","calltype":"Kuyruk(620)","callinfo":"Konuşuyor","src":"905000001130","dst":"119"}]}] <nil>
	// inbound +905000001130 talking
}

// The same over HTTP, with every fifth request failing in some honest way, and records that come late or garbled:
//
//	http.ListenAndServe("127.0.0.1:8099", pbx)
func ExampleMixedFaults() {
	world := pbxsim.NewWorld(pbxsim.Config{Seed: 1, Start: time.Now(), Rate: 60, Scale: 0.05})
	pbx := pbxsim.NewTelsam(world, pbxsim.TelsamConfig{
		Faults:  pbxsim.MixedFaults(0.2),
		Records: pbxsim.Records{LateRate: 0.1, GarbledRate: 0.02},
	}, time.Now)
	pbx.SetFaults(pbxsim.Faults{}) // the vendor has recovered
	requests, _ := pbx.Requests()
	fmt.Println(requests, "requests so far")
	// Output: 0 requests so far
}

// How well did my consumer do? Here it published nothing at all.
func ExampleTelsam_Truth() {
	world := pbxsim.NewWorld(pbxsim.Config{Seed: 1})
	pbx := pbxsim.NewTelsam(world, pbxsim.TelsamConfig{}, time.Now)
	until := world.Config().Start.Add(time.Hour)

	var published []events.Event // as read back from the stream, in its order
	report := score.Of(pbx.Truth(until), published, score.Options{Since: world.Config().Start, Until: until})
	fmt.Println(report.Perfect(), report.Line(events.CallMissed).Recall())
	// Output: false 0
}
