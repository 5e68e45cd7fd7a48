package bulutfon_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/bulutfon"
)

// asks is a transport that remembers the requests.
type asks struct {
	body string
	urls []string
}

func (a *asks) RoundTrip(req *http.Request) (*http.Response, error) {
	a.urls = append(a.urls, req.URL.String())
	return answering(a.body).RoundTrip(req)
}

func TestTheDetailOfACallIsAskedForByItsUUID(t *testing.T) {
	a := &asks{body: `{"cdr":{"uuid":"dd3b-1"}}`}
	for want, change := range map[string]func(*bulutfon.Config){
		"http://api.example/cdrs/dd3b-1?access_token=correct-horse-battery": func(*bulutfon.Config) {},
		"http://api.example/cdrs/dd3b-1?email=who%40example.org&password=p%20%26q": func(cfg *bulutfon.Config) {
			cfg.Token, cfg.Username, cfg.Password = secret.Text{}, "who@example.org", secret.New("p &q")
		},
		"http://api.example/below/cdrs/dd3b-1?access_token=correct-horse-battery": func(cfg *bulutfon.Config) { cfg.URL += "/below/" },
	} {
		a.urls = nil
		d, err := client(t, a, change).Detail(t.Context(), inbound("dd3b-1"))
		if err != nil || len(a.urls) != 1 || a.urls[0] != want {
			t.Errorf("asked %v, %v; want %s", a.urls, err, want)
		}
		if d.Key != "dd3b-1" || d.Flow == nil || len(d.Flow) != 0 || d.Answered != nil || d.At.IsZero() {
			t.Errorf("%+v, want an empty flow and nothing else", d)
		}
	}
}

func TestOfOtherCallsTheVendorIsNotAsked(t *testing.T) {
	a := &asks{}
	c := client(t, a)
	outbound := inbound("x")
	outbound.Direction = events.Outbound
	internal := inbound("x")
	internal.Direction = events.Internal
	for _, call := range []events.Call{outbound, internal, inbound(""), inbound("../cdrs"), inbound(".."), inbound("a?b"), {Direction: events.Inbound}} {
		if d, err := c.Detail(t.Context(), call); !errors.Is(err, ingest.ErrNoDetail) || d.Flow != nil {
			t.Errorf("%s %v: %+v, %v; want %v", call.Direction, call.VendorIDs, d, err, ingest.ErrNoDetail)
		}
	}
	if len(a.urls) != 0 {
		t.Errorf("asked %v", a.urls)
	}
}

func TestADetailThatIsNoneIsAnError(t *testing.T) {
	limit := func(err error) bool { return errors.As(err, new(*ingest.RateLimitError)) }
	for name, tc := range map[string]struct {
		status int
		body   string
		is     func(error) bool
	}{
		"404 and nothing else":            {404, ``, is(ingest.ErrNoDetail)},
		"404 with a reason":               {404, `{"error":"Not found"}`, is(ingest.ErrNoDetail)},
		"404 told with status 200":        {200, `{"error":"Not found","code":404}`, is(ingest.ErrNoDetail)},
		"404 because of the token":        {404, `{"error":"No such token"}`, is(ingest.ErrCredentials)},
		"401":                             {401, ``, is(ingest.ErrCredentials)},
		"429":                             {429, `{"error":"slow down, token"}`, limit},
		"an error told with status 200":   {200, `{"error":"Bir hata"}`, is(ingest.ErrForeign)},
		"another call":                    {200, `{"cdr":{"uuid":"another"}}`, is(ingest.ErrForeign)},
		"a call without a uuid":           {200, `{"cdr":{}}`, is(ingest.ErrForeign)},
		"no call":                         {200, `{"cdr":null}`, is(ingest.ErrForeign)},
		"a list":                          {200, `[]`, is(ingest.ErrForeign)},
		"HTML":                            {200, `<html>`, is(ingest.ErrForeign)},
		"cut short":                       {200, `{"cdr":{"uuid":"c1"`, is(ingest.ErrForeign)},
		"a missing_call that is neither":  {200, `{"cdr":{"uuid":"c1","missing_call":"maybe"}}`, is(ingest.ErrForeign)},
		"an origination that is a number": {200, `{"cdr":{"uuid":"c1","call_flow":[{"origination":7}]}}`, is(ingest.ErrForeign)},
	} {
		v := &vendor{instead: func(int) (int, string) { return tc.status, tc.body }}
		if d, err := client(t, v).Detail(t.Context(), inbound("c1")); !tc.is(err) || d.Flow != nil || len(v.asked) != 1 {
			t.Errorf("%s: %+v, %v after %d requests", name, d, err, len(v.asked))
		}
	}
}

// TestWhetherAPersonAnswered has the last step of a flow that began in a menu. "" is unknown.
func TestWhetherAPersonAnswered(t *testing.T) {
	const picked, rang = `"start_time":"2024-05-06T10:12:52+03:00","answer_time":"2024-05-06T10:13:00+03:00"`, `"start_time":"2024-05-06T10:12:52+03:00","answer_time":null`
	for name, tc := range map[string]struct{ step, answered, agent string }{
		"an extension answered":                       {`{"callee":1004,"redirection":"CONNECTING_TO_EXTENSION",` + picked + `}`, "true", "1004"},
		"an extension did not":                        {`{"callee":1004,"redirection":"CONNECTING_TO_EXTENSION",` + rang + `}`, "false", ""},
		"an extension's voicemail did":                {`{"callee":1004,"redirection":"CONNECTING_TO_EXTENSION","result":"NO_ANSWER",` + picked + `}`, "false", ""},
		"an extension answered, as its result says":   {`{"callee":1004,"redirection":"CONNECTING_TO_EXTENSION","result":"ANSWERED",` + picked + `}`, "true", "1004"},
		"a group in which one answered":               {`{"callee":101,"redirection":"CONNECTING_TO_GROUP",` + picked + `,"origination":[{"destination":"1008","result":"LOSE_RACE",` + picked + `},{"destination":"1004","result":"ANSWERED",` + picked + `}]}`, "true", "1004"},
		"a group in which nobody did, with the times": {`{"callee":101,"redirection":"CONNECTING_TO_GROUP",` + picked + `,"origination":[{"destination":"1008","result":"LOSE_RACE",` + picked + `}]}`, "false", ""},
		"a group that plays music, and rang nobody":   {`{"callee":101,"redirection":"CONNECTING_TO_GROUP",` + picked + `,"origination":[]}`, "", ""},
		"a group that rang without an answer":         {`{"callee":101,"redirection":"CONNECTING_TO_GROUP",` + rang + `}`, "false", ""},
		"a group of which one has no result":          {`{"callee":101,"redirection":"CONNECTING_TO_GROUP",` + picked + `,"origination":[{"destination":1004,` + picked + `}]}`, "", ""},
		"another menu":                                {`{"callee":11,"redirection":"CONNECTING_TO_MENU",` + picked + `}`, "false", ""},
		"another menu, and no redirection":            {`{"callee":11,"redirection":null,` + picked + `}`, "false", ""},
		"a menu that sent the caller on to who knows": {`{"callee":11,"redirection":"REDIRECTED_TO_EXTENSION","redirection_target":1004,` + picked + `}`, "", ""},
		"something else":                              {`{"callee":1004,"redirection":"OTHER",` + picked + `}`, "", ""},
	} {
		body := `{"cdr":{"uuid":"c1","answer_time":"2024-05-06T10:12:40+03:00","call_flow":[{"callee":10,"redirection":"REDIRECTED_TO_GROUP","redirection_target":101,` + picked + `},` + tc.step + `]}}`
		d, err := client(t, answering(body)).Detail(t.Context(), inbound("c1"))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		answered, agent := "", ""
		if d.Answered != nil {
			answered = fmt.Sprint(*d.Answered)
		}
		if d.Agent != nil {
			agent = text(d.Agent.Extension)
		}
		if answered != tc.answered || agent != tc.agent || (d.AnsweredAt != nil) != (tc.answered == "true") {
			t.Errorf("%s: answered %q by %q at %v; want %q by %q", name, answered, agent, d.AnsweredAt, tc.answered, tc.agent)
		}
	}
}

func TestACallThatNothingPickedUpWasAnsweredByNobody(t *testing.T) {
	for body, want := range map[string]bool{
		`{"cdr":{"uuid":"c1","answer_time":null,"call_flow":[]}}`: true,
		`{"cdr":{"uuid":"c1","call_flow":[]}}`:                    false,
		`{"cdr":{"uuid":"c1","answer_time":"soon"}}`:              false,
	} {
		d, err := client(t, answering(body)).Detail(t.Context(), inbound("c1"))
		if err != nil || (d.Answered != nil) != want || want && *d.Answered {
			t.Errorf("%s: %+v, %v; want it known: %t", body, d, err, want)
		}
	}
}

func TestWhatAStepIs(t *testing.T) {
	for want, flow := range map[string]string{
		"number menu queue extension": `{"callee":908500000301},{"callee":10},{"callee":"101"},{"callee":1004}`,
		// What a step does goes before its number, and so does what the step before said of it.
		"number queue menu":     `{"callee":908500000301,"redirection":"REDIRECTED_TO_GROUP","redirection_target":10},{"callee":"10"},{"callee":1010,"redirection":"CONNECTING_TO_MENU"}`,
		"number external":       `{"callee":908500000301,"redirection":"CONNECTING_TO_EXTENSION"},{"callee":905000000109}`,
		"number":                `{}`,
		"queue extension queue": `{"callee":101,"redirection":"CONNECTING_TO_GROUP","origination":[{"destination":10}]},{"callee":102}`,
	} {
		d, err := client(t, answering(`{"cdr":{"uuid":"c1","call_flow":[`+flow+`]}}`)).Detail(t.Context(), inbound("c1"))
		if err != nil {
			t.Fatal(err)
		}
		var kinds []string
		for _, s := range d.Flow {
			kinds = append(kinds, string(s.Kind))
		}
		if got := strings.Join(kinds, " "); got != want {
			t.Errorf("%s is %s, want %s", flow, got, want)
		}
	}
}

func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}
