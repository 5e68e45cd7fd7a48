//go:build !unix

package webhook

import (
	"errors"
	"net"
)

const canListen = false

type listener struct{}

func listenTo(net.Conn) (*listener, error) { return nil, errors.ErrUnsupported }

func (*listener) silent() bool { return false }
