package main

import (
	"encoding"
	"errors"
	"log/slog"
	"net"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/callbus/callbus/ingest"
)

const (
	acceptedDuration = "a number with its unit, like 500ms, 2s, 15m or 24h"
	acceptedNames    = "names of a-z, 0-9 and -, at most 40 characters, separated by commas"
	acceptedListen   = "host:port, with a host that is a name, an IP address or empty for all; or off"
)

// decoders are for the types of other packages that have no decoder of their own.
var decoders = map[reflect.Type]func(string) (any, error){
	reflect.TypeFor[ingest.Rate]():     decodeRate,
	reflect.TypeFor[ingest.First]():    oneOf(ingest.Baseline, ingest.FromBackfill),
	reflect.TypeFor[ingest.CallFlow](): oneOf(ingest.NoFlow, ingest.MissedFlow, ingest.AllFlow),
}

func oneOf[T ~string](known ...T) func(string) (any, error) {
	return func(s string) (any, error) {
		if slices.Contains(known, T(s)) {
			return T(s), nil
		}
		return T(""), refuse(listed(known), "%s is none of the choices", quote(s))
	}
}

// listed writes choices as a person would: a, b or c.
func listed[T ~string](choices []T) string {
	var b strings.Builder
	for i, c := range choices {
		switch {
		case i > 0 && i == len(choices)-1:
			b.WriteString(" or ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(string(c))
	}
	return b.String()
}

var rateForm = regexp.MustCompile(`^([1-9][0-9]{0,5})/([smh])$`)

func decodeRate(s string) (any, error) {
	if s == "0" {
		return ingest.Rate{}, nil
	}
	m := rateForm.FindStringSubmatch(s)
	if m == nil {
		return ingest.Rate{}, refuse("requests per second, minute or hour, like 10/s, 6/m or 300/h; 0 for no limit", "%s is not a rate", quote(s))
	}
	requests, _ := strconv.Atoi(m[1]) // at most six digits
	per := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}[m[2]]
	return ingest.Rate{Requests: requests, Per: per}, nil
}

// Names are the names of accounts or sinks.
type Names []string

var nameForm = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)

func (n *Names) EnvDecode(s string) error {
	var faults []error
	for name := range strings.SplitSeq(s, ",") {
		name = strings.TrimSpace(name)
		switch {
		case name == "":
			faults = append(faults, refuse(acceptedNames, "an empty name stands between two commas, or at an end"))
		case !nameForm.MatchString(name):
			faults = append(faults, refuse(acceptedNames, "%s is not a name", quote(name)))
		case slices.Contains(*n, name):
			faults = append(faults, refuse("", "%s is named twice", quote(name)))
		default:
			*n = append(*n, name)
		}
	}
	return errors.Join(faults...)
}

// inVariable is how a name stands in the name of a variable. It maps no two names to one.
func inVariable(name string) string {
	return strings.ReplaceAll(strings.ToUpper(name), "-", "_")
}

// Roles are what a process does.
type Roles struct{ Ingest, Sinks, HTTP bool }

func (r *Roles) EnvDecode(s string) error {
	known := map[string]*bool{"ingest": &r.Ingest, "sinks": &r.Sinks, "http": &r.HTTP}
	var faults []error
	for role := range strings.SplitSeq(s, ",") {
		role = strings.TrimSpace(role)
		switch on := known[role]; {
		case on == nil:
			faults = append(faults, refuse("some of ingest, sinks and http, separated by commas", "%s is not a role", quote(role)))
		case *on:
			faults = append(faults, refuse("", "the role %s is named twice", quote(role)))
		default:
			*on = true
		}
	}
	return errors.Join(faults...)
}

// Listen is an address to listen on: host and port, or off.
type Listen string

// Off tells whether nothing shall listen.
func (l Listen) Off() bool { return l == "" || l == "off" }

// Loopback tells whether only this machine can connect.
func (l Listen) Loopback() bool {
	host, _, _ := net.SplitHostPort(string(l))
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

func (l *Listen) EnvDecode(s string) error {
	if s == "off" {
		*l = "off"
		return nil
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return refuse(acceptedListen, "%s is not an address with a port", quote(s))
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return refuse(acceptedListen, "the port %s is not a number from 0 to 65535", quote(port))
	}
	if strings.ContainsAny(host, "/@ ") {
		return refuse(acceptedListen, "the host %s is no name and no IP address", quote(host))
	}
	*l = Listen(s)
	return nil
}

// Sync says when an acknowledged event is on disk: at once (Always), or within Every.
type Sync struct {
	Always bool
	Every  time.Duration
}

func (y *Sync) EnvDecode(s string) error {
	if s == "always" {
		*y = Sync{Always: true}
		return nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < time.Millisecond || d > 10*time.Minute {
		return refuse("always, or a duration from 1ms to 10m", "%s says neither always nor how often", quote(s))
	}
	*y = Sync{Every: d}
	return nil
}

func (y Sync) String() string {
	if y.Always {
		return "always"
	}
	return y.Every.String()
}

// Servers are the URLs of an external NATS server or cluster, without credentials.
type Servers []string

func (v *Servers) EnvDecode(s string) error {
	var faults []error
	for server := range strings.SplitSeq(s, ",") {
		server, err := natsURL(strings.TrimSpace(server))
		if err != nil {
			faults = append(faults, err)
			continue
		}
		*v = append(*v, server)
	}
	return errors.Join(faults...)
}

const acceptedServers = "URLs like nats://host:4222 or tls://host:4222, several separated by commas"

// natsURL checks one URL. What a URL with a password holds is not repeated: it would be seen.
func natsURL(s string) (string, error) {
	if strings.Contains(s, "@") {
		return "", refuse(acceptedServers, "holds credentials, which would be seen in logs: put them in CALLBUS_NATS_USER and CALLBUS_NATS_PASSWORD, or CALLBUS_NATS_CREDS")
	}
	if !strings.Contains(s, "://") {
		s = "nats://" + s
	}
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.RawQuery != "" {
		return "", refuse(acceptedServers, "%s is not the URL of a server", quote(s))
	}
	if !slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme) {
		return "", refuse(acceptedServers, "%s begins with %s://, which NATS does not speak", quote(s), u.Scheme)
	}
	return s, nil
}

// Level is how much is logged.
type Level struct{ slog.Level }

var _ encoding.TextMarshaler = Level{}

func (l *Level) EnvDecode(s string) error {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	level, ok := levels[s]
	if !ok {
		return refuse("debug, info, warn or error", "%s is not a level", quote(s))
	}
	l.Level = level
	return nil
}

// LogFormat is how a line of the log is written.
type LogFormat string

const (
	logAuto LogFormat = "auto" // tint on a terminal, JSON elsewhere
	logTint LogFormat = "tint"
	logJSON LogFormat = "json"
	logText LogFormat = "text"
)

func (f *LogFormat) EnvDecode(s string) error {
	v, err := oneOf(logAuto, logTint, logJSON, logText)(s)
	*f = v.(LogFormat)
	return err
}
