package callbacks

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/callbus/callbus/sinks"
	"github.com/callbus/callbus/sinks/sinktest"
)

// ringing is a diary whose alarms go off when a test says so.
type ringing struct {
	*sinktest.Diary
	alarms chan sinks.Alarm
}

func (r ringing) Alarms(ctx context.Context) iter.Seq2[sinks.Alarm, error] {
	return func(yield func(sinks.Alarm, error) bool) {
		for {
			select {
			case a := <-r.alarms:
				if !yield(a, nil) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

// The server may lose an alarm that is set in the instant in which the one before it goes off.
func TestAPageWhoseAlarmGoesOffTooEarlyIsGivenAnother(t *testing.T) {
	t.Parallel()
	d := ringing{sinktest.NewDiary(), make(chan sinks.Alarm)}
	s, err := New("calls", Config{After: Durations{time.Hour}, Hours: "Mon-Sun 00:00-24:00", Grace: time.Minute, MaxAge: 2 * time.Hour, Scope: PerNumber}, Options{Diary: d})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.CaughtUp()
	if err := s.Deliver(t.Context(), sinks.Delivery{Event: missedAt("m1", time.Now()), Attempt: 1}); err != nil {
		t.Fatal(err)
	}
	key := Key("acme", number)
	before, err := d.Page(t.Context(), key)
	if err != nil || before.Revision == 0 {
		t.Fatalf("page %+v, %v", before, err)
	}
	d.alarms <- sinks.Alarm{Key: key, At: time.Now()}
	for range 500 {
		if p, _ := d.Page(t.Context(), key); p.Revision > before.Revision {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the page is not written again, and so its alarm is not set again")
}
