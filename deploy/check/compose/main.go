// Compose reads a compose file as Docker Compose does, checks that what it mounts is there, and prints the settings that
// the service callbus gets, one NAME=value a line.
package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "compose:", err)
		os.Exit(1)
	}
}

func run(file string) error {
	options, err := cli.NewProjectOptions([]string{file}, cli.WithEnv(nil), cli.WithDiscardEnvFile)
	if err != nil {
		return err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return err
	}
	if err := mounted(project); err != nil {
		return err
	}
	callbus, err := project.GetService("callbus")
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(callbus.Environment)) {
		if value := callbus.Environment[name]; value != nil {
			fmt.Printf("%s=%s\n", name, *value)
		}
	}
	return nil
}

// mounted tells what is mounted from this machine and is not there: Docker would make an empty folder of it.
func mounted(project *types.Project) error {
	var missing []error
	for _, service := range project.Services {
		for _, v := range service.Volumes {
			if v.Type == types.VolumeTypeBind {
				_, err := os.Stat(v.Source)
				missing = append(missing, err)
			}
		}
	}
	for _, s := range project.Secrets {
		_, err := os.Stat(s.File)
		missing = append(missing, err)
	}
	return errors.Join(missing...)
}
