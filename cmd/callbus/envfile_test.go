package main

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestAnEnvFileIsReadAsItsCommentSays(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, text, want string }{
		{"plain", "A=b", "b"},
		{"blanks around", "  A =  b c  ", "b c"},
		{"empty", "A=", ""},
		{"an equals sign in it", "A=b=c", "b=c"},
		{"export", "export A=b", "b"},
		{"export and a tab", "export\tA=b", "b"},
		{"comments and empty lines", "# A=x\n\n  # A=y\nA=b\n", "b"},
		{"single quotes", `A='b # "c" $D \n'`, `b # "c" $D \n`},
		{"double quotes", `A="b # 'c' $D"`, `b # 'c' $D`},
		{"escapes in double quotes", `A="\"\\\$\n\t"`, "\"\\$\n\t"},
		{"empty quotes", `A=""`, ""},
		{"a comment after the quote", `A="b" # c`, "b"},
		{"nothing is expanded", "A=$HOME/${B}", "$HOME/${B}"},
		{"a # in a word", "A=b#c", "b#c"},
		{"a quote in a word", "A=it's", "it's"},
		{"a backslash in a word", `A=C:\x`, `C:\x`},
		{"Windows line ends", "A=b\r\nB=c\r\n", "b"},
		{"byte order mark", "\ufeffA=b", "b"},
		{"blanks kept in quotes", "A=' b '", " b "},
	} {
		f := parseEnvFile("f", []byte(tc.text))
		if len(f.faults) > 0 || f.vars["A"] != tc.want {
			t.Errorf("%s: %q gives %q and faults %v, want %q", tc.name, tc.text, f.vars["A"], f.faults, tc.want)
		}
	}
}

func TestFaultsOfAnEnvFileNameTheirLineAndAreAllThere(t *testing.T) {
	t.Parallel()
	text := strings.Join([]string{
		"GOOD=1", "word", "1A=b", "A B=c", "=d", `Q="x`, "S='x", "H=a # b", `T=a\`, `E="\x"`, "GOOD=2", `R="a"b`, "N=\x00", `L="a\`, "export=1",
	}, "\n")
	want := []string{
		"f:2: no = in this line: write NAME=value, or begin a comment with #",
		"f:3: what stands before = is no name of a variable: letters, digits and _ only, with no digit first",
		"f:4: what stands before = is no name of a variable: letters, digits and _ only, with no digit first",
		"f:5: what stands before = is no name of a variable: letters, digits and _ only, with no digit first",
		"f:6: Q: the double quote is not closed in this line",
		"f:7: S: the single quote is not closed in this line",
		"f:8: H: a # in a bare value may or may not begin a comment: put the value in quotes, or the comment on a line of its own",
		`f:9: T: a bare value ends with \: lines are not joined; put the value in single quotes if it is meant`,
		`f:10: E: in double quotes \ stands before ", \, $, n or t only: use single quotes to take text as it is`,
		"f:11: GOOD is set a second time, first in line 1: keep one",
		"f:12: R: something follows the closing quote",
		"f:13: N: holds a NUL character, which no variable can",
		"f:14: L: the double quote is not closed in this line",
	}
	var got []string
	for _, fault := range parseEnvFile("f", []byte(text)).faults {
		got = append(got, fault.Error())
	}
	if !slices.Equal(got, want) {
		t.Errorf("faults:\n  %s\nwant:\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func TestTheEnvironmentWinsOverTheFile(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/f.env"
	writeFile(t, path, "CALLBUS_SYNC=1s\nCALLBUS_DATA_DIR=file\nCALLBUS_ROLES=http\n")
	e := environment{envFile: path, world: &world{environ: []string{"CALLBUS_SYNC=2s", "CALLBUS_DATA_DIR=", "HOME=/x"}}}
	vars, _, err := e.variables()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"CALLBUS_SYNC": "2s", "CALLBUS_DATA_DIR": "file", "CALLBUS_ROLES": "http", "HOME": "/x"}
	if !maps.Equal(vars, want) {
		t.Errorf("variables %v, want %v: set to nothing is not set", vars, want)
	}
}

func TestAMisspeltPrefixInTheFileIsSaid(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]bool{"CALBUS_SYNC": true, "callbus_sync": true, "CALLBUSS_SYNC": true, "CALLBUS_SYNC": false, "TZ": false, "HTTPS_PROXY": false, "CALLBACK_URL": false} {
		if got := len(misspelt("f", map[string]string{name: "1"})) > 0; got != fault {
			t.Errorf("misspelt %s: %t, want %t", name, got, fault)
		}
	}
}

// Whatever a file holds, it is read or refused, and reading it again gives the same.
func FuzzEnvFile(f *testing.F) {
	f.Add("A=b\n# c\nexport B='x'\nC=\"\\n\"")
	f.Add("A=1\nA=2\n=\n\\")
	f.Add("\ufeff A = \" ")
	f.Fuzz(func(t *testing.T, text string) {
		file := parseEnvFile("f", []byte(text))
		for name, value := range file.vars {
			if !isVariable(name) {
				t.Errorf("%q is taken for a variable", name)
			}
			if strings.ContainsAny(value, "\x00") {
				t.Errorf("%s holds a NUL, which no environment can", name)
			}
		}
		again := parseEnvFile("f", []byte(text))
		if !maps.Equal(file.vars, again.vars) || len(file.faults) != len(again.faults) {
			t.Errorf("%q is read in two ways", text)
		}
		if lines := strings.Count(text, "\n") + 1; len(file.faults)+len(file.vars) > lines {
			t.Errorf("%d lines give %d variables and %d faults", lines, len(file.vars), len(file.faults))
		}
	})
}

// Whatever the variables hold, the loader returns, and with faults it has a name and a problem for each.
func FuzzConfig(f *testing.F) {
	f.Add("CALLBUS_ACCOUNTS=acme\nCALLBUS_ACCOUNT_ACME_PROVIDER=telsam\nCALLBUS_ACCOUNT_ACME_PASSWORD=" + marked)
	f.Add("CALLBUS_ACCOUNTS=a,a-b\nCALLBUS_ACCOUNT_A_B_PROVIDER=telsam\nCALLBUS_ACCOUNT_A_PROVIDER=telsam\nCALLBUS_ACCOUNT_A_RATE=6/m")
	f.Add("CALLBUS_NATS_URL=nats://a,b\nCALLBUS_NATS_LISTEN=[::]:4222\nCALLBUS_SYNC=1s\nCALLBUS_STREAM_MAX_AGE=-1h")
	f.Add("CALLBUS_SINKS=x,\nCALLBUS_SINK_X_KIND=log\nCALLBUS_ROLES=,\nCALLBUS_LOG_LEVEL=")
	f.Fuzz(func(t *testing.T, text string) {
		file := parseEnvFile("f", []byte(text))
		for name := range file.vars {
			if strings.HasSuffix(name, "_FILE") || strings.HasSuffix(name, "_DIR") {
				delete(file.vars, name) // not to read what this machine happens to hold
			}
		}
		c, err := loadConfig(file.vars, vendors())
		for _, fault := range faultsOf(t, err) {
			if setting, problem, ok := strings.Cut(fault, ": "); !ok || setting == "" || problem == "" {
				t.Errorf("a fault that says nothing: %q", fault)
			}
		}
		if err == nil && c.Roles.Ingest && len(c.Accounts) == 0 {
			t.Errorf("%q loads with nothing to watch", text)
		}
	})
}
