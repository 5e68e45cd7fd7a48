package telsam_test

import "net/http"

// roundTrip is a transport that makes its answer when it is asked.
type roundTrip func() string

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) {
	return answering(f()).RoundTrip(req)
}
