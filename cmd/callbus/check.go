package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
)

const checkLong = `Reads the settings, then tries every account (the calls active now, and the records of the last minute), the bus and
the addresses to listen on, and prints a table: what works, what does not, and what to do. It changes nothing; where
traces are switched on, it hands over one of its own. Of reminders to call back it says in words when they come, and
warns of what is hardly meant.

The exit code is 0 only if all works, warnings or not; 1 if something does not; 2 if a setting is wrong. --offline checks
the settings alone.`

const checkExamples = `  callbus check
  callbus check --offline --env-file callbus.env
  callbus check && callbus run`

// tried is one line of the table.
type tried struct {
	What     string
	Failed   bool
	Doubtful bool // it works, but hardly as it is meant
	Found    string
	Do       string // what to do about it
}

// errCheck ends callbus check when something does not work. The table has said what.
var errCheck = errors.New("not everything works: see the table")

// accountTimeout bounds the trial of one account, whatever its own TIMEOUT: a person waits for the table.
const (
	accountTimeout = 30 * time.Second
	busTimeout     = 10 * time.Second
	triedAtOnce    = 16
)

func newCheckCmd(w *world) *cobra.Command {
	env := environment{world: w}
	var offline bool
	cmd := &cobra.Command{
		Use:     "check",
		Short:   "Check the settings, and try every account and the bus",
		Long:    checkLong,
		Example: checkExamples,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := env.config()
			if err != nil {
				return err
			}
			return check(cmd.Context(), c, offline, w.stdout)
		},
	}
	cmd.Flags().BoolVar(&offline, "offline", false, "check the settings alone, and connect to nothing")
	env.addFlag(cmd)
	return cmd
}

func check(ctx context.Context, c Config, offline bool, out io.Writer) error {
	fromDir, settingsErr := accountsOfDir(c)
	accounts := slices.Concat(c.Accounts, fromDir)
	table := append([]tried{settingsTried(c, len(accounts), settingsErr)}, checkReminders(c, time.Now())...)
	if !offline {
		table = append(table, tryAccounts(ctx, accounts)...)
		table = append(table, tryBus(ctx, c.Bus), tryHTTP(c))
		table = append(table, tryTraces(ctx, c.Traces)...)
	}
	if err := errors.Join(printTable(out, table), ctx.Err()); err != nil {
		return err
	}
	if settingsErr != nil {
		return settingsErr
	}
	if slices.ContainsFunc(table, func(t tried) bool { return t.Failed }) {
		return errCheck
	}
	return nil
}

// accountsOfDir reads every account of the folder. Its error has the faults of all files; the good accounts are
// returned all the same.
func accountsOfDir(c Config) ([]Account, error) {
	if c.AccountsDir == "" {
		return nil, nil
	}
	names, err := accountFiles(c.AccountsDir)
	if err != nil {
		return nil, settingsError([]Fault{{Setting: "CALLBUS_ACCOUNTS_DIR", Problem: err.Error()}})
	}
	var good []Account
	var faults []Fault
	for _, name := range names {
		path := filepath.Join(c.AccountsDir, name+envSuffix)
		file := c.accountReader().read(path)
		var settings *SettingsError
		switch {
		case errors.As(file.Err, &settings):
			faults = append(faults, settings.Faults...)
		case file.Err != nil:
			faults = append(faults, Fault{Setting: path, Problem: file.Err.Error()})
		default:
			good = append(good, file.Account)
		}
	}
	return good, settingsError(faults)
}

// accountReader reads the files of c's accounts folder.
func (c Config) accountReader() accountReader {
	var named Names
	for _, a := range c.Accounts {
		named = append(named, a.Name)
	}
	return accountReader{vendors: vendors(), named: named, bus: c.Bus}
}

func settingsTried(c Config, accounts int, err error) tried {
	if err != nil {
		return tried{What: "settings", Failed: true, Found: "wrong in the accounts folder", Do: "mend the files that are named below"}
	}
	found := fmt.Sprintf("%d accounts", accounts)
	if accounts == 1 {
		found = "1 account"
	}
	if c.Roles.Ingest && accounts == 0 {
		found += fmt.Sprintf(": %s is empty, and may be filled while callbus runs", c.AccountsDir)
	}
	return tried{What: "settings", Found: found}
}

// tryAccounts tries all accounts, some at a time, and returns what came of it in their order.
func tryAccounts(ctx context.Context, accounts []Account) []tried {
	table := make([]tried, len(accounts))
	var g errgroup.Group
	g.SetLimit(triedAtOnce)
	for i, a := range accounts {
		g.Go(func() error {
			table[i] = tryAccount(ctx, a)
			return nil
		})
	}
	_ = g.Wait() // no trial returns an error: each has its line
	return table
}

func tryHTTP(c Config) tried {
	t := tried{What: "http"}
	if c.HTTPListen.Off() || !c.Roles.HTTP {
		t.Found = "off"
		return t
	}
	l, err := net.Listen("tcp", string(c.HTTPListen))
	if err == nil {
		t.Found = fmt.Sprintf("%s is free", c.HTTPListen)
		return t.failedIf(l.Close(), "")
	}
	if isCallbus(c.HTTPListen) {
		t.Found = fmt.Sprintf("a callbus serves %s already", c.HTTPListen)
		return t
	}
	return t.failedIf(listenError("CALLBUS_HTTP_LISTEN", string(c.HTTPListen), err), "choose another address, or off")
}

// isCallbus tells whether a callbus answers at l.
func isCallbus(l Listen) bool {
	client := http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + l.reachable() + "/healthz")
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64))
	return err == nil && string(body) == alive
}

func (t tried) failedIf(err error, do string) tried {
	if err != nil {
		t.Failed, t.Found, t.Do = true, err.Error(), do
	}
	return t
}

// printTable writes the table, what to do below what failed.
func printTable(out io.Writer, table []tried) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, t := range table {
		mark := "ok"
		switch {
		case t.Failed:
			mark = "FAILED"
		case t.Doubtful:
			mark = "warning"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", t.What, mark, oneLine(t.Found))
		if t.Do != "" {
			fmt.Fprintf(w, "\t\t-> %s\n", oneLine(t.Do))
		}
	}
	return w.Flush() // has every error of the writes above
}

// oneLine keeps a table a table, and a terminal a terminal: what failed may quote another server.
func oneLine(s string) string { return clean(strings.ReplaceAll(s, "\n", "; "), 1000) }
