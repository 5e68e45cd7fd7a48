package main

import (
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callbus/callbus/ingest/pbxsim"
)

// TestCheckTellsAWrongKeyFromAWrongURLFromAHostThatIsNotThere of each vendor.
func TestCheckTellsAWrongKeyFromAWrongURLFromAHostThatIsNotThere(t *testing.T) {
	t.Parallel()
	for _, vendor := range pbxsim.Vendors() {
		world := pbxsim.NewWorld(pbxsim.Config{Seed: 1, Start: time.Now().Add(-10 * time.Minute)})
		right := pbxsim.Show(vendor, world, pbxsim.Manner{Secret: "hunter2"}, time.Now)
		wrong := pbxsim.Show(vendor, world, pbxsim.Manner{Secret: "hunter3"}, time.Now)
		server := httptest.NewServer(pbxsim.Handler([]pbxsim.Shown{right}))
		t.Cleanup(server.Close)
		there := server.URL + "/" + vendor
		for _, tc := range []struct {
			name      string
			variables []string
			code      int
			says      string
			do        string
		}{
			{"all right", right.Variables("acme", there), exitDone, "account acme  ok  " + vendor + ": ", ""},
			{"a wrong key", wrong.Variables("acme", there), exitFailed, "the vendor refuses the credentials: ", "see to CALLBUS_ACCOUNT_ACME_"},
			{"a wrong path", right.Variables("acme", server.URL+"/elsewhere"), exitFailed, "something answers that is not this vendor's API: ", "CALLBUS_ACCOUNT_ACME_URL"},
			{"nobody there", right.Variables("acme", "http://127.0.0.1:1/"+vendor), exitFailed, "nothing listens there: ", "CALLBUS_ACCOUNT_ACME_URL"},
		} {
			t.Run(vendor+" "+tc.name, func(t *testing.T) {
				t.Parallel()
				environ := append([]string{
					"CALLBUS_ACCOUNTS=acme", "CALLBUS_DATA_DIR=" + filepath.Join(t.TempDir(), "data"), "CALLBUS_NATS_LISTEN=127.0.0.1:0", "CALLBUS_HTTP_LISTEN=off",
				}, tc.variables...)
				code, out, errs := runs(t, environ, "check")
				if code != tc.code || !strings.Contains(out, tc.says) || !strings.Contains(out, tc.do) {
					t.Errorf("exit code %d, want %d, %q and %q in\n%s%s", code, tc.code, tc.says, tc.do, out, errs)
				}
				if strings.Contains(out+errs, "hunter") {
					t.Errorf("a credential is seen in %s%s", out, errs)
				}
			})
		}
	}
}
