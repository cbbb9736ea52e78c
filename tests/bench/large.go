package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/ingest"
)

// history is what an installation holds.
type history struct {
	contacts, events int
}

// benchLarge compares the cost of an event, with five buckets that it concerns, in a
// young installation and in one that holds a hundred times as much.
func benchLarge(ctx context.Context, base string) ([]line, error) {
	sizes := []history{{10_000, 100_000}, {1_000_000, 10_000_000}}
	ingesters := make([]*ingest.Ingester, len(sizes))
	for i, size := range sizes {
		fmt.Fprintf(os.Stderr, "storing %d contacts and %d events\n", size.contacts, size.events)
		g, pool, err := segmented(ctx, base, fmt.Sprintf("bench_large_%d", i), nil)
		if err != nil {
			return nil, err
		}
		defer pool.Close()
		defer g.Close()
		if err := size.store(ctx, pool); err != nil {
			return nil, err
		}
		if err := register(ctx, g, "five", fiveOf(hundred())); err != nil {
			return nil, err
		}
		if err := settle(ctx, g); err != nil {
			return nil, err
		}
		if _, err := pool.Exec(ctx, "vacuum analyze"); err != nil {
			return nil, fmt.Errorf("analyze: %w", err)
		}
		ingesters[i] = g
	}
	const requests, warm = 60, 2
	var costs [2][]float64
	var ratios []float64
	for round := range warm + rounds {
		var cost [2]float64
		for i, g := range ingesters {
			rng := rand.New(rand.NewPCG(11, uint64(round))) // a fixed load
			batches := make([][]ingest.Event, requests)
			for j := range batches {
				batches[j] = sizes[i].batch(rng)
			}
			took, err := timed(ctx, requests, batchConns, func(ctx context.Context, j int) error {
				results, err := g.IngestAll(ctx, batches[j])
				for _, r := range results {
					err = errors.Join(err, r.Err)
				}
				return err
			})
			if err != nil {
				return nil, err
			}
			cost[i] = took.Seconds() / (requests * batchSize) * 1e6
		}
		if round < warm {
			continue
		}
		costs[0], costs[1] = append(costs[0], cost[0]), append(costs[1], cost[1])
		ratios = append(ratios, cost[1]/cost[0])
	}
	lines, err := calendar{1_000_000, 10_000, 100 * time.Second}.bench(ctx, base)
	return append(lines, line{
		what: "cost per event, 10,000,000 events stored / 100,000", ours: fmt.Sprintf("%.0f us", median(costs[1])),
		limit: fmt.Sprintf("%.0f us", median(costs[0])), value: median(ratios), atMost: 1.5,
	}), err
}

// fiveOf are the buckets that the event event.0 concerns.
func fiveOf(all []hogsend.Bucket) []hogsend.Bucket {
	var five []hogsend.Bucket
	for i := 0; i < len(all); i += 20 {
		five = append(five, all[i])
	}
	return five
}

// batch is a request of random people.
func (h history) batch(rng *rand.Rand) []ingest.Event {
	events := make([]ingest.Event, batchSize)
	for i := range events {
		events[i] = ingest.Event{Name: "event.0", UserID: fmt.Sprintf("user-%d", rng.IntN(h.contacts)), Properties: json.RawMessage(bareProperties)}
	}
	return events
}

// store fills a database as a month of ingest would have: ids in order of time, every
// other event one that buckets look at.
func (h history) store(ctx context.Context, pool *pgxpool.Pool) error {
	const person = `(lpad(to_hex(%s), 12, '0') || '70008000000000000000')::uuid`
	began := time.Now().Add(-30 * hogsend.Day)
	for _, statement := range []string{
		fmt.Sprintf(`insert into contacts (id, external_id, properties, first_seen_at, last_seen_at, created_at, updated_at)
			select `+person+`, 'user-' || i, '{"plan": "free"}', $1, now(), $1, now() from generate_series(0, $2::bigint - 1) i where $3 > 0`, "i"),
		`insert into contact_keys (kind, key, contact_id, created_at) select 'user', external_id, id, $1 from contacts where $2 > 0 and $3 > 0`,
		fmt.Sprintf(`insert into events (id, contact_id, name, properties, source, occurred_at, received_at)
			select (lpad(to_hex(i), 12, '0') || '70018000000000000000')::uuid, `+person+`,
				case when i %% 2 = 0 then 'event.0' else 'page.viewed' end, '{"path":"/pricing","seconds":12,"plan":"free"}', 'api', at, at
			from (select i, $1::timestamptz + interval '30 days' * (i::float8 / $3::bigint) as at from generate_series(0, $3::bigint - 1) i) e`, "i * 7919 / 2 % $2::bigint"),
	} {
		if _, err := pool.Exec(ctx, statement, began, h.contacts, h.events); err != nil {
			return fmt.Errorf("store history: %w", err)
		}
	}
	return nil
}
