package pbxsim_test

import "testing"

// long leaves a test to make test-long: those that hold the simulator to itself over hours of calls take a minute under the race
// detector, and what they find no user of callbus would meet.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("left to make test-long: it holds the simulator to itself over hours of calls")
	}
}
