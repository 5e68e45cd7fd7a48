package hours_test

import (
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/callbus/callbus/sinks/callbacks/hours"
)

// settings are those of one calendar.
type settings struct{ hours, zone, holidays string }

func (s settings) parse(t interface{ Fatalf(string, ...any) }) hours.Calendar {
	c, err := hours.Parse(s.hours, s.zone, s.holidays)
	if err != nil {
		t.Fatalf("Parse(%q, %q, %q): %v", s.hours, s.zone, s.holidays, err)
	}
	return c
}

// at reads a time with its offset from UTC, such as 2026-03-29T04:00:00+03:00.
func at(t *testing.T, text string) time.Time {
	t.Helper()
	moment, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

const (
	office = "Mon-Fri 09:00-18:00,Sat 10:00-14:00"
	always = "Mon-Sun 00:00-24:00"
)

func TestItIsOpenWithinItsWindows(t *testing.T) {
	for name, tc := range map[string]struct {
		settings
		moment string
		open   bool
	}{
		"on a working day":                                          {settings{office, "Europe/Istanbul", ""}, "2026-04-22T12:00:00+03:00", true},
		"at the opening instant":                                    {settings{office, "Europe/Istanbul", ""}, "2026-04-22T09:00:00+03:00", true},
		"not the nanosecond before":                                 {settings{office, "Europe/Istanbul", ""}, "2026-04-22T08:59:59.999999999+03:00", false},
		"the nanosecond before it closes":                           {settings{office, "Europe/Istanbul", ""}, "2026-04-22T17:59:59.999999999+03:00", true},
		"not at the closing instant":                                {settings{office, "Europe/Istanbul", ""}, "2026-04-22T18:00:00+03:00", false},
		"not on a day without hours":                                {settings{office, "Europe/Istanbul", ""}, "2026-04-26T12:00:00+03:00", false},
		"by the clock of its zone":                                  {settings{office, "Europe/Istanbul", ""}, "2026-04-22T06:00:00Z", true},
		"in UTC where no zone is set":                               {settings{office, "", ""}, "2026-04-22T06:00:00Z", false},
		"always":                                                    {settings{always, "Asia/Tehran", ""}, "2026-04-22T00:00:00Z", true},
		"in the second window of a day":                             {settings{"Mon-Fri 09:00-12:00 13:00-18:00", "", ""}, "2026-04-22T13:00:00Z", true},
		"not between the two":                                       {settings{"Mon-Fri 09:00-12:00 13:00-18:00", "", ""}, "2026-04-22T12:30:00Z", false},
		"where two windows meet":                                    {settings{"Wed 09:00-12:00,Wed 12:00-18:00", "", ""}, "2026-04-22T12:00:00Z", true},
		"after midnight, in a window of the day before":             {settings{"Fri 22:00-06:00", "", ""}, "2026-04-25T05:59:59Z", true},
		"not once that window has ended":                            {settings{"Fri 22:00-06:00", "", ""}, "2026-04-25T06:00:00Z", false},
		"not in the small hours of the day on which it begins":      {settings{"Fri 22:00-06:00", "", ""}, "2026-04-24T05:00:00Z", false},
		"until midnight, where 00:00 is its end":                    {settings{"Fri 22:00-00:00", "", ""}, "2026-04-24T23:59:59Z", true},
		"not after that midnight":                                   {settings{"Fri 22:00-00:00", "", ""}, "2026-04-25T00:00:00Z", false},
		"on a day within a range that wraps":                        {settings{"Sat-Mon 09:00-18:00", "", ""}, "2026-04-27T09:00:00Z", true},
		"not on a holiday":                                          {settings{office, "", "2026-04-23"}, "2026-04-23T12:00:00Z", false},
		"on that day of another year":                               {settings{office, "", "2026-04-23"}, "2027-04-23T12:00:00Z", true},
		"not on a holiday of every year":                            {settings{office, "", "12-25"}, "2028-12-25T12:00:00Z", false},
		"not on 29 February, if that is one":                        {settings{always, "", "02-29"}, "2028-02-29T12:00:00Z", false},
		"on 1 March of a year without 29 February":                  {settings{always, "", "02-29"}, "2027-03-01T12:00:00Z", true},
		"not on the first day of a range of holidays":               {settings{always, "", "2026-03-30..2026-04-02"}, "2026-03-30T00:00:00Z", false},
		"not on its last":                                           {settings{always, "", "2026-03-30..2026-04-02"}, "2026-04-02T23:59:59Z", false},
		"on the day after it":                                       {settings{always, "", "2026-03-30..2026-04-02"}, "2026-04-03T00:00:00Z", true},
		"at the special hours of a date":                            {settings{office, "", "2026-04-26 09:00-12:00"}, "2026-04-26T09:00:00Z", true},
		"not at the usual ones of that date":                        {settings{office, "", "2026-12-31 09:00-12:00"}, "2026-12-31T12:00:00Z", false},
		"at special hours of a date that is closed as well":         {settings{office, "", "2026-12-31 09:00-12:00,2026-12-31"}, "2026-12-31T09:00:00Z", true},
		"at special hours of a date within a range":                 {settings{office, "", "2026-12-28..2027-01-02,2026-12-31 09:00-12:00"}, "2026-12-31T09:00:00Z", true},
		"at special hours of a date that is closed every year":      {settings{office, "", "2026-12-31 09:00-12:00,12-31"}, "2026-12-31T09:00:00Z", true},
		"at all special hours of a date":                            {settings{office, "", "2026-12-31 09:00-10:00,2026-12-31 12:00-13:00"}, "2026-12-31T12:30:00Z", true},
		"in the night before a holiday, until its window ends":      {settings{"Mon-Sun 22:00-06:00", "", "2026-04-23"}, "2026-04-23T05:00:00Z", true},
		"not in the night that would begin on the holiday":          {settings{"Mon-Sun 22:00-06:00", "", "2026-04-23"}, "2026-04-24T05:00:00Z", false},
		"in the night before special hours, until its window ends":  {settings{"Mon-Sun 22:00-06:00", "", "2026-04-23 12:00-13:00"}, "2026-04-23T05:00:00Z", true},
		"after midnight of special hours, though that is a holiday": {settings{office, "", "2026-12-31 20:00-02:00,01-01"}, "2027-01-01T01:00:00Z", true},
		"before 1970, from where days are counted":                  {settings{"Tue 22:00-06:00", "", ""}, "1969-12-31T05:00:00Z", true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tc.parse(t).Open(at(t, tc.moment)); got != tc.open {
				t.Errorf("Open(%s) = %v, with %v", tc.moment, got, tc.settings)
			}
		})
	}
}

func TestItOpensNext(t *testing.T) {
	bucharest := "Europe/Bucharest" // in 2026: 03:00 becomes 04:00 on 29 March, 04:00 becomes 03:00 on 25 October
	for name, tc := range map[string]struct {
		settings
		moment, want string
	}{
		"at once, when it is open": {settings{office, "", ""}, "2026-04-22T12:34:56.789Z", "2026-04-22T12:34:56.789Z"},
		"in the morning":           {settings{office, "", ""}, "2026-04-22T18:00:00Z", "2026-04-23T09:00:00Z"},
		"after the weekend":        {settings{office, "", ""}, "2026-04-25T14:00:00Z", "2026-04-27T09:00:00Z"},
		"after the holidays":       {settings{office, "", "2026-04-23..2026-04-24,2026-04-25"}, "2026-04-22T18:00:00Z", "2026-04-27T09:00:00Z"},
		"in spring, when the hour of its begin would have been":   {settings{"Sun 03:30-12:00", bucharest, ""}, "2026-03-29T02:00:00+02:00", "2026-03-29T04:00:00+03:00"},
		"in spring a week later, where all of it is left out":     {settings{"Sun 03:00-03:30", bucharest, ""}, "2026-03-29T02:00:00+02:00", "2026-04-05T03:00:00+03:00"},
		"in autumn, the first time":                               {settings{"Sun 03:30-12:00", bucharest, ""}, "2026-10-25T02:00:00+03:00", "2026-10-25T03:30:00+03:00"},
		"in autumn, the second time, where it closed in between":  {settings{"Sun 02:00-03:30", bucharest, ""}, "2026-10-25T03:30:00+03:00", "2026-10-25T03:00:00+02:00"},
		"at once in spring, a business of seven days a week":      {settings{"Mon-Sun 09:00-18:00", "America/New_York", ""}, "2026-03-07T23:30:00-05:00", "2026-03-08T09:00:00-04:00"},
		"at one, where midnight is left out":                      {settings{"Sun 00:00-24:00", "America/Sao_Paulo", ""}, "2018-11-03T12:00:00-03:00", "2018-11-04T01:00:00-02:00"},
		"on the day after one that is left out":                   {settings{"Fri-Sat 09:00-18:00", "Pacific/Apia", ""}, "2011-12-29T12:00:00-10:00", "2011-12-31T09:00:00+14:00"},
		"not on what the night before would have had of that day": {settings{"Thu 22:00-06:00,Sat 09:00-18:00", "Pacific/Apia", ""}, "2011-12-29T23:59:59-10:00", "2011-12-29T23:59:59-10:00"},
		"by half an hour, where that is what the clock is set":    {settings{"Sun 02:00-12:00", "Australia/Lord_Howe", ""}, "2026-10-04T01:00:00+10:30", "2026-10-04T02:30:00+11:00"},
		"on the last day of a leap year":                          {settings{"Sun 09:00-18:00", "America/New_York", ""}, "2040-12-31T12:00:00-05:00", "2041-01-06T09:00:00-05:00"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tc.parse(t).NextOpen(at(t, tc.moment)); !got.Equal(at(t, tc.want)) {
				t.Errorf("NextOpen(%s) = %v, want %s, with %v", tc.moment, got, tc.want, tc.settings)
			}
		})
	}
}

func TestTimeIsCountedWhileItIsOpen(t *testing.T) {
	bucharest := "Europe/Bucharest"
	for name, tc := range map[string]struct {
		settings
		moment string
		add    time.Duration
		want   string
	}{
		"within a window":                      {settings{office, "", ""}, "2026-04-22T12:00:00.5Z", time.Hour, "2026-04-22T13:00:00.5Z"},
		"over the night":                       {settings{office, "", ""}, "2026-04-22T17:30:00Z", time.Hour, "2026-04-23T09:30:00Z"},
		"over the weekend":                     {settings{office, "", ""}, "2026-04-25T13:30:00Z", time.Hour, "2026-04-27T09:30:00Z"},
		"from the opening, where it is closed": {settings{office, "", ""}, "2026-04-22T03:00:00Z", time.Hour, "2026-04-22T10:00:00Z"},
		"to the next opening, when it is used up at closing":  {settings{office, "", ""}, "2026-04-22T17:00:00Z", time.Hour, "2026-04-23T09:00:00Z"},
		"on through midnight, when that closes nothing":       {settings{always, "", ""}, "2026-04-22T23:00:00Z", time.Hour, "2026-04-23T00:00:00Z"},
		"once, where windows of two days overlap":             {settings{"Mon-Sun 22:00-06:00,Mon-Sun 05:00-07:00", "", ""}, "2026-04-22T22:00:00Z", 10 * time.Hour, "2026-04-23T23:00:00Z"},
		"not at all, when nothing is added":                   {settings{office, "", ""}, "2026-04-22T18:00:00Z", 0, "2026-04-23T09:00:00Z"},
		"not backwards":                                       {settings{office, "", ""}, "2026-04-22T12:00:00Z", -time.Hour, "2026-04-22T12:00:00Z"},
		"as it passes, in spring":                             {settings{always, bucharest, ""}, "2026-03-29T02:30:00+02:00", time.Hour, "2026-03-29T04:30:00+03:00"},
		"as it passes, in autumn":                             {settings{always, bucharest, ""}, "2026-10-25T03:30:00+03:00", time.Hour, "2026-10-25T03:30:00+02:00"},
		"both times, in an hour that is shown twice":          {settings{"Sun 03:00-04:00", bucharest, ""}, "2026-10-25T00:00:00+03:00", 90 * time.Minute, "2026-10-25T03:30:00+02:00"},
		"both times, where it closes within that hour":        {settings{"Sun 02:00-03:30", bucharest, ""}, "2026-10-25T03:00:00+03:00", 40 * time.Minute, "2026-10-25T03:10:00+02:00"},
		"over a holiday":                                      {settings{office, "", "2026-04-23"}, "2026-04-22T17:30:00Z", time.Hour, "2026-04-24T09:30:00Z"},
		"over a year of holidays":                             {settings{office, "", "2026-01-01..2026-12-31"}, "2025-12-31T17:30:00Z", time.Hour, "2027-01-01T09:30:00Z"},
		"three days of it, in eight hours and a half a day":   {settings{"Mon-Fri 09:00-17:30", "", ""}, "2026-04-20T09:00:00Z", 72 * time.Hour, "2026-04-30T13:00:00Z"},
		"with all that a year has, where it is always open":   {settings{always, "", ""}, "2026-01-01T00:00:00Z", 365 * 24 * time.Hour, "2027-01-01T00:00:00Z"},
		"longer than ten years, while it opens now and then":  {settings{"Mon 00:00-24:00", "", ""}, "2026-01-05T00:00:00Z", 1000 * 24 * time.Hour, "2045-03-06T00:00:00Z"},
		"in a window longer than a day":                       {settings{"Mon 09:00-24:00,Mon 23:00-22:00", "", ""}, "2026-04-20T09:00:00Z", 30 * time.Hour, "2026-04-21T15:00:00Z"},
		"whatever is left of the window the day before began": {settings{"Fri 22:00-06:00", "", ""}, "2026-04-25T05:00:00Z", 2 * time.Hour, "2026-05-01T23:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tc.parse(t).AddBusiness(at(t, tc.moment), tc.add); !got.Equal(at(t, tc.want)) {
				t.Errorf("AddBusiness(%s, %s) = %v, want %s, with %v", tc.moment, tc.add, got, tc.want, tc.settings)
			}
		})
	}
}

func TestWhereItNeverOpensTheAnswerIsNever(t *testing.T) {
	const closed = "2020-01-01..2020-12-31,2021-01-01..2021-12-31,2022-01-01..2022-12-31,2023-01-01..2023-12-31,2024-01-01..2024-12-31," +
		"2025-01-01..2025-12-31,2026-01-01..2026-12-31,2027-01-01..2027-12-31,2028-01-01..2028-12-31,2029-01-01..2029-12-31,2030-01-01..2030-12-31"
	for name, c := range map[string]hours.Calendar{
		"a calendar of holidays": settings{office, "Europe/Bucharest", closed}.parse(t),
		"the zero calendar":      {},
	} {
		t.Run(name, func(t *testing.T) {
			moment := at(t, "2020-01-01T12:00:00Z")
			if got := c.NextOpen(moment); !got.IsZero() {
				t.Errorf("NextOpen = %v, want never", got)
			}
			if got := c.AddBusiness(moment, time.Hour); !got.IsZero() {
				t.Errorf("AddBusiness = %v, want never", got)
			}
		})
	}
	open := settings{always, "", ""}.parse(t)
	if got := open.AddBusiness(time.Time{}, time.Hour); !got.IsZero() {
		t.Errorf("an hour after never is %v", got)
	}
	c := settings{office, "Europe/Bucharest", closed}.parse(t)
	if got, want := c.NextOpen(at(t, "2021-01-01T12:00:00Z")), at(t, "2031-01-01T09:00:00+02:00"); !got.Equal(want) {
		t.Errorf("just within ten years: %v, want %v", got, want)
	}
}

func TestAnswersAreInUTCAndHaveNoMonotonicClock(t *testing.T) {
	now := time.Now()
	c := settings{always, "Europe/Istanbul", ""}.parse(t)
	if got := c.NextOpen(now); got != now.Round(0).UTC() {
		t.Errorf("NextOpen(%v) = %v", now, got)
	}
}
