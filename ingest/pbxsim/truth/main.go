package main

import (
	"context"
	"flag"
	"fmt"
	"os"
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
	troubles := flag.Int("troubles", 12, "how often a process or a server is killed or frozen in the third")
	only := flag.String("only", "", "one scenario: calm, rough, or spread")
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
		if out, err := build(ctx, *binary).CombinedOutput(); err != nil {
			return fmt.Errorf("build callbus: %w\n%s", err, out)
		}
	}
	runs := map[string]func(Scenario) (Result, error){
		"calm":   func(s Scenario) (Result, error) { return s.Run(ctx) },
		"rough":  func(s Scenario) (Result, error) { return s.Run(ctx) },
		"spread": func(s Scenario) (Result, error) { return runSpread(ctx, s, *troubles) },
	}
	imperfect := 0
	for _, s := range []Scenario{Calm(*seed, *last), Rough(*seed, *last, *kills), Spread(*seed, *last, *troubles)} {
		if *only != "" && s.Dir != *only {
			continue
		}
		s.Binary, s.Folder, s.Verbose = *binary, filepath.Join(folder, s.Dir), *verbose
		result, err := runs[s.Dir](s)
		if err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		fmt.Println(result)
		if !result.Perfect() {
			imperfect++
		}
	}
	if imperfect > 0 {
		return fmt.Errorf("%d scenarios were not told perfectly", imperfect)
	}
	return nil
}
