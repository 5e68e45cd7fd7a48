package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/events/stream"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/pbxsim"
)

// simulatedPBX serves a Telsam PBX that takes the user callbus with the password hunter2.
func simulatedPBX(t *testing.T) *httptest.Server {
	t.Helper()
	world := pbxsim.NewWorld(pbxsim.Config{Seed: 1, Start: time.Now().Add(-10 * time.Minute)})
	server := httptest.NewServer(pbxsim.NewTelsam(world, pbxsim.TelsamConfig{Password: "hunter2"}, time.Now))
	t.Cleanup(server.Close)
	return server
}

func serve(t *testing.T, f http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return server.URL
}

// checks runs callbus check with the settings of pairs on top of working ones.
func checks(t *testing.T, pairs ...string) (code int, stdout, stderr string) {
	t.Helper()
	environ := append([]string{
		"CALLBUS_ACCOUNTS=acme", "CALLBUS_ACCOUNT_ACME_PROVIDER=telsam", "CALLBUS_ACCOUNT_ACME_URL=" + simulatedPBX(t).URL,
		"CALLBUS_ACCOUNT_ACME_USERNAME=callbus", "CALLBUS_ACCOUNT_ACME_PASSWORD=hunter2",
		"CALLBUS_DATA_DIR=" + filepath.Join(t.TempDir(), "to", "be", "made"), "CALLBUS_NATS_LISTEN=127.0.0.1:0", "CALLBUS_HTTP_LISTEN=127.0.0.1:0",
	}, pairs...)
	var out, errs bytes.Buffer
	code = run(t.Context(), []string{"check"}, environ, &out, &errs)
	if strings.Contains(out.String()+errs.String(), "hunter") {
		t.Errorf("a password is seen in %s%s", &out, &errs)
	}
	return code, out.String(), errs.String()
}

func TestCheckFindsThatAllWorks(t *testing.T) {
	t.Parallel()
	code, out, errs := checks(t)
	if code != exitDone || errs != "" || strings.Count(out, " ok ") != 4 || !strings.Contains(out, "calls active, ") || !strings.Contains(out, "records of the last minute, in") {
		t.Errorf("check: exit code %d\n%s%s", code, out, errs)
	}
}

func TestCheckTellsWhatIsWrongWithAnAccount(t *testing.T) {
	t.Parallel()
	page := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>It works!</html>") })
	notFound := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	broken := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	elsewhere := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://pbx.example.com/", http.StatusFound)
	})
	busy := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	slow := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	for _, tc := range []struct {
		name  string
		pairs []string
		found string
		do    string
	}{
		{"a wrong password", []string{"CALLBUS_ACCOUNT_ACME_PASSWORD=hunter3"}, "the vendor refuses the credentials: ", "see to CALLBUS_ACCOUNT_ACME_USERNAME and CALLBUS_ACCOUNT_ACME_PASSWORD, "},
		{"a web page", []string{"CALLBUS_ACCOUNT_ACME_URL=" + page}, "something answers that is not this vendor's API: ", "see to CALLBUS_ACCOUNT_ACME_URL: the host, and the path"},
		{"a wrong path", []string{"CALLBUS_ACCOUNT_ACME_URL=" + notFound + "/api"}, "something answers that is not this vendor's API: ", "see to CALLBUS_ACCOUNT_ACME_URL: the host, and the path"},
		{"a vendor in trouble", []string{"CALLBUS_ACCOUNT_ACME_URL=" + broken}, "the vendor's server has trouble: ", "try again in a while"},
		{"a redirect", []string{"CALLBUS_ACCOUNT_ACME_URL=" + elsewhere}, "the vendor's server points elsewhere: ", "perhaps it is to begin with https://"},
		{"a vendor that is asked too often", []string{"CALLBUS_ACCOUNT_ACME_URL=" + busy}, "the vendor asks to slow down: ", "set CALLBUS_ACCOUNT_ACME_RATE"},
		{"no answer", []string{"CALLBUS_ACCOUNT_ACME_URL=" + slow, "CALLBUS_ACCOUNT_ACME_TIMEOUT=50ms"}, "no answer in time: ", "whether CALLBUS_ACCOUNT_ACME_TIMEOUT is too short"},
		{"nobody there", []string{"CALLBUS_ACCOUNT_ACME_URL=http://127.0.0.1:1"}, "nothing listens there: ", "the host and the port in CALLBUS_ACCOUNT_ACME_URL"},
		{"HTTPS where there is none", []string{"CALLBUS_ACCOUNT_ACME_URL=" + strings.Replace(page, "http:", "https:", 1)}, "the host does not speak HTTPS there: ", "is to begin with http://"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			code, out, errs := checks(t, tc.pairs...)
			if code != exitFailed || !strings.Contains(out, "account acme  FAILED  "+tc.found) || !strings.Contains(out, tc.do) {
				t.Errorf("check: exit code %d, want %q and %q in\n%s%s", code, tc.found, tc.do, out, errs)
			}
			if strings.Count(out, " ok ") != 3 {
				t.Errorf("the rest is not fine in\n%s", out)
			}
		})
	}
}

func TestDiagnosisOfWhatCannotBeMadeHere(t *testing.T) {
	t.Parallel()
	c, err := loadConfig(acme(), vendors())
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		err  error
		want string
	}{
		{&net.DNSError{Err: "no such host", Name: "pbx.example.com"}, "the host is not known"},
		{&tls.CertificateVerificationError{Err: errors.New("expired")}, "the certificate of the host cannot be trusted"},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.EHOSTUNREACH)}, "the host cannot be reached from here"},
		{context.DeadlineExceeded, "no answer in time"},
		{&ingest.RateLimitError{}, "the vendor asks to slow down"},
		{errors.New("something else"), "it cannot be read"},
	} {
		if got, do := diagnose(c.Accounts[0], fmt.Errorf("GET: %w", tc.err)); got != tc.want || !strings.Contains(do, "CALLBUS_ACCOUNT_ACME_") {
			t.Errorf("diagnose %v: %q, %q, want %q", tc.err, got, do, tc.want)
		}
	}
}

func TestCheckOfTheBus(t *testing.T) {
	t.Parallel()
	r := startBus(t)
	file := filepath.Join(t.TempDir(), "file")
	writeFile(t, file, "")
	listen := strings.TrimPrefix(r.environ[0], "CALLBUS_NATS_LISTEN=")
	for _, tc := range []struct {
		name  string
		pairs []string
		want  string
		code  int
	}{
		{"a callbus that runs already", r.environ, "bus           ok  embedded: a callbus runs on " + r.dataDir + ": nats-server ", exitDone},
		{"a callbus that runs elsewhere", []string{"CALLBUS_NATS_LISTEN=" + listen}, "bus           FAILED  " + listen + " is taken by another program", exitFailed},
		{"a folder that runs, without its address", []string{"CALLBUS_DATA_DIR=" + r.dataDir, "CALLBUS_NATS_LISTEN=127.0.0.1:1"}, "bus           FAILED  nothing answers at 127.0.0.1:1", exitFailed},
		{"a folder that is a file", []string{"CALLBUS_DATA_DIR=" + file}, "bus           FAILED  " + file + " is a file, not a folder", exitFailed},
		{"in this process only", []string{"CALLBUS_NATS_LISTEN=off"}, "in this process only", exitDone},
		{"nothing on HTTP", []string{"CALLBUS_HTTP_LISTEN=off"}, "http          ok  off", exitDone},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			code, out, errs := checks(t, tc.pairs...)
			if code != tc.code || !strings.Contains(unspaced(out), unspaced(tc.want)) {
				t.Errorf("check: exit code %d, want %d and %q in\n%s%s", code, tc.code, tc.want, out, errs)
			}
		})
	}
}

// unspaced makes columns of any width compare.
func unspaced(s string) string { return strings.Join(strings.Fields(s), " ") }

func TestCheckOfAnExternalBus(t *testing.T) {
	t.Parallel()
	r := startBus(t)
	url := "nats://" + strings.TrimPrefix(r.environ[0], "CALLBUS_NATS_LISTEN=")
	for _, tc := range []struct {
		name      string
		bus       Bus
		found, do string
	}{
		{"that works", Bus{URL: Servers{url}, User: "u", Password: secret.New("p")}, "external: nats-server ", ""},
		{"with a wrong password", Bus{URL: Servers{url}, User: "u", Password: secret.New("hunter2")}, "credentials refused", "CALLBUS_NATS_USER and CALLBUS_NATS_PASSWORD"},
		{"that is not there", Bus{URL: Servers{"nats://127.0.0.1:1"}}, "server unreachable", "see to CALLBUS_NATS_URL"},
	} {
		got := tryBus(t.Context(), tc.bus)
		if got.Failed != (tc.do != "") || !strings.Contains(got.Found, tc.found) || !strings.Contains(got.Do, tc.do) || strings.Contains(got.Found, "hunter2") {
			t.Errorf("a bus %s: %+v, want %q and %q", tc.name, got, tc.found, tc.do)
		}
	}
}

func TestCheckKnowsACallbusOnItsHTTPAddress(t *testing.T) {
	t.Parallel()
	s, stop := startHTTP(t, func() error { return nil })
	code, out, _ := checks(t, "CALLBUS_HTTP_LISTEN="+s.Addr())
	if code != exitDone || !strings.Contains(out, "a callbus serves "+s.Addr()+" already") {
		t.Errorf("check beside a callbus: exit code %d\n%s", code, out)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	other := strings.TrimPrefix(serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "alive") }), "http://")
	code, out, _ = checks(t, "CALLBUS_HTTP_LISTEN="+other)
	if code != exitFailed || !strings.Contains(out, other+" is taken by another program") {
		t.Errorf("check beside another program: exit code %d\n%s", code, out)
	}
}

// The lock is that of the embedded server: should it move, check would no longer see it.
func TestTheLockOfTheFolderIsSeen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server, err := stream.StartServer(t.Context(), stream.ServerConfig{DataDir: dir, Listen: "off"})
	if err != nil {
		t.Fatal(err)
	}
	if busy, err := folderBusy(dir); !busy || err != nil {
		t.Errorf("the folder of a server that runs: busy %t, %v", busy, err)
	}
	server.Shutdown()
	if busy, err := folderBusy(dir); busy || err != nil {
		t.Errorf("the folder of a server that has stopped: busy %t, %v", busy, err)
	}
}
