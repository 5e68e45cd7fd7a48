package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/callbus/callbus/events/secret"
)

func TestTextIsNeverSeenByAccident(t *testing.T) {
	s := struct {
		Name string
		Key  secret.Text
	}{"acme", secret.New("hunter2")}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("settings", "all", s, "key", s.Key)
	asJSON, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	anyVerb := strings.Join([]string{"%d", "%d", "%t", "%v"}, " ") // vet knows better, where it can read it
	for _, seen := range []string{
		fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %s", s, s, s, s.Key), fmt.Sprintf("%q %x", s.Key, s.Key), fmt.Sprintf(anyVerb, s.Key, &s, &s, &s), string(asJSON), log.String(),
	} {
		if strings.Contains(seen, "hunter2") || strings.Contains(seen, fmt.Sprintf("%x", "hunter2")) {
			t.Errorf("the secret is seen in %s", seen)
		}
	}
}

func TestRedactTakesOutSecretsAndNothingElse(t *testing.T) {
	got := secret.Redact("GET /?password=hunter2&user=bob", secret.New("hunter2"), secret.New(""))
	if want := "GET /?password=***&user=bob"; got != want {
		t.Errorf("Redact: %q, want %q", got, want)
	}
}

func TestHideTakesOutEachPlaceWhereTheSecretIsSpelled(t *testing.T) {
	t.Parallel()
	spelled := func(rest string) int {
		if strings.HasPrefix(rest, "key") {
			return 3
		}
		return 0
	}
	for s, want := range map[string]string{
		"": "", "none": "none", "key": "***", "a key, a keykey": "a ***, a ******", "ke": "ke",
	} {
		if got := secret.Hide(s, spelled); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}
