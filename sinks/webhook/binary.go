package webhook

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"regexp"
	"strings"
)

var attributeName = regexp.MustCompile(`^[a-z0-9]{1,64}$`)

// inBinary takes a stored event apart: its attributes as headers, and its data byte for byte as it stands there.
func inBinary(stored []byte) (attributes http.Header, body []byte, err error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(stored, &members); err != nil {
		return nil, nil, errors.New("the event is no JSON object")
	}
	h := make(http.Header, len(members)+16)
	for name, value := range members {
		if name == "data" || name == "data_base64" || name == "datacontenttype" {
			continue
		}
		if err := addAttribute(h, name, value); err != nil {
			return nil, nil, err
		}
	}
	contentType, err := contentTypeOf(members["datacontenttype"])
	if err != nil {
		return nil, nil, err
	}
	h["Content-Type"] = []string{contentType}
	body, err = dataOf(members, contentType)
	return h, body, err
}

func addAttribute(h http.Header, name string, value json.RawMessage) error {
	if !attributeName.MatchString(name) {
		return errors.New("an attribute of the event has a name that CloudEvents does not allow, and no header can carry")
	}
	text, present, err := attribute(value)
	if err != nil {
		return fmt.Errorf("attribute %s: %w", name, err)
	}
	if present {
		h[http.CanonicalHeaderKey("ce-"+name)] = []string{percentEncoded(text)}
	}
	return nil
}

// attribute returns the text of an attribute; null is an attribute that is absent.
func attribute(value json.RawMessage) (text string, present bool, err error) {
	switch value[0] {
	case '"':
		err = json.Unmarshal(value, &text)
		return text, true, err
	case 'n':
		return "", false, nil
	case '{', '[':
		return "", false, errors.New("is neither text nor number, which CloudEvents does not allow")
	}
	return string(value), true, nil
}

func contentTypeOf(value json.RawMessage) (string, error) {
	const fallback = "application/json" // what data without a type is, in the JSON format
	if value == nil {
		return fallback, nil
	}
	text, present, err := attribute(value)
	if err != nil || !present || text == fallback {
		return fallback, err
	}
	if _, _, err := mime.ParseMediaType(text); err != nil || !plain(text) || !strings.Contains(text, "/") {
		return "", errors.New("attribute datacontenttype is no media type")
	}
	return text, nil
}

func dataOf(members map[string]json.RawMessage, contentType string) ([]byte, error) {
	data, encoded := members["data"], members["data_base64"]
	switch {
	case encoded != nil:
		var text string
		if err := json.Unmarshal(encoded, &text); err != nil {
			return nil, errors.New("data_base64 of the event is no text")
		}
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, errors.New("data_base64 of the event is no base64")
		}
		return b, nil
	case data == nil:
		return nil, errors.New("the event has no data, and a web hook without a body is not allowed")
	case data[0] == '"' && !isJSON(contentType):
		var text string
		err := json.Unmarshal(data, &text)
		return []byte(text), err
	}
	return data, nil
}

func isJSON(contentType string) bool {
	media, _, _ := mime.ParseMediaType(contentType)
	return media == "text/json" || media == "application/json" || strings.HasSuffix(media, "+json")
}

// percentEncoded writes s as the HTTP binding of CloudEvents has it: so that no letter can end a header.
func percentEncoded(s string) string {
	if !strings.ContainsFunc(s, mustEncode) {
		return s
	}
	const digits = "0123456789ABCDEF"
	b := make([]byte, 0, len(s)+len(s)/2)
	for i := range len(s) {
		if c := s[i]; mustEncode(rune(c)) {
			b = append(b, '%', digits[c>>4], digits[c&15])
		} else {
			b = append(b, c)
		}
	}
	return string(b)
}

func mustEncode(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '%' }
