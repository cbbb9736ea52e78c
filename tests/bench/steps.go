package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/activities"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/provider/mailbox"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/worker"
)

const (
	stepMails = 3
	stepWait  = time.Second
)

// mailsAndWaits is a journey of three mails and two waits.
func mailsAndWaits(ctx workflow.Context, run hogsend.Run) error {
	for i := range stepMails {
		if i > 0 {
			if err := run.Sleep(ctx, stepWait); err != nil {
				return err
			}
		}
		if _, err := run.Send(ctx, hogsend.Email{Template: "step"}); err != nil {
			return err
		}
	}
	return nil
}

// bareSteps are the same activities and timers, bare.
func bareSteps(ctx workflow.Context) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	for i := range stepMails {
		if i > 0 {
			if err := workflow.Sleep(ctx, stepWait); err != nil {
				return err
			}
		}
		if err := workflow.ExecuteActivity(ctx, bareActivity).Get(ctx, nil); err != nil {
			return err
		}
	}
	return nil
}

func stepping() hogsend.Registry {
	return hogsend.Registry{
		Journeys:  []hogsend.Journey{{ID: "steps", Name: "Steps", Trigger: hogsend.On("steps"), EntryLimit: hogsend.Unlimited, Run: mailsAndWaits}},
		Templates: []hogsend.Template{{Key: "step", Subject: "Step", HTML: "<p>Step</p>"}},
	}
}

// benchSteps compares journeys of three mails and two waits with bare workflows on the
// same Temporal, each with a worker in this process.
func benchSteps(ctx context.Context, base, binary, dir string) (lines []line, err error) {
	pool, url, err := database(ctx, base, "bench_steps")
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	d, err := startDev(ctx, binary, filepath.Join(dir, "steps"), "--database-url", url)
	if err != nil {
		return nil, err
	}
	defer d.stop() //nolint:errcheck // the run is over
	own, _, err := database(ctx, base, "bench_steps_own")
	if err != nil {
		return nil, err
	}
	defer own.Close()
	c, err := client.Dial(client.Options{HostPort: d.temporal, Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	if err != nil {
		return nil, fmt.Errorf("dial temporal: %w", err)
	}
	defer c.Close()
	bare := sdkworker.New(c, "bare-steps", sdkworker.Options{})
	bare.RegisterWorkflow(bareSteps)
	bare.RegisterActivity(bareActivity)
	if err := bare.Start(); err != nil {
		return nil, fmt.Errorf("start bare worker: %w", err)
	}
	defer bare.Stop()

	s, registry := store.New(own), stepping()
	renderer, err := email.Compile(registry)
	if err != nil {
		return nil, err
	}
	g := ingest.New(s, ingest.Config{Journeys: registry.Journeys})
	defer g.Close()
	w, err := worker.New(worker.Config{
		Client: c, Store: s, TaskQueue: "steps", Journeys: registry.Journeys, RegistryDigest: "steps",
		Activities: &activities.Activities{
			Store: s, Ingest: g, Renderer: renderer, Provider: mailbox.New(s),
			Config: activities.Config{From: "Bench <bench@example.com>", PublicURL: "http://127.0.0.1"},
		},
	})
	if err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- w.Run(running) }()
	defer func() {
		stop()
		err = errors.Join(err, <-ended)
	}()
	return compareSteps(ctx, c, g, own)
}

func compareSteps(ctx context.Context, c client.Client, g *ingest.Ingester, pool *pgxpool.Pool) ([]line, error) {
	const n, conns = 200, 200
	var ratios, ours, bares []float64
	for round := range 4 {
		bare, err := timed(ctx, n, conns, func(ctx context.Context, i int) error {
			run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: fmt.Sprintf("bare-steps/%d/%d", round, i), TaskQueue: "bare-steps"}, bareSteps)
			if err != nil {
				return err
			}
			return run.Get(ctx, nil)
		})
		if err != nil {
			return nil, err
		}
		began := time.Now()
		if _, err := timed(ctx, n, conns, func(ctx context.Context, i int) error {
			name := fmt.Sprintf("stepper-%d-%d", round, i)
			_, err := g.Ingest(ctx, ingest.Event{Name: "steps", UserID: name, Email: name + "@example.com"})
			return err
		}); err != nil {
			return nil, err
		}
		if err := until(ctx, pool, (round+1)*n, `select count(*) from enrollments where status = 'completed'`); err != nil {
			return nil, err
		}
		took := time.Since(began)
		if round > 0 { // the first one warms up
			ours, bares, ratios = append(ours, rate(n, took)), append(bares, rate(n, bare)), append(ratios, rate(n, took)/rate(n, bare))
		}
	}
	var mails int
	if err := pool.QueryRow(ctx, `select count(*) from sends where status = 'sent'`).Scan(&mails); err != nil {
		return nil, fmt.Errorf("count mails: %w", err)
	}
	if mails != 4*n*stepMails {
		return nil, fmt.Errorf("%d mails were sent, not %d", mails, 4*n*stepMails)
	}
	var id string
	if err := pool.QueryRow(ctx, `select workflow_id from enrollments order by created_at desc limit 1`).Scan(&id); err != nil {
		return nil, fmt.Errorf("read workflow: %w", err)
	}
	events, err := historyLength(ctx, c, id)
	if err != nil {
		return nil, err
	}
	least, err := historyLength(ctx, c, "bare-steps/0/0")
	if err != nil {
		return nil, err
	}
	return []line{
		{
			what: "journeys of 3 mails and 2 waits / bare workflows", ours: fmt.Sprintf("%.1f a second", median(ours)),
			limit: fmt.Sprintf("%.1f a second", median(bares)), value: median(ratios), atLeast: 0.70,
		},
		{
			what: "history events of that journey / of the bare one", ours: fmt.Sprintf("%d events", events),
			limit: fmt.Sprintf("%d events", least), value: float64(events) / float64(least), atMost: 1.5,
		},
	}, nil
}

// historyLength is how many events the history of a workflow has.
func historyLength(ctx context.Context, c client.Client, id string) (int64, error) {
	found, err := c.DescribeWorkflowExecution(ctx, id, "")
	if err != nil {
		return 0, fmt.Errorf("describe %s: %w", id, err)
	}
	return found.GetWorkflowExecutionInfo().GetHistoryLength(), nil
}
