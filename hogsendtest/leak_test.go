package hogsendtest_test

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/hogsendtest"
)

// T-10: nothing is left of a run. The stacks of other tests that run meanwhile are
// none of this one's, hence it is not parallel.
//
//nolint:paralleltest // see above
func TestNothingIsLeftOfARun(t *testing.T) {
	for range 3 {
		s := hogsendtest.New(t, registryOf(path(tenSteps)))
		s.Contact(ada()).At(0, "go")
		s.Until(2 * 24 * time.Hour) // it still waits
		s.Run()
	}
	var left []string
	for range 100 {
		left = nil
		buffer := make([]byte, 1<<20)
		for stack := range strings.SplitSeq(string(buffer[:runtime.Stack(buffer, true)]), "\n\n") {
			if strings.Contains(stack, "go.temporal.io/sdk") || strings.Contains(stack, "google.golang.org/grpc") {
				left = append(left, stack)
			}
		}
		if len(left) == 0 {
			return
		}
		runtime.Gosched()
	}
	require.Empty(t, left)
}
