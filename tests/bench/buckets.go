package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/rollout"
	"github.com/hogsend/hogsend/internal/store"
)

func benchBuckets(ctx context.Context, base string) ([]line, error) {
	var lines []line
	for _, bench := range []func(context.Context, string) (line, error){benchCandidates, benchDetails, benchBackfill, benchClock} {
		l, err := bench(ctx, base)
		if err != nil {
			return nil, err
		}
		lines = append(lines, l)
	}
	return lines, nil
}

// segmented is an ingester on a database of its own, with buckets in force.
func segmented(ctx context.Context, base, name string, buckets []hogsend.Bucket) (*ingest.Ingester, *pgxpool.Pool, error) {
	pool, _, err := database(ctx, base, name)
	if err != nil {
		return nil, nil, err
	}
	g := ingest.New(store.New(pool), ingest.Config{})
	return g, pool, register(ctx, g, name, buckets)
}

func register(ctx context.Context, g *ingest.Ingester, digest string, buckets []hogsend.Bucket) error {
	definitions, err := bucket.DescribeAll(buckets)
	if err != nil {
		return err
	}
	return rollout.New(g.Engine()).Register(ctx, digest, digest, definitions)
}

func settle(ctx context.Context, g *ingest.Ingester) error {
	for {
		if done, _, err := rollout.New(g.Engine()).Backfill(ctx); done || err != nil {
			return err
		}
	}
}

// hundred are 100 buckets of which each event concerns five: counts, conjunctions
// with a property, absences, alternatives.
func hundred() []hogsend.Bucket {
	var all []hogsend.Bucket
	for i := range 100 {
		event := hogsend.Event(fmt.Sprintf("event.%d", i%20))
		criteria := []hogsend.Condition{
			event.Within(7 * hogsend.Day).AtLeast(3),
			hogsend.All(event.Exists(), hogsend.Prop("plan").Eq("pro")),
			event.AtLeast(100),
			hogsend.All(event.Exists(), event.Within(7*hogsend.Day).NotExists()),
			hogsend.Any(event.Within(hogsend.Day).AtLeast(1), hogsend.Prop("plan").Eq("enterprise")),
		}[i/20]
		all = append(all, hogsend.Bucket{ID: fmt.Sprintf("bucket-%d", i), Name: "Bucket", Criteria: criteria})
	}
	return all
}

// details are 100 buckets of which each event concerns five, all of which look into the
// contact's events: filters, sums and different values.
func details() []hogsend.Bucket {
	var all []hogsend.Bucket
	for i := range 100 {
		event := hogsend.Event(fmt.Sprintf("event.%d", i%20))
		month := event.Within(30 * hogsend.Day)
		criteria := []hogsend.Condition{
			month.Where(hogsend.Prop("total").Gt(100)).AtLeast(2),
			month.Sum("total").Gte(100_000),
			month.Distinct("page").Gt(3),
			hogsend.All(event.Exists(), month.Where(hogsend.Prop("page").Eq("/pricing")).NotExists()),
			month.Where(hogsend.Prop("total").Gt(1000), hogsend.Prop("page").Contains("checkout")).Exists(),
		}[i/20]
		all = append(all, hogsend.Bucket{ID: fmt.Sprintf("bucket-%d", i), Name: "Bucket", Criteria: criteria})
	}
	return all
}

func benchCandidates(ctx context.Context, base string) (line, error) {
	return compareCandidates(ctx, base, "batches with 100 buckets, 5 candidates / with none", hundred(), 0.50)
}

func benchDetails(ctx context.Context, base string) (line, error) {
	return compareCandidates(ctx, base, "batches with 100 buckets, 5 candidates with filters and sums / with none", details(), 0.45)
}

// compareCandidates sends the same batches with 100 buckets in force and with none, in
// turn. Everybody has done everything a few times before, so that few events move
// anybody, as in a life of months.
func compareCandidates(ctx context.Context, base, what string, inForce []hogsend.Bucket, atLeast float64) (line, error) {
	const size, contacts, rounds = 500, 1000, 120
	batch := func(g *ingest.Ingester, n *int) (time.Duration, error) {
		events := make([]ingest.Event, size)
		for i := range events {
			*n++
			events[i] = ingest.Event{Name: fmt.Sprintf("event.%d", (*n/contacts)%20), UserID: fmt.Sprintf("user_%d", (*n*7919)%contacts), Properties: fmt.Appendf(nil, `{"page":"/pricing","total":%d}`, *n%90)}
		}
		began := time.Now()
		results, err := g.IngestAll(ctx, events)
		for _, r := range results {
			err = errors.Join(err, r.Err)
		}
		return time.Since(began), err
	}
	ingesters, counts, spent := [2]*ingest.Ingester{}, [2]int{}, [2]time.Duration{}
	for i, buckets := range [][]hogsend.Bucket{inForce, nil} {
		g, pool, err := segmented(ctx, base, fmt.Sprintf("candidates_%d_%d", int(atLeast*100), i), buckets)
		if err != nil {
			return line{}, err
		}
		defer pool.Close()
		defer g.Close()
		if err := settle(ctx, g); err != nil {
			return line{}, err
		}
		for range 160 {
			if _, err := batch(g, &counts[i]); err != nil {
				return line{}, err
			}
		}
		if _, err := pool.Exec(ctx, "analyze"); err != nil {
			return line{}, fmt.Errorf("analyze: %w", err)
		}
		ingesters[i] = g
	}
	for range rounds {
		for i, g := range ingesters {
			took, err := batch(g, &counts[i])
			if err != nil {
				return line{}, err
			}
			spent[i] += took
		}
	}
	rate := func(i int) float64 { return float64(rounds*size) / spent[i].Seconds() }
	return line{
		what: what, ours: fmt.Sprintf("%.0f events/s", rate(0)),
		limit: fmt.Sprintf("%.0f events/s", rate(1)), value: rate(0) / rate(1), atLeast: atLeast,
	}, nil
}

// benchBackfill registers a bucket over 1,000,000 contacts, 400,000 of whom match,
// next to one hand-written statement that inserts the same set.
func benchBackfill(ctx context.Context, base string) (line, error) {
	g, pool, err := segmented(ctx, base, "backfill", nil)
	if err != nil {
		return line{}, err
	}
	defer pool.Close()
	defer g.Close()
	for _, sql := range []string{
		`insert into contacts (id, properties, first_seen_at, last_seen_at, created_at, updated_at)
		 select gen_random_uuid(), '{"plan":"pro"}', now(), now(), now(), now() from generate_series(1, 1000000)`,
		`insert into events (id, contact_id, name, properties, source, occurred_at, received_at)
		 select gen_random_uuid(), c.id, case when n <= 4 then 'click' else 'view' end, '{}', 'api', now() - n * interval '1 day', now() - n * interval '1 day'
		 from (select id, (row_number() over ()) % 10 + 1 as n from contacts) c`,
		`vacuum analyze contacts`, `vacuum analyze events`,
	} {
		if _, err := pool.Exec(ctx, sql); err != nil {
			return line{}, fmt.Errorf("fill: %w", err)
		}
	}
	began := time.Now()
	tag, err := pool.Exec(ctx, `insert into memberships (id, bucket_id, contact_id, epoch, status, source, entered_at, anchor_at, last_evaluated_at, created_at, updated_at)
		select gen_random_uuid(), 'bare', c.id, 1, 'active', 'backfill', now(), now(), now(), now(), now() from contacts c
		where c.deleted_at is null and c.merged_into is null
			and exists (select 1 from events e where e.contact_id = c.id and e.name = 'click' and e.occurred_at >= now() - interval '30 days')`)
	if err != nil {
		return line{}, fmt.Errorf("insert members: %w", err)
	}
	bare := time.Since(began)
	if err := register(ctx, g, "clicked", []hogsend.Bucket{{ID: "clicked", Name: "Clicked", Criteria: hogsend.Event("click").Within(30 * hogsend.Day).Exists()}}); err != nil {
		return line{}, err
	}
	began = time.Now()
	if err := settle(ctx, g); err != nil {
		return line{}, err
	}
	ours := time.Since(began)
	var members int64
	if err := pool.QueryRow(ctx, `select count(*) from memberships where bucket_id = 'clicked'`).Scan(&members); err != nil {
		return line{}, fmt.Errorf("count members: %w", err)
	}
	if members != tag.RowsAffected() {
		return line{}, fmt.Errorf("backfill made %d members, the statement %d", members, tag.RowsAffected())
	}
	return line{
		what: "backfill over 1,000,000 contacts / one insert-select", ours: fmt.Sprintf("%.1f s, %d joined", ours.Seconds(), members),
		limit: fmt.Sprintf("%.1f s", bare.Seconds()), value: bare.Seconds() / ours.Seconds(), atLeast: 0.30,
	}, nil
}

// benchClock lets 200 members a second flip by time alone, for ten seconds.
func benchClock(ctx context.Context, base string) (line, error) {
	const flips, each = 2000, 5 * time.Millisecond
	g, pool, err := segmented(ctx, base, "clock", []hogsend.Bucket{{ID: "recent", Name: "Recent", Criteria: hogsend.Event("click").Within(time.Hour).Exists()}})
	if err != nil {
		return line{}, err
	}
	defer pool.Close()
	defer g.Close()
	first := time.Now().Add(5 * time.Second)
	for chunk := range slices.Chunk(make([]struct{}, flips), 500) {
		events := make([]ingest.Event, len(chunk))
		for i := range events {
			at := first.Add(-time.Hour)
			first = first.Add(each)
			events[i] = ingest.Event{Name: "click", UserID: fmt.Sprintf("user_%d", first.UnixNano()), Timestamp: &at}
		}
		if _, err := g.IngestAll(ctx, events); err != nil {
			return line{}, err
		}
	}
	running, stop := context.WithDeadline(ctx, first.Add(5*time.Second))
	defer stop()
	if err := rollout.New(g.Engine()).Clock().Run(running); !errors.Is(err, context.DeadlineExceeded) {
		return line{}, fmt.Errorf("run clock: %w", err)
	}
	var left int
	var p99, latest float64
	err = pool.QueryRow(ctx, `select count(*), coalesce(percentile_cont(0.99) within group (order by extract(epoch from updated_at - left_at)), 0),
		coalesce(max(extract(epoch from updated_at - left_at)), 0) from memberships where status = 'left'`).Scan(&left, &p99, &latest)
	if err != nil {
		return line{}, fmt.Errorf("read flips: %w", err)
	}
	if left != flips {
		return line{}, fmt.Errorf("%d of %d members left", left, flips)
	}
	return line{
		what: "clock: lateness at 200 flips a second", ours: fmt.Sprintf("p99 %.3f s", p99), limit: fmt.Sprintf("max %.3f s", latest), value: p99, atMost: 1,
	}, nil
}
