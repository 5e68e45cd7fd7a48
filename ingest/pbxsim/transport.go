package pbxsim

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

// RoundTripper lets an http.Client talk to h in memory: no socket, no goroutine, so that it works, and its delays take
// no time, in a testing/synctest bubble. What h does to a connection is felt as over a real one: a handler that aborts
// (http.ErrAbortHandler) is a connection reset, a body shorter than its Content-Length ends unexpectedly, and a request
// that is cancelled returns as soon as h notices, which every handler of this package does at once.
func RoundTripper(h http.Handler) http.RoundTripper { return inMemory{h} }

type inMemory struct{ handler http.Handler }

func (m inMemory) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		defer req.Body.Close()
	}
	ctx := req.Context()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	rec := &recorder{header: http.Header{}}
	aborted := serve(m.handler, rec, asServed(req))
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case aborted:
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	return rec.response(req), nil
}

// asServed returns req as a server sees it.
func asServed(req *http.Request) *http.Request {
	r := req.Clone(req.Context())
	r.RequestURI = req.URL.RequestURI()
	r.RemoteAddr = "192.0.2.1:1234" // an address for documentation, as handlers expect one
	if r.Host == "" {
		r.Host = req.URL.Host
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	return r
}

// serve runs h and tells whether it aborted.
func serve(h http.Handler, w http.ResponseWriter, r *http.Request) (aborted bool) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			aborted = true
		default:
			panic(p)
		}
	}()
	h.ServeHTTP(w, r)
	return false
}

// recorder keeps a reply.
type recorder struct {
	header http.Header
	sent   http.Header // header as it was when the status was written
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status, r.sent = status, r.header.Clone()
	}
}

func (r *recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(b)
}

func (r *recorder) response(req *http.Request) *http.Response {
	r.WriteHeader(http.StatusOK)
	resp := &http.Response{
		Status: strconv.Itoa(r.status) + " " + http.StatusText(r.status), StatusCode: r.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: r.sent, Body: io.NopCloser(&r.body), ContentLength: int64(r.body.Len()), Request: req,
	}
	if declared, err := strconv.ParseInt(r.sent.Get("Content-Length"), 10, 64); err == nil && declared > resp.ContentLength {
		resp.Body = io.NopCloser(io.MultiReader(&r.body, cutOff{}))
		resp.ContentLength = declared
	}
	return resp
}

// cutOff is the end of a body that was to be longer.
type cutOff struct{}

func (cutOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// wait returns after d, or as soon as ctx is done.
func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
