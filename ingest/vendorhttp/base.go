package vendorhttp

import (
	"errors"
	"net/url"
	"strings"
)

// Base reads the base URL of an account's API. accepted is what to give instead, such as "the address of the PBX, such as
// https://pbx.example"; login says why no user name or password belongs in it. Each error begins with URL: and none
// repeats the text, since a secret may stand in it.
func Base(text, accepted, login string) (*url.URL, error) {
	u, err := url.Parse(text)
	fault := ""
	switch {
	case text == "":
		fault = "not set"
	case err != nil:
		fault = "cannot be read"
	case u.Scheme != "http" && u.Scheme != "https":
		fault = "does not begin with http:// or https://"
	case u.Hostname() == "":
		fault = "names no host"
	case u.User != nil:
		fault = "holds a user name or password, " + login
	case u.RawQuery != "" || u.ForceQuery:
		fault = "goes on after a question mark, and callbus adds itself what it asks"
	case strings.Contains(text, "#"):
		fault = "holds a #, which no server is sent"
	default:
		return u, nil
	}
	return nil, errors.New("URL: " + fault + "; accepted is " + accepted)
}

// Escape writes s for a query, with a blank as %20, which every server reads; not all read the + of forms.
func Escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
