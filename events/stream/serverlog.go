package stream

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/callbus/callbus/events/secret"
)

// A serverLog takes nats-server's log lines to slog; what it does in the course of things is a detail here, for debugging. It
// remembers why the server did not start, because the server tells it nowhere else.
type serverLog struct {
	log     *slog.Logger
	secrets []secret.Text

	mu         sync.Mutex
	firstFatal string
}

func newServerLog(c ServerConfig) *serverLog {
	return &serverLog{log: c.Log.With("component", "nats-server"), secrets: []secret.Text{c.Password}}
}

func (l *serverLog) line(format string, v []any) string {
	return strings.TrimSpace(secret.Redact(fmt.Sprintf(format, v...), l.secrets...))
}

// harmless warnings are about choices made here on purpose.
var harmless = []string{"Plaintext passwords detected"}

// Noticef and the methods below are nats-server's Logger.
func (l *serverLog) Noticef(format string, v ...any) { l.log.Debug(l.line(format, v)) }
func (l *serverLog) Debugf(format string, v ...any)  { l.log.Debug(l.line(format, v)) }
func (l *serverLog) Tracef(format string, v ...any)  { l.log.Debug(l.line(format, v)) }

func (l *serverLog) Warnf(format string, v ...any) {
	line := l.line(format, v)
	for _, h := range harmless {
		if strings.Contains(line, h) {
			l.log.Debug(line)
			return
		}
	}
	l.log.Warn(line)
}

func (l *serverLog) Errorf(format string, v ...any) {
	l.log.Error(l.line(format, v))
}

// Fatalf does not end the process, as the server's own logger would: StartServer returns it as an error.
func (l *serverLog) Fatalf(format string, v ...any) {
	line := l.line(format, v)
	l.mu.Lock()
	if l.firstFatal == "" {
		l.firstFatal = line
	}
	l.mu.Unlock()
	l.log.Debug(line)
}

func (l *serverLog) fatal() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.firstFatal
}

// isListenFailure tells whether a fatal line is about the address.
func isListenFailure(line string) bool { return strings.HasPrefix(line, "Error listening on port") }
