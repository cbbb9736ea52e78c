// Package ports finds ports for servers that are started on this machine.
package ports

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports are drawn from here: below those that systems give to outgoing connections
// (32768 and above on Linux, 49152 elsewhere). One of these may be taken between the
// choice and its use, and while a server that is started again is down.
const (
	lowest  = 12_000
	highest = 32_000
)

// Free is a port of 127.0.0.1 on which nobody listens, drawn at random, so that
// processes that choose at one time choose different ones.
func Free() (int, error) {
	var err error
	for range 200 {
		port := lowest + rand.IntN(highest-lowest) //nolint:gosec // no secret
		var l net.Listener
		if l, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err != nil {
			continue
		}
		if err = l.Close(); err != nil {
			break
		}
		return port, nil
	}
	return 0, fmt.Errorf("find a free port: %w", err)
}
