package ingest_test

import (
	"testing"

	"github.com/callbus/callbus/ingest"
)

func TestPartyReadsEveryUsualSpellingOfANumber(t *testing.T) {
	for _, tc := range []struct{ region, raw, number, extension string }{
		{"TR", "905000000101", "+905000000101", ""},
		{"TR", "+905000000101", "+905000000101", ""},
		{"TR", "00905000000101", "+905000000101", ""},
		{"TR", "05321234567", "+905321234567", ""},
		{"TR", "05000000101", "+905000000101", ""},
		{"TR", "5321234567", "+905321234567", ""},
		{"TR", "5000000101", "+905000000101", ""},
		{"TR", "0212 345 67 89", "+902123456789", ""},
		{"TR", "(0212) 345-67-89", "+902123456789", ""},
		{"TR", "4440123", "+904440123", ""},
		{"TR", "4915112345678", "+4915112345678", ""},
		{"TR", "00493012345678", "+493012345678", ""},
		{"RO", "0722123456", "+40722123456", ""},
		{"RO", "40722123456", "+40722123456", ""},
		{"TR", "215", "", "215"},
		{"TR", "1011", "", "1011"},
		{"TR", "anonymous", "", ""},
		{"TR", "Gizli", "", ""},
		{"TR", "fax", "", ""},
		{"TR", "90507XXXXXXX", "", ""},
		{"TR", "", "", ""},
		{"TR", "  ", "", ""},
		{"TR", "٠٥٣٢", "", ""},
	} {
		p := ingest.NewNumbers(tc.region).Party(tc.raw)
		if got := text(p.Number); got != tc.number {
			t.Errorf("Party(%q) in %s: number %q, want %q", tc.raw, tc.region, got, tc.number)
		}
		if got := text(p.Extension); got != tc.extension {
			t.Errorf("Party(%q) in %s: extension %q, want %q", tc.raw, tc.region, got, tc.extension)
		}
	}
}

func TestPartyOfTheSameTextIsTheSame(t *testing.T) {
	n := ingest.NewNumbers("TR")
	if a, b := n.Party("05321234567"), n.Party("05321234567"); a != b {
		t.Errorf("two readings of one text differ: %v and %v", a, b)
	}
}

func FuzzParty(f *testing.F) {
	f.Add("05321234567")
	f.Add("+")
	f.Fuzz(func(t *testing.T, raw string) {
		p := ingest.NewNumbers("TR").Party(raw)
		if p.Number != nil && (len(*p.Number) < 4 || (*p.Number)[0] != '+') {
			t.Errorf("Party(%q): number %q is not E.164", raw, *p.Number)
		}
		if p.Number != nil && p.Extension != nil {
			t.Errorf("Party(%q) is both a number and an extension", raw)
		}
	})
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
