package stream_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/callbus/callbus/events/stream"
)

func jetStream(t testing.TB, nc *nats.Conn) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func streamConfig(t *testing.T, nc *nats.Conn, name string) jetstream.StreamConfig {
	t.Helper()
	s, err := jetStream(t, nc).Stream(testContext(t), name)
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().Config
}

func TestOpen(t *testing.T) {
	nc := connect(t, startServer(t, stream.ServerConfig{}))
	for _, age := range []time.Duration{0, time.Hour} {
		b, err := stream.Open(testContext(t), nc, stream.Settings{MaxAge: age})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		if age == 0 {
			age = 336 * time.Hour
		}
		for name, subjects := range map[string][]string{"CALLBUS": {"call.>", "callback.>", "source.>"}, "CALLBUS_DEAD": {"dead.>"}} {
			c := streamConfig(t, nc, name)
			if !slices.Equal(c.Subjects, subjects) || c.MaxAge != age || c.Storage != jetstream.FileStorage || !c.AllowAtomicPublish || !c.AllowDirect {
				t.Errorf("%s: %+v", name, c)
			}
		}
		streamConfig(t, nc, "KV_CALLBUS_STATE")
	}
}

// What somebody set about the stream stays, but for what callbus relies on.
func TestOpenAdaptsTheStream(t *testing.T) {
	nc := connect(t, startServer(t, stream.ServerConfig{}))
	_, err := jetStream(t, nc).CreateStream(testContext(t), jetstream.StreamConfig{
		Name: "CALLBUS", Subjects: []string{"mine.>", "call.>"}, MaxBytes: 1 << 30, Description: "mine", Compression: jetstream.S2Compression,
		Discard: jetstream.DiscardNew, DiscardNewPerSubject: true, MaxMsgsPerSubject: 1, NoAck: true, Storage: jetstream.FileStorage,
	})
	if err != nil {
		t.Fatal(err)
	}
	b := openBus(t, nc)
	c := streamConfig(t, nc, "CALLBUS")
	if c.MaxBytes != 1<<30 || c.Description != "mine" || c.Compression != jetstream.S2Compression || !slices.Contains(c.Subjects, "mine.>") {
		t.Errorf("what its owner set is gone: %+v", c)
	}
	if c.DiscardNewPerSubject || c.MaxMsgsPerSubject != -1 || c.NoAck || !c.AllowAtomicPublish || !slices.Contains(c.Subjects, "callback.>") {
		t.Errorf("what callbus relies on is not there: %+v", c)
	}
	if err := b.Publish(testContext(t), calls("acme", 50)...); err != nil {
		t.Fatal(err)
	}
}

// An update is written by every server of a cluster, and one that comes while a consumer is made is a data race of nats-server.
func TestWhatIsAsNeededIsNotUpdated(t *testing.T) {
	nc := connect(t, startServer(t, stream.ServerConfig{}))
	everything := func() {
		b := openBus(t, nc)
		l, err := b.Backlog(testContext(t), stream.BacklogConfig{Sink: "crm", Types: []string{"*"}})
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		b.Close()
	}
	everything()
	updates, err := nc.SubscribeSync("$JS.EVENT.ADVISORY.STREAM.UPDATED.>")
	if err != nil {
		t.Fatal(err)
	}
	everything()
	if err := nc.Flush(); err != nil { // what the server tells comes before its answer
		t.Fatal(err)
	}
	for n, _, _ := updates.Pending(); n > 0; n-- {
		m, _ := updates.NextMsg(time.Second)
		t.Errorf("updated: %s", m.Subject)
	}
}

// Whatever else somebody set about the bucket stays.
func TestABucketOfAnotherKindIsMended(t *testing.T) {
	for name, c := range map[string]jetstream.StreamConfig{
		"its keys would expire":     {MaxAge: time.Hour, MaxMsgsPerSubject: 1, AllowRollup: true, AllowDirect: true},
		"a stream made by hand":     {Subjects: []string{"$KV.CALLBUS_STATE.>"}},
		"its subjects are not them": {Subjects: []string{"other"}, MaxMsgsPerSubject: 5},
	} {
		t.Run(name, func(t *testing.T) {
			nc := connect(t, startServer(t, stream.ServerConfig{}))
			c.Name, c.MaxBytes = "KV_"+stream.StateBucket, 1<<20
			if _, err := jetStream(t, nc).CreateStream(testContext(t), c); err != nil {
				t.Fatal(err)
			}
			openBus(t, nc)
			kv, err := jetStream(t, nc).KeyValue(testContext(t), stream.StateBucket)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := kv.Create(testContext(t), "sink", nil, jetstream.KeyTTL(time.Minute)); err != nil {
				t.Error(err)
			}
			if c := streamConfig(t, nc, c.Name); c.MaxAge != 0 || c.SubjectDeleteMarkerTTL == 0 || c.MaxBytes != 1<<20 {
				t.Errorf("keys expire after %v, their markers after %v; at most %d bytes", c.MaxAge, c.SubjectDeleteMarkerTTL, c.MaxBytes)
			}
		})
	}
}

func TestOpenErrors(t *testing.T) {
	for name, c := range map[string]struct {
		there jetstream.StreamConfig
		says  string
	}{
		"in memory":      {jetstream.StreamConfig{Name: "CALLBUS", Storage: jetstream.MemoryStorage}, "in memory"},
		"a work queue":   {jetstream.StreamConfig{Name: "CALLBUS", Retention: jetstream.WorkQueuePolicy}, "retention"},
		"taken subjects": {jetstream.StreamConfig{Name: "OTHER", Subjects: []string{"call.missed.>"}}, "another stream takes"},
		"dead in memory": {jetstream.StreamConfig{Name: "CALLBUS_DEAD", Storage: jetstream.MemoryStorage}, "CALLBUS_DEAD is kept in memory"},
		"KV in memory":   {jetstream.StreamConfig{Name: "KV_CALLBUS_STATE", Storage: jetstream.MemoryStorage}, "CALLBUS_STATE"},
	} {
		t.Run(name, func(t *testing.T) {
			nc := connect(t, startServer(t, stream.ServerConfig{}))
			if _, err := jetStream(t, nc).CreateStream(testContext(t), c.there); err != nil {
				t.Fatal(err)
			}
			b, err := stream.Open(testContext(t), nc, stream.Settings{})
			if err == nil {
				b.Close()
			}
			if !errors.Is(err, stream.ErrStream) || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("Open: %v\nwant %q", err, c.says)
			}
		})
	}
	nc := connect(t, startServer(t, stream.ServerConfig{}))
	if _, err := stream.Open(testContext(t), nc, stream.Settings{Replicas: 3}); !errors.Is(err, stream.ErrStream) || !strings.Contains(err.Error(), "CALLBUS_STREAM_REPLICAS=1") {
		t.Errorf("Open with 3 replicas on one server: %v", err)
	}
}

// bareServer is a nats-server without JetStream.
func bareServer(t *testing.T) *nats.Conn {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	return dial(t, s.ClientURL())
}

func TestOpenWithoutJetStream(t *testing.T) {
	nc := bareServer(t)
	if _, err := stream.Open(testContext(t), nc, stream.Settings{}); !errors.Is(err, stream.ErrNoJetStream) || !strings.Contains(err.Error(), "switch it on") {
		t.Errorf("Open: %v", err)
	}
}

func TestOpenOnAnOldServer(t *testing.T) {
	nc := bareServer(t)
	_, err := nc.Subscribe("$JS.API.INFO", func(m *nats.Msg) { // as nats-server 2.11 answers
		_ = m.Respond([]byte(`{"type":"io.nats.jetstream.api.v1.account_info_response","memory":0,"storage":0,"api":{"level":1,"total":0,"errors":0}}`))
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Open(testContext(t), nc, stream.Settings{}); !errors.Is(err, stream.ErrServerTooOld) || !strings.Contains(err.Error(), "2.12") {
		t.Errorf("Open: %v", err)
	}
}
