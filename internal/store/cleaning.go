package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/store/storedb"
)

// cleanRows is how many rows one transaction of a cleaning deletes at most (O-34).
const cleanRows = 5000

// CleanDecisions deletes the decisions before an instant that enrolled nobody, and
// returns how many. Those of people in flight stay (J-45). It may be stopped at any
// time and run by several at once.
func (s *Store) CleanDecisions(ctx context.Context, before time.Time) (deleted int, err error) {
	page := storedb.DecisionsPruneParams{Before: before, BeforeID: firstID(before), RowLimit: cleanRows}
	for {
		ids, err := s.DecisionsPrune(ctx, page)
		if err != nil {
			return deleted, fmt.Errorf("delete decisions: %w", err)
		}
		deleted += len(ids)
		if len(ids) < cleanRows {
			return deleted, nil
		}
		page.AfterID = slices.MaxFunc(ids, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	}
}

// CleanWebhooks forgets the messages of webhooks that were applied before an instant.
func (s *Store) CleanWebhooks(ctx context.Context, before time.Time) error {
	return inSteps(ctx, "delete webhook messages", before, s.WebhookClean)
}

// CleanHits deletes what machines did with mails before an instant.
func (s *Store) CleanHits(ctx context.Context, before time.Time) error {
	return inSteps(ctx, "delete hits", before, s.HitsClean)
}

// ForgetHits forgets from where people opened mails and followed links before an instant.
func (s *Store) ForgetHits(ctx context.Context, before time.Time) error {
	return inSteps(ctx, "forget addresses of hits", before, s.HitsForget)
}

// inSteps cleans a part at a time until nothing is left.
func inSteps(ctx context.Context, what string, before time.Time, clean func(context.Context, time.Time) (int64, error)) error {
	for {
		n, err := clean(ctx, before)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if n < cleanRows {
			return nil
		}
	}
}

// firstID is below every id that is made from the next hour on: clocks of processes
// differ a little, and the instants of rows decide.
func firstID(t time.Time) (id uuid.UUID) {
	binary.BigEndian.PutUint64(id[:8], uint64(t.Add(time.Hour).UnixMilli())<<16) // after 1970
	return id
}
