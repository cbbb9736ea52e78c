package ingest

import (
	"context"
	"fmt"
)

// Heard reports whether anything listens to an event: a trigger, an exit, criteria, or a
// wait that is open. known are the names that something defined listens to, for who
// misspelt one.
func (g *Ingester) Heard(ctx context.Context, name string) (heard bool, known []string, err error) {
	index, buckets := g.engine.Index(), g.engine.Buckets()
	if index.Concerns(name) || len(buckets.ByEvent(name)) > 0 {
		return true, nil, nil
	}
	if heard, err = g.engine.Store.IngestEventAwaited(ctx, name); err != nil {
		return false, nil, fmt.Errorf("look for waits: %w", err)
	}
	return heard, append(index.Events(), buckets.Events()...), nil
}
