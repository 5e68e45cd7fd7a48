package main

import (
	"bytes"
	"fmt"
	"strings"
)

// envFile is what a file of KEY=VALUE lines holds.
//
//	# a comment, and empty lines
//	KEY=value                  taken as it stands, blanks around it dropped
//	export KEY=value           the same, so that a shell can read the file too
//	KEY='any $text "at" all'   taken as it stands
//	KEY="say \"hi\"\n"         with \" \\ \$ \n \t
//
// Nothing is expanded: $HOME is five characters. What shells, Compose and systemd read in different ways (a # after a
// blank in a bare value, a backslash at its end) is refused, so that one file means the same to all of them. (Plain
// docker run --env-file alone takes quotes as part of the value: write bare values for it.)
type envFile struct {
	vars   map[string]string
	broken map[string]bool // names whose line is faulty: that they are not set says nothing new
	faults []Fault
}

// parseEnvFile reads text; path only names it in faults. No fault repeats what a line holds: it may be a secret.
func parseEnvFile(path string, text []byte) envFile {
	f := envFile{vars: map[string]string{}, broken: map[string]bool{}}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")) // the mark that Windows editors put first
	first := map[string]int{}
	for i, line := range strings.Split(string(text), "\n") {
		at := fmt.Sprintf("%s:%d", path, i+1)
		name, value, err := parseEnvLine(strings.TrimSuffix(line, "\r"))
		switch {
		case err != nil:
			f.fault(at, name, err)
		case name == "":
		case first[name] != 0:
			f.fault(at, name, fmt.Errorf("%s is set a second time, first in line %d: keep one", name, first[name]))
		default:
			first[name] = i + 1
			f.vars[name] = value
		}
	}
	return f
}

func (f *envFile) fault(at, name string, err error) {
	if name != "" {
		f.broken[name] = true
	}
	f.faults = append(f.faults, Fault{Setting: at, Problem: err.Error()})
}

// parseEnvLine returns an empty name for a line without a setting. With an error, the name is what is known of it.
func parseEnvLine(line string) (name, value string, err error) {
	line = strings.TrimSpace(line)
	if line == "" || line[0] == '#' {
		return "", "", nil
	}
	name, value, found := strings.Cut(withoutExport(line), "=")
	if !found {
		return "", "", fmt.Errorf("no = in this line: write NAME=value, or begin a comment with #")
	}
	name = strings.TrimSpace(name)
	if !isVariable(name) {
		return "", "", fmt.Errorf("what stands before = is no name of a variable: letters, digits and _ only, with no digit first")
	}
	if value, err = parseEnvValue(strings.TrimSpace(value)); err != nil {
		return name, "", fmt.Errorf("%s: %w", name, err)
	}
	return name, value, nil
}

func withoutExport(line string) string {
	rest, ok := strings.CutPrefix(line, "export")
	if trimmed := strings.TrimLeft(rest, " \t"); ok && trimmed != rest {
		return trimmed
	}
	return line
}

func parseEnvValue(s string) (string, error) {
	switch {
	case strings.ContainsRune(s, 0):
		return "", fmt.Errorf("holds a NUL character, which no variable can")
	case strings.HasPrefix(s, "'"):
		return singleQuoted(s[1:])
	case strings.HasPrefix(s, `"`):
		return doubleQuoted(s[1:])
	}
	return bare(s)
}

func bare(s string) (string, error) {
	switch {
	case strings.HasPrefix(s, "#"), strings.Contains(s, " #"), strings.Contains(s, "\t#"):
		return "", fmt.Errorf("a # in a bare value may or may not begin a comment: put the value in quotes, or the comment on a line of its own")
	case strings.HasSuffix(s, `\`):
		return "", fmt.Errorf(`a bare value ends with \: lines are not joined; put the value in single quotes if it is meant`)
	}
	return s, nil
}

func singleQuoted(s string) (string, error) {
	value, rest, closed := strings.Cut(s, "'")
	if !closed {
		return "", fmt.Errorf("the single quote is not closed in this line")
	}
	return value, onlyComment(rest)
}

func doubleQuoted(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), onlyComment(s[i+1:])
		case '\\':
			i++
			c, err := escaped(s[i:])
			if err != nil {
				return "", err
			}
			b.WriteByte(c)
		default:
			b.WriteByte(s[i])
		}
	}
	return "", fmt.Errorf("the double quote is not closed in this line")
}

func escaped(s string) (byte, error) {
	if s == "" {
		return 0, fmt.Errorf("the double quote is not closed in this line")
	}
	switch c := s[0]; c {
	case '"', '\\', '$':
		return c, nil
	case 'n':
		return '\n', nil
	case 't':
		return '\t', nil
	}
	return 0, fmt.Errorf(`in double quotes \ stands before ", \, $, n or t only: use single quotes to take text as it is`)
}

func onlyComment(s string) error {
	if rest := strings.TrimSpace(s); rest == "" || rest[0] == '#' && rest != s {
		return nil
	}
	return fmt.Errorf("something follows the closing quote")
}

func isVariable(s string) bool {
	if s == "" || s[0] >= '0' && s[0] <= '9' {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}
