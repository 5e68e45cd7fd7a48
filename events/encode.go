package events

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"time"
)

// The data of a call is encoded by hand: it is most of what callbus writes, and encoding/json takes four times as long.
// A test holds what is written here to encoding/json, field by field.

// appendData appends the JSON form of an event's data.
func appendData(b []byte, data any) ([]byte, error) {
	switch d := data.(type) {
	case Call:
		return appendCall(b, &d, nil)
	case Amendment:
		return appendCall(b, &d.Call, &d)
	}
	text, err := json.Marshal(data)
	return append(b, text...), err
}

// encoder appends members of an object. Its first error stays.
type encoder struct {
	b   []byte
	err error
}

// appendCall appends c, and what a adds to it if it is not nil.
func appendCall(b []byte, c *Call, a *Amendment) ([]byte, error) {
	e := encoder{b: b}
	e.b = append(e.b, `{"call_id":`...)
	e.text(c.CallID)
	e.key("account").text(c.Account)
	e.key("provider").text(c.Provider)
	e.key("vendor_ids").ids(c.VendorIDs)
	e.key("revision").b = strconv.AppendInt(e.b, int64(c.Revision), 10)
	e.key("state").text(string(c.State))
	e.key("direction").text(string(c.Direction))
	e.key("media").text(string(c.Media))
	e.key("from").party(&c.From)
	e.key("to").party(&c.To)
	e.key("external_number").optional(c.ExternalNumber)
	e.key("queue")
	if q := c.Queue; q == nil {
		e.null()
	} else {
		e.names("id", q.ID, q.Name)
	}
	e.key("agent")
	if a := c.Agent; a == nil {
		e.null()
	} else {
		e.names("extension", a.Extension, a.Name)
	}
	e.key("started_at").time(c.StartedAt)
	e.key("answered_at").time(c.AnsweredAt)
	e.key("ended_at").time(c.EndedAt)
	e.key("ring_seconds").number(c.RingSeconds)
	e.key("wait_seconds").number(c.WaitSeconds)
	e.key("talk_seconds").number(c.TalkSeconds)
	e.key("total_seconds").number(c.TotalSeconds)
	e.key("outcome").optional((*string)(c.Outcome))
	e.key("missed").boolean(c.Missed)
	e.key("missed_reason").optional((*string)(c.MissedReason))
	e.key("returned").rare(c.Returned == nil, c.Returned)
	e.key("hangup")
	e.b = append(e.b, `{"by":`...)
	e.text(string(c.Hangup.By))
	e.key("cause").optional(c.Hangup.Cause)
	e.b = append(e.b, '}')
	e.key("recording").text(string(c.Recording))
	e.key("price").rare(c.Price == nil, c.Price)
	e.key("flow").rare(c.Flow == nil, c.Flow)
	e.key("vendor_result").optional(c.VendorResult)
	e.key("evidence")
	appendTexts(&e, c.Evidence)
	e.key("estimated")
	appendTexts(&e, c.Estimated)
	e.key("observed_after").time(c.ObservedAfter)
	e.key("observed_before").time(c.ObservedBefore)
	e.key("backfill").boolean(&c.Backfill)
	e.key("raw").rare(c.Raw == nil, c.Raw)
	if a != nil {
		e.key("changed")
		appendTexts(&e, a.Changed)
		e.key("supersedes").text(a.Supersedes)
	}
	return append(e.b, '}'), e.err
}

func (e *encoder) key(name string) *encoder {
	e.b = append(e.b, ',', '"')
	e.b = append(e.b, name...)
	e.b = append(e.b, '"', ':')
	return e
}

func (e *encoder) null() { e.b = append(e.b, "null"...) }

func (e *encoder) text(s string) {
	b, err := appendString(e.b, s)
	e.b = b
	e.fail(err)
}

func (e *encoder) fail(err error) {
	if e.err == nil {
		e.err = err
	}
}

func (e *encoder) optional(s *string) {
	if s == nil {
		e.null()
		return
	}
	e.text(*s)
}

func (e *encoder) boolean(v *bool) {
	if v == nil {
		e.null()
		return
	}
	e.b = strconv.AppendBool(e.b, *v)
}

func (e *encoder) number(v *float64) {
	switch {
	case v == nil:
		e.null()
	case *v == 0 || math.Abs(*v) >= 1e-6 && math.Abs(*v) < 1e21:
		e.b = strconv.AppendFloat(e.b, *v, 'f', -1, 64)
	default: // with an exponent, or not a number at all
		e.rare(false, *v)
	}
}

func (e *encoder) time(t *time.Time) {
	if t == nil {
		e.null()
		return
	}
	if y := t.Year(); y < 0 || y > 9999 {
		e.rare(false, *t) // which is an error
		return
	}
	e.b = append(e.b, '"')
	e.b = t.AppendFormat(e.b, time.RFC3339Nano)
	e.b = append(e.b, '"')
}

func (e *encoder) party(p *Party) {
	e.b = append(e.b, `{"number":`...)
	e.optional(p.Number)
	e.key("raw").optional(p.Raw)
	e.key("name").optional(p.Name)
	e.key("extension").optional(p.Extension)
	e.b = append(e.b, '}')
}

// names appends an object of an id, under key, and a name.
func (e *encoder) names(key string, id, name *string) {
	e.b = append(e.b, '{', '"')
	e.b = append(e.b, key...)
	e.b = append(e.b, '"', ':')
	e.optional(id)
	e.key("name").optional(name)
	e.b = append(e.b, '}')
}

// ids appends m with its keys in order, so that one event always has the same bytes.
func (e *encoder) ids(m map[string]string) {
	if m == nil {
		e.null()
		return
	}
	var room [8]string
	keys := room[:0]
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	e.b = append(e.b, '{')
	for i, k := range keys {
		if i > 0 {
			e.b = append(e.b, ',')
		}
		e.text(k)
		e.b = append(e.b, ':')
		e.text(m[k])
	}
	e.b = append(e.b, '}')
}

// rare appends what few calls have.
func (e *encoder) rare(isNull bool, v any) {
	if isNull {
		e.null()
		return
	}
	text, err := json.Marshal(v)
	e.b = append(e.b, text...)
	e.fail(err)
}

func appendTexts[T ~string](e *encoder, texts []T) {
	if texts == nil {
		e.null()
		return
	}
	e.b = append(e.b, '[')
	for i, s := range texts {
		if i > 0 {
			e.b = append(e.b, ',')
		}
		e.text(string(s))
	}
	e.b = append(e.b, ']')
}
