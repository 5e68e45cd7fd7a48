package stream

import (
	"context"
	"errors"
	"reflect"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// stateBucket holds the little that no event says.
func stateBucket(s Settings) jetstream.KeyValueConfig {
	return jetstream.KeyValueConfig{
		Bucket:         StateBucket,
		Description:    "State of callbus that no event says",
		Storage:        jetstream.FileStorage,
		Replicas:       s.Replicas,
		LimitMarkerTTL: time.Hour, // lets a key end by itself
	}
}

// ensureState creates the bucket, or brings the one that is there to what callbus needs. Whatever else its owner set stays.
func ensureState(ctx context.Context, js jetstream.JetStream, want jetstream.KeyValueConfig) (jetstream.KeyValue, error) {
	have, err := js.Stream(ctx, "KV_"+want.Bucket)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		kv, err := js.CreateOrUpdateKeyValue(ctx, want) // another process may have been faster
		return kv, streamError(want.Bucket, err)
	case err != nil:
		return nil, streamError(want.Bucket, err)
	}
	c := have.CachedInfo().Config
	if why := unfit(c, jetstream.StreamConfig{Retention: jetstream.LimitsPolicy}); why != "" {
		return nil, unfitError(c.Name, why)
	}
	if c = adaptState(c, want); !reflect.DeepEqual(c, have.CachedInfo().Config) {
		if _, err := js.UpdateStream(ctx, c); err != nil {
			return nil, streamError(want.Bucket, err)
		}
	}
	kv, err := js.KeyValue(ctx, want.Bucket)
	return kv, streamError(want.Bucket, err)
}

// adaptState returns c with what makes a stream a bucket whose keys stay, but for those that are to end by themselves.
func adaptState(c jetstream.StreamConfig, want jetstream.KeyValueConfig) jetstream.StreamConfig {
	c.Subjects = []string{"$KV." + want.Bucket + ".>"}
	c.MaxMsgsPerSubject = max(1, c.MaxMsgsPerSubject)
	c.Discard, c.DiscardNewPerSubject, c.NoAck = jetstream.DiscardNew, false, false
	c.MaxAge, c.AllowMsgTTL, c.SubjectDeleteMarkerTTL = 0, true, want.LimitMarkerTTL
	c.AllowRollup, c.AllowDirect, c.DenyDelete = true, true, true
	c.SubjectTransform = nil
	c.Replicas = max(c.Replicas, want.Replicas)
	return c
}
