package webhook_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callbus/callbus/sinks"
	"github.com/callbus/callbus/sinks/webhook"
)

// An authority signs certificates for these tests.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	dir  string
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	a := authority{dir: t.TempDir()}
	a.key, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-48 * time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	a.cert, _ = x509.ParseCertificate(der)
	a.file(t, "ca.pem", "CERTIFICATE", der)
	return a
}

func (a authority) file(t *testing.T, name, kind string, der []byte) string {
	t.Helper()
	path := filepath.Join(a.dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (a authority) certificate(t *testing.T, name string, until time.Time) tls.Certificate {
	t.Helper()
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: until,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// pool returns what a server checks its clients' certificates with.
func (a authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

func secureServer(t *testing.T, c *tls.Config, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.TLS, s.EnableHTTP2 = c, true
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

// T-4, T-5.
func TestSecureConnections(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	good := ours.certificate(t, "127.0.0.1", time.Now().Add(time.Hour))
	with := func(c tls.Certificate) *tls.Config { return &tls.Config{Certificates: []tls.Certificate{c}} }
	own := ours.certificate(t, "callbus.example", time.Now().Add(time.Hour))
	ownKey, _ := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	ownFile, keyFile := ours.file(t, "own.pem", "CERTIFICATE", own.Certificate[0]), ours.file(t, "key.pem", "PRIVATE KEY", ownKey)
	mutual := &tls.Config{Certificates: []tls.Certificate{good}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ours.pool()}
	mutual12 := mutual.Clone()
	mutual12.MaxVersion = tls.VersionTLS12
	old := with(good)
	old.MaxVersion, old.MinVersion = tls.VersionTLS11, tls.VersionTLS10

	for name, tc := range map[string]struct {
		url    string
		change func(*webhook.Config)
		want   sinks.Fault
		says   string
	}{
		"good":                              {secureServer(t, with(good), answering(200)), nil, delivered, ""},
		"expired":                           {secureServer(t, with(ours.certificate(t, "127.0.0.1", time.Now().Add(-time.Hour))), answering(200)), nil, sinks.OfEndpoint, "certificate is refused"},
		"wrong name":                        {secureServer(t, with(ours.certificate(t, "hunter22.example", time.Now().Add(time.Hour))), answering(200)), nil, sinks.OfEndpoint, "certificate is refused"},
		"of another authority":              {secureServer(t, with(theirs.certificate(t, "127.0.0.1", time.Now().Add(time.Hour))), answering(200)), nil, sinks.OfEndpoint, "TLS_CA"},
		"of an authority of one's own":      {secureServer(t, with(good), answering(200)), func(c *webhook.Config) { c.TLSCA = "" }, sinks.OfEndpoint, "TLS_CA"},
		"TLS 1.1 only":                      {secureServer(t, old, answering(200)), nil, sinks.OfEndpoint, "TLS 1.2"},
		"our certificate is asked for":      {secureServer(t, mutual, answering(200)), nil, sinks.OfEndpoint, "TLS_CERT"},
		"our certificate is asked for, 1.2": {secureServer(t, mutual12, answering(200)), nil, sinks.OfEndpoint, "TLS_CERT"},
		"our certificate is given":          {secureServer(t, mutual, answering(200)), func(c *webhook.Config) { c.TLSCert, c.TLSKey = ownFile, keyFile }, delivered, ""},
		"a handshake that stalls":           {"https://" + raw(t, func(ctx context.Context, _ *net.TCPConn) { <-ctx.Done() }), nil, sinks.Passing, "within"},
		"a reset in the handshake":          {"https://" + raw(t, func(_ context.Context, c *net.TCPConn) { c.Read(make([]byte, 10)); reset(c) }), nil, sinks.Passing, "closed"},
		"plain HTTP":                        {strings.Replace(server(t, answering(200)), "http:", "https:", 1), nil, sinks.OfEndpoint, "http://"},
		"an SSH banner": {"https://" + raw(t, func(_ context.Context, c *net.TCPConn) {
			io.WriteString(c, "SSH-2.0-OpenSSH_9.6\r\n")
			io.Copy(io.Discard, c)
		}), nil, sinks.OfEndpoint, "TLS 1.2"},
		"HTTP to a secure server": {strings.Replace(secureServer(t, with(good), answering(200)), "https:", "http:", 1), nil, sinks.OfEvent, "400"},
	} {
		t.Run("T-4 "+name, func(t *testing.T) {
			s := sink(t, tc.url, func(c *webhook.Config) {
				c.Timeout, c.TLSCA = 2*timeout, filepath.Join(ours.dir, "ca.pem")
				if tc.change != nil {
					tc.change(c)
				}
			})
			began := time.Now()
			err := s.Deliver(t.Context(), delivery(t))
			inTime(t, began.Add(timeout))
			if name == "our certificate is asked for" && faultOf(err) == sinks.Passing {
				return // TLS 1.3 refuses when the request is on its way: which of the two is seen first is chance
			}
			if faultOf(err) != tc.want || err != nil && !strings.Contains(err.Error(), tc.says) {
				t.Errorf("Deliver: %v (%q), want %q saying %q", err, faultOf(err), tc.want, tc.says)
			}
			if c := webhook.Transport(s).TLSClientConfig; c.MinVersion < tls.VersionTLS12 || c.InsecureSkipVerify || c.Renegotiation != tls.RenegotiateNever {
				t.Errorf("TLS settings %+v", c)
			}
		})
	}
}

func TestHTTP2IsSpoken(t *testing.T) {
	a := newAuthority(t)
	protocols := make(chan string, 100)
	url := secureServer(t, &tls.Config{Certificates: []tls.Certificate{a.certificate(t, "127.0.0.1", time.Now().Add(time.Hour))}}, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		protocols <- r.Proto
		if r.URL.Path == "/abort" {
			panic(http.ErrAbortHandler) // RST_STREAM
		}
	})
	for path, want := range map[string]sinks.Fault{"/": delivered, "/abort": sinks.Passing} {
		s := sink(t, url+path, func(c *webhook.Config) { c.TLSCA = filepath.Join(a.dir, "ca.pem") })
		if err := s.Deliver(t.Context(), delivery(t)); faultOf(err) != want {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
		if p := <-protocols; p != "HTTP/2.0" {
			t.Errorf("%s: %s, want HTTP/2.0", path, p)
		}
	}
}
