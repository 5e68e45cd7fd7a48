package vendorhttp

import (
	"bytes"
	"encoding/json"

	"github.com/callbus/callbus/ingest"
)

// Rejected returns a vendor's row that could not be read, without secrets.
func (r Redactor) Rejected(row []byte, why error) ingest.Rejected {
	return ingest.Rejected{Row: r.JSON(row), Reason: r.Text(why.Error())}
}

// Raw returns a vendor's row for data.raw: JSON in as few bytes as it takes, without secrets; nil for what is no JSON.
func (r Redactor) Raw(row []byte) json.RawMessage {
	var b bytes.Buffer
	if err := json.Compact(&b, r.JSON(row)); err != nil {
		return nil
	}
	return b.Bytes()
}
