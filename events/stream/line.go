package stream

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
)

// A line is the publisher's own way to the server. Each request is answered on a subject of its own under one inbox, so a late
// answer to an earlier request is not mistaken for the one that is waited for. Only one goroutine uses it.
type line struct {
	nc      *nats.Conn
	stream  string // that acknowledges
	prefix  string // of the subjects for answers
	sub     *nats.Subscription
	answers chan *nats.Msg
	status  chan nats.Status
	quit    <-chan struct{}
	timer   *time.Timer
	count   uint64
	session string // begins the ids of batches
}

// answerTimeout is how long an answer may take. A server that answers later is asked again and says that it has the event.
const answerTimeout = 5 * time.Second

// closingTimeout is how long an answer may still take once the publisher is to end.
const closingTimeout = time.Second

// mostAnswers is more than any one request is answered with.
const mostAnswers = 2048

func newLine(nc *nats.Conn, stream string, quit <-chan struct{}) (*line, error) {
	l := &line{
		nc: nc, stream: stream, prefix: nc.NewInbox() + ".", answers: make(chan *nats.Msg, mostAnswers),
		quit: quit, timer: time.NewTimer(0), session: nuid.Next(),
	}
	var err error
	if l.sub, err = nc.ChanSubscribe(l.prefix+">", l.answers); err != nil {
		return nil, fmt.Errorf("subscribe to answers: %w", err)
	}
	l.status = nc.StatusChanged(nats.CONNECTED, nats.DISCONNECTED, nats.RECONNECTING, nats.CLOSED)
	return l, nil
}

func (l *line) close() {
	l.timer.Stop()
	l.nc.RemoveStatusListener(l.status)
	_ = l.sub.Unsubscribe() // fails only if the connection is closed, which has the same effect
}

// publish publishes m for itself.
func (l *line) publish(m *message) (ack, error) {
	delete(m.Header, hdrBatchID)
	delete(m.Header, hdrBatchSeq)
	delete(m.Header, hdrBatchCommit)
	call, err := l.begin()
	if err != nil {
		return ack{}, err
	}
	m.Reply = call + "ack"
	if err := l.nc.PublishMsg(&m.Msg); err != nil {
		return ack{}, err
	}
	answer, err := l.await(call)
	if err != nil {
		return ack{}, err
	}
	return l.parseAck(answer)
}

// begin starts a request: its answers come on subjects that begin with call.
func (l *line) begin() (call string, err error) {
	for len(l.status) > 0 {
		<-l.status // of the time before this request
	}
	switch {
	case l.nc.IsClosed():
		return "", nats.ErrConnectionClosed
	case !l.nc.IsConnected():
		return "", errDisconnected // a message put into the buffer now would be sent who knows when
	}
	l.count++
	l.timer.Reset(answerTimeout)
	return l.prefix + strconv.FormatUint(l.count, 36) + ".", nil
}

var (
	errDisconnected = errors.New("not connected to the server")
	errNoAnswer     = errors.New("no answer from the server")
)

// await returns the next answer to call.
func (l *line) await(call string) (*nats.Msg, error) {
	quit := l.quit
	for {
		select {
		case m := <-l.answers:
			if !strings.HasPrefix(m.Subject, call) {
				continue
			}
			if len(m.Data) == 0 && m.Header.Get("Status") == "503" {
				return nil, nats.ErrNoResponders
			}
			return m, nil
		case s, ok := <-l.status:
			if !ok || s == nats.CLOSED {
				return nil, nats.ErrConnectionClosed
			}
			return nil, errDisconnected // the answer, if there was one, went with the connection
		case <-l.timer.C:
			return nil, l.silence()
		case <-quit:
			quit = nil
			l.timer.Reset(closingTimeout)
		}
	}
}

// quits tells whether the publisher is to end.
func (l *line) quits() bool {
	select {
	case <-l.quit:
		return true
	default:
		return false
	}
}

// silence says why there may have been no answer.
func (l *line) silence() error {
	if err := l.nc.LastError(); errors.Is(err, nats.ErrPermissionViolation) {
		return fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	return errNoAnswer
}

// sleep waits for d, or until the connection is back. False says that the publisher is to end.
func (l *line) sleep(d time.Duration) bool {
	l.timer.Reset(d)
	for {
		select {
		case <-l.timer.C:
			return true
		case s, ok := <-l.status:
			if !ok || s == nats.CONNECTED {
				return true
			}
		case <-l.quit:
			return false
		}
	}
}

// An ack is the server's answer to a publish.
type ack struct {
	Stream string    `json:"stream"`
	Seq    uint64    `json:"seq"`
	Batch  string    `json:"batch"`
	Count  int       `json:"count"`
	Error  *apiError `json:"error"`
}

func (l *line) parseAck(m *nats.Msg) (ack, error) {
	var a ack
	if err := json.Unmarshal(m.Data, &a); err != nil {
		return a, fmt.Errorf("read the server's answer: %w", err)
	}
	if a.Error != nil {
		return a, a.Error
	}
	if a.Stream != l.stream {
		return a, &apiError{Description: fmt.Sprintf("stored in stream %s, not %s: something else took its subjects", a.Stream, l.stream)}
	}
	return a, nil
}
