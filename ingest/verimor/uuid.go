package verimor

import (
	"strconv"
	"time"
)

// gregorian is how long before 1970 the clock of a version 1 UUID begins, in units of 100 ns.
const gregorian = 0x01B21DD213814000

// uuidTime returns when a UUID of version 1 was made, which for this vendor is when the call began; false for all others.
// Such ids are seen in the vendor's document; newer ones are of version 4 and tell nothing.
func uuidTime(id string) (time.Time, bool) {
	if len(id) != 36 || id[8] != '-' || id[13] != '-' || id[18] != '-' || id[23] != '-' || id[14] != '1' {
		return time.Time{}, false
	}
	if variant := id[19]; variant != '8' && variant != '9' && variant|0x20 != 'a' && variant|0x20 != 'b' {
		return time.Time{}, false
	}
	ticks, err := strconv.ParseUint(id[15:18]+id[9:13]+id[:8], 16, 64)
	if err != nil {
		return time.Time{}, false
	}
	since := int64(ticks) - gregorian
	return time.Unix(since/1e7, since%1e7*100).UTC(), true
}
