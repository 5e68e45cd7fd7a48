package ingesttest

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

var percent = regexp.MustCompile("%[0-9A-F]{2}")

// spellings returns the ways in which s may be written.
func spellings(s string) []string {
	inJSON, _ := json.Marshal(s) // a string always can be
	all := []string{
		s, url.QueryEscape(s), url.PathEscape(s), html.EscapeString(s), string(inJSON[1 : len(inJSON)-1]),
		unquoted(fmt.Sprintf("%q", s)), unquoted(fmt.Sprintf("%+q", s)),
		strings.ReplaceAll(url.QueryEscape(s), "+", "%20"),
	}
	for _, escaped := range []string{url.QueryEscape(s), url.PathEscape(s), strings.ReplaceAll(url.QueryEscape(s), "+", "%20")} {
		all = append(all, percent.ReplaceAllStringFunc(escaped, strings.ToLower))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func unquoted(s string) string { return s[1 : len(s)-1] }

// told returns all that an answer says, as text.
func (a answer) told() (all []string) {
	for _, r := range a.rejected() {
		all = append(all, string(r.Row), r.Reason)
	}
	for _, p := range a.Pages {
		p.Rejected = nil
		all = append(all, asJSON(p))
		for _, r := range p.Records {
			all = append(all, string(r.Call.Raw))
		}
	}
	a.Snapshot.Rejected = nil
	all = append(all, asJSON(a.Snapshot), asJSON(a.Detail))
	return append(all, errorTexts(a.err)...)
}

// asJSON returns v as JSON with its texts as they are.
func asJSON(v any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Sprintf("%+v", v)
	}
	return b.String()
}

// errorTexts returns err and all behind it, however it is printed.
func errorTexts(err error) []string {
	if err == nil {
		return nil
	}
	all := []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err), fmt.Sprintf("%q", err)}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		all = append(all, errorTexts(e.Unwrap())...)
	case interface{ Unwrap() []error }:
		for _, behind := range e.Unwrap() {
			all = append(all, errorTexts(behind)...)
		}
	}
	return all
}

// leaks tells which credentials an answer tells.
func (v Vendor) leaks(what string, a answer) (f finding) {
	told := a.told()
	for _, known := range v.Secrets {
		for _, spelled := range spellings(known) {
			for _, text := range told {
				if before, after, found := strings.Cut(text, spelled); found {
					f.add("%s: a credential is told: %s%s%.100s", what, before[max(0, len(before)-200):], spelled, after)
					return f
				}
			}
		}
	}
	return f
}

// echoes are texts that hold a request and its credentials, in every spelling.
func (v Vendor) echoes(r *http.Request) []string {
	asked := r.URL.String() + " " + r.URL.RawQuery
	for name, values := range r.Header {
		asked += "\n" + name + ": " + strings.Join(values, ", ")
	}
	if r.ParseForm() == nil {
		asked += "\n" + r.Form.Encode()
	}
	all := []string{asked}
	for _, s := range v.Secrets {
		all = append(all, "Invalid key: "+strings.Join(spellings(s), " | "))
	}
	return all
}

// echo answers with what f makes of each echo, in turn.
func (v Vendor) echo(f func(w http.ResponseWriter, text string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { f(w, strings.Join(v.echoes(r), "\n")) }
}

// echoing are servers that repeat the request in every way they can think of.
func (v Vendor) echoing() (all []fault) {
	add := func(name string, f func(w http.ResponseWriter, text string)) {
		all = append(all, fault{name, v.echo(f)})
	}
	for _, status := range []int{200, 400, 401, 404, 422, 429, 500} {
		add(fmt.Sprintf("status %d with an echo as text", status), func(w http.ResponseWriter, text string) {
			http.Error(w, text, status)
		})
		add(fmt.Sprintf("status %d with an echo in JSON", status), func(w http.ResponseWriter, text string) {
			w.WriteHeader(status)
			w.Write([]byte(asJSON(map[string]any{
				"error": text, "message": text, "messages": []string{text}, "has_error": true, "success": text, "count": text,
				"data": text, "results": text, "pagination": text, "cdrs": text, "cdr": text, text: text,
			})))
		})
	}
	for _, form := range []string{"<html><body>%s</body></html>", "%s", "[%s", "{%s", `["%s"]`, `{"a":"%s"}`} {
		add("status 200 with "+form, func(w http.ResponseWriter, text string) { fmt.Fprintf(w, form, text) })
	}
	for _, name := range []string{"Content-Type", "Content-Encoding", "Retry-After", "X-Request", "Date", "WWW-Authenticate"} {
		add("an echo in "+name, func(w http.ResponseWriter, text string) {
			w.Header().Set(name, oneLine(text))
			w.WriteHeader(http.StatusServiceUnavailable)
		})
	}
	add("an echo in a charset", func(w http.ResponseWriter, text string) {
		w.Header().Set("Content-Type", `application/json; charset="`+oneLine(text)+`"`)
		w.Write([]byte("[\"\xfe\"]"))
	})
	for _, to := range []string{"http://elsewhere.example/?", "/", "http://[", "http://elsewhere.example:x/"} {
		add("an echo in a redirect to "+to, func(w http.ResponseWriter, text string) {
			w.Header().Set("Location", to+oneLine(text))
			w.WriteHeader(http.StatusFound)
		})
	}
	for _, form := range []string{"%s\r\n\r\n", "HTTP/1.1 %s\r\n\r\n", "HTTP/1.1 400 %s\r\n\r\n", "HTTP/1.1 200 OK\r\n%s\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: %s\r\n\r\n"} {
		add("the bare answer "+form, func(w http.ResponseWriter, text string) { bare(w, fmt.Sprintf(form, oneLine(text))) })
	}
	return all
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// bare sends text over the connection and closes it.
func bare(w http.ResponseWriter, text string) {
	if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
		conn.SetWriteDeadline(time.Now().Add(time.Minute))
		conn.Write([]byte(text))
		conn.Close()
	}
}

func errorsTellNoSecret(t *testing.T, v Vendor) []string {
	return atNoon(t, func(t *testing.T) []string {
		var f finding
		about := v.sampled(t)
		faults := slices.Concat(v.echoing(), broken(v.serve(about.pbx)), silences(v.serve(about.pbx)), []fault{
			{"the vendor's refusal", v.Refuse},
			{"headers without an end", endlessHeaders(new(atomic.Int64))},
		})
		sent := false
		for _, fault := range faults {
			about.asks(t, fault, func(q question, a answer, s *server) {
				f.unless(a.err != nil, "%s: %s: no error", fault.name, q.name)
				f = append(f, v.leaks(fault.name+": "+q.name, a)...)
				sent = sent || v.sentBy(s)
			})
		}
		f.unless(sent, "no request carries any of the Secrets: Open uses others")
		return f
	})
}

// sentBy tells whether a request carried one of the secrets.
func (v Vendor) sentBy(s *server) bool {
	for _, r := range s.asked() {
		text := r.String() + fmt.Sprint(r.header)
		for _, known := range v.Secrets {
			if slices.ContainsFunc(spellings(known), func(spelled string) bool { return strings.Contains(text, spelled) }) {
				return true
			}
		}
	}
	return false
}

func rowsTellNoSecret(t *testing.T, v Vendor) []string {
	return atNoon(t, func(t *testing.T) []string {
		var f finding
		for _, known := range v.Secrets {
			for _, spelled := range spellings(known) {
				a := v.readFrom(t, listed(echoingRows(v.Record, four()[0], known, spelled)...))
				f.unless(a.err == nil && len(a.records()) > 0, "rows with a credential: %v, and %d records", a.err, len(a.records()))
				f = append(f, v.leaks("a row", a)...)
				if v.Active == nil {
					continue
				}
				first := func(c Call) string { return v.Active(c)[0] }
				s, err, _ := v.snapshot(t, PBX{Active: echoingRows(first, goingOn(1, true), known, spelled)})
				f.unless(err == nil && len(s.Calls) > 0, "active rows with a credential: %v, and %d calls", err, len(s.Calls))
				f = append(f, v.leaks("an active row", answer{Snapshot: s, err: err})...)
			}
		}
		return f
	})
}

// echoingRows returns rows that hold a credential, spelled so: good ones, as write writes them of calls like c, that have it
// in one of their fields, and bad ones. Each is of a call of its own.
func echoingRows(write func(c Call) string, c Call, known, spelled string) (rows []Row) {
	add := func(text string) { rows = append(rows, written(c, text)) }
	echo := func(name string, value any) {
		c.ID++
		add(withMember(write(c), name, value))
	}
	inJSON := asJSON(known)
	for _, text := range []string{inJSON, "[" + inJSON + "]", `{"echo":` + inJSON + `}`, "{" + strings.TrimSpace(inJSON) + ":1}"} {
		add(text)
	}
	for _, name := range memberNames(write(c)) {
		echo(name, []string{"see " + spelled})
		echo(name, spelled)
	}
	echo("comment", spelled)
	echo(spelled, "comment")
	return rows
}

func members(object string) (m map[string]any) {
	in := json.NewDecoder(strings.NewReader(object))
	in.UseNumber()
	if in.Decode(&m) != nil {
		return map[string]any{}
	}
	return m
}

func memberNames(object string) (names []string) {
	for name := range members(object) {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func withMember(object, name string, value any) string {
	m := members(object)
	m[name] = value
	return strings.TrimSpace(asJSON(m))
}
