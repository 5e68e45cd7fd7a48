package webhook

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// longestURL is what servers and proxies in between commonly take.
const longestURL = 2048

var (
	hostForm   = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*$`)
	numberForm = regexp.MustCompile(`(^|\.)([0-9]+|0[xX][0-9A-Fa-f]*)$`)

	// otherPorts belong to servers that would take a request's lines for commands of theirs.
	otherPorts = []int{7, 9, 13, 19, 20, 21, 22, 23, 25, 53, 69, 79, 110, 111, 119, 135, 139, 143, 445, 465, 514, 587, 993, 995}
)

// endpoint reads the URL to deliver to. No error repeats it: a token may stand in it.
func endpoint(s string, g guard) (*url.URL, error) {
	const accepted = "an address such as https://hooks.example/callbus is accepted"
	u, err := url.Parse(s)
	switch {
	case s == "":
		err = errors.New("not set")
	case len(s) > longestURL:
		err = fmt.Errorf("is longer than %d characters", longestURL)
	case strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		err = errors.New("holds a blank, a line break or another control character")
	case err != nil:
		err = errors.New("cannot be read") // what url.Parse says repeats it
	case u.Scheme != "https" && u.Scheme != "http":
		err = errors.New("does not begin with https:// or http://")
	case u.User != nil:
		err = errors.New("holds a user name or password, which belong in BEARER or HEADERS")
	case strings.Contains(s, "#"):
		err = errors.New("holds a #, which no server is sent")
	default:
		if err = checkHost(u.Hostname(), g); err == nil {
			err = checkPort(u)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w; %s", err, accepted)
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return u, nil
}

func checkHost(host string, g guard) error {
	if a, err := netip.ParseAddr(host); err == nil {
		if a.Zone() != "" {
			return errors.New("names an address with a zone (%), which is link-local")
		}
		return g.check(a)
	}
	switch {
	case host == "":
		return errors.New("names no host")
	case strings.HasSuffix(host, "."):
		return errors.New("names a host with a dot at its end")
	case !ascii(host):
		return errors.New("names a host in letters that DNS does not have: write it as xn--")
	case len(host) > 253 || !hostForm.MatchString(host):
		return errors.New("names a host that no DNS name is like")
	case numberForm.MatchString(host):
		return errors.New("names an address in a form that is read in different ways: write it as four numbers, such as 198.51.100.7")
	}
	return nil
}

func checkPort(u *url.URL) error {
	if strings.HasSuffix(u.Host, ":") {
		return errors.New("ends in a colon without a port")
	}
	if u.Port() == "" {
		return nil
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil || port < 1 || port > 65535 {
		return errors.New("names a port that is not 1 to 65535")
	}
	if slices.Contains(otherPorts, port) {
		return fmt.Errorf("names port %d, at which no web server listens", port)
	}
	return nil
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 })
}
