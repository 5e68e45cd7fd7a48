package while1

import (
	"crypto/md5"
	"encoding/hex"
	"net/url"
	"strings"

	"github.com/callbus/callbus/events/secret"
)

// A param is one parameter of a question, its name as PHP has it: filters[date_between][0].
type param struct{ name, value string }

// params are the parameters of a question, in the order in which they are hashed and sent. It is no map, and not
// url.Values either: both lose the order, and the hash depends on it.
type params []param

// query returns p as PHP's http_build_query writes it.
func (p params) query() string {
	var b strings.Builder
	for i, one := range p {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(escape(one.name))
		b.WriteByte('=')
		b.WriteString(escape(one.value))
	}
	return b.String()
}

// escape is PHP's urlencode. Go's differs from it in one character.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "~", "%7E") }

// hash returns the api_hash of p: the MD5 of the query with the key right behind it, in hexadecimal. MD5 is the
// vendor's choice.
func (p params) hash(key secret.Text) string {
	sum := md5.Sum([]byte(p.query() + key.Reveal()))
	return hex.EncodeToString(sum[:])
}

// signed returns p with its api_hash, or p itself where there is no key.
func (p params) signed(key secret.Text) params {
	if !key.Set() {
		return p
	}
	return append(p[:len(p):len(p)], param{"api_hash", p.hash(key)})
}
