package main

import (
	"context"
	"fmt"
	"time"

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
	took := time.Since(began).Seconds()
	return []line{{
		what: fmt.Sprintf("simulate %d buckets over %d events", len(definitions), len(events)), ours: fmt.Sprintf("%.1f s", took),
		limit: fmt.Sprintf("%d transitions", len(got.Transitions)), value: took, atMost: 60,
	}}, nil
}
