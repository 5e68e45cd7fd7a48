package main

import "slices"

// The words that the schemas are made of. They keep to what JSON Schema 2020-12 and draft 7 have in common,
// because the AsyncAPI document, which holds the same schemas, is read as draft 7; and nothing refers to anything else,
// so that a part can be taken out and used.

var (
	// text is never empty: what is not known is null.
	text = object{{"type", "string"}, {"minLength", 1}}

	identifier = object{{"type", "string"}, {"pattern", "^[A-Za-z0-9_-]+$"}}
	account    = object{{"type", "string"}, {"pattern", "^[a-z0-9-]{1,40}$"}}
	provider   = object{{"type", "string"}, {"pattern", "^[a-z][a-z0-9-]*$"}}
	phone      = object{{"type", "string"}, {"pattern", `^\+[1-9][0-9]{1,14}$`}}

	// instant is in UTC: a date-time alone would let any offset through.
	instant = object{{"type", "string"}, {"format", "date-time"}, {"pattern", "Z$"}}
	seconds = object{{"type", "number"}, {"minimum", 0}}
	truth   = object{{"type", "boolean"}}
	null    = object{{"type", "null"}}
)

// field is a property: its name, what it means, and what it may be.
func field(name, description string, schema object) member {
	return member{name, append(object{{"description", description}}, schema...)}
}

// record is an object that has all of the fields and no other.
func record(fields ...member) object {
	return object{
		{"type", "object"},
		{"properties", object(fields)},
		{"required", object(fields).names()},
		{"additionalProperties", false},
	}
}

// oneOf is a string out of values.
func oneOf(values ...string) object {
	return object{{"type", "string"}, {"enum", values}}
}

// set is an array without repetition, of at least least items.
func set(items object, least int) object {
	return object{{"type", "array"}, {"items", items}, {"minItems", least}, {"uniqueItems", true}}
}

func constant(v any) object { return object{{"const", v}} }

// orNull is schema, or null for what is not known.
func orNull(schema object) object {
	s := slices.Clone(schema)
	for i, m := range s {
		switch m.name {
		case "type":
			s[i].value = []string{m.value.(string), "null"}
		case "enum":
			s[i].value = withNull(m.value.([]string))
		}
	}
	return s
}

func withNull(values []string) []any {
	all := make([]any, 0, len(values)+1)
	for _, v := range values {
		all = append(all, v)
	}
	return append(all, nil)
}

// narrowed returns fields with the schema of the one called name replaced; what it means stays.
func narrowed(fields []member, name string, schema object) []member {
	i := slices.IndexFunc(fields, func(m member) bool { return m.name == name })
	if i < 0 {
		panic("no field " + name + " to narrow")
	}
	description := fields[i].value.(object)[0].value.(string)
	fields = slices.Clone(fields)
	fields[i] = field(name, description, schema)
	return fields
}

// titled puts a title and a description before schema.
func titled(title, description string, schema object) object {
	return append(object{{"title", title}, {"description", description}}, schema...)
}
