package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/calls"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/outbox"
	"github.com/hogsend/hogsend/internal/provider/posthog"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/workflows"
)

// Config is what a worker is made of. Client, Store and Activities are required.
type Config struct {
	// Client must use NewDataConverter and NewFailureConverter, or what people said
	// is legible in Temporal (invariant 9).
	Client client.Client
	// Namespace is the client's; "" means "default".
	Namespace string
	// TaskQueue defaults to contract.TaskQueue.
	TaskQueue string
	Store     *store.Store
	// Journeys are all that are compiled in, also those left out by ENABLED_JOURNEYS:
	// people in flight go on (J-12).
	Journeys []hogsend.Journey
	// Reactions are the journeys of the buckets.
	Reactions []hogsend.Journey
	// Register brings the buckets of this build into force, if it is the newest one
	// that lives. It is called at the start and every 10 s (B-5). nil for none.
	Register func(ctx context.Context) error
	// Activities are registered under the names they are known by.
	Activities Activities
	// Own and OwnWorkflows are the author's.
	Own          []hogsend.Activity
	OwnWorkflows []hogsend.Workflow
	// BeginCall is asked before each attempt of one of Own that a journey calls.
	BeginCall func(context.Context, contract.BeginCallRequest) (contract.CallBegin, error)
	// PostHog is where captures and memberships are told; without it, nil, what was
	// written for it becomes dead letters (P-9, P-18).
	PostHog *posthog.Client
	// Hooks are the destinations of the author's by their ids (P-14).
	Hooks map[string]Hook
	// Inbox applies again what other systems told, until its context ends; nil for nothing (P-7).
	Inbox func(ctx context.Context)
	// BuildID, Version and RegistryDigest are shown and recorded, never interpreted but
	// by Deployment.
	BuildID, Version, RegistryDigest string
	// Deployment is the name of the Temporal worker deployment that this build is a
	// version of, under BuildID: tasks then go to the current version, and people of
	// pinned journeys stay with theirs. "" means none: every worker takes every task.
	Deployment string
	// Identity names this instance; "" means one made of host and a fresh uuid.
	Identity string
	// StartTimeout bounds the wait for Temporal; 0 means 60 s (O-41).
	StartTimeout time.Duration
	// ShutdownTimeout is what a graceful stop may take in all; 0 means 25 s (O-40).
	ShutdownTimeout time.Duration
	// ReleasesPerSecond bounds how fast a resume lets held effects go on, all workers
	// together; 0 means 50 (J-103).
	ReleasesPerSecond int
	// LeaveLate ends an entry that was held by a pause and that a resume leaves out (J-168).
	LeaveLate func(ctx context.Context, enrollmentID uuid.UUID) error
	// KeepDecisions is how long decisions are kept that enrolled nobody; 0 is for ever
	// (J-45).
	KeepDecisions time.Duration
	// Report says that the worker is registered and polling, with what it knows of itself as
	// pairs of a record; nil means a record of Logger (O-39).
	Report func(own ...any)
	// KeepTracking is how long addresses and agents of opens and clicks are kept; 0 is for
	// ever (O-34).
	KeepTracking time.Duration
	// Delivered is told of each attempt to deliver a row of the outbox; nil for nobody.
	Delivered func(outbox.Attempt)
	// Trace is that of outbox.Config.
	Trace func(ctx context.Context, row outbox.Row) (context.Context, func(error))
	// Ready, if not nil, is called once, when the worker polls.
	Ready func()
	// Logger may be nil for silence.
	Logger *slog.Logger
}

// Activities is a set of activity functions by name; *activities.Activities is the
// product's.
type Activities interface{ All() map[string]any }

func (c Config) withDefaults() Config {
	if c.Namespace == "" {
		c.Namespace = client.DefaultNamespace
	}
	if c.TaskQueue == "" {
		c.TaskQueue = contract.TaskQueue
	}
	if c.Identity == "" {
		host, err := os.Hostname()
		if err != nil {
			host = "unknown"
		}
		c.Identity = "hogsend@" + host + "/" + uuid.NewString()
	}
	if c.StartTimeout <= 0 {
		c.StartTimeout = 60 * time.Second
	}
	if c.ShutdownTimeout <= 0 {
		c.ShutdownTimeout = 25 * time.Second
	}
	if c.ReleasesPerSecond <= 0 {
		c.ReleasesPerSecond = 50
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Report == nil {
		c.Report = func(own ...any) { c.Logger.Info("hogsend worker ready", own...) }
	}
	return c
}

func (c Config) validate() error {
	var errs []error
	if c.Client == nil {
		errs = append(errs, errors.New("client is required"))
	}
	if c.Store == nil {
		errs = append(errs, errors.New("store is required"))
	}
	if c.Activities == nil {
		errs = append(errs, errors.New("activities are required"))
	}
	if len(c.Own) > 0 && c.BeginCall == nil {
		errs = append(errs, errors.New("begin call is required"))
	}
	return errors.Join(errs...)
}

// Worker executes journeys and delivers the outbox. Any number of them share the work.
type Worker struct {
	cfg   Config
	sdk   sdkworker.Worker
	calls *calls.Runner
	fatal chan error
}

// options suit a machine of two cores: enough pollers that an idle one always waits,
// and no more local activities than the database pool can serve.
func (w *Worker) options() sdkworker.Options {
	o := sdkworker.Options{
		Identity:                                w.cfg.Identity,
		MaxConcurrentWorkflowTaskPollers:        4,
		MaxConcurrentActivityTaskPollers:        4,
		MaxConcurrentWorkflowTaskExecutionSize:  200,
		MaxConcurrentActivityExecutionSize:      200,
		MaxConcurrentLocalActivityExecutionSize: 64,
		// A local activity runs inside of a workflow task: on a busy machine the default
		// of one second mistakes a wait for the processor for a deadlock.
		DeadlockDetectionTimeout: 10 * time.Second,
		// Left alone, the SDK keeps heartbeats back until four fifths of their timeout are
		// over: one that is late by the rest, on a busy machine, has its activity run twice.
		// It is also how long one may be on its way before it is given up.
		MaxHeartbeatThrottleInterval: 4 * time.Second,
		WorkerStopTimeout:            w.cfg.ShutdownTimeout * 3 / 5,
		DisableRegistrationAliasing:  true,
		Interceptors:                 []interceptor.WorkerInterceptor{workflows.LogFields(), workflows.CallHeaders(), w.calls.Interceptor()}, // J-120, J-164
		OnFatalError: func(err error) {
			select {
			case w.fatal <- err:
			default:
			}
		},
	}
	if w.cfg.Deployment == "" {
		o.BuildID = w.cfg.BuildID //nolint:staticcheck // recorded with every task, without the routing of deployments
		return o
	}
	o.DeploymentOptions = sdkworker.DeploymentOptions{
		UseVersioning: true, DefaultVersioningBehavior: workflow.VersioningBehaviorAutoUpgrade, // of the clock and the reconciler
		Version: sdkworker.WorkerDeploymentVersion{DeploymentName: w.cfg.Deployment, BuildID: w.cfg.BuildID},
	}
	return o
}

// registry is the part of a Temporal worker that takes registrations.
type registry interface {
	RegisterWorkflowWithOptions(w any, options workflow.RegisterOptions)
	RegisterActivityWithOptions(a any, options activity.RegisterOptions)
}

// startClock starts the one clock of the installation, if it does not run (W-14).
func (w *Worker) startClock(ctx context.Context) error {
	_, err := w.cfg.Client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: contract.ClockID, TaskQueue: w.cfg.TaskQueue, WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}, contract.ClockType)
	if err != nil {
		return fmt.Errorf("start clock: %w", err)
	}
	return nil
}

// report says that the worker is registered and polling (O-39).
func (w *Worker) report() {
	w.cfg.Report("identity", w.cfg.Identity, "activities", len(w.cfg.Activities.All()))
	if w.cfg.Ready != nil {
		w.cfg.Ready()
	}
}

// awaitTemporal waits until Temporal answers for the namespace, with one log line
// per attempt (O-41).
func (w *Worker) awaitTemporal(ctx context.Context) error {
	const attempt, wait = 5 * time.Second, time.Second
	ctx, cancel := context.WithTimeout(ctx, w.cfg.StartTimeout)
	defer cancel()
	for try := 1; ; try++ {
		one, done := context.WithTimeout(ctx, attempt)
		_, err := w.cfg.Client.WorkflowService().DescribeNamespace(one, &workflowservice.DescribeNamespaceRequest{Namespace: w.cfg.Namespace})
		done()
		if err == nil {
			return nil
		}
		w.cfg.Logger.Warn("temporal is not reachable, trying again", "try", try, "namespace", w.cfg.Namespace, "error", err)
		select {
		case <-ctx.Done():
			return fmt.Errorf("reach temporal within %s: %w", w.cfg.StartTimeout, err)
		case <-time.After(wait):
		}
	}
}
