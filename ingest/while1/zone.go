package while1

import (
	"fmt"
	"time"
)

// wallForm is how the vendor writes a wall time and wants it written.
const wallForm = time.DateTime

// parseWall reads a wall time.
func parseWall(text string) (time.Time, error) {
	for _, form := range []string{wallForm, "2006-01-02T15:04:05"} {
		if wall, err := time.Parse(form, text); err == nil {
			return wall, nil
		}
	}
	return time.Time{}, fmt.Errorf("%.60q is not a date of the form yyyy-mm-dd HH:MM:SS", text)
}
