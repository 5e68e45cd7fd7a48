package pbxsim

import "strconv"

// object appends the members of a JSON object to text, in order.
type object struct {
	text    []byte
	members int
}

// raw adds a member whose value is JSON already.
func (o *object) raw(name, value string) {
	before := byte(',')
	if o.members == 0 {
		before = '{'
	}
	o.members++
	o.text = append(o.text, before, '"')
	o.text = append(append(o.text, name...), `":`...)
	o.text = append(o.text, value...)
}

func (o *object) str(name, value string) {
	before := byte(',')
	if o.members == 0 {
		before = '{'
	}
	o.members++
	o.text = appendField(o.text, before, name, value)
}

// strOrNull adds null where value is empty.
func (o *object) strOrNull(name, value string) {
	if value == "" {
		o.raw(name, "null")
		return
	}
	o.str(name, value)
}

func (o *object) number(name string, value int) { o.raw(name, strconv.Itoa(value)) }

// closed ends the object, which has members, and returns the text.
func (o *object) closed() []byte { return append(o.text, '}') }
