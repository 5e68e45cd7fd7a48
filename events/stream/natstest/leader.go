package natstest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// ErrNoLeader says that no node leads at the moment.
var ErrNoLeader = errors.New("no node says that it leads")

// Leader returns which node leads the stream. While one is elected it is ErrNoLeader.
func (c *Cluster) Leader(ctx context.Context, stream string) (int, error) {
	return c.leader(ctx, "stream "+stream, func(j jsz) string { return j.stream(stream).Cluster.Leader })
}

// ConsumerLeader returns which node leads the consumer of the stream.
func (c *Cluster) ConsumerLeader(ctx context.Context, stream, consumer string) (int, error) {
	return c.leader(ctx, "consumer "+consumer, func(j jsz) string {
		for _, k := range j.stream(stream).Consumers {
			if k.Name == consumer {
				return k.Cluster.Leader
			}
		}
		return ""
	})
}

// leader asks each node: a leader is who calls itself so.
func (c *Cluster) leader(ctx context.Context, what string, of func(jsz) string) (int, error) {
	for i, n := range c.nodes {
		if ask, err := n.serves(); err != nil || !ask {
			continue
		}
		var j jsz
		if err := n.ask(ctx, "/jsz?streams=true&consumers=true", &j); err == nil && of(j) == n.name {
			return i, nil
		}
	}
	return 0, fmt.Errorf("%s: %w", what, ErrNoLeader)
}

// jsz is what we read of nats-server's account of its JetStream.
type jsz struct {
	Meta struct {
		Leader string `json:"leader"`
		Size   int    `json:"cluster_size"`
	} `json:"meta_cluster"`
	Accounts []struct {
		Streams []streamState `json:"stream_detail"`
	} `json:"account_details"`
}

type streamState struct {
	Name      string     `json:"name"`
	Cluster   leadership `json:"cluster"`
	Consumers []struct {
		Name    string     `json:"name"`
		Cluster leadership `json:"cluster"`
	} `json:"consumer_detail"`
}

type leadership struct {
	Leader string `json:"leader"`
}

func (j jsz) stream(name string) streamState {
	for _, a := range j.Accounts {
		for _, s := range a.Streams {
			if s.Name == name {
				return s
			}
		}
	}
	return streamState{}
}

// ready returns nil when the node serves and is in the cluster, or is not to be asked.
func (n *node) ready(ctx context.Context) error {
	ask, err := n.serves()
	if err != nil || !ask {
		return err
	}
	if err := n.ask(ctx, "/healthz", nil); err != nil {
		return err
	}
	var j jsz
	if err := n.ask(ctx, "/jsz", &j); err != nil {
		return err
	}
	if j.Meta.Leader == "" || j.Meta.Size < len(n.routes) {
		return fmt.Errorf("%s: %w", n.name, ErrNoLeader)
	}
	return nil
}

// askTimeout is how long a node may think about a question.
const askTimeout = 2 * time.Second

// client keeps no connection: its node may be gone the next moment.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// ask asks the node's monitoring, and reads the answer into into unless that is nil.
func (n *node) ask(ctx context.Context, path string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d%s", n.monitor, path), nil)
	if err != nil {
		return err
	}
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s: %s", n.name, answer.Status, body)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(body, into)
}
