package ports_test

import (
	"net"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/ports"
)

func TestAFreePortCanBeListenedOnAndIsNoneOfThoseOfOutgoingConnections(t *testing.T) {
	t.Parallel()
	seen := map[int]bool{}
	for range 20 {
		port, err := ports.Free()
		require.NoError(t, err)
		require.Less(t, port, 32_768)
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		require.NoError(t, err)
		defer l.Close() // the next one is another
		require.False(t, seen[port])
		seen[port] = true
	}
}
