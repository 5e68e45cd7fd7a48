package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const envSuffix = ".env"

// changeKind is what happened to an account of the folder.
type changeKind string

const (
	accountAdded   changeKind = "added"   // a good file is there
	accountChanged changeKind = "changed" // its settings are others now
	accountRemoved changeKind = "removed" // its file is gone
	accountFaulty  changeKind = "faulty"  // its file is wrong; what ran before by that name may go on as it was
)

// accountChange is one thing that happened in the accounts folder.
type accountChange struct {
	Kind    changeKind
	Name    string    // of the account; empty when the folder itself cannot be read, which removes nothing
	Account Account   // of added and changed
	Since   time.Time // of added and changed: when the file, or one that it names, was last touched
	Err     error     // of faulty
}

// accountsDir follows the folder of CALLBUS_ACCOUNTS_DIR. It looks again and again instead of asking the system to be
// told: that works on network file systems and on the folders of symbolic links that Kubernetes mounts.
//
//	a file                      is taken when two looks in a row find it the same, so that a file half written is left alone;
//	                            at once, when it has not been touched for longer than the time between two looks
//	its text, or a secret in a  file that it names, is different: changed. The same text under a new time is not
//	is gone in two looks        removed
//	cannot be read, or wrong    faulty, once
//	is good again               changed; added where it never was good
//	of another name             than NAME.env, or hidden: not looked at
//	the folder cannot be read   faulty, once; no account is removed: no information is not absence
type accountsDir struct {
	path  string
	every time.Duration // between two looks
	read  func(path string) accountFile

	files     map[string]*followedFile
	dirFailed string // what was last said about the folder itself
}

// followedFile is what an accountsDir remembers of one file.
type followedFile struct {
	seen    string   // how it looked last time: times, sizes; empty when it was gone
	taken   string   // how it looked when it was read
	digest  string   // what it held then
	uses    []string // the files it named then
	running bool     // it was good once, and reported as added
	faulty  string   // what was last said to be wrong with it; empty while it is good
}

func newAccountsDir(path string, every time.Duration, read func(path string) accountFile) *accountsDir {
	return &accountsDir{path: path, every: every, read: read, files: map[string]*followedFile{}}
}

// watch looks at once and then every d.every, and hands over what changed, in order of the names, until ctx is done.
func (d *accountsDir) watch(ctx context.Context, changed func(accountChange)) {
	ticker := time.NewTicker(d.every)
	defer ticker.Stop()
	for {
		for _, c := range d.look(time.Now()) {
			changed(c)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// look takes one look, and returns what is now certain.
func (d *accountsDir) look(now time.Time) []accountChange {
	names, err := accountFiles(d.path)
	if err != nil {
		return d.failed(err)
	}
	d.dirFailed = ""
	for _, name := range names {
		if d.files[name] == nil {
			d.files[name] = &followedFile{}
		}
	}
	var all []accountChange
	for _, name := range slices.Sorted(maps.Keys(d.files)) {
		if c, ok := d.lookAt(name, now); ok {
			all = append(all, c)
		}
	}
	return all
}

func (d *accountsDir) failed(err error) []accountChange {
	if d.dirFailed == err.Error() {
		return nil
	}
	d.dirFailed = err.Error()
	return []accountChange{{Kind: accountFaulty, Err: err}}
}

// lookAt decides about one file; it is not ok when there is nothing to say.
func (d *accountsDir) lookAt(name string, now time.Time) (_ accountChange, ok bool) {
	f, path := d.files[name], filepath.Join(d.path, name+envSuffix)
	before := f.seen
	var touched time.Time
	f.seen, touched = appearance(path, f.uses)
	switch settled := f.seen == before || now.Sub(touched) > d.every; {
	case f.seen == "" && before == "":
		delete(d.files, name)
		return accountChange{Kind: accountRemoved, Name: name}, f.running || f.faulty != ""
	case f.seen == "", f.seen == f.taken, !settled:
		return accountChange{}, false
	}
	c, ok := d.take(name, path, f)
	if c.Since = touched; touched.After(now) {
		c.Since = now // newer settings than now's would be the newest for ever
	}
	return c, ok
}

// take reads a file that has come to rest.
func (d *accountsDir) take(name, path string, f *followedFile) (_ accountChange, ok bool) {
	file := d.read(path)
	if !slices.Equal(file.uses, f.uses) { // which files it names is known only now: read again, with an eye on them
		f.uses = file.uses
		f.seen, _ = appearance(path, f.uses)
		file = d.read(path)
	}
	if again, _ := appearance(path, f.uses); again != f.seen || !slices.Equal(file.uses, f.uses) {
		return accountChange{}, false // it was written to while it was read
	}
	f.taken = f.seen
	if file.Err != nil {
		return f.fault(name, file.Err)
	}
	return f.good(name, file)
}

func (f *followedFile) fault(name string, err error) (_ accountChange, ok bool) {
	if f.faulty == err.Error() {
		return accountChange{}, false
	}
	f.faulty = err.Error()
	return accountChange{Kind: accountFaulty, Name: name, Err: err}, true
}

func (f *followedFile) good(name string, file accountFile) (_ accountChange, ok bool) {
	same := f.running && f.faulty == "" && f.digest == file.digest
	kind := accountAdded
	if f.running {
		kind = accountChanged
	}
	f.running, f.faulty, f.digest = true, "", file.digest
	return accountChange{Kind: kind, Name: name, Account: file.Account}, !same
}

// appearance says how a file and those that it names look from outside, and when the last of them was touched. It is
// empty when the file is not there.
func appearance(path string, uses []string) (string, time.Time) {
	info, err := os.Stat(path)
	if err != nil && os.IsNotExist(err) {
		return "", time.Time{}
	}
	var b strings.Builder
	touched := describe(&b, info, err)
	for _, used := range uses {
		info, err := os.Stat(used)
		if t := describe(&b, info, err); t.After(touched) {
			touched = t
		}
	}
	return b.String(), touched
}

func describe(b *strings.Builder, info os.FileInfo, err error) time.Time {
	if err != nil {
		fmt.Fprintf(b, "%v;", err)
		return time.Unix(1<<40, 0) // it may be about to come: it has not rested
	}
	fmt.Fprintf(b, "%s %d %s %d;", info.ModTime(), info.Size(), info.Mode(), inode(info))
	return info.ModTime()
}

// accountFiles returns the names of the accounts that have a file in the folder, in order.
func accountFiles(path string) ([]string, error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, fmt.Errorf("look into the accounts folder: %w", err)
	}
	var names []string
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), envSuffix)
		if ok && !strings.HasPrefix(name, ".") && name != "" {
			names = append(names, name)
		}
	}
	return names, nil
}

// checkAccountsDir checks at the start that the folder is one, and that no name stands in both places.
func (r *reader) checkAccountsDir(path string, named Names) {
	inFolder, err := accountFiles(path)
	if err != nil {
		r.general("ACCOUNTS_DIR", err)
		return
	}
	for _, name := range inFolder {
		if slices.Contains(named, name) {
			r.general("ACCOUNTS", fmt.Errorf("the account %s has a file in %s as well: keep one of the two", name, path))
		}
	}
}
