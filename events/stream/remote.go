package stream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/callbus/callbus/events/secret"
)

// A RemoteConfig says how to connect to a NATS server or cluster outside the process.
type RemoteConfig struct {
	URL             string // nats:// or tls://, several separated by commas
	User            string
	Password        secret.Text
	CredsFile       string
	TLSCA           string // files
	TLSCert, TLSKey string
	Name            string
	Log             *slog.Logger // nil: nothing is logged
}

// connectTimeout is how long one server may take to answer the door.
const connectTimeout = 5 * time.Second

// A server that is frozen, or whose machine or network is gone, leaves its connections open. It is asked every pingEvery, and
// given up when it has not answered mostPings times: within 9 seconds, which is about what a cluster takes to find another leader.
const (
	pingEvery = 3 * time.Second
	mostPings = 2
)

// Dial connects to the server. Once connected it stays so: it reconnects for ever, at random moments within its waits, so that
// many processes do not come back to one server in step. No error shows a password, wherever it was given.
func Dial(ctx context.Context, c RemoteConfig) (*nats.Conn, error) {
	where, err := checkURLs(c.URL)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	options, err := remoteOptions(c)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	nc, err := connect(ctx, c.URL, options)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS at %s: %w", where, dialError(c, err))
	}
	return nc, nil
}

// connect gives up when ctx is done. nats.Connect knows no context; what it may still bring is closed.
func connect(ctx context.Context, urls string, options []nats.Option) (*nats.Conn, error) {
	type result struct {
		nc  *nats.Conn
		err error
	}
	done := make(chan result, 1)
	go func() {
		nc, err := nats.Connect(urls, options...)
		done <- result{nc, err}
	}()
	select {
	case r := <-done:
		return r.nc, r.err
	case <-ctx.Done():
		go func() {
			if r := <-done; r.nc != nil {
				r.nc.Close()
			}
		}()
		return nil, context.Cause(ctx)
	}
}

// checkURLs returns the URLs without what may be secret in them.
func checkURLs(urls string) (shown string, err error) {
	var hosts []string
	for s := range strings.SplitSeq(urls, ",") {
		u, err := url.Parse(strings.TrimSpace(s))
		if err != nil {
			return "", fmt.Errorf("%w: it is not a URL; give nats://host:4222", ErrURL) // err would show it
		}
		switch u.Scheme {
		case "nats", "tls", "ws", "wss":
		default:
			return "", fmt.Errorf("%w: it does not begin with nats:// or tls://; give nats://host:4222", ErrURL)
		}
		if u.Hostname() == "" {
			return "", fmt.Errorf("%w: it names no host; give nats://host:4222", ErrURL)
		}
		hosts = append(hosts, u.Scheme+"://"+u.Host)
	}
	return strings.Join(hosts, ","), nil
}

// connectionOptions are those of every connection of callbus.
func connectionOptions(name string, log *slog.Logger) []nats.Option {
	return []nats.Option{
		nats.Name(name),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.ReconnectJitter(250*time.Millisecond, 750*time.Millisecond),
		nats.ReconnectBufSize(-1),   // what cannot be sent fails at once, and its caller decides
		nats.IgnoreAuthErrorAbort(), // credentials that are being changed on the server are wrong for a while
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("connection to NATS lost, reconnecting", "error", err)
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) { log.Info("connected to NATS again", "server", nc.ConnectedServerName()) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { log.Warn("NATS", "error", err) }),
	}
}

// remoteOptions reads the files that c names: nats.go would fail on them later, in words that do not tell one from another.
func remoteOptions(c RemoteConfig) ([]nats.Option, error) {
	options := append(connectionOptions(c.Name, c.Log), nats.Timeout(connectTimeout), nats.PingInterval(pingEvery), nats.MaxPingsOutstanding(mostPings))
	if c.User != "" {
		options = append(options, nats.UserInfo(c.User, c.Password.Reveal()))
	}
	if c.CredsFile != "" {
		if err := checkCreds(c.CredsFile); err != nil {
			return nil, fmt.Errorf("%w: %s is no credentials file as nsc writes it: %w", ErrCredentials, c.CredsFile, err)
		}
		options = append(options, nats.UserCredentials(c.CredsFile))
	}
	if c.TLSCA != "" {
		if err := checkCA(c.TLSCA); err != nil {
			return nil, fmt.Errorf("%w: the certificate authority: %w", ErrTLS, err)
		}
		options = append(options, nats.RootCAs(c.TLSCA))
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return nil, fmt.Errorf("%w: a certificate and its key, both or neither", ErrTLS)
	}
	if c.TLSCert != "" {
		if _, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey); err != nil {
			return nil, fmt.Errorf("%w: the certificate and its key: %w", ErrTLS, err)
		}
		options = append(options, nats.ClientCert(c.TLSCert, c.TLSKey))
	}
	return options, nil
}

func checkCreds(file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if _, err := nkeys.ParseDecoratedJWT(b); err != nil {
		return err
	}
	key, err := nkeys.ParseDecoratedNKey(b)
	if err != nil {
		return err
	}
	key.Wipe()
	return nil
}

func checkCA(file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if !x509.NewCertPool().AppendCertsFromPEM(b) {
		return fmt.Errorf("%s holds no certificate in PEM form", file)
	}
	return nil
}

// dialError names err, and keeps from it what is secret.
func dialError(c RemoteConfig, err error) error {
	kind, hint := ErrUnreachable, "see that it runs there and can be reached from here"
	var unverified *tls.CertificateVerificationError
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		kind, hint = ErrUnreachable, "it did not answer in time"
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked), errors.Is(err, nats.ErrAccountAuthExpired):
		kind, hint = ErrCredentials, "see to the user and password, or the credentials file"
	case errors.As(err, &unverified), errors.Is(err, nats.ErrSecureConnRequired), errors.Is(err, nats.ErrSecureConnWanted):
		kind, hint = ErrTLS, "see to the certificate authority, the certificate and its key"
	}
	return fmt.Errorf("%w: %s: %w", kind, hint, redacted{err, secretsOf(c)})
}

// redacted shows an error without the secrets that its text may repeat.
type redacted struct {
	error
	secrets []secret.Text
}

func (r redacted) Error() string { return secret.Redact(r.error.Error(), r.secrets...) }
func (r redacted) Unwrap() error { return r.error }

// secretsOf returns all that must not be shown: the password, and whatever stands before the @ of a URL.
func secretsOf(c RemoteConfig) []secret.Text {
	out := []secret.Text{c.Password}
	for s := range strings.SplitSeq(c.URL, ",") {
		u, err := url.Parse(strings.TrimSpace(s))
		if err != nil || u.User == nil {
			continue
		}
		out = append(out, secret.New(u.User.String()))
		if p, ok := u.User.Password(); ok {
			out = append(out, secret.New(p))
		} else {
			out = append(out, secret.New(u.User.Username())) // a token
		}
	}
	return out
}
