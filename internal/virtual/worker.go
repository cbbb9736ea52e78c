package virtual

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"
)

// Worker is Temporal's own worker, at work for a Server.
type Worker struct {
	client client.Client
	parts  []worker.Worker
}

// StartWorker starts a worker on c, a client of the server; register gives it
// workflows and activities. It does one task at a time, but the local activities of one
// task all at once.
func (s *Server) StartWorker(c client.Client, interceptors []interceptor.WorkerInterceptor, register func(r worker.Registry)) (*Worker, error) {
	w := &Worker{client: c}
	for i := range parts {
		part := worker.New(c, TaskQueue, worker.Options{
			BuildID:                          "kit", //nolint:staticcheck // else the SDK reads the whole test program to name it; the kit deploys no versions
			Identity:                         strconv.Itoa(i),
			MaxConcurrentWorkflowTaskPollers: 2, MaxConcurrentActivityTaskPollers: 1, MaxConcurrentLocalActivityExecutionSize: 200,
			DeadlockDetectionTimeout: math.MaxInt64, // it would count real time; see Progress
			WorkerStopTimeout:        100 * time.Millisecond, DisableRegistrationAliasing: true,
			Interceptors: append(slices.Clone(interceptors), s.Progress.Interceptor()),
		})
		register(part)
		if err := part.Start(); err != nil {
			w.Stop()
			return nil, fmt.Errorf("start worker: %w", err)
		}
		w.parts = append(w.parts, part)
	}
	return w, nil
}

// Stop ends the worker and closes its client.
func (w *Worker) Stop() {
	for _, part := range w.parts {
		part.Stop()
	}
	w.client.Close()
}
