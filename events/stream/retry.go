package stream

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// retry does f until it succeeds, fails for good, or ctx is done; each try has answerTimeout.
func retry(ctx context.Context, what string, f func(context.Context) error) error {
	var last error
	for n := 0; ; n++ {
		err := try(ctx, f)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("%s: %w; the last trouble was: %w", what, context.Cause(ctx), cmp.Or(last, err))
		case isLasting(err):
			return fmt.Errorf("%s: %w", what, err)
		}
		last = err
		d := min(shortestPause<<min(n, 10), longestPause)
		sleep(ctx, d/2+rand.N(d/2))
	}
}

// sleep waits for d, or until ctx is done.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func try(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	return f(ctx)
}

// isLasting tells whether asking again is of no use.
func isLasting(err error) bool {
	for _, lasting := range []error{ErrNoJetStream, ErrServerTooOld, errUnfit, nats.ErrConnectionClosed, nats.ErrMaxPayload} {
		if errors.Is(err, lasting) {
			return true
		}
	}
	var api *jetstream.APIError
	if errors.As(err, &api) {
		if api.ErrorCode == codeNoPeers && strings.Contains(api.Description, "offline") {
			return false // a node of a cluster that begins, or of one that lacks a node
		}
		return api.Code < 500 && api.Code != 429 || slices.Contains(codesOfSettings, api.ErrorCode)
	}
	return !isTransient(err)
}

// lastOn returns the sequence and the time of the last message on the subject, which may have wildcards, as the stream's leader
// knows it; 0 if there is none.
func lastOn(ctx context.Context, nc *nats.Conn, stream, subject string) (uint64, time.Time, error) {
	request, err := json.Marshal(map[string]string{"last_by_subj": subject})
	if err != nil {
		return 0, time.Time{}, err
	}
	m, err := nc.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET."+stream, request)
	if err != nil {
		return 0, time.Time{}, err
	}
	var answer struct {
		Message struct {
			Seq  uint64    `json:"seq"`
			Time time.Time `json:"time"`
		} `json:"message"`
		Error *apiError `json:"error"`
	}
	switch err := json.Unmarshal(m.Data, &answer); {
	case err != nil:
		return 0, time.Time{}, fmt.Errorf("read the server's answer: %w", err)
	case answer.Error != nil && answer.Error.ErrCode == codeNoMessage:
		return 0, time.Time{}, nil
	case answer.Error != nil:
		return 0, time.Time{}, answer.Error
	}
	return answer.Message.Seq, answer.Message.Time, nil
}
