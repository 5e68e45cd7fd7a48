package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"reflect"
	"strings"
	"syscall"
	"time"

	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/vendorhttp"
)

// tryAccount asks the account for the calls that are active and for the records of the last minute: what callbus run
// would ask, once.
func tryAccount(ctx context.Context, a Account) tried {
	t := tried{What: "account " + a.Name}
	ctx, cancel := context.WithTimeout(ctx, accountTimeout)
	defer cancel()
	transport := http.DefaultTransport.(*http.Transport).Clone()
	defer transport.CloseIdleConnections()
	p, err := a.Open(&http.Client{Transport: transport})
	if err != nil {
		return t.failedIf(err, "")
	}
	begun := time.Now()
	found, err := askAll(ctx, p)
	t.Found = fmt.Sprintf("%s: %s, in %s", a.Provider, found, time.Since(begun).Round(10*time.Millisecond))
	if err != nil {
		problem, do := diagnose(a, err)
		return t.failedIf(fmt.Errorf("%s: %w", problem, err), do)
	}
	return t
}

func askAll(ctx context.Context, p any) (string, error) {
	var found []string
	if lister, ok := p.(ingest.ActiveLister); ok {
		s, err := lister.ActiveCalls(ctx)
		if err != nil {
			return "", err
		}
		found = append(found, fmt.Sprintf("%d calls active", len(s.Calls))+notUnderstood(len(s.Rejected)))
	}
	if reader, ok := p.(ingest.CDRReader); ok {
		text, err := askCDRs(ctx, reader, time.Now())
		if err != nil {
			return "", err
		}
		found = append(found, text)
	}
	return strings.Join(found, ", "), nil
}

func askCDRs(ctx context.Context, r ingest.CDRReader, now time.Time) (string, error) {
	records, rejected := 0, 0
	for page, err := range r.CDRs(ctx, ingest.Window{From: now.Add(-time.Minute), To: now}) {
		if err != nil {
			return "", err
		}
		records += len(page.Records)
		rejected += len(page.Rejected)
	}
	return fmt.Sprintf("%d records of the last minute", records) + notUnderstood(rejected), nil
}

func notUnderstood(rows int) string {
	if rows == 0 {
		return ""
	}
	return fmt.Sprintf(" (and %d rows that callbus cannot read: they will be dead letters)", rows)
}

// diagnose says in words what kept an account from being read, and what to do about it.
func diagnose(a Account, err error) (problem, do string) {
	var limited *ingest.RateLimitError
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	var plain tls.RecordHeaderError
	url := a.variable("URL")
	switch {
	case errors.Is(err, ingest.ErrCredentials):
		return "the vendor refuses the credentials", "see to " + strings.Join(a.credentials(), " and ") + ", and that the vendor allows this machine to use the API"
	case errors.As(err, &limited):
		return "the vendor asks to slow down", "wait a little; if it stays, set " + a.variable("RATE") + " to what the vendor allows"
	case errors.Is(err, ingest.ErrForeign):
		return "something answers that is not this vendor's API", "see to " + url + ": the host, and the path"
	case errors.As(err, &name):
		return "the host is not known", "see to the host in " + url + ", and that this machine can look up names"
	case errors.As(err, &certificate):
		return "the certificate of the host cannot be trusted", "see to the host in " + url + "; ask the vendor about its certificate"
	case errors.As(err, &plain), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return "the host does not speak HTTPS there", "see whether " + url + " is to begin with http://"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there", "see to the host and the port in " + url
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "no answer in time", "see to the host in " + url + ", that no firewall is in between, and whether " + a.variable("TIMEOUT") + " is too short"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "the host cannot be reached from here", "see to this machine's network, and the host in " + url
	}
	return diagnoseStatus(url, err)
}

// diagnoseStatus does the same for the answers of web servers that know nothing of the vendor's API.
func diagnoseStatus(url string, err error) (problem, do string) {
	var status *vendorhttp.StatusError
	switch errors.As(err, &status); {
	case status != nil && status.Code >= 500:
		return "the vendor's server has trouble", "try again in a while; if it stays, ask the vendor, or see to " + url
	case status != nil && status.Code >= 300 && status.Code < 400:
		return "the vendor's server points elsewhere", "see to " + url + ": perhaps it is to begin with https://, or to name another host"
	case status != nil:
		return "something answers that is not this vendor's API", "see to " + url + ": the host, and the path"
	}
	return "it cannot be read", "see to " + url
}

// variable returns where the user sets suffix of the account: a variable, or a name in a file.
func (a Account) variable(suffix string) string { return a.Where + suffix }

// credentials returns where the user sets what the account logs in with.
func (a Account) credentials() []string {
	var all []string
	fields := reflect.TypeOf(a.Vendor.Target()).Elem()
	for i := range fields.NumField() {
		key, _, _ := strings.Cut(fields.Field(i).Tag.Get("env"), ",")
		if key == "USERNAME" || fields.Field(i).Type == reflect.TypeFor[secret.Text]() {
			all = append(all, a.variable(key))
		}
	}
	return all
}
