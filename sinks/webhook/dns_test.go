package webhook_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callbus/callbus/sinks"
	"github.com/callbus/callbus/sinks/webhook"
)

func asBlocked(err error, into **webhook.BlockedError) bool { return errors.As(err, into) }

// A zone answers every question for addresses.
type zone func() (addrs []string, code byte)

// resolver asks z, over a connection in memory. A question that nobody waits for any more ends with the test.
func resolver(t *testing.T, z zone) *net.Resolver {
	ctx := t.Context()
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		ours, theirs := net.Pipe()
		context.AfterFunc(ctx, func() { theirs.Close() })
		go z.serve(theirs)
		return ours, nil
	}}
}

// serve speaks DNS as it is over TCP: each message behind its length.
func (z zone) serve(c net.Conn) {
	defer c.Close()
	for {
		var length [2]byte
		if _, err := io.ReadFull(c, length[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(c, query); err != nil {
			return
		}
		answer := z.answer(query)
		if answer == nil {
			io.Copy(io.Discard, c) // silence
			return
		}
		c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
	}
}

const silent = 255

func (z zone) answer(query []byte) []byte {
	end := 12
	for query[end] != 0 {
		end += int(query[end]) + 1
	}
	question := query[12 : end+5]
	kind := binary.BigEndian.Uint16(query[end+1:])
	addrs, code := z()
	if code == silent {
		return nil
	}
	var records []byte
	n := 0
	for _, text := range addrs {
		data, of := []byte(nil), uint16(5)
		if a, err := netip.ParseAddr(text); err == nil {
			data, of = a.AsSlice(), map[bool]uint16{true: 1, false: 28}[a.Is4()]
		} else {
			for label := range strings.SplitSeq(text, ".") {
				data = append(append(data, byte(len(label))), label...)
			}
			data = append(data, 0)
		}
		if of != kind && of != 5 {
			continue
		}
		n++
		records = append(records, 0xc0, 12, byte(of>>8), byte(of), 0, 1, 0, 0, 0, 0, 0, byte(len(data)))
		records = append(records, data...)
	}
	head := []byte{query[0], query[1], 0x81, 0x80 | code, 0, 1, byte(n >> 8), byte(n), 0, 0, 0, 0}
	return append(append(head, question...), records...)
}

// twins listens on one port at two addresses: the public one answers, and the private one must never be dialled.
func twins(t *testing.T) (port string, private *atomic.Int32) {
	t.Helper()
	private = new(atomic.Int32)
	for range 20 {
		l, err := net.Listen("tcp", "127.0.0.2:0")
		if err != nil {
			t.Skipf("THIS MACHINE HAS ONE LOOPBACK ADDRESS ONLY, SO NOTHING IS TESTED: %v", err)
		}
		_, port, _ = net.SplitHostPort(l.Addr().String())
		other, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err != nil {
			l.Close()
			continue // the port is taken there
		}
		public := httptest.NewUnstartedServer(answering(200))
		public.Listener.Close()
		public.Listener = l
		public.Start()
		t.Cleanup(public.Close)
		hidden := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { private.Add(1) }))
		hidden.Listener.Close()
		hidden.Listener = other
		hidden.Start()
		t.Cleanup(hidden.Close)
		return port, private
	}
	t.Fatal("no port is free at both addresses")
	return "", nil
}

// Of the addresses here only 127.0.0.2 counts as public.
func TestNames(t *testing.T) {
	port, private := twins(t)
	many := make([]string, 1000)
	for i := range many {
		many[i] = "127.0.0.1"
	}
	for name, tc := range map[string]struct {
		answers []string
		code    byte
		want    sinks.Fault
	}{
		"A-3 public":                        {[]string{"127.0.0.2"}, 0, delivered},
		"A-3 public and private":            {[]string{"127.0.0.2", "127.0.0.1"}, 0, delivered},
		"A-3 private and public":            {[]string{"127.0.0.1", "127.0.0.2"}, 0, delivered},
		"A-3 private IPv6, public IPv4":     {[]string{"::1", "127.0.0.2"}, 0, delivered},
		"A-3 mapped private, public":        {[]string{"::ffff:127.0.0.1", "127.0.0.2"}, 0, delivered},
		"A-3 private alone":                 {[]string{"127.0.0.1"}, 0, sinks.OfEndpoint},
		"A-3 private IPv6 alone":            {[]string{"::1", "fd00::1"}, 0, sinks.OfEndpoint},
		"A-7 an alias of an internal name":  {[]string{"db.internal.example", "127.0.0.1"}, 0, sinks.OfEndpoint},
		"A-7 a thousand private addresses":  {many, 0, sinks.OfEndpoint},
		"A-7 no such name":                  {nil, 3, sinks.Passing},
		"A-7 no address":                    {nil, 0, sinks.Passing},
		"A-7 the name server is in trouble": {nil, 2, sinks.Passing},
		"A-7 the name server refuses":       {nil, 5, sinks.Passing},
		"A-7 the name server says nothing":  {nil, silent, sinks.Passing},
	} {
		t.Run(name, func(t *testing.T) {
			only := webhook.CIDRs{netip.MustParsePrefix("127.0.0.2/32")}
			c := config("http://hooks.example:"+port, func(c *webhook.Config) { c.AllowCIDRs = only })
			s := open(t, c, webhook.Options{Resolver: resolver(t, func() ([]string, byte) { return tc.answers, tc.code })})
			began := time.Now()
			err := s.Deliver(t.Context(), delivery(t))
			inTime(t, began)
			if faultOf(err) != tc.want || private.Load() != 0 {
				t.Errorf("Deliver: %v (%q) with %d private requests, want %q", err, faultOf(err), private.Load(), tc.want)
			}
		})
	}
}

// a name that was public when it was looked at, and is not when it is used.
func TestANameThatMovesIsJudgedByWhereItLeads(t *testing.T) {
	port, private := twins(t)
	var moved atomic.Bool
	only := webhook.CIDRs{netip.MustParsePrefix("127.0.0.2/32")}
	s := open(t, config("http://hooks.example:"+port, func(c *webhook.Config) { c.AllowCIDRs = only }), webhook.Options{Resolver: resolver(t, func() ([]string, byte) {
		if moved.Load() {
			return []string{"127.0.0.1"}, 0
		}
		return []string{"127.0.0.2"}, 0
	})})
	if err := s.Deliver(t.Context(), delivery(t)); err != nil {
		t.Fatalf("Deliver: %v", err)
	}
	moved.Store(true)
	webhook.RenewAfter(s, 0) // a kept connection would go on to where it led
	time.Sleep(time.Millisecond)
	var blocked *webhook.BlockedError
	if err := s.Deliver(t.Context(), delivery(t)); !asBlocked(err, &blocked) || private.Load() != 0 {
		t.Errorf("Deliver: %v with %d private requests, want the address to be refused", err, private.Load())
	}
}
