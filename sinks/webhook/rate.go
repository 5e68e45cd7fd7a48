package webhook

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/callbus/callbus/events/setting"
)

// Rate is so many requests in each period, evenly spread. The zero Rate is no limit.
type Rate struct {
	Requests int
	Per      time.Duration
}

var (
	rateForm = regexp.MustCompile(`^([1-9][0-9]{0,5})/([smh])$`)
	periods  = map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}
)

// UnmarshalText reads 10/s, 100/m or 300/h; 0 and nothing are no limit.
func (r *Rate) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	if s == "" || s == "0" {
		*r = Rate{}
		return nil
	}
	m := rateForm.FindStringSubmatch(s)
	if m == nil {
		return fmt.Errorf("%s is not a rate; requests per second, minute or hour are accepted, such as 10/s, 100/m or 300/h, and 0 for no limit", setting.Quote(s))
	}
	r.Requests, _ = strconv.Atoi(m[1]) // at most six digits
	r.Per = periods[m[2]]
	return nil
}

func (r Rate) String() string {
	for unit, per := range periods {
		if r.Per == per && r.Requests > 0 {
			return strconv.Itoa(r.Requests) + "/" + unit
		}
	}
	return "0"
}

func (r Rate) limit() rate.Limit {
	if r.Requests <= 0 || r.Per <= 0 {
		return rate.Inf
	}
	return rate.Every(r.Per / time.Duration(r.Requests))
}

// perMinute returns r as a handshake asks for it: a whole number of requests a minute, at least 1; 0 for no limit.
func (r Rate) perMinute() int {
	if r.Requests <= 0 || r.Per <= 0 {
		return 0
	}
	return max(1, int(time.Duration(r.Requests)*time.Minute/r.Per))
}
