package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/simulate"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/tests/cdnow"
)

// benchSimulate lets the buckets of the proof run over eighteen months of 23,570 real
// people.
func benchSimulate(ctx context.Context, base string) ([]line, error) {
	pool, _, err := database(ctx, base, "simulate")
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	all, err := cdnow.Purchases()
	if err != nil {
		return nil, err
	}
	definitions, err := bucket.DescribeAll(cdnow.Buckets())
	if err != nil {
		return nil, err
	}
	events := cdnow.Events(all)
	began := time.Now()
	got, err := simulate.Run(ctx, store.New(pool), simulate.Params{
		From: time.Date(1997, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(1998, 8, 1, 0, 0, 0, 0, time.UTC), Definitions: definitions, Events: events,
	})
	if err != nil {
		return nil, err
	}
	ours := rate(len(got.Transitions), time.Since(began))
	bare, err := bareRows(ctx, pool)
	if err != nil {
		return nil, err
	}
	return []line{{
		what: fmt.Sprintf("transitions simulated, %d buckets / bare inserts of 100", len(definitions)), ours: fmt.Sprintf("%.0f a second", ours),
		limit: fmt.Sprintf("%.0f rows/s", bare), value: ours / bare, atLeast: 0.20,
	}}, nil
}

// bareRows is how many rows a second inserts of a hundred write: it says what the
// machine can do.
func bareRows(ctx context.Context, pool *pgxpool.Pool) (float64, error) {
	if err := bareTable(ctx, pool); err != nil {
		return 0, err
	}
	contacts := make([]uuid.UUID, people)
	for i := range contacts {
		contacts[i] = uuid.New()
	}
	const requests = 500
	took, err := timed(ctx, requests, batchConns, func(ctx context.Context, i int) error {
		return bareBatch(ctx, pool, contacts, rand.New(rand.NewPCG(1, uint64(i)))) // a fixed load
	})
	return rate(requests*batchSize, took), err
}
