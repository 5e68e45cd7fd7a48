package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "truth:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	seed := flag.Uint64("seed", 1, "of the simulated world")
	last := flag.Duration("for", 90*time.Second, "how long calls go on in each scenario")
	kills := flag.Int("kills", 25, "how often callbus is killed in the second")
	binary := flag.String("callbus", "", "the program to score (built from ./cmd/callbus when empty)")
	keep := flag.String("keep", "", "keep callbus's data and log in this folder")
	verbose := flag.Bool("v", false, "show what callbus logs")
	flag.Parse()

	folder := *keep
	if folder == "" {
		var err error
		if folder, err = os.MkdirTemp("", "callbus-truth-"); err != nil {
			return err
		}
		defer os.RemoveAll(folder)
	}
	if *binary == "" {
		*binary = filepath.Join(folder, "callbus")
		if out, err := exec.CommandContext(ctx, "go", "build", "-o", *binary, "./cmd/callbus").CombinedOutput(); err != nil {
			return fmt.Errorf("build callbus: %w\n%s", err, out)
		}
	}
	imperfect := 0
	for _, s := range []Scenario{Calm(*seed, *last), Rough(*seed, *last, *kills)} {
		s.Binary, s.Folder, s.Verbose = *binary, filepath.Join(folder, s.Dir), *verbose
		result, err := s.Run(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		fmt.Println(result)
		if !result.Perfect() {
			imperfect++
		}
	}
	if imperfect > 0 {
		return fmt.Errorf("%d of 2 scenarios were not told perfectly", imperfect)
	}
	return nil
}
