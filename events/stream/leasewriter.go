package stream

import (
	"context"
	"strconv"
	"sync"

	"github.com/nats-io/nats.go"
)

// A leaseWriter writes to the bucket of leases, for all that ask at once together: a process that starts takes ten thousand duties,
// and each write for itself is one on the disk.
type leaseWriter struct {
	line  *line
	puts  chan *leasePut
	quit  chan struct{}
	ended sync.WaitGroup
}

// leasePut is one value on its way.
type leasePut struct {
	message
	done    chan struct{} // closed when it is written, or not
	written uint64
	err     error
}

func newLeaseWriter(nc *nats.Conn) (*leaseWriter, error) {
	w := &leaseWriter{puts: make(chan *leasePut, batchMessages), quit: make(chan struct{})}
	var err error
	if w.line, err = newLine(nc, "KV_"+LeasesBucket, w.quit); err != nil {
		return nil, err
	}
	w.ended.Go(w.run)
	return w, nil
}

// close ends the writer. Nobody may be in put.
func (w *leaseWriter) close() {
	close(w.quit)
	w.ended.Wait()
	w.line.close()
}

// put writes data if its subject is at that revision, and returns the one that it is at then.
func (w *leaseWriter) put(ctx context.Context, subject string, data []byte, revision uint64) (uint64, error) {
	p := &leasePut{done: make(chan struct{})}
	p.Subject, p.Data = subject, data
	p.Header = nats.Header{hdrExpected: {strconv.FormatUint(revision, 10)}}
	select {
	case w.puts <- p:
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	select {
	case <-p.done:
		return p.written, p.err
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

func (w *leaseWriter) run() {
	for {
		select {
		case p := <-w.puts:
			w.write(w.more(p))
		case <-w.quit:
			return
		}
	}
}

// more returns p and what else is waiting.
func (w *leaseWriter) more(p *leasePut) []*leasePut {
	all := []*leasePut{p}
	for len(all) < batchMessages {
		select {
		case p := <-w.puts:
			all = append(all, p)
		default:
			return all
		}
	}
	return all
}

// write writes all at once, or, when one of them is refused, each for itself.
func (w *leaseWriter) write(all []*leasePut) {
	err := w.together(all)
	for _, p := range all {
		if p.err = err; isAPI(err, codeWrongLastSequence) {
			p.err = w.together([]*leasePut{p})
		}
		p.err = overtaken(p.err)
		close(p.done)
	}
}

func (w *leaseWriter) together(all []*leasePut) error {
	group := make([]*message, len(all))
	for i, p := range all {
		group[i] = &p.message
	}
	a, err := w.line.publishAll(group)
	for i, p := range all {
		p.written = a.Seq - uint64(len(all)-1-i)
	}
	return err
}
