package store

import (
	"errors"
	"io"
	"net"
)

// isNetError reports a connection that broke under a statement.
func isNetError(err error) bool {
	var op net.Error
	return errors.As(err, &op) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}
