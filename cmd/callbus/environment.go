package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

const envFileUsage = "read settings from `FILE` too; a variable of the environment wins over the file"

// environment is where the settings of a command come from.
type environment struct {
	world   *world
	envFile string
}

func (e *environment) addFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&e.envFile, "env-file", "", envFileUsage)
}

// config reads every setting.
func (e *environment) config() (Config, error) {
	vars, file, err := e.variables()
	if err != nil {
		return Config{}, err
	}
	c, err := loadConfig(vars, vendors())
	return c, file.with(err)
}

// bus reads the settings of the bus alone.
func (e *environment) bus() (Bus, error) {
	vars, file, err := e.variables()
	if err != nil {
		return Bus{}, err
	}
	b, err := loadBus(vars)
	return b, file.with(err)
}

// variables joins the environment and the file. The environment wins, as with docker run -e and in Compose: a file
// holds what is usual, and one variable on the command line tries something else.
func (e *environment) variables() (map[string]string, envFile, error) {
	vars := variablesOf(e.world.environ)
	if e.envFile == "" {
		return vars, envFile{}, nil
	}
	text, err := readBounded(e.envFile, accountFileMost)
	if err != nil {
		return nil, envFile{}, &SettingsError{Faults: []Fault{{Setting: "--env-file", Problem: err.Error()}}}
	}
	file := parseEnvFile(e.envFile, text)
	file.faults = append(file.faults, misspelt(e.envFile, file.vars)...)
	all := maps.Clone(file.vars)
	for name, value := range vars {
		if value != "" || all[name] == "" {
			all[name] = value
		}
	}
	return all, file, nil
}

// misspelt finds the variables of a file that were meant for callbus and miss its prefix. Other variables may stand
// there, for other programs that read the same file.
func misspelt(path string, vars map[string]string) []Fault {
	var faults []Fault
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		first, _, found := strings.Cut(name, "_")
		if d := slips(strings.ToUpper(first), "CALLBUS"); found && first != "CALLBUS" && d <= 2 {
			faults = append(faults, Fault{Setting: path, Problem: fmt.Sprintf("%s is not a setting of callbus: they begin with %s", name, settingPrefix)})
		}
	}
	return faults
}

// with joins the faults of the file with those of its settings, which err lists.
func (f envFile) with(err error) error {
	r := newReader(nil)
	if settings, ok := err.(*SettingsError); ok {
		r.faults = settings.Faults
	}
	return settingsError(f.withFaultsOf(r))
}

func variablesOf(environ []string) map[string]string {
	vars := map[string]string{}
	for _, pair := range environ {
		if name, value, ok := strings.Cut(pair, "="); ok {
			vars[name] = value
		}
	}
	return vars
}

// has tells whether name is set to something: NO_COLOR and its like are true whatever they hold.
func (w *world) has(name string) bool { return variablesOf(w.environ)[name] != "" }

// otel returns the variables of OpenTelemetry, which the demo heeds: to see its traces.
func (w *world) otel() map[string]string {
	vars := variablesOf(w.environ)
	maps.DeleteFunc(vars, func(name, _ string) bool { return !strings.HasPrefix(name, otelPrefix) })
	return vars
}
