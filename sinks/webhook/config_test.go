package webhook_test

import (
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sethvargo/go-envconfig"

	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/sinks/webhook"
)

func TestConfigIsReadFromTheEnvironment(t *testing.T) {
	read := func(vars map[string]string) (c webhook.Config) {
		t.Helper()
		if err := envconfig.ProcessWith(t.Context(), &envconfig.Config{Target: &c, Lookuper: envconfig.MapLookuper(vars)}); err != nil {
			t.Fatalf("read %v: %v", vars, err)
		}
		if err := c.Validate(); err != nil {
			t.Fatalf("Validate: %v", err)
		}
		return c
	}
	const url = "https://hooks.example/callbus?token=1"
	got := read(map[string]string{"URL": url, "SECRET": key})
	want := webhook.Config{URL: url, Secret: secret.New(key), Mode: webhook.Structured, Timeout: 15 * time.Second, GiveUpAfter: 72 * time.Hour}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the least: %+v, want %+v", got, want)
	}
	got = read(map[string]string{
		"URL": url, "SECRET": key + " " + otherKey, "MODE": "binary", "TIMEOUT": "3s", "GIVE_UP_AFTER": "1h", "RATE": "100/m", "HEADERS": "X-Tenant: acme",
		"BEARER": "t0ken", "ALLOW_CIDRS": "10.0.0.0/8, 192.168.1.20", "VALIDATE": "true",
	})
	want = webhook.Config{
		URL: url, Secret: secret.New(key + " " + otherKey), Mode: webhook.Binary, Timeout: 3 * time.Second, GiveUpAfter: time.Hour,
		Rate: webhook.Rate{Requests: 100, Per: time.Minute}, Headers: secret.New("X-Tenant: acme"), Bearer: secret.New("t0ken"),
		AllowCIDRs: webhook.CIDRs{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.168.1.20/32")}, AskConsent: true,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("all: %+v, want %+v", got, want)
	}
}

func TestEveryFaultIsReportedByItsVariable(t *testing.T) {
	c := webhook.Config{
		URL: "ftp://hooks.example", Secret: secret.New("whsec_AAAA geheimnis"), Mode: "batch", Timeout: -time.Second, GiveUpAfter: -1,
		Rate: webhook.Rate{Requests: -1}, Headers: secret.New("nonsense; Host: a.example"), Bearer: secret.New("two words"), TLSCA: "/nowhere/ca.pem", TLSKey: "key.pem",
	}
	err := c.Validate()
	if err == nil {
		t.Fatal("Validate: no error")
	}
	lines := strings.Split(err.Error(), "\n")
	for _, want := range []string{
		"URL: does not begin with https://", "SECRET: key 1 of 2 has 3 bytes", "SECRET: key 2 of 2 does not begin", `MODE: "batch"`, "TIMEOUT: -1s",
		"GIVE_UP_AFTER: -1ns", "RATE: is negative", "HEADERS: number 1 is not like", "HEADERS: number 2 is Host", "BEARER: holds a blank", "TLS_CA: cannot be read", "TLS_CERT: not set",
	} {
		if !anyHasPrefix(lines, want) {
			t.Errorf("no fault begins with %q:\n%v", want, err)
		}
	}
	if _, err := webhook.New("crm", c, webhook.Options{}); err == nil || !strings.Contains(err.Error(), "sink crm: URL: ") {
		t.Errorf("New: %v, want the same faults", err)
	}
	if strings.Contains(err.Error(), "geheimnis") || strings.Contains(err.Error(), "two words") || strings.Contains(err.Error(), "nonsense") {
		t.Errorf("the error tells a secret: %v", err)
	}
}

func anyHasPrefix(lines []string, prefix string) bool {
	for _, l := range lines {
		if strings.HasPrefix(l, prefix) {
			return true
		}
	}
	return false
}

// A-6, and the literals of A-1.
func TestURLs(t *testing.T) {
	for url, says := range map[string]string{
		"https://hooks.example":                    "",
		"https://hooks.example:8443/a/b?c=d%20e":   "",
		"http://hooks.example/":                    "",
		"HTTPS://Hooks.Example/":                   "",
		"https://xn--bcher-kva.example/":           "",
		"https://8.8.8.8/":                         "",
		"https://[2606:4700::1111]/":               "",
		"https://a_b.hooks-1.example/":             "",
		"":                                         "not set",
		"hooks.example/callbus":                    "https://",
		"//hooks.example":                          "https://",
		"file:///etc/passwd":                       "https://",
		"gopher://hooks.example:70/1":              "https://",
		"javascript:alert(1)":                      "https://",
		"https://":                                 "no host",
		"https:hooks.example":                      "no host",
		"https:///path":                            "no host",
		"https://:443/":                            "no host",
		"https://bob:hunter22@hooks.example/":      "BEARER or HEADERS",
		"https://hunter22@hooks.example/":          "BEARER or HEADERS",
		"https://hooks.example@10.0.0.1/hunter22":  "BEARER or HEADERS",
		"https://hooks.example\\@10.0.0.1/":        "cannot be read",
		"https://hooks.example#@10.0.0.1/":         "holds a #",
		"https://hooks.example/#hunter22":          "holds a #",
		"https://hooks.example/#":                  "holds a #",
		"https://hooks.example/a b":                "blank",
		" https://hooks.example/":                  "blank",
		"https://hooks.example/\thunter22":         "control character",
		"https://hooks.example/\nHost: evil":       "control character",
		"https://hooks.example/\r":                 "control character",
		"https://hooks.example/\x00":               "control character",
		"https://hooks.example/\x7f":               "control character",
		"https://hooks.example/%zz":                "cannot be read",
		"https://hooks.example:0/":                 "1 to 65535",
		"https://hooks.example:65536/":             "1 to 65535",
		"https://hooks.example:99999999999999/":    "1 to 65535",
		"https://hooks.example:-1/":                "cannot be read",
		"https://hooks.example:http/":              "cannot be read",
		"https://hooks.example:/":                  "colon",
		"https://hooks.example:25/":                "port 25",
		"https://hooks.example:22/":                "port 22",
		"https://hooks.example./":                  "dot at its end",
		"https://bücher.example/":                  "xn--",
		"https://hooks．example/":                   "xn--",
		"https://hooks..example/":                  "no DNS name",
		"https://-hooks.example/":                  "no DNS name",
		"https://ho%20oks.example/":                "cannot be read",
		"https://hooks.example/" + long(8<<10):     "longer than 2048",
		"https://" + long(300) + ".example/":       "no DNS name",
		"http://127.1/":                            "different ways",
		"http://0177.0.0.1/":                       "different ways",
		"http://2130706433/":                       "different ways",
		"http://0x7f.1/":                           "different ways",
		"http://0x7f000001/":                       "different ways",
		"http://10.0.0.0x1/":                       "different ways",
		"http://127.0.0.1/":                        "is not public",
		"http://[::1]/":                            "is not public",
		"http://[::]/":                             "is not public",
		"http://[::ffff:127.0.0.1]/":               "is not public",
		"http://[::ffff:169.254.169.254]/":         "metadata",
		"http://169.254.169.254/latest/meta-data/": "metadata",
		"http://[64:ff9b::a9fe:a9fe]/":             "is not public",
		"http://[2002:7f00:1::]/":                  "is not public",
		"http://[fe80::1%25eth0]/":                 "zone",
		"http://[fec0::1]/":                        "is not public",
		"http://[::127.0.0.1]/":                    "is not public",
	} {
		err := webhook.Config{URL: url, Secret: secret.New(key)}.Validate()
		if says == "" && err != nil || says != "" && (err == nil || !strings.HasPrefix(err.Error(), "URL: ") || !strings.Contains(err.Error(), says)) {
			t.Errorf("%.60q: %v, want %q", url, err, says)
		}
		if err != nil && strings.Contains(err.Error(), "hunter22") {
			t.Errorf("%q: the error tells a secret: %v", url, err)
		}
	}
}

func long(n int) string { return strings.Repeat("a", n) }

func TestHeaders(t *testing.T) {
	for text, tc := range map[string]struct {
		want http.Header
		says string
	}{
		"":                                  {http.Header{}, ""},
		" ; \n":                             {http.Header{}, ""},
		"X-Tenant: acme":                    {http.Header{"X-Tenant": {"acme"}}, ""},
		"x-tenant:acme;":                    {http.Header{"X-Tenant": {"acme"}}, ""},
		"X-A: 1; X-B: b:c, d=e ;\r\nX-C: 3": {http.Header{"X-A": {"1"}, "X-B": {"b:c, d=e"}, "X-C": {"3"}}, ""},
		`Cookie: a=1\; b=2; X-B: \`:         {http.Header{"Cookie": {"a=1; b=2"}, "X-B": {`\`}}, ""},
		"Authorization: Basic dTpw":         {http.Header{"Authorization": {"Basic dTpw"}}, ""},
		"X-Tenant=acme":                     {nil, "number 1 is not like Name: value"},
		"X-A: 1; acme":                      {nil, "number 2 is not like"},
		": acme":                            {nil, "not like"},
		"X Tenant: acme":                    {nil, "not like"},
		"X-Tenant:":                         {nil, "empty"},
		"X-A: 1; x-a: 2":                    {nil, "there already"},
		"X-A: caf\u00e9":                    {nil, "plain ASCII"},
		"X-A: a\x00b":                       {nil, "plain ASCII"},
		"X-A: a\tb":                         {nil, "plain ASCII"},
		"Host: a":                           {nil, "leave it out"},
		"content-length: 5":                 {nil, "leave it out"},
		"Content-Type: text/plain":          {nil, "leave it out"},
		"Transfer-Encoding: chunked":        {nil, "leave it out"},
		"connection: close":                 {nil, "leave it out"},
		"Expect: 100-continue":              {nil, "leave it out"},
		"Idempotency-Key: 1":                {nil, "leave it out"},
		"X-Idempotency-Key: 1":              {nil, "leave it out"},
		"webhook-id: 1":                     {nil, "leave it out"},
		"WEBHOOK-SIGNATURE: v1,":            {nil, "leave it out"},
		"WebHook-Request-Origin: a":         {nil, "leave it out"},
		"ce-type: a":                        {nil, "leave it out"},
		"traceparent: a":                    {nil, "leave it out"},
	} {
		got := make(chan http.Header, 1)
		url := server(t, func(_ http.ResponseWriter, r *http.Request) { got <- r.Header })
		s, err := webhook.New("crm", config(url, func(c *webhook.Config) { c.Headers = secret.New(text) }), webhook.Options{})
		if tc.says != "" {
			if err == nil || !strings.Contains(err.Error(), "HEADERS: ") || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("HEADERS %q: %v, want %q", text, err, tc.says)
			}
			continue
		}
		if err != nil {
			t.Errorf("HEADERS %q: %v", text, err)
			continue
		}
		if err := s.Deliver(t.Context(), delivery(t)); err != nil {
			t.Errorf("HEADERS %q: Deliver: %v", text, err)
		}
		sent := <-got
		for name, want := range tc.want {
			if !reflect.DeepEqual(sent[name], want) {
				t.Errorf("HEADERS %q: sent %s %q, want %q", text, name, sent[name], want)
			}
		}
		s.Close()
	}
}

func TestRates(t *testing.T) {
	for text, want := range map[string]webhook.Rate{
		"": {}, "0": {}, "10/s": {10, time.Second}, " 100/m ": {100, time.Minute}, "999999/h": {999999, time.Hour},
	} {
		var got webhook.Rate
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("rate %q: %v, %v; want %v", text, got, err, want)
		}
		if again := (webhook.Rate{}); again.UnmarshalText([]byte(got.String())) != nil || again != got {
			t.Errorf("rate %q is written %s, which is read as %v", text, got, again)
		}
	}
	for _, text := range []string{"10", "/s", "0/s", "-1/s", "1.5/s", "10/d", "10 / s", "10000000/s", "1e3/s", "ten/s"} {
		var r webhook.Rate
		if err := r.UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), "100/m") {
			t.Errorf("rate %q: %v, %v; want an error that says what is accepted", text, r, err)
		}
	}
}

func TestRangesOfAddresses(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "",
		" , ":                       "",
		"10.0.0.0/8,192.168.1.20":   "10.0.0.0/8 192.168.1.20/32",
		"fd00::/8 , ::1":            "fd00::/8 ::1/128",
		"::ffff:10.0.0.1":           "10.0.0.1/32",
		"10.0.0.1/8":                "error 10.0.0.0/8 or one address",
		"10.0.0.0/8;192.168.0.0/16": "error no range",
		"10.0.0.0/33":               "error no range",
		"fe80::1%eth0":              "error no range",
		"::ffff:10.0.0.0/104":       "error no range",
		"intranet":                  "error no range",
	} {
		var c webhook.CIDRs
		err := c.UnmarshalText([]byte(text))
		if says, bad := strings.CutPrefix(want, "error "); bad {
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("ranges %q: %v, %v; want %q", text, c, err, says)
			}
			continue
		}
		var got []string
		for _, p := range c {
			got = append(got, p.String())
		}
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("ranges %q: %v, %v; want %s", text, got, err, want)
		}
	}
}

func TestFilesOfCertificatesMustHoldThem(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(empty, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	for says, change := range map[string]func(*webhook.Config){
		"TLS_CA: " + empty + " holds no certificate": func(c *webhook.Config) { c.TLSCA = empty },
		"TLS_CERT: cannot be used with TLS_KEY":      func(c *webhook.Config) { c.TLSCert, c.TLSKey = empty, empty },
		"TLS_KEY: not set":                           func(c *webhook.Config) { c.TLSCert = empty },
	} {
		if err := config("https://hooks.example", change).Validate(); err == nil || !strings.HasPrefix(err.Error(), says) {
			t.Errorf("Validate: %v, want %q", err, says)
		}
	}
}

func TestBearerAndAuthorizationExcludeEachOther(t *testing.T) {
	err := config("https://hooks.example", func(c *webhook.Config) {
		c.Bearer, c.Headers = secret.New("t0ken"), secret.New("authorization: Basic dTpw")
	}).Validate()
	if err == nil || !strings.HasPrefix(err.Error(), "BEARER: HEADERS holds Authorization") {
		t.Errorf("Validate: %v", err)
	}
}

func FuzzSettings(f *testing.F) {
	f.Add("https://hooks.example/a?b=c", "X-A: 1; X-B: 2", "10.0.0.0/8, ::1", "10/s", key)
	f.Add("http://[::1%25eth0]:25/#", `a:\;`, "fe80::/10,1.2.3.4/33", "1/h", "whsk_AAAA whsec_=")
	f.Fuzz(func(t *testing.T, url, headers, ranges, rate, keys string) {
		c := webhook.Config{URL: url, Headers: secret.New(headers), Secret: secret.New(keys)}
		if c.AllowCIDRs.UnmarshalText([]byte(ranges)) != nil || c.Rate.UnmarshalText([]byte(rate)) != nil {
			return
		}
		s, err := webhook.New("crm", c, webhook.Options{})
		if (err == nil) != (c.Validate() == nil) {
			t.Fatalf("New: %v, but Validate: %v", err, c.Validate())
		}
		if err == nil {
			s.Close()
		}
	})
}
