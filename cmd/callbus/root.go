package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The exit codes that the help promises.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// world is what the commands may see of the world around them.
type world struct {
	environ        []string
	stdin          io.Reader
	stdout, stderr io.Writer
}

// run is the program, without signals and exit: args are those after its name.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	root := newRootCmd(&world{environ: environ, stdin: os.Stdin, stdout: stdout, stderr: stderr})
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil || errors.Is(err, syscall.EPIPE) { // whoever reads our output has seen enough
		return exitDone
	}
	fmt.Fprintln(stderr, "callbus: "+err.Error())
	return exitCode(err)
}

func exitCode(err error) int {
	var usage *usageError
	var settings *SettingsError
	if errors.As(err, &usage) || errors.As(err, &settings) {
		return exitUsage
	}
	return exitFailed
}

// usageError is a command line that cannot be understood. It ends the program with code 2.
type usageError struct {
	problem string
	try     string // what to do instead
}

func (e *usageError) Error() string { return e.problem + "\n" + e.try }

const rootLong = `callbus watches cloud telephone exchanges (PBXs) that have no event bus of their own. It asks them again and
again which calls are active and which have ended, works out what happened, and publishes it as CloudEvents on
NATS JetStream: call.started, call.answered, call.ended, call.missed, call.amended.

To see it work, with simulated exchanges and no settings at all:

  callbus demo

To run it for real, set at least one account and check that it can be reached:

  export CALLBUS_ACCOUNTS=acme
  export CALLBUS_ACCOUNT_ACME_PROVIDER=telsam
  export CALLBUS_ACCOUNT_ACME_URL=https://pbx.example.com
  export CALLBUS_ACCOUNT_ACME_USERNAME=api
  export CALLBUS_ACCOUNT_ACME_PASSWORD_FILE=/run/secrets/acme
  callbus check && callbus run

Then, in another terminal, follow what happens:

  callbus tail

Settings are environment variables that begin with CALLBUS_; --env-file reads them from a file. A setting that is
wrong is named, with what is accepted, and all of them at once.

Exit codes: 0 done, 1 failed while running, 2 wrong usage or settings.`

func newRootCmd(w *world) *cobra.Command {
	root := &cobra.Command{
		Use:           "callbus",
		Short:         "Events of the calls on cloud PBXs, on NATS JetStream",
		Long:          rootLong,
		Version:       buildVersion(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          knownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return noCommand(cmd) },
	}
	root.SetVersionTemplate("{{.DisplayName}} {{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(newRunCmd(w), newDemoCmd(w), newCheckCmd(w), newTailCmd(w), newBackfillCmd(w), newReplayCmd(w), newDeadCmd(w), newSinksCmd(w), newCallbacksCmd(w), newHangupCmd(w), newSchemaCmd(w), newPbxsimCmd(w), newVersionCmd(w))
	root.SetHelpCommand(newHelpCmd(root))
	return root
}

// noCommand is an error and not the help on standard output: a unit file without a command would seem to have worked.
func noCommand(cmd *cobra.Command) error {
	cmd.SetOut(cmd.ErrOrStderr())
	if err := cmd.Help(); err != nil {
		return err
	}
	return &usageError{problem: "no command given", try: "Try: callbus demo"}
}

func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	try := "Try: callbus help"
	if near := nearest(args[0], commandNames(cmd)); near != "" {
		try = "Did you mean: callbus " + near + "?"
	}
	return &usageError{problem: fmt.Sprintf("unknown command %q", args[0]), try: try}
}

func commandNames(root *cobra.Command) []string {
	var names []string
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return names
}

// flagError says which flag was meant. pflag's own words stay for everything else.
func flagError(cmd *cobra.Command, err error) error {
	try := "Try: " + cmd.CommandPath() + " --help"
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		if near := nearest(unknown.GetSpecifiedName(), flagNames(cmd)); near != "" {
			try = "Did you mean: " + cmd.CommandPath() + " --" + near + "?"
		}
	}
	return &usageError{problem: err.Error(), try: try}
}

func flagNames(cmd *cobra.Command) []string {
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}

// noArgs is for commands that take flags alone.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return &usageError{
		problem: fmt.Sprintf("%s takes no arguments, and was given %s", cmd.CommandPath(), quote(strings.Join(args, " "))),
		try:     "Try: " + cmd.CommandPath() + " --help",
	}
}

// newHelpCmd is cobra's help command, except that an unknown topic is an error.
func newHelpCmd(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Explain callbus, or one of its commands",
		RunE: func(_ *cobra.Command, args []string) error {
			topic, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return knownCommand(root, args)
			}
			topic.InitDefaultHelpFlag() // so that it is listed, as after --help
			return topic.Help()
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return commandNames(root), cobra.ShellCompDirectiveNoFileComp
		},
	}
}
