package workflows_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/workflows"
)

// E-26, E-27: a deferred direct send is asked for again when it is due, as often as it is
// deferred; an attempt that fails is made again.
func TestADirectSendSleepsUntilItIsDue(t *testing.T) {
	t.Parallel()
	var suite testsuite.WorkflowTestSuite
	env := environment(&suite)
	start := env.Now()
	asked := []time.Duration{}
	env.RegisterActivityWithOptions(func(_ context.Context, id string) (contract.DirectResult, error) {
		require.Equal(t, "s1", id)
		asked = append(asked, env.Now().Sub(start).Round(time.Millisecond))
		switch len(asked) {
		case 1:
			return contract.DirectResult{}, errors.New("database is away")
		case 2:
			until := start.Add(26 * time.Hour)
			return contract.DirectResult{Until: &until}, nil
		case 3: // Postgres' clock is behind
			until := start.Add(26 * time.Hour)
			return contract.DirectResult{Until: &until}, nil
		}
		return contract.DirectResult{}, nil
	}, activity.RegisterOptions{Name: contract.SendDirectName})
	env.ExecuteWorkflow(workflows.DirectSend, "s1")
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, []time.Duration{0, time.Second, 26 * time.Hour, 26*time.Hour + 100*time.Millisecond}, asked)
}
