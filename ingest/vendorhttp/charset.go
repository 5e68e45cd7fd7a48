package vendorhttp

import (
	"bytes"
	"fmt"
	"mime"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"

	"github.com/callbus/callbus/ingest"
)

// charsets are those with which servers of our vendors' countries may answer.
var charsets = map[string]encoding.Encoding{
	"iso-8859-1": charmap.Windows1252, "latin1": charmap.Windows1252, "windows-1252": charmap.Windows1252, // as browsers read it
	"iso-8859-9": charmap.Windows1254, "latin5": charmap.Windows1254, "windows-1254": charmap.Windows1254,
	"iso-8859-2": charmap.ISO8859_2, "windows-1250": charmap.Windows1250, "iso-8859-16": charmap.ISO8859_16,
}

// inUTF8 returns body in UTF-8. Servers add a charset to whatever they serve, so a body that is UTF-8 is taken for it
// whatever they say: by accident no text in another charset is.
func inUTF8(body []byte, contentType string, fallback encoding.Encoding) ([]byte, error) {
	body = bytes.TrimPrefix(body, []byte("\uFEFF"))
	if utf8.Valid(body) {
		return body, nil
	}
	_, params, _ := mime.ParseMediaType(contentType) // one that cannot be read says nothing
	said := strings.ToLower(params["charset"])
	if said == "" && !someUTF8(body) && fallback != nil {
		return fallback.NewDecoder().Bytes(body)
	}
	if cs := charsets[said]; cs != nil {
		return cs.NewDecoder().Bytes(body)
	}
	if said == "" || said == "utf-8" || said == "utf8" || said == "us-ascii" {
		// A field cut in the middle of a letter must not hide the calls around it.
		return bytes.ToValidUTF8(body, []byte("\uFFFD")), nil
	}
	return nil, fmt.Errorf("%w: its charset is neither UTF-8 nor another that is known", ingest.ErrForeign)
}

// someUTF8 tells whether body has a letter outside ASCII that is right in UTF-8: then it is UTF-8 that was damaged.
func someUTF8(body []byte) bool {
	for i := 0; i < len(body); {
		r, size := utf8.DecodeRune(body[i:])
		if size > 1 && r != utf8.RuneError {
			return true
		}
		i += size
	}
	return false
}
