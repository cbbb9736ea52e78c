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

// campaignOf plays a campaign whose activity answers by a script, the last answer for ever,
// and tells at which instants it was asked.
func campaignOf(t *testing.T, script []contract.CampaignResult, prepare func(env *testsuite.TestWorkflowEnvironment)) (asked []time.Duration, err error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := environment(&suite)
	start := env.Now()
	env.RegisterActivityWithOptions(func(_ context.Context, id string) (contract.CampaignResult, error) {
		require.Equal(t, "c1", id)
		asked = append(asked, env.Now().Sub(start).Round(time.Second))
		result := script[min(len(asked), len(script))-1]
		if result.Until != nil {
			until := start.Add(result.Until.Sub(time.Time{}))
			result.Until = &until
		}
		return result, nil
	}, activity.RegisterOptions{Name: contract.CampaignName})
	if prepare != nil {
		prepare(env)
	}
	env.ExecuteWorkflow(workflows.Campaign, "c1")
	return asked, env.GetWorkflowError()
}

// after is an instant so long after the start.
func after(d time.Duration) *time.Time {
	at := time.Time{}.Add(d)
	return &at
}

// E-69, E-71, E-73: it sleeps until there is something to do or it is woken.
func TestACampaignSleepsUntilThereIsSomethingToDo(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	asked, err := campaignOf(t, []contract.CampaignResult{
		{Sleeps: true, Until: after(300 * day)}, // scheduled
		{}, {},                                  // frozen, some sent
		{Sleeps: true},                          // paused
		{Sleeps: true, Until: after(303 * day)}, // resumed; somebody's morning
		{Done: true},
	}, func(env *testsuite.TestWorkflowEnvironment) {
		env.RegisterDelayedCallback(func() { env.SignalWorkflow(contract.SignalWake, contract.WaitSignal{WaitID: "w"}) }, 302*day)
	})
	require.NoError(t, err)
	require.Equal(t, []time.Duration{0, 300 * day, 300 * day, 300 * day, 302 * day, 303 * day}, asked)

	asked, err = campaignOf(t, []contract.CampaignResult{{Sleeps: true, Until: after(300 * day)}, {Done: true}}, func(env *testsuite.TestWorkflowEnvironment) {
		env.RegisterDelayedCallback(func() { env.SignalWorkflow(contract.SignalWake, nil) }, time.Hour) // canceled
	})
	require.NoError(t, err)
	require.Equal(t, []time.Duration{0, time.Hour}, asked)
}

// E-71: a bounded history for any size; a provider that takes nothing is tried again with
// growing pauses.
func TestACampaignIsContinued(t *testing.T) {
	t.Parallel()
	asked, err := campaignOf(t, []contract.CampaignResult{{}}, nil)
	var again *workflow.ContinueAsNewError
	require.True(t, errors.As(err, &again))
	require.Len(t, asked, 100)

	asked, err = campaignOf(t, []contract.CampaignResult{{Failing: true}, {Failing: true}, {Failing: true}, {}, {Failing: true}, {Done: true}}, nil)
	require.NoError(t, err)
	require.Equal(t, []time.Duration{0, time.Second, 3 * time.Second, 7 * time.Second, 7 * time.Second, 8 * time.Second}, asked)
}
