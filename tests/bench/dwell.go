package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/activities"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/definition"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/rollout"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/worker"
)

// dwellLead is how long before the first timer is due the members exist: all timers
// are to be asleep by then.
const dwellLead = 45 * time.Second

// dwelt is a reaction that does nothing, as the bare workflow does nothing.
func dwelt(workflow.Context, hogsend.Run) error { return nil }

func dwelling() []hogsend.Bucket {
	return []hogsend.Bucket{{
		ID: "dwelling", Name: "Dwelling", Criteria: hogsend.Event("click").Within(hogsend.Day).Exists(),
		Reactions: []hogsend.Reaction{hogsend.OnDwell(hogsend.After(time.Hour), dwelt)},
	}}
}

func benchDwell(ctx context.Context, base, binary, dir string) ([]line, error) {
	_, url, err := database(ctx, base, "bench_dwell_dev")
	if err != nil {
		return nil, err
	}
	d, err := startDev(ctx, binary, filepath.Join(dir, "dwell"), "--database-url", url)
	if err != nil {
		return nil, err
	}
	defer d.stop() //nolint:errcheck // the run is over
	l, err := dwells(ctx, d, base)
	return []line{l}, err
}

// dwells gives 1,000 members an anchor by which their dwell falls due within ten
// seconds of each other, and reads from the events how late each was. Beside it as
// many bare workflows sleep and wake in the same way.
func dwells(ctx context.Context, d *dev, base string) (found line, err error) {
	bare, err := bareTimers(ctx, d)
	if err != nil {
		return line{}, err
	}
	pool, _, err := database(ctx, base, "bench_dwell")
	if err != nil {
		return line{}, err
	}
	defer pool.Close()
	s := store.New(pool)
	definitions, err := bucket.DescribeAll(dwelling())
	if err != nil {
		return line{}, err
	}
	registry := hogsend.Registry{Buckets: dwelling()}
	renderer, err := email.Compile(registry)
	if err != nil {
		return line{}, err
	}
	g := ingest.New(s, ingest.Config{})
	defer g.Close()
	c, err := client.Dial(client.Options{HostPort: d.temporal, Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	if err != nil {
		return line{}, fmt.Errorf("dial temporal: %w", err)
	}
	defer c.Close()
	r := rollout.New(g.Engine())
	clock := r.Clock()
	w, err := worker.New(worker.Config{
		Client: c, Store: s, TaskQueue: "dwell", Reactions: definition.Reactions(registry), RegistryDigest: "dwell",
		Activities: &activities.Activities{Store: s, Ingest: g, Clock: clock, Renderer: renderer},
		Register:   func(ctx context.Context) error { return r.Register(ctx, "dwell", "dwell", definitions) },
	})
	if err != nil {
		return line{}, err
	}
	first := time.Now().Add(dwellLead)
	if _, err := pool.Exec(ctx, `insert into contacts (id, external_id, properties, first_seen_at, last_seen_at, created_at, updated_at)
		select gen_random_uuid(), 'dweller-' || i, '{}', now(), now(), now(), now() from generate_series(0, $1::int - 1) i`, timerCount); err != nil {
		return line{}, fmt.Errorf("fill contacts: %w", err)
	}
	if _, err := pool.Exec(ctx, `insert into events (id, contact_id, name, properties, source, occurred_at, received_at)
		select gen_random_uuid(), c.id, 'click', '{}', 'api', $1::timestamptz - interval '1 hour' + n * $2::float8 * interval '1 second', now()
		from (select id, row_number() over () - 1 as n from contacts) c`, first, (timerSpread / timerCount).Seconds()); err != nil {
		return line{}, fmt.Errorf("fill events: %w", err)
	}
	running, stop := context.WithCancel(ctx)
	var parts sync.WaitGroup
	ended := make(chan error, 2)
	parts.Go(func() { ended <- w.Run(running) })
	parts.Go(func() { ended <- clock.Run(running) })
	defer func() {
		stop()
		parts.Wait()
		for range 2 {
			if e := <-ended; e != nil && !errors.Is(e, context.Canceled) {
				err = errors.Join(err, e)
			}
		}
	}()
	const fired = `from events where name = 'bucket:dwell:dwelling:after-3600000'`
	if err := until(ctx, pool, timerCount, `select count(*) `+fired); err != nil {
		return line{}, err
	}
	return dwellLine(ctx, pool, bare, fired)
}

func dwellLine(ctx context.Context, pool *pgxpool.Pool, bare []float64, fired string) (line, error) {
	var late []float64
	var armedLate int
	if err := pool.QueryRow(ctx, `select array_agg(late order by late), count(*) filter (where late = 0)
		from (select extract(epoch from received_at - occurred_at)::float8 as late `+fired+`) l`).Scan(&late, &armedLate); err != nil {
		return line{}, fmt.Errorf("read dwells: %w", err)
	}
	if armedLate > 0 {
		return line{}, fmt.Errorf("%d timers were due before they were armed", armedLate)
	}
	p99 := percentile(late, .99)
	return line{
		what: "1,000 dwells due within 10 s, p99 above bare timers", ours: fmt.Sprintf("p99 %.2f s", p99),
		limit: fmt.Sprintf("p99 %.2f s", percentile(bare, .99)), value: p99 - percentile(bare, .99), atMost: 1,
	}, nil
}
