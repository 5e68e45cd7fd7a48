package main

import (
	"bufio"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/callbus/callbus/ingest/pbxsim"
)

var (
	manyAccounts = flag.Int("accounts", 10_000, "how many accounts BenchmarkAccounts watches")
	manyPoll     = flag.Duration("accounts-poll", time.Minute, "how often it polls each of their lists")
	manyRate     = flag.Float64("accounts-rate", 0.001, "fresh calls a minute on each of them")
	manyHosts    = flag.Int("accounts-hosts", 1, "how many hosts they are on")
	manyWarm     = flag.Duration("accounts-warm", 2*time.Minute, "how long after the start it begins to measure")
	manyFor      = flag.Duration("accounts-for", time.Minute, "how long it measures")
)

// BenchmarkAccounts is what the program, as a process with its embedded server, needs for the accounts of a folder, on Telsam PBXs of
// this machine: memory, and cores over some time, beside the requests that it makes.
func BenchmarkAccounts(b *testing.B) {
	folder := b.TempDir()
	binary := filepath.Join(folder, "callbus")
	if out, err := buildCallbus(b.Context(), binary).CombinedOutput(); err != nil {
		b.Fatalf("build callbus: %v\n%s", err, out)
	}
	var asked atomic.Int64
	changed := make(chan struct{}, 1)
	hosts := servePBXs(b, &asked, changed)
	accounts := accountFolder(b, folder, hosts)
	for b.Loop() {
		c := exec.CommandContext(b.Context(), binary, "run")
		c.Env = append(os.Environ(), "CALLBUS_ACCOUNTS_DIR="+accounts, "CALLBUS_DATA_DIR="+filepath.Join(folder, "data"),
			"CALLBUS_NATS_LISTEN=off", "CALLBUS_HTTP_LISTEN=off", "CALLBUS_LOG_LEVEL=error")
		c.Stderr = os.Stderr
		began := time.Now()
		if err := c.Start(); err != nil {
			b.Fatal(err)
		}
		for asked.Load() < int64(*manyAccounts) {
			time.Sleep(10 * time.Millisecond)
		}
		b.ReportMetric(time.Since(began).Seconds(), "s-to-that-many-requests")
		time.Sleep(*manyWarm)
		before, used, since := asked.Load(), usedBy(b, c.Process.Pid), time.Now()
		time.Sleep(*manyFor)
		took := time.Since(since).Seconds()
		b.ReportMetric((usedBy(b, c.Process.Pid)-used).Seconds()/took, "cores")
		b.ReportMetric(float64(asked.Load()-before)/took, "requests/s")
		b.ReportMetric(kilobytes(b, c.Process.Pid, "VmRSS")/1024, "MB")
		b.ReportMetric(kilobytes(b, c.Process.Pid, "VmHWM")/1024, "MB-at-most")
		since = time.Now()
		writeAccount(b, accounts, 0, hosts[0]+"/changed/")
		<-changed
		b.ReportMetric(time.Since(since).Seconds(), "s-to-a-change")
		_ = c.Process.Signal(syscall.SIGTERM) // Wait tells how it ended
		if err := c.Wait(); err != nil {
			b.Fatal(err)
		}
	}
}

// servePBXs serves one PBX below every path of each host: all accounts have the same calls. It tells when the path is /changed/.
func servePBXs(b *testing.B, asked *atomic.Int64, changed chan<- struct{}) (hosts []string) {
	world := pbxsim.NewWorld(pbxsim.Config{Seed: 1, Start: time.Now().Add(-time.Hour), Rate: *manyRate, Extensions: 100, Callers: 500, Mix: pbxsim.DefaultMix()})
	shown := pbxsim.Show("telsam", world, pbxsim.Manner{}, time.Now)
	serve := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		account, path, _ := strings.Cut(r.URL.Path[1:], "/")
		if account == "changed" {
			select {
			case changed <- struct{}{}:
			default:
			}
		}
		r.URL.Path = "/" + path
		shown.ServeHTTP(w, r)
	})
	for range *manyHosts {
		s := httptest.NewServer(serve)
		b.Cleanup(s.Close)
		hosts = append(hosts, s.URL)
	}
	return hosts
}

func accountFolder(b *testing.B, folder string, hosts []string) string {
	accounts := filepath.Join(folder, "accounts")
	if err := os.Mkdir(accounts, 0o700); err != nil {
		b.Fatal(err)
	}
	for i := range *manyAccounts {
		writeAccount(b, accounts, i, fmt.Sprintf("%s/a%d/", hosts[i%len(hosts)], i))
	}
	return accounts
}

// writeAccount writes the file of the i-th account.
func writeAccount(b *testing.B, folder string, i int, url string) {
	text := fmt.Sprintf("PROVIDER=telsam\nURL=%s\nUSERNAME=callbus\nPASSWORD=callbus\nPOLL_ACTIVE=%v\nPOLL_CDR=%v\n", url, *manyPoll, *manyPoll)
	if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("a%d.env", i)), []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
}

// usedBy returns the processor time that a process has used.
func usedBy(b *testing.B, pid int) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	var ticks int
	for _, f := range fields[11:13] { // utime and stime, in hundredths of a second
		n, err := strconv.Atoi(f)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

func kilobytes(b *testing.B, pid int, what string) float64 {
	status, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	defer status.Close()
	for s := bufio.NewScanner(status); s.Scan(); {
		if value, ok := strings.CutPrefix(s.Text(), what+":"); ok {
			n, err := strconv.ParseFloat(strings.Fields(value)[0], 64)
			if err != nil {
				b.Fatal(err)
			}
			return n
		}
	}
	b.Fatalf("the system does not tell %s", what)
	return 0
}
