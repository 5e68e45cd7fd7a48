package hours_test

import (
	"strings"
	"testing"

	"github.com/callbus/callbus/sinks/callbacks/hours"
)

func TestACalendarIsWrittenInOneSpelling(t *testing.T) {
	for name, tc := range map[string]struct {
		settings
		want string
	}{
		"as it is set":                                  {settings{"Mon-Fri 09:00-18:00,Sat 10:00-14:00", "Europe/Istanbul", "04-23"}, "Mon-Fri 09:00-18:00, Sat 10:00-14:00; Europe/Istanbul; 04-23"},
		"without holidays":                              {settings{always, "", ""}, "Mon-Sun 00:00-24:00; UTC"},
		"days in another case, and blanks":              {settings{" mon-FRI   9:00-18:00 ", " UTC ", " "}, "Mon-Fri 09:00-18:00; UTC"},
		"days in another order, one by one":             {settings{"Sun 09:00-12:00,Tue 09:00-12:00,Mon 09:00-12:00", "", ""}, "Mon-Tue 09:00-12:00, Sun 09:00-12:00; UTC"},
		"a range that wraps":                            {settings{"Sat-Mon 09:00-12:00", "", ""}, "Mon 09:00-12:00, Sat-Sun 09:00-12:00; UTC"},
		"several windows, either way":                   {settings{"Mon-Tue 13:00-18:00,Mon-Tue 09:00-12:00", "", ""}, "Mon-Tue 09:00-12:00 13:00-18:00; UTC"},
		"windows that overlap or touch":                 {settings{"Mon 09:00-12:00 11:00-13:00 13:00-14:00", "", ""}, "Mon 09:00-14:00; UTC"},
		"windows until midnight":                        {settings{"Mon 22:00-00:00", "", ""}, "Mon 22:00-24:00; UTC"},
		"windows that cross it":                         {settings{"Mon 20:00-24:00 22:00-06:00", "", ""}, "Mon 20:00-06:00; UTC"},
		"more than a day at a stretch":                  {settings{"Mon 00:00-24:00 12:00-06:00", "", ""}, "Mon 00:00-24:00 23:59-06:00; UTC"},
		"a day at a stretch, but not from midnight":     {settings{"Mon 09:00-24:00 22:00-09:00", "", ""}, "Mon 09:00-24:00 23:59-09:00; UTC"},
		"holidays in order, those of every year first":  {settings{always, "", "2026-04-23,12-25,02-29"}, "Mon-Sun 00:00-24:00; UTC; 02-29, 12-25, 2026-04-23"},
		"holidays that follow each other":               {settings{always, "", "2026-04-25,2026-04-23..2026-04-24,2026-04-23"}, "Mon-Sun 00:00-24:00; UTC; 2026-04-23..2026-04-25"},
		"special hours in a range of holidays":          {settings{always, "", "2026-04-24 9:00-10:00,2026-04-23..2026-04-25,2026-04-24"}, "Mon-Sun 00:00-24:00; UTC; 2026-04-23, 2026-04-24 09:00-10:00, 2026-04-25"},
		"special hours of one date, set in two entries": {settings{always, "", "2026-04-24 13:00-14:00,2026-04-24 09:00-10:00"}, "Mon-Sun 00:00-24:00; UTC; 2026-04-24 09:00-10:00 13:00-14:00"},
		"holidays for longer than one range may be":     {settings{always, "", "2026-01-01..2026-12-31,2027-01-01..2027-01-31"}, "Mon-Sun 00:00-24:00; UTC; 2026-01-01..2027-01-01, 2027-01-02..2027-01-31"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tc.parse(t).String(); got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

func TestEveryFaultIsReportedByItsVariable(t *testing.T) {
	_, err := hours.Parse("Mon-Fry 25:00-18:00,,Sat,Sun 9-12 10:00-10:00,Mon 24:00-06:00", "Local",
		"2026-02-30,13-01,tomorrow,2026-04-02..2026-03-30,2026-01-01..2036-01-01,12-31 09:00-12:00,2026-12-30..2026-12-31 09:00-25:00,")
	if err == nil {
		t.Fatal("no error")
	}
	got := strings.Split(err.Error(), "\n")
	want := []string{
		`HOURS: "Mon-Fry" is no day of the week; Mon, Tue`,
		`HOURS: "25:00-18:00" is no window; times such as 09:00-18:00 are accepted`,
		`HOURS: nothing stands between two commas, or at an end; hours such as`,
		`HOURS: "Sat" is not days and a window after them; hours such as`,
		`HOURS: "9-12" is no window; times such as`,
		`HOURS: "10:00-10:00" ends as it begins; for a whole day 00:00-24:00 is accepted`,
		`HOURS: "24:00-06:00" is no window; times such as`,
		`TIMEZONE: "Local" is not a known time zone; a name such as Europe/Istanbul is accepted`,
		`HOLIDAYS: there is no "2026-02-30"; dates such as`,
		`HOLIDAYS: "13-01" is a day of no year; a month and a day of it are accepted, such as 12-25`,
		`HOLIDAYS: "tomorrow" is no date; dates such as`,
		`HOLIDAYS: 2026-04-02..2026-03-30 ends before it begins, or is longer than a year; dates such as`,
		`HOLIDAYS: 2026-01-01..2036-01-01 ends before it begins, or is longer than a year; dates such as`,
		`HOLIDAYS: "12-31" cannot have special hours; they are accepted for one date, such as 2026-12-31 09:00-12:00`,
		`HOLIDAYS: "2026-12-30..2026-12-31" cannot have special hours; they are accepted for one date`,
		`HOLIDAYS: "09:00-25:00" is no window; times such as`,
		`HOLIDAYS: nothing stands between two commas, or at an end; dates such as`,
	}
	if len(got) != len(want) {
		t.Errorf("%d faults, want %d", len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("fault %d is\n%s\nwant\n%s", i, got[i], want[i])
		}
	}
}

func TestWhatIsRefused(t *testing.T) {
	for name, s := range map[string]settings{
		"no hours":                          {"", "", ""},
		"blank hours":                       {" ", "", ""},
		"days without hours":                {"Mon,Tue 09:00-18:00", "", ""},
		"hours without days":                {"09:00-18:00", "", ""},
		"a window without an end":           {"Mon 09:00", "", ""},
		"a minute that no hour has":         {"Mon 09:60-10:00", "", ""},
		"a time after the end of the day":   {"Mon 09:00-24:01", "", ""},
		"a negative time":                   {"Mon -09:00-10:00", "", ""},
		"digits that are not ours":          {"Mon ٠٩:00-10:00", "", ""},
		"a zone that does not exist":        {always, "Europe/Constantinople", ""},
		"a zone that leads elsewhere":       {always, "../../etc/passwd", ""},
		"29 February of an ordinary year":   {always, "", "2027-02-29"},
		"30 February of every year":         {always, "", "02-30"},
		"a year of five digits":             {always, "", "12026-01-01"},
		"a range without an end":            {always, "", "2026-01-01.."},
		"a range of days of every year":     {always, "", "12-24..12-26"},
		"a comma at the end":                {always, "", "12-25,"},
		"holidays of a week":                {always, "", "Sun"},
		"a range longer than a year":        {always, "", "2026-01-01..2027-01-02"},
		"special hours that cannot be read": {always, "", "2026-12-31 9"},
	} {
		t.Run(name, func(t *testing.T) {
			if c, err := hours.Parse(s.hours, s.zone, s.holidays); err == nil {
				t.Errorf("%q is read as %v", s, c)
			}
		})
	}
}

func TestALongValueIsQuotedByItsBeginning(t *testing.T) {
	_, err := hours.Parse(always, strings.Repeat("ş", 1000), "")
	if want := `TIMEZONE: "` + strings.Repeat("ş", 60) + `..." is not a known`; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v, want %s...", err, want)
	}
}

// FuzzParse: no text makes Parse panic, and what it accepts is read again as the same from what String makes of it.
func FuzzParse(f *testing.F) {
	f.Add("Mon-Fri 09:00-18:00,Sat 10:00-14:00", "Europe/Istanbul", "04-23,2026-03-30..2026-04-02,2026-12-31 09:00-12:00")
	f.Add("Sat-Mon 22:00-06:00 23:00-22:00", "", "02-29,2026-02-29")
	f.Add("Mon 00:00-24:00 12:00-06:00", "Asia/Kathmandu", "0000-01-01,9999-12-31 23:00-01:00")
	f.Fuzz(func(t *testing.T, weekly, zone, holidays string) {
		c, err := hours.Parse(weekly, zone, holidays)
		if err != nil {
			return
		}
		again := readAgain(t, c)
		if again.String() != c.String() {
			t.Fatalf("%q is read again as %q", c, again)
		}
	})
}

// readAgain parses what c is written as.
func readAgain(t interface{ Fatalf(string, ...any) }, c hours.Calendar) hours.Calendar {
	parts := append(strings.Split(c.String(), "; "), "")
	return settings{parts[0], parts[1], parts[2]}.parse(t)
}
