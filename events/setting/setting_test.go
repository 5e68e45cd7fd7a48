package setting_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/callbus/callbus/events/setting"
)

func TestEachFaultThatIsJoinedHasItsVariable(t *testing.T) {
	t.Parallel()
	one, two, three := errors.New("one"), errors.New("two"), errors.New("three")
	for want, err := range map[string]error{
		"":                                     nil,
		"HOURS: one":                           one,
		"HOURS: one\nHOURS: two":               errors.Join(one, two),
		"HOURS: one\nHOURS: two\nHOURS: three": errors.Join(one, errors.Join(two, three)),
	} {
		got := setting.Fault("HOURS", err)
		if want == "" && got == nil {
			continue
		}
		if got == nil || got.Error() != want || !errors.Is(got, one) {
			t.Errorf("%v, want %s", got, want)
		}
	}
}

func TestALongValueIsQuotedByItsBeginning(t *testing.T) {
	t.Parallel()
	if got := setting.Quote(strings.Repeat("ş", 100)); got != `"`+strings.Repeat("ş", 60)+`..."` {
		t.Errorf("%s", got)
	}
}
