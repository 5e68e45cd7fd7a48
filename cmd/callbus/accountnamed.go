package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// accountNamed returns the account that a command line names, of the settings or of the accounts folder.
func accountNamed(c Config, name string) (Account, error) {
	fromDir, err := accountsOfDir(c)
	all := slices.Concat(c.Accounts, fromDir)
	for _, a := range all {
		if a.Name == name {
			return a, nil
		}
	}
	if err != nil {
		return Account{}, err
	}
	names := make([]string, len(all))
	for i, a := range all {
		names[i] = a.Name
	}
	try := "There are: " + strings.Join(names, ", ")
	if len(all) == 0 {
		try = "Set CALLBUS_ACCOUNTS, or CALLBUS_ACCOUNTS_DIR"
	} else if near := nearest(name, names); near != "" {
		try = "Did you mean: " + near + "?"
	}
	return Account{}, &usageError{problem: fmt.Sprintf("there is no account %s", quote(name)), try: try}
}

// exactly is for commands that take so many arguments, which have these names.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == len(names) {
			return nil
		}
		return &usageError{
			problem: fmt.Sprintf("%s takes %s, and was given %d arguments", cmd.CommandPath(), strings.Join(names, " and "), len(args)),
			try:     "Try: " + cmd.CommandPath() + " --help",
		}
	}
}

// alone returns a transport for one account and one command, and what lets go of it.
func alone() (*http.Transport, func()) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	return t, t.CloseIdleConnections
}
