// Release reads .goreleaser.yaml as GoReleaser does, which refuses what it does not know, and checks that the files it
// names are there.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/goreleaser/goreleaser/v2/pkg/config"
)

func main() {
	project, err := config.Load(os.Args[1])
	if err == nil {
		err = named(project)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// named tells which files the release names that are not there. Those below dist are made by its hooks.
func named(project config.Project) error {
	var files []string
	for _, a := range project.Archives {
		for _, f := range a.Files {
			files = append(files, f.Source)
		}
	}
	for _, p := range project.NFPMs {
		for _, c := range p.Contents {
			if c.Type != "dir" {
				files = append(files, c.Source)
			}
		}
		files = append(files, p.Scripts.PostInstall, p.Scripts.PreRemove, p.Scripts.PostRemove)
	}
	for _, d := range project.DockersV2 {
		files = append(files, d.Dockerfile)
	}
	if len(files) == 0 {
		return errors.New("it names no file, so that nothing was checked")
	}
	var missing []error
	for _, f := range files {
		if f == "" || strings.HasPrefix(f, "dist/") {
			continue
		}
		if found, err := filepath.Glob(f); err != nil || len(found) == 0 {
			missing = append(missing, fmt.Errorf("%s is not there", f))
		}
	}
	return errors.Join(missing...)
}
