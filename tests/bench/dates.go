package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/rollout"
	"github.com/hogsend/hogsend/internal/store"
)

// calendar is an installation whose contacts have a date, some of which come soon, within
// a while: for a journey that dates trigger and for a bucket.
type calendar struct {
	contacts, due int
	within        time.Duration
}

func benchDates(ctx context.Context, base string) ([]line, error) {
	return calendar{50_000, 1_000, 10 * time.Second}.bench(ctx, base)
}

// bench lets the dates come and reads how late each was noticed; and, before that, what the
// clock asks of Postgres while nothing is due, beside one without dates.
func (c calendar) bench(ctx context.Context, base string) (lines []line, err error) {
	renewal := hogsend.Journey{ID: "renewal", Name: "Renewal", EntryLimit: hogsend.Unlimited, Run: dwelt, Trigger: hogsend.OnDate("renewsAt")}
	renewed := hogsend.Bucket{ID: "renewed", Name: "Renewed", Criteria: hogsend.Prop("renewsAt").InLast(hogsend.Day)}
	bare, err := c.open(ctx, base, "without", ingest.Config{})
	if err != nil {
		return nil, err
	}
	defer bare.close()
	dated, err := c.open(ctx, base, "with", ingest.Config{Journeys: []hogsend.Journey{renewal}}, renewed)
	if err != nil {
		return nil, err
	}
	defer dated.close()
	running, stop := context.WithCancel(ctx)
	var parts sync.WaitGroup
	for _, one := range []*dates{bare, dated} {
		clock := rollout.New(one.ingester.Engine()).Clock()
		parts.Go(func() {
			if e := clock.Run(running); !errors.Is(e, context.Canceled) {
				err = errors.Join(err, e)
			}
		})
	}
	defer func() { stop(); parts.Wait() }()
	began := time.Now()
	if err := until(ctx, dated.pool, 1, `select count(*) from date_triggers where filled`); err != nil {
		return nil, err
	}
	filled := time.Since(began)
	idle, err := c.idle(ctx, bare, dated)
	if err != nil {
		return nil, err
	}
	if err := c.come(ctx, dated.ingester); err != nil {
		return nil, err
	}
	lateness := line{what: fmt.Sprintf("%d dates due within %s among %d contacts, p99", c.due, c.within, c.contacts), atMost: 1}
	for _, query := range []string{
		`from (select extract(epoch from received_at - occurred_at)::float8 as late from events where name = 'hogsend:date:renewal') l`,
		`from (select extract(epoch from created_at - entered_at)::float8 as late from memberships where source = 'reconcile') l`,
	} {
		if err := until(ctx, dated.pool, c.due, `select count(*) `+query); err != nil {
			return nil, err
		}
		var p99, latest float64
		if err := dated.pool.QueryRow(ctx, `select percentile_cont(0.99) within group (order by late), max(late) `+query).Scan(&p99, &latest); err != nil {
			return nil, fmt.Errorf("read lateness: %w", err)
		}
		if p99 >= lateness.value {
			lateness.value, lateness.ours, lateness.limit = p99, fmt.Sprintf("p99 %.3f s", p99), fmt.Sprintf("max %.3f s", latest)
		}
	}
	return []line{lateness, idle, {
		what: fmt.Sprintf("dates of %d contacts looked up for a new journey", c.contacts), ours: fmt.Sprintf("%.1f s", filled.Seconds()),
		limit: fmt.Sprintf("%.0f a second", rate(c.contacts, filled)), value: filled.Seconds(),
	}}, err
}

// dates is one of the two installations.
type dates struct {
	pool, own *pgxpool.Pool // of the bench, and of the ingester
	ingester  *ingest.Ingester
	asked     counter
}

// counter counts what Postgres is asked.
type counter struct{ n atomic.Int64 }

// TraceQueryStart implements pgx.QueryTracer.
func (c *counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.n.Add(1)
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (*counter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (d *dates) close() {
	d.ingester.Close()
	d.own.Close()
	d.pool.Close()
}

// open fills an installation with contacts whose dates are far, and brings what there is
// into force.
func (c calendar) open(ctx context.Context, base, name string, cfg ingest.Config, buckets ...hogsend.Bucket) (*dates, error) {
	fmt.Fprintf(os.Stderr, "storing %d contacts %s dates that matter\n", c.contacts, name)
	pool, _, err := database(ctx, base, fmt.Sprintf("bench_dates_%s_%d", name, c.contacts))
	if err != nil {
		return nil, err
	}
	cfg.Logger = slog.New(slog.DiscardHandler)
	counted := pool.Config()
	d := &dates{pool: pool}
	counted.ConnConfig.Tracer = &d.asked
	if d.own, err = pgxpool.NewWithConfig(ctx, counted); err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	d.ingester = ingest.New(store.New(d.own), cfg)
	for _, statement := range []string{
		`insert into contacts (id, external_id, properties, first_seen_at, last_seen_at, created_at, updated_at)
			select gen_random_uuid(), 'user-' || i, jsonb_build_object('plan', 'free', 'renewsAt', to_char(now() + interval '30 days' + i % 365 * interval '1 day', 'YYYY-MM-DD')), now(), now(), now(), now()
			from generate_series(0, $1::int - 1) i`,
		`insert into contact_keys (kind, key, contact_id, created_at) select 'user', external_id, id, now() from contacts where $1 > 0`,
	} {
		if _, err := pool.Exec(ctx, statement, c.contacts); err != nil {
			d.close()
			return nil, fmt.Errorf("fill: %w", err)
		}
	}
	if _, err := pool.Exec(ctx, "vacuum analyze"); err != nil {
		d.close()
		return nil, fmt.Errorf("analyze: %w", err)
	}
	err = register(ctx, d.ingester, name, buckets)
	if err == nil {
		err = settle(ctx, d.ingester)
	}
	if err != nil {
		d.close()
	}
	return d, err
}

// idle compares what both clocks ask while nothing is due.
func (c calendar) idle(ctx context.Context, bare, dated *dates) (line, error) {
	const watched = 10 * time.Second
	before := [2]int64{bare.asked.n.Load(), dated.asked.n.Load()}
	select { // nothing is due: this is what is measured
	case <-ctx.Done():
		return line{}, ctx.Err()
	case <-time.After(watched):
	}
	of := func(i int) float64 {
		return float64([]*dates{bare, dated}[i].asked.n.Load()-before[i]) / watched.Seconds()
	}
	return line{
		what: fmt.Sprintf("clock at rest, %d dates ahead / without dates", c.contacts), ours: fmt.Sprintf("%.1f queries/s", of(1)),
		limit: fmt.Sprintf("%.1f queries/s", of(0)), value: of(1) / of(0), atMost: 1.5,
	}, nil
}

// come gives some people dates that come soon.
func (c calendar) come(ctx context.Context, g *ingest.Ingester) error {
	first := time.Now().Add(5*time.Second + time.Duration(c.due)*time.Millisecond)
	for from := 0; from < c.due; from += 500 {
		var events []ingest.Event
		for i := from; i < min(from+500, c.due); i++ {
			at := first.Add(time.Duration(i) * c.within / time.Duration(c.due)).UTC().Format(time.RFC3339Nano)
			events = append(events, ingest.Event{
				Name: "renewed", UserID: fmt.Sprint("user-", i*(c.contacts/c.due)), ContactProperties: map[string]json.RawMessage{"renewsAt": json.RawMessage(`"` + at + `"`)},
			})
		}
		results, err := g.IngestAll(ctx, events)
		for _, r := range results {
			err = errors.Join(err, r.Err)
		}
		if err != nil {
			return fmt.Errorf("write dates: %w", err)
		}
	}
	return nil
}
