package ports_test

import (
	"net"
	"os/exec"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/ports"
)

func listen(t *testing.T, port int) *net.TCPAddr {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l.Addr().(*net.TCPAddr)
}

func TestAFreePortCanBeListenedOnAndIsNoneOfThoseOfOutgoingConnections(t *testing.T) {
	t.Parallel()
	seen := map[int]bool{}
	for range 20 {
		port, err := ports.Free()
		require.NoError(t, err)
		require.Less(t, port, 32_768)
		require.False(t, seen[port], "drawn twice")
		seen[port] = true
		listen(t, port)
	}
}

func TestATakenPortIsTold(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, ports.Check(listen(t, 0).Port), "something listens on 127.0.0.1:")
}

// A process that is being started holds what this one had open until it runs its own
// program: a port that is drawn meanwhile can be listened on all the same.
func TestAFreePortCanBeListenedOnWhileProcessesAreStarted(t *testing.T) {
	t.Parallel()
	done := make(chan error, 1)
	go func() {
		var err error
		for range 200 {
			if err = exec.CommandContext(t.Context(), "true").Run(); err != nil {
				break
			}
		}
		done <- err
	}()
	for range 50 {
		port, err := ports.Free()
		require.NoError(t, err)
		listen(t, port)
	}
	require.NoError(t, <-done)
}
