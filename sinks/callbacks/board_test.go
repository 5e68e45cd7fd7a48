package callbacks

import (
	"testing"

	"github.com/callbus/callbus/events"
)

// TestTheBoardOfOpenCases: what was written since a review began is newer than what it finds, and what a whole review does not
// find is gone.
func TestTheBoardOfOpenCases(t *testing.T) {
	t.Parallel()
	waits := Caller{Cases: []Case{{Status: events.StatusWatching}}}.standing()
	both := Caller{Cases: []Case{{Status: events.StatusWatching}, {Status: events.StatusSnoozed}}}.standing()
	var none standing
	for name, tc := range map[string]struct {
		do                func(*board)
		watching, snoozed int
	}{
		"written":                     {func(b *board) { b.set("a", waits); b.set("b", both) }, 2, 1},
		"written again":               {func(b *board) { b.set("a", both); b.set("a", waits) }, 1, 0},
		"written to be over":          {func(b *board) { b.set("a", both); b.set("a", none) }, 0, 0},
		"found":                       {func(b *board) { b.begin(); b.found("a", both); b.end(true) }, 1, 1},
		"found as it was written":     {func(b *board) { b.set("a", waits); b.begin(); b.found("a", waits); b.end(true) }, 1, 0},
		"written by somebody else":    {func(b *board) { b.set("a", waits); b.begin(); b.found("a", both); b.end(true) }, 1, 1},
		"over since it was read":      {func(b *board) { b.set("a", waits); b.begin(); b.set("a", none); b.found("a", waits); b.end(true) }, 0, 0},
		"opened since it was read":    {func(b *board) { b.begin(); b.set("a", waits); b.found("a", none); b.end(true) }, 1, 0},
		"not there any more":          {func(b *board) { b.set("a", waits); b.begin(); b.end(true) }, 0, 0},
		"not reached by the review":   {func(b *board) { b.set("a", waits); b.begin(); b.end(false) }, 1, 0},
		"of a status that is unknown": {func(b *board) { b.set("a", Caller{Cases: []Case{{Status: "x"}}}.standing()) }, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &Sink{board: newBoard()}
			tc.do(s.board)
			got := s.Open()
			if len(got) != len(openStatuses) || got[events.StatusWatching] != tc.watching || got[events.StatusSnoozed] != tc.snoozed {
				t.Errorf("open are %v, want %d that wait and %d that are put off", got, tc.watching, tc.snoozed)
			}
		})
	}
}
