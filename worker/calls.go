package worker

import (
	"go.temporal.io/sdk/activity"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend/internal/calls"
	"github.com/hogsend/hogsend/internal/contract"
)

// runner runs the author's activities, for Run.Do.
func (c Config) runner() *calls.Runner {
	runner := &calls.Runner{Activities: map[string]any{}, Begin: c.BeginCall}
	for _, a := range c.Own {
		runner.Activities[a.Name] = a.Func
	}
	return runner
}

// registerOwn registers what is the author's, and what answers for what this build lacks.
func (c Config) registerOwn(r sdkworker.Registry, runner *calls.Runner) {
	for name, fn := range runner.Activities {
		r.RegisterActivityWithOptions(fn, activity.RegisterOptions{Name: name})
	}
	for _, w := range c.OwnWorkflows {
		r.RegisterWorkflowWithOptions(w.Func, workflow.RegisterOptions{Name: w.Name})
	}
	r.RegisterActivityWithOptions(runner.Check, activity.RegisterOptions{Name: contract.CheckCallName})
	r.RegisterDynamicActivity(calls.Missing, activity.DynamicRegisterOptions{})
}
