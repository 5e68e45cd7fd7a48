package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// folder is an accounts folder under test, looked at by hand.
type folder struct {
	t    *testing.T
	path string
	dir  *accountsDir
}

func newFolder(t *testing.T, named ...string) *folder {
	path := t.TempDir()
	reader := accountReader{vendors: vendors(), named: named, bus: Bus{MaxAge: 336 * time.Hour}}
	return &folder{t: t, path: path, dir: newAccountsDir(path, 2*time.Second, reader.read)}
}

const goodAccount = "PROVIDER=telsam\nURL=https://pbx.example.com\nUSERNAME=api\nPASSWORD=hunter2\n"

// write puts text into a file that was last touched at the given age.
func (f *folder) write(name, text string, age time.Duration) {
	f.t.Helper()
	path := filepath.Join(f.path, name)
	writeFile(f.t, path, text)
	touched := time.Now().Add(-age)
	if err := os.Chtimes(path, touched, touched); err != nil {
		f.t.Fatal(err)
	}
}

// looks takes one look and fails unless it finds want, written like "added acme".
func (f *folder) looks(want ...string) []accountChange {
	f.t.Helper()
	changes := f.dir.look(time.Now())
	var got []string
	for _, c := range changes {
		got = append(got, strings.TrimSpace(string(c.Kind)+" "+c.Name))
		if (c.Err != nil) != (c.Kind == accountFaulty) || (c.Account.Name == c.Name) != (c.Kind == accountAdded || c.Kind == accountChanged) && c.Name != "" {
			f.t.Errorf("a change that does not fit its kind: %+v", c)
		}
	}
	if !slices.Equal(got, want) {
		f.t.Errorf("a look finds %q, want %q", got, want)
	}
	return changes
}

func TestAFileThatHasRestedIsTakenAtOnce(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.write("acme.env", goodAccount, time.Minute)
	f.write("other.env", goodAccount, time.Minute)
	changes := f.looks("added acme", "added other")
	if a := changes[0].Account; a.Provider != "telsam" || a.Settings.PollCDR != 5*time.Second || a.variable("URL") != filepath.Join(f.path, "acme.env")+": URL" {
		t.Errorf("account %+v", a)
	}
	f.looks()
}

func TestAFileThatIsNewIsTakenWhenItRests(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.write("acme.env", "PROVIDER=tel", 0)
	f.looks()
	f.write("acme.env", goodAccount, -time.Millisecond) // still being written
	f.looks()
	f.looks("added acme")
	f.looks()
}

func TestTheSameTextUnderANewTimeIsNoChange(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.write("acme.env", goodAccount, time.Minute)
	f.looks("added acme")
	f.write("acme.env", goodAccount, 30*time.Second)
	f.looks()
	f.write("acme.env", goodAccount+"RATE=6/m\n", 20*time.Second)
	changes := f.looks("changed acme")
	if got := changes[0].Account.Settings.Rate.Requests; got != 6 {
		t.Errorf("rate %d, want 6", got)
	}
}

func TestAFileIsRemovedWhenItIsGoneTwice(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.write("acme.env", goodAccount, time.Minute)
	f.looks("added acme")
	path := filepath.Join(f.path, "acme.env")
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	f.looks()
	if err := os.Rename(path+".old", path); err != nil {
		t.Fatal(err)
	}
	f.looks()
	f.looks() // it was away for a moment, as when an editor replaces it
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	f.looks()
	f.looks("removed acme")
	f.looks()
	f.write("acme.env", goodAccount, time.Minute)
	f.looks("added acme")
}

func TestAWrongFileIsSaidOnceAndLeavesTheOthersAlone(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.write("acme.env", "PROVIDER=telsam\n", time.Minute)
	f.write("other.env", goodAccount, time.Minute)
	changes := f.looks("faulty acme", "added other")
	if want := filepath.Join(f.path, "acme.env") + ": PASSWORD: not set"; !strings.Contains(changes[0].Err.Error(), want) {
		t.Errorf("the fault is %q, and does not say %q", changes[0].Err, want)
	}
	f.looks()
	f.write("acme.env", "PROVIDER=telsam\n", 30*time.Second)
	f.looks() // touched, and as wrong as before
	f.write("acme.env", goodAccount, 20*time.Second)
	f.looks("added acme")
	f.write("acme.env", "PROVIDER=telsam\n", 15*time.Second)
	f.looks("faulty acme")
	f.write("acme.env", goodAccount, 10*time.Second)
	f.looks("changed acme")
}

func TestAWrongFileThatGoesIsRemoved(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.write("acme.env", "x", time.Minute)
	f.looks("faulty acme")
	if err := os.Remove(filepath.Join(f.path, "acme.env")); err != nil {
		t.Fatal(err)
	}
	f.looks()
	f.looks("removed acme")
}

func TestASecretInAFileOfItsOwnIsFollowedToo(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.write("secret", "hunter2", time.Minute)
	f.write("acme.env", strings.Replace(goodAccount, "PASSWORD=hunter2", "PASSWORD_FILE="+filepath.Join(f.path, "secret"), 1), time.Minute)
	f.looks("added acme")
	f.looks()
	f.write("secret", "hunter3", 30*time.Second)
	f.looks("changed acme")
	f.looks()
	if err := os.Remove(filepath.Join(f.path, "secret")); err != nil {
		t.Fatal(err)
	}
	f.looks()
	f.looks("faulty acme")
	f.write("secret", "hunter3", 10*time.Second)
	f.looks("changed acme")
}

func TestTheFolderGoneRemovesNothing(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.write("acme.env", goodAccount, time.Minute)
	f.looks("added acme")
	if err := os.Rename(f.path, f.path+"-away"); err != nil {
		t.Fatal(err)
	}
	f.looks("faulty")
	f.looks()
	f.looks()
	if err := os.Rename(f.path+"-away", f.path); err != nil {
		t.Fatal(err)
	}
	f.looks()
}

func TestOnlyEnvFilesAreLookedAt(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	for _, name := range []string{"README", "acme.env~", ".acme.env.swp", ".hidden.env", "..data", ".env", "acme.env.bak"} {
		f.write(name, "PROVIDER=?", time.Minute)
	}
	f.looks()
}

func TestFaultsOfOneFile(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, file, text, want string }{
		{"its name", "Acme.env", goodAccount, `"Acme" is not a name of an account`},
		{"a name that is taken", "taken.env", goodAccount, "the account taken is named in CALLBUS_ACCOUNTS as well: keep one of the two"},
		{"a prefix", "acme.env", goodAccount + "CALLBUS_ACCOUNT_ACME_RATE=6/m", "CALLBUS_ACCOUNT_ACME_RATE: names have no prefix in this folder: write RATE"},
		{"an unknown name", "acme.env", goodAccount + "RAT=6/m", "RAT: is not a setting of an account; did you mean RATE?"},
		{"a look-back beyond the stream", "acme.env", goodAccount + "LOOKBACK=400h", "LOOKBACK: 400h is longer than CALLBUS_STREAM_MAX_AGE keeps events"},
		{"a broken line", "acme.env", goodAccount + "oops", "acme.env:5: no = in this line"},
		{"a vendor nobody knows", "acme.env", "PROVIDER=while2\nTOKEN=x", "PROVIDER: \"while2\" is not a vendor that callbus knows"},
	} {
		f := newFolder(t, "taken")
		f.write(tc.file, tc.text, time.Minute)
		changes := f.looks("faulty " + strings.TrimSuffix(tc.file, envSuffix))
		var settings *SettingsError
		if len(changes) != 1 || !errors.As(changes[0].Err, &settings) || len(settings.Faults) != 1 || !strings.Contains(changes[0].Err.Error(), tc.want) {
			t.Errorf("%s: %v, want one fault that says %q", tc.name, changes, tc.want)
		}
	}
}

// The links that Kubernetes makes: NAME.env -> ..data/NAME.env, ..data -> a folder that is swapped in one step.
func TestLinksAreFollowed(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	mount := func(version, text string) {
		t.Helper()
		dir := filepath.Join(f.path, version)
		next := filepath.Join(f.path, "..next")
		if err := errors.Join(os.Mkdir(dir, 0o700), os.Symlink(version, next)); err != nil {
			t.Fatal(err)
		}
		f.write(version+"/acme.env", text, time.Minute)
		if err := os.Rename(next, filepath.Join(f.path, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	mount("..1", goodAccount)
	if err := os.Symlink("..data/acme.env", filepath.Join(f.path, "acme.env")); err != nil {
		t.Fatal(err)
	}
	f.looks("added acme")
	mount("..2", goodAccount+"RATE=6/m\n")
	f.looks("changed acme")
}

func TestWatchLooksAtOnceAndThenAgainAndEnds(t *testing.T) {
	f := newFolder(t)
	f.write("acme.env", goodAccount, 0)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var got []string
		begun := time.Now()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			f.dir.watch(ctx, func(c accountChange) {
				got = append(got, fmt.Sprintf("%s %s after %s", c.Kind, c.Name, time.Since(begun)))
			})
		}()
		time.Sleep(5 * time.Second)
		f.write("other.env", goodAccount, 0)
		time.Sleep(10 * time.Second)
		cancel()
		<-ended
		want := []string{"added acme after 2s", "added other after 8s"}
		if !slices.Equal(got, want) {
			t.Errorf("changes %q, want %q", got, want)
		}
	})
}
