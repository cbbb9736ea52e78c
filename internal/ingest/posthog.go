package ingest

import (
	"context"
	"encoding/json"

	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/engine"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// mirror has the members mirrored that were there before the mirror, or before its
// property had its name (W-32).
func (r *registration) mirror(ctx context.Context, d, before *bucket.Definition) error {
	if !d.SyncToPostHog || before.SyncToPostHog && before.PostHogPropertyKey == d.PostHogPropertyKey {
		return nil
	}
	id := engine.NewID()
	return r.q.ArmingInsert(ctx, storedb.ArmingInsertParams{
		ID: id, BucketID: d.ID, Schedule: json.RawMessage("null"), Property: d.PostHogPropertyKey, Round: id.String(), Now: r.now,
	})
}
