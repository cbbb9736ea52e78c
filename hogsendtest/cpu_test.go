package hogsendtest

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Spent is the time of processors that the process has used: what something costs,
// however busy the machine is. It is of use to tests that are not parallel.
func Spent(t testing.TB) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
