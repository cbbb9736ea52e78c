package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/decide/steps"
	"github.com/hogsend/hogsend/internal/engine/dates"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// The policies of backfills besides those that authors name (W-23): silent changes
// memberships without events, default makes joins silent and emits leaves.
const (
	PolicySilent  = "silent"
	PolicyDefault = "default"
)

// backfillMode is how the joins and leaves of a backfill show (W-23).
func backfillMode(policy string) bucket.Mode {
	m := bucket.Mode{Source: bucket.SourceBackfill, SilentJoins: true, SilentLeaves: true}
	switch {
	case policy == PolicyDefault:
		m.SilentLeaves = false
	case policy == string(hogsend.React) || hogsend.ChangePolicy(policy).Rate() > 0:
		m.SilentJoins, m.SilentLeaves = false, false
	}
	return m
}

// loadBuckets reads the buckets in force, and the journeys that dates trigger: of these a
// simulation, which runs buckets only, has none.
func loadBuckets(ctx context.Context, s *store.Store, simulated bool) (found *decide.Buckets, rules []*steps.DateRule, err error) {
	err = pgx.BeginTxFunc(ctx, s.Pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if found, err = readBuckets(ctx, tx, s.WithTx(tx)); err == nil && !simulated {
			rules, err = dates.Read(ctx, s.WithTx(tx))
		}
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read buckets in force: %w", err)
	}
	return found, rules, nil
}

func readBuckets(ctx context.Context, tx pgx.Tx, q *storedb.Queries) (*decide.Buckets, error) {
	version, err := q.BucketsVersion(ctx)
	if err != nil {
		return nil, fmt.Errorf("read version: %w", err)
	}
	rows, err := q.BucketsInForce(ctx)
	if err != nil {
		return nil, fmt.Errorf("read definitions: %w", err)
	}
	backfills, err := q.BucketsBackfills(ctx)
	if err != nil {
		return nil, fmt.Errorf("read backfills: %w", err)
	}
	all := make([]*decide.CompiledBucket, 0, len(rows))
	for i := range rows {
		b, err := compile(&rows[i])
		if err != nil {
			return nil, fmt.Errorf("read bucket %s: %w", rows[i].ID, err)
		}
		for k := range backfills {
			if f := &backfills[k]; f.BucketID == b.ID && int(f.Generation) == b.Generation {
				b.Backfill = &decide.Backfill{ID: f.ID, Generation: b.Generation, At: f.SettleAt, Mode: backfillMode(f.Policy)}
			}
		}
		if b.On {
			if b.Blank, err = blank(ctx, tx, b); err != nil {
				return nil, fmt.Errorf("evaluate bucket %s for a blank contact: %w", b.ID, err)
			}
		}
		all = append(all, b)
	}
	return decide.NewBuckets(version, all), nil
}

// blank is what the criteria say of a contact that has nothing yet.
func blank(ctx context.Context, tx pgx.Tx, b *decide.CompiledBucket) (bool, error) {
	s := newStatement([]*decide.CompiledBucket{b}, false)
	nobody := rowsOf{places: []int32{0}, contacts: []uuid.UUID{uuid.Nil}, instants: []time.Time{time.Unix(0, 0)}, always: []bool{false}}
	answers, err := collectAnswers(tx.Query(ctx, s.sql, s.arguments(&nobody)...))
	return len(answers) > 0, err
}

func compile(row *storedb.BucketsInForceRow) (*decide.CompiledBucket, error) {
	var d bucket.Definition
	if err := json.Unmarshal(row.Definition, &d); err != nil {
		return nil, fmt.Errorf("decode definition: %w", err)
	}
	d.ID = row.ID
	return decide.CompileBucket(d, int(row.Generation), row.Registered && row.Enabled && !row.Disabled)
}
