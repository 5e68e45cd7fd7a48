package webhook

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/callbus/callbus/events/setting"
)

// tls returns how a connection is secured. Its error says which variable is at fault.
func (c Config) tls() (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.TLSCA == "" && c.TLSCert == "" && c.TLSKey == "" {
		return t, nil
	}
	roots, caErr := authorities(c.TLSCA)
	own, ownErr := c.ownCertificate()
	t.RootCAs, t.Certificates = roots, own
	return t, errors.Join(setting.Fault("TLS_CA", caErr), ownErr)
}

// authorities reads a file of certificates; nil stands for the system's.
func authorities(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)", file)
	}
	return pool, nil
}

func (c Config) ownCertificate() ([]tls.Certificate, error) {
	switch {
	case c.TLSCert == "" && c.TLSKey == "":
		return nil, nil
	case c.TLSCert == "":
		return nil, errors.New("TLS_CERT: not set, but TLS_KEY is: they go together")
	case c.TLSKey == "":
		return nil, errors.New("TLS_KEY: not set, but TLS_CERT is: they go together")
	}
	pair, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
	if err != nil {
		return nil, fmt.Errorf("TLS_CERT: cannot be used with TLS_KEY: %w", err)
	}
	return []tls.Certificate{pair}, nil
}
