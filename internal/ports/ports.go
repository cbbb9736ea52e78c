// Package ports finds ports for servers that are started on this machine.
package ports

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

// Ports are drawn from here: below those that systems give to outgoing connections
// (32768 and above on Linux, 49152 elsewhere). One of these may be taken between the
// choice and its use, and while a server that is started again is down.
const (
	lowest = 12_000
	share  = 100
	shares = 200
)

// drawn counts the ports that this process has drawn.
var drawn atomic.Int64

// Free is a port of 127.0.0.1 on which nobody listens. A process draws them
// in order, beginning where its id says, so that processes that run at one time draw
// different ones.
func Free() (int, error) {
	for range share * shares {
		n := os.Getpid()*share + int(drawn.Add(1))
		port := lowest + n%(share*shares)
		if Check(port) == nil {
			return port, nil
		}
	}
	return 0, errors.New("find a free port: something listens on each")
}

// Check returns an error if somebody listens on the port of 127.0.0.1. It asks by a
// connection: a listener made to try would live on for a moment in a process that is
// just being started and has not let go of what it inherited.
func Check(port int) error {
	c, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), time.Second)
	if err != nil {
		return nil //nolint:nilerr // nobody answers
	}
	return errors.Join(fmt.Errorf("something listens on 127.0.0.1:%d", port), c.Close())
}
