package stream_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/events/stream"
)

func TestDialErrors(t *testing.T) {
	const word = "s3cret-word"
	s := startServer(t, stream.ServerConfig{Listen: "127.0.0.1:0", User: "callbus", Password: secret.New("right")})
	host := strings.TrimPrefix(s.URL(), "nats://")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	l.Close()
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken")
	if err := os.WriteFile(broken, []byte("not a key "+word), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		config stream.RemoteConfig
		want   error
	}{
		"no URL":                     {stream.RemoteConfig{URL: ""}, stream.ErrURL},
		"another kind of URL":        {stream.RemoteConfig{URL: "https://u:" + word + "@example.com"}, stream.ErrURL},
		"no host":                    {stream.RemoteConfig{URL: "nats://u:" + word + "@:4222"}, stream.ErrURL},
		"not a URL":                  {stream.RemoteConfig{URL: "nats://u:" + word + "@host:port"}, stream.ErrURL},
		"one of two is no URL":       {stream.RemoteConfig{URL: "nats://" + host + ",u:" + word + "@x"}, stream.ErrURL},
		"nobody there":               {stream.RemoteConfig{URL: "nats://u:" + word + "@" + closed}, stream.ErrUnreachable},
		"no credentials":             {stream.RemoteConfig{URL: s.URL()}, stream.ErrCredentials},
		"wrong password":             {stream.RemoteConfig{URL: s.URL(), User: "callbus", Password: secret.New(word)}, stream.ErrCredentials},
		"wrong password in the URL":  {stream.RemoteConfig{URL: "nats://callbus:" + word + "@" + host}, stream.ErrCredentials},
		"wrong token in the URL":     {stream.RemoteConfig{URL: "nats://" + word + "@" + host}, stream.ErrCredentials},
		"no credentials file":        {stream.RemoteConfig{URL: s.URL(), CredsFile: filepath.Join(dir, "none.creds")}, stream.ErrCredentials},
		"broken credentials file":    {stream.RemoteConfig{URL: s.URL(), CredsFile: broken}, stream.ErrCredentials},
		"no CA file":                 {stream.RemoteConfig{URL: s.URL(), TLSCA: filepath.Join(dir, "none.pem")}, stream.ErrTLS},
		"broken CA file":             {stream.RemoteConfig{URL: s.URL(), TLSCA: broken}, stream.ErrTLS},
		"certificate without a key":  {stream.RemoteConfig{URL: s.URL(), TLSCert: broken}, stream.ErrTLS},
		"broken certificate and key": {stream.RemoteConfig{URL: s.URL(), TLSCert: broken, TLSKey: broken}, stream.ErrTLS},
		"TLS where there is none":    {stream.RemoteConfig{URL: "tls://" + host, User: "callbus", Password: secret.New("right")}, stream.ErrTLS},
	} {
		t.Run(name, func(t *testing.T) {
			nc, err := stream.Dial(testContext(t), c.config)
			if err == nil {
				nc.Close()
			}
			if !errors.Is(err, c.want) || strings.Contains(err.Error(), word) {
				t.Fatalf("Dial: %v\nwant %q", err, c.want)
			}
			t.Log(err)
		})
	}
}

// A server that takes the connection and says nothing.
func TestDialGivesUp(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := stream.Dial(ctx, stream.RemoteConfig{URL: "nats://" + l.Addr().String()}); !errors.Is(err, stream.ErrUnreachable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Dial: %v", err)
	}
	l.Close() // ends the attempt that was given up, for goleak
}

func TestDialReconnects(t *testing.T) {
	s := startOutside(t)
	nc := dial(t, s.URL())
	back := nc.StatusChanged(nats.CONNECTED)
	defer nc.RemoveStatusListener(back)
	s.restart()
	select {
	case <-back:
	case <-testContext(t).Done():
		t.Fatal("not connected again")
	}
}
