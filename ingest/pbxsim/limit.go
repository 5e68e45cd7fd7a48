package pbxsim

import (
	"sync"
	"time"
)

// limiter is a vendor's limit on requests: so many within any minute. What it refuses does not count.
type limiter struct {
	most int // 0 or less: no limit

	mu      sync.Mutex
	granted []time.Time // within the last minute
	refused int
}

// admit counts a request that comes at now. Over the limit it returns how long to wait until one would be admitted.
func (l *limiter) admit(now time.Time) (wait time.Duration, ok bool) {
	if l.most <= 0 {
		return 0, true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.granted) > 0 && !l.granted[0].After(now.Add(-time.Minute)) {
		l.granted = l.granted[1:]
	}
	if len(l.granted) >= l.most {
		l.refused++
		return l.granted[0].Add(time.Minute).Sub(now), false
	}
	l.granted = append(l.granted, now)
	return 0, true
}

func (l *limiter) tooMany() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refused
}
