package worker

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
)

// behavior is how the people of a journey move on a deploy; it is nothing without one.
func (c *Config) behavior(j hogsend.Journey) workflow.VersioningBehavior {
	switch {
	case c.Deployment == "":
		return workflow.VersioningBehaviorUnspecified
	case j.InFlight == hogsend.Pinned:
		return workflow.VersioningBehaviorPinned
	}
	return workflow.VersioningBehaviorAutoUpgrade
}

// deployment is a build as a version of a Temporal worker deployment; one without a
// name is always the current one.
type deployment struct {
	client      client.Client
	name, build string
	every       time.Duration // between two questions
	logger      *slog.Logger
}

func (c *Config) deployment() deployment {
	return deployment{client: c.Client, name: c.Deployment, build: c.BuildID, every: 5 * time.Second, logger: c.Logger}
}

// current is the build that gets the work; "" is none yet.
func (d deployment) current(ctx context.Context) (string, error) {
	found, err := d.client.WorkerDeploymentClient().GetHandle(d.name).Describe(ctx, client.WorkerDeploymentDescribeOptions{})
	if err != nil {
		return "", fmt.Errorf("describe deployment: %w", err)
	}
	if version := found.Info.RoutingConfig.CurrentVersion; version != nil {
		return version.BuildID, nil
	}
	return "", nil
}

// tell says how to give this build the work, as long as another one has it.
func (d deployment) tell(ctx context.Context) {
	if d.name == "" {
		return
	}
	current, err := d.current(ctx)
	if err == nil && current == d.build {
		return
	}
	d.logger.Warn("this build is not the current version of its deployment: it is given no new work", "current", current,
		"command", fmt.Sprintf("temporal worker deployment set-current-version --deployment-name %s --build-id %s", d.name, d.build))
}

// clock lets the clock move to the current version although workers of this one go on
// for those who are pinned to it: journeys enter by the clock of the build that runs it.
func (d deployment) clock(run func(context.Context) error) func(context.Context) error {
	if d.name == "" {
		return run
	}
	return func(ctx context.Context) error {
		running, stop := context.WithCancel(ctx)
		defer stop()
		var superseded atomic.Bool
		go func() {
			ticker := time.NewTicker(d.every)
			defer ticker.Stop()
			for {
				select {
				case <-running.Done():
					return
				case <-ticker.C:
				}
				if current, err := d.current(running); err == nil && current != "" && current != d.build {
					superseded.Store(true)
					stop()
				}
			}
		}()
		err := run(running)
		if superseded.Load() && ctx.Err() == nil {
			return nil // its workflow begins anew, where work goes now
		}
		return err
	}
}
