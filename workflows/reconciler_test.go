package workflows_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/workflows"
)

// J-95, J-98: every 10 minutes all enrollments, every 30 seconds those that may be
// blocked; a round that fails is not the last.
func TestReconcilerGoesOnForEver(t *testing.T) {
	t.Parallel()
	env := environment(new(testsuite.WorkflowTestSuite))
	start := env.Now()
	env.RegisterWorkflowWithOptions(workflows.Reconciler, workflow.RegisterOptions{Name: contract.ReconcilerType})
	reconciled, inspected := 0, 0
	env.RegisterActivityWithOptions(func(context.Context) error {
		reconciled++
		return errors.New("database is away")
	}, activity.RegisterOptions{Name: contract.ReconcileName})
	env.RegisterActivityWithOptions(func(context.Context) error {
		inspected++
		return nil
	}, activity.RegisterOptions{Name: contract.InspectName})
	env.ExecuteWorkflow(contract.ReconcilerType)
	var again *workflow.ContinueAsNewError
	require.ErrorAs(t, env.GetWorkflowError(), &again)
	require.Equal(t, contract.ReconcilerType, again.WorkflowType.Name)
	require.Equal(t, 3, reconciled)
	require.Equal(t, 20, inspected)
	require.InDelta(t, (10 * time.Minute).Seconds(), env.Now().Sub(start).Seconds(), 10)
}
