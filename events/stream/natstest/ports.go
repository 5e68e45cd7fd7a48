package natstest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
)

// Below the ports that systems give to connections that go out: one of those might get a node's port while the node is away.
const lowestPort, highestPort = 10_000, 32_000

var errPortTaken = errors.New("a port that was free is taken")

// freePorts returns n ports that were free a moment ago: the nodes of a cluster must know of one another before they start.
func freePorts(n int) ([]int, error) {
	var out []int
	for range 100 * n {
		port := lowestPort + rand.IntN(highestPort-lowestPort)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		defer l.Close() // until all are found: none is found twice
		if out = append(out, port); len(out) == n {
			return out, nil
		}
	}
	return nil, fmt.Errorf("find %d free ports on 127.0.0.1 between %d and %d: found %d", n, lowestPort, highestPort, len(out))
}
