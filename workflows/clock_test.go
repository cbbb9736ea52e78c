package workflows_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/workflows"
)

// W-14: the clock of a worker that stopped goes on under the one name that workers
// register.
func TestTheClockGoesOnForEver(t *testing.T) {
	t.Parallel()
	env := environment(new(testsuite.WorkflowTestSuite))
	env.RegisterWorkflowWithOptions(workflows.Clock, workflow.RegisterOptions{Name: contract.ClockType})
	env.RegisterActivityWithOptions(func(context.Context) error { return nil }, activity.RegisterOptions{Name: contract.ClockName})
	env.ExecuteWorkflow(contract.ClockType)
	var again *workflow.ContinueAsNewError
	require.ErrorAs(t, env.GetWorkflowError(), &again)
	require.Equal(t, contract.ClockType, again.WorkflowType.Name)
}
