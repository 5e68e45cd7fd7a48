package ingest

import (
	"strings"
	"sync"

	"github.com/nyaruka/phonenumbers"

	"github.com/callbus/callbus/events"
)

// maxExtension is the greatest number of digits of an internal number. The shortest subscriber numbers that the
// vendors' countries dial without an area code (444 xxxx in Turkey) have seven.
const maxExtension = 6

// numbersCached bounds the memory of one account's Numbers: about 200 bytes each.
const numbersCached = 20_000

// Numbers turns what a vendor writes for a telephone number into a party of a call. The same text gives the same
// pointers for as long as it is remembered, so comparing two snapshots is cheap. It may be used concurrently.
type Numbers struct {
	region string
	mu     sync.Mutex
	known  map[string]events.Party
}

// NewNumbers returns the Numbers of an account whose numbers without a country code belong to region (ISO 3166, "TR").
func NewNumbers(region string) *Numbers {
	return &Numbers{region: region, known: map[string]events.Party{}}
}

// Party reads raw: a telephone number in any usual spelling, an extension, or a word ("anonymous"), which is neither.
// Empty is an unknown party: all null.
func (n *Numbers) Party(raw string) events.Party {
	n.mu.Lock()
	defer n.mu.Unlock()
	if p, ok := n.known[raw]; ok {
		return p
	}
	if len(n.known) >= numbersCached {
		clear(n.known)
	}
	raw = strings.Clone(raw) // not to keep alive the reply it was cut from
	p := n.parse(raw)
	n.known[raw] = p
	return p
}

func (n *Numbers) parse(raw string) events.Party {
	text := strings.TrimSpace(raw)
	if text == "" {
		return events.Party{}
	}
	p := events.Party{Raw: &raw}
	switch number := n.e164(text); {
	case isExtension(text):
		p.Extension = &text
	case number != "":
		p.Number = &number
	}
	return p
}

func isExtension(s string) bool {
	return len(s) <= maxExtension && strings.Trim(s, "0123456789") == ""
}

// e164 returns s with + and country code, or "" when it is no telephone number. Vendors write the country code with
// and without + or 00. Numbers are taken that are possible, not only ones of a range known to be assigned: a range is
// assigned long before the tables know of it.
func (n *Numbers) e164(s string) string {
	if rest, ok := strings.CutPrefix(s, "00"); ok {
		s = "+" + rest
	}
	if strings.ContainsFunc(s, isLetter) {
		return "" // letters would be read as digits of a keypad
	}
	num, err := phonenumbers.Parse(s, n.region)
	if err == nil && phonenumbers.IsValidNumber(num) {
		return phonenumbers.Format(num, phonenumbers.E164)
	}
	if international, ok := n.withCountryCode(s); ok {
		return international
	}
	if err != nil || !phonenumbers.IsPossibleNumber(num) {
		return ""
	}
	return phonenumbers.Format(num, phonenumbers.E164)
}

// withCountryCode reads digits that begin with a country code but no +: 90 500 000 01 01, or 40, or a foreign 49.
func (n *Numbers) withCountryCode(s string) (string, bool) {
	if strings.HasPrefix(s, "+") || strings.HasPrefix(s, "0") {
		return "", false
	}
	num, err := phonenumbers.Parse("+"+s, "")
	if err != nil {
		return "", false
	}
	home := int(num.GetCountryCode()) == phonenumbers.GetCountryCodeForRegion(n.region)
	if phonenumbers.IsValidNumber(num) || home && phonenumbers.IsPossibleNumber(num) {
		return phonenumbers.Format(num, phonenumbers.E164), true
	}
	return "", false
}

// Outside returns the number of the side outside the PBX of a call between from and to; nil where it has none, or nobody
// can tell which side that is.
func Outside(d events.Direction, from, to events.Party) *string {
	switch {
	case d == events.Inbound:
		return from.Number
	case d == events.Outbound:
		return to.Number
	case d == events.UnknownDirection && from.Number == nil:
		return to.Number
	case d == events.UnknownDirection && to.Number == nil:
		return from.Number
	}
	return nil
}

func isLetter(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r > 127
}
