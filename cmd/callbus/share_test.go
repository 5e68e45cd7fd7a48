package main

import (
	"maps"
	"testing"
)

// Processes compare their settings by digests: the same settings, the same digest, wherever they were read; another one for others;
// and secrets change nothing.
func TestTheSameSettingsHaveTheSameDigest(t *testing.T) {
	t.Parallel()
	vars := map[string]string{
		"CALLBUS_ACCOUNTS": "acme", "CALLBUS_ACCOUNT_ACME_PROVIDER": "telsam", "CALLBUS_ACCOUNT_ACME_URL": "http://pbx.example/",
		"CALLBUS_ACCOUNT_ACME_USERNAME": "u", "CALLBUS_ACCOUNT_ACME_PASSWORD": "p",
		"CALLBUS_SINKS": "crm", "CALLBUS_SINK_CRM_KIND": "webhook", "CALLBUS_SINK_CRM_URL": "https://crm.example/hook",
		"CALLBUS_SINK_CRM_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "CALLBUS_SINK_CRM_TYPES": "call.missed,callback.*",
	}
	with := func(name, value string) (account, sink string) {
		t.Helper()
		changed := maps.Clone(vars)
		changed[name] = value
		c, err := loadConfig(changed, vendors())
		if err != nil {
			t.Fatal(err)
		}
		return c.Accounts[0].digest(), digest(c.Sinks[0])
	}
	account, sink := with("CALLBUS_LOG_LEVEL", "info")
	for _, same := range [][2]string{
		{"CALLBUS_LOG_LEVEL", "debug"}, {"CALLBUS_ACCOUNT_ACME_PASSWORD", "another"}, {"CALLBUS_SINK_CRM_SECRET", "whsec_bm90IHRoZSBzYW1lIHNlY3JldCBhcyBiZWZvcmU="},
	} {
		if a, s := with(same[0], same[1]); a != account || s != sink {
			t.Errorf("%s: other digests", same[0])
		}
	}
	if a, s := with("CALLBUS_ACCOUNT_ACME_POLL_ACTIVE", "7s"); a == account || s != sink {
		t.Error("a setting of the account does not change its digest alone")
	}
	if a, s := with("CALLBUS_SINK_CRM_TYPES", "call.missed"); a != account || s == sink {
		t.Error("a setting of the sink does not change its digest alone")
	}
	file := Account{Name: "acme", Where: "/etc/callbus/accounts/acme.env"}
	if elsewhere := (Account{Name: "acme"}); file.digest() != elsewhere.digest() {
		t.Error("where the settings stand changes the digest")
	}
}
