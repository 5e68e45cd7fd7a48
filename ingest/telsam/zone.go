package telsam

import (
	"fmt"
	"strings"
	"time"
)

// calldates are the forms in which the vendor writes a wall time: its document has a blank, another of its pages none.
// Both take days, months and hours of one digit as well.
var calldates = []string{"2.1.2006 15:4:5", "2.1.200615:4:5"}

// parseWall reads a calldate.
func parseWall(calldate string) (time.Time, error) {
	text := strings.Join(strings.Fields(calldate), " ")
	for _, form := range calldates {
		if wall, err := time.Parse(form, text); err == nil {
			return wall, nil
		}
	}
	return time.Time{}, fmt.Errorf("%.60q is not a date of the form dd.mm.yyyy HH:MM:SS", calldate)
}
