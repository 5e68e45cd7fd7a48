package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// accountFile is one NAME.env of the accounts folder, read once.
type accountFile struct {
	Account Account
	Err     error    // a [SettingsError], or why the file could not be read
	digest  string   // of the text, and of the secrets in the files that it names
	uses    []string // those files: when one changes, so does the account
}

// accountReader reads the files of an accounts folder, by the same rules as the accounts of the environment.
type accountReader struct {
	vendors []vendor
	named   Names // the accounts of CALLBUS_ACCOUNTS, whose names are taken
	bus     Bus
}

// accountFileMost is far above any account, and keeps a wrong file from filling memory.
const accountFileMost = 1 << 20

func (ar accountReader) read(path string) accountFile {
	text, err := readBounded(path, accountFileMost)
	if err != nil {
		return accountFile{Err: err}
	}
	parsed := parseEnvFile(path, text)
	r := newReader(parsed.vars)
	r.name = func(variable string) string { return path + ": " + variable }
	r.files.Write(text)
	name := strings.TrimSuffix(filepath.Base(path), envSuffix)
	a, _ := r.account(name, "", ar.vendors)
	if a.Vendor != nil {
		r.unknownInFile(name)
	}
	ar.check(r, a, path)
	faults := parsed.withFaultsOf(r)
	return accountFile{Account: a, Err: settingsError(faults), digest: hex.EncodeToString(r.files.Sum(nil)), uses: r.opened}
}

func (ar accountReader) check(r *reader, a Account, path string) {
	if !nameForm.MatchString(a.Name) {
		r.faults = append(r.faults, Fault{Setting: path, Problem: quote(a.Name) + " is not a name of an account", Accepted: "a file NAME.env with a name of a-z, 0-9 and -, at most 40 characters"})
	}
	if slices.Contains(ar.named, a.Name) {
		r.faults = append(r.faults, Fault{Setting: path, Problem: fmt.Sprintf("the account %s is named in CALLBUS_ACCOUNTS as well: keep one of the two", a.Name)})
	}
	if a.Vendor == nil {
		return
	}
	r.check("LOOKBACK", a.fits(ar.bus))
}

func (r *reader) unknownInFile(account string) {
	for _, variable := range slices.Sorted(maps.Keys(r.vars)) {
		if _, known := r.owners[variable]; known {
			continue
		}
		if prefix := accountPrefix(account); strings.HasPrefix(variable, prefix) {
			r.fault(variable, fmt.Errorf("names have no prefix in this folder: write %s", strings.TrimPrefix(variable, prefix)))
			continue
		}
		r.fault(variable, errors.New("is not a setting of an account"+r.meant(variable)))
	}
}

// withFaultsOf joins the faults of the file's lines with those of its settings, without what follows from a broken line.
func (f envFile) withFaultsOf(r *reader) []Fault {
	all := slices.Clone(f.faults)
	for _, fault := range r.faults {
		if !f.isBroken(r, fault.Setting) {
			all = append(all, fault)
		}
	}
	return all
}

func (f envFile) isBroken(r *reader, setting string) bool {
	for name := range f.broken {
		if setting == r.name(name) || setting == r.name(strings.TrimSuffix(name, "_FILE")) {
			return true
		}
	}
	return false
}

func readBounded(path string, most int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read the settings: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read the settings: %s is not a file", path)
	}
	if info.Size() > most {
		return nil, fmt.Errorf("read the settings: %s is larger than %d bytes: it is no file of settings", path, most)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the settings: %w", err)
	}
	return text, nil
}
