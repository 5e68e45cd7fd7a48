package stream

import (
	"fmt"
	"strconv"
)

// An atomic batch (NATS ADR-50) is a run of messages with the same batch id, numbered from 1; the last one says commit. The
// server keeps them aside, checks all of them at the commit, and stores all or none. It answers the first message, when it has
// put it aside, and the last.
const (
	hdrBatchID     = "Nats-Batch-Id"
	hdrBatchSeq    = "Nats-Batch-Sequence"
	hdrBatchCommit = "Nats-Batch-Commit"

	batchMessages = 1000    // the server takes no more
	batchBytes    = 4 << 20 // what is under way at once: publishing does not run ahead of the server by more
)

var (
	commitHeader = []string{"1"}
	batchNumbers = numbers(batchMessages)
)

// numbers returns the header values 1 to n at their index, made once rather than for each message.
func numbers(n int) [][]string {
	out := make([][]string, n+1)
	for i := range out {
		out[i] = []string{strconv.Itoa(i)}
	}
	return out
}

// publishBatch publishes group as one atomic batch. The answer is to the last of it.
func (l *line) publishBatch(group []*message) (ack, error) {
	call, err := l.begin()
	if err != nil {
		return ack{}, err
	}
	id := l.session + "-" + strconv.FormatUint(l.count, 36)
	header := []string{id}
	for i, m := range group {
		m.Header[hdrBatchID], m.Header[hdrBatchSeq] = header, batchNumbers[i+1]
		delete(m.Header, hdrBatchCommit)
		m.Reply = ""
		switch i {
		case len(group) - 1:
			m.Header[hdrBatchCommit] = commitHeader
			m.Reply = call + "commit"
		case 0:
			m.Reply = call + "first"
		}
		if err := l.nc.PublishMsg(&m.Msg); err != nil {
			return ack{}, err // what the server has of the batch, it drops after 10 s
		}
	}
	return l.awaitCommit(call, id, len(group))
}

// publishAll publishes msgs, all or none: for themselves, or as one atomic batch.
func (l *line) publishAll(msgs []*message) (ack, error) {
	if len(msgs) == 1 {
		return l.publish(msgs[0])
	}
	return l.publishBatch(msgs)
}

// awaitCommit reads the answers to a batch. An error of the first message comes first, and says more than that of the
// commit, which only finds that the beginning is missing.
func (l *line) awaitCommit(call, id string, n int) (ack, error) {
	for {
		answer, err := l.await(call)
		if err != nil {
			return ack{}, err
		}
		if answer.Subject == call+"first" && len(answer.Data) == 0 {
			continue
		}
		a, err := l.parseAck(answer)
		if err == nil && (a.Batch != id || a.Count != n) {
			return a, fmt.Errorf("batch %s of %d: the server says it stored %d of %q", id, n, a.Count, a.Batch)
		}
		return a, err
	}
}
