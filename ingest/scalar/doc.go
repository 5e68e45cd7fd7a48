// Package scalar reads the single values of a vendor's JSON, whose types wobble: a number as a string or the reverse,
// true as "true", "t" or 1, a comma for the decimal point, an empty list where nothing is meant.
//
// A [Value] keeps what the vendor wrote, so that decoding a row never fails for one field of it; the field is read when
// it is needed, and what then cannot be read is an error that says what stood there and what was expected. Absent, null
// and empty are told apart by [Value.Kind], and none of them is ever read as false or 0.
//
// It fails only by returning an error, and never panics, whatever it is given.
package scalar
