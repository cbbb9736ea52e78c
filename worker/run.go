package worker

import (
	"context"
	"fmt"
	"sync"

	"go.temporal.io/sdk/activity"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/workflows"
)

// New makes a worker that does nothing until Run. It connects to nothing.
func New(cfg Config) (*Worker, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("configure worker: %w", err)
	}
	// The SDK's cache is one for the process. A cached workflow holds its goroutines;
	// 2,000 cost some 100 MB at most, and one that was evicted is replayed.
	sdkworker.SetStickyWorkflowCacheSize(2000)
	w := &Worker{cfg: cfg, calls: cfg.runner(), fatal: make(chan error, 1)}
	w.sdk = sdkworker.New(cfg.Client, cfg.TaskQueue, w.options())
	register(w.sdk, cfg)
	cfg.registerOwn(w.sdk, w.calls)
	return w, nil
}

// Run works until ctx is done and then stops gracefully: no new task, no new lease,
// what is under way may finish, leases are given back (O-40). It waits up to
// StartTimeout for Temporal and registers the search attributes (O-41, J-148). It
// returns nil after a graceful stop and must be called once.
func (w *Worker) Run(ctx context.Context) error {
	if err := w.awaitTemporal(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	if err := ensureAttributes(ctx, w.cfg.Client.OperatorService(), w.cfg.Namespace); err != nil {
		return err
	}
	if w.cfg.Register != nil {
		if err := w.cfg.Register(ctx); err != nil {
			return fmt.Errorf("register buckets: %w", err)
		}
	}
	if err := w.startClock(ctx); err != nil {
		return err
	}
	if err := w.sdk.Start(); err != nil {
		return fmt.Errorf("start worker: %w", err)
	}
	if err := w.startReconciler(ctx); err != nil {
		w.cfg.Logger.Warn("start the reconciler", "error", err) // the next worker that starts tries again
	}
	if err := w.scheduleAlerts(ctx); err != nil {
		w.cfg.Logger.Warn("schedule the alerts", "error", err) // the next worker that starts tries again
	}

	running, stop := context.WithCancel(ctx)
	defer stop()
	var parts sync.WaitGroup
	for _, d := range w.dispatchers() {
		parts.Go(func() { _ = d.Run(running) }) // never fails
	}
	parts.Go(func() {
		heartbeat(running, w.cfg.Store, storedb.HeartbeatsUpsertParams{
			ID: w.cfg.Identity, BuildID: w.cfg.BuildID, RegistryDigest: w.cfg.RegistryDigest, TaskQueue: w.cfg.TaskQueue,
		}, w.cfg.Logger)
	})
	if w.cfg.Register != nil {
		parts.Go(func() { keepRegistered(running, w.cfg.Register, heartbeatEvery, w.cfg.Logger) })
	}
	parts.Go(func() {
		releaser{leaveLate: w.cfg.LeaveLate, store: w.cfg.Store, rate: w.cfg.ReleasesPerSecond, buildID: w.cfg.BuildID, logger: w.cfg.Logger}.run(running)
	})
	parts.Go(func() {
		cleaner{store: w.cfg.Store, decisions: w.cfg.KeepDecisions, tracking: w.cfg.KeepTracking, logger: w.cfg.Logger}.run(running)
	})
	parts.Go(func() { cleaner{store: w.cfg.Store, logger: w.cfg.Logger}.fold(running) })
	parts.Go(func() { cleaner{store: w.cfg.Store, logger: w.cfg.Logger}.erase(running) })
	parts.Go(func() { w.keepHooks(running) })
	if w.cfg.Inbox != nil {
		parts.Go(func() { w.cfg.Inbox(running) })
	}
	w.report()
	w.cfg.deployment().tell(ctx)

	var err error
	select {
	case <-ctx.Done():
	case err = <-w.fatal:
		err = fmt.Errorf("run worker: %w", err)
	}
	stop()
	parts.Go(w.sdk.Stop)
	parts.Wait()
	return err
}

// builtIn are the product's own workflows by type.
func builtIn() map[string]any {
	return map[string]any{
		contract.ClockType: workflows.Clock, contract.ReconcilerType: workflows.Reconciler, contract.AlertsType: workflows.Alerts, contract.AlertType: workflows.Alert,
		contract.ImportType: workflows.Import, contract.SendType: workflows.DirectSend, contract.CampaignType: workflows.Campaign,
	}
}

// BuiltIn is how many workflows a worker has that are nobody's journeys.
func BuiltIn() int { return len(builtIn()) }

// register registers every compiled-in journey under its id and its aliases, so that
// enrollments made under a former id go on (J-12, J-13), and all activities.
func register(r registry, cfg Config) {
	for _, journey := range cfg.Journeys {
		run := workflows.Journey(journey)
		for _, id := range append([]string{journey.ID}, journey.Aliases...) {
			r.RegisterWorkflowWithOptions(run, workflow.RegisterOptions{Name: contract.JourneyType(id), VersioningBehavior: cfg.behavior(journey)})
		}
	}
	for _, reaction := range cfg.Reactions {
		options := workflow.RegisterOptions{Name: reaction.ID, VersioningBehavior: cfg.behavior(reaction)}
		if reaction.Reaction != nil && reaction.Reaction.Kind == hogsend.ReactionDwell {
			r.RegisterWorkflowWithOptions(workflows.Dwell(reaction), options)
		} else {
			r.RegisterWorkflowWithOptions(workflows.Journey(reaction), options)
		}
	}
	for name, run := range builtIn() {
		r.RegisterWorkflowWithOptions(run, workflow.RegisterOptions{Name: name})
	}
	for name, fn := range cfg.Activities.All() {
		if clock, ok := fn.(func(context.Context) error); ok && name == contract.ClockName {
			fn = cfg.deployment().clock(clock)
		}
		r.RegisterActivityWithOptions(fn, activity.RegisterOptions{Name: name})
	}
}
