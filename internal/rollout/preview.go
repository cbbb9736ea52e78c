package rollout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// ErrPreviewTimedOut is returned by a preview that took longer than it may (C-25).
var ErrPreviewTimedOut = errors.New("preview timed out")

// PreviewParams asks whom criteria would take.
type PreviewParams struct {
	// Criteria must be valid.
	Criteria hogsend.Condition
	// BucketID names the bucket whose members are compared; "" compares none.
	BucketID string
	// Sample is how many of the contacts are shown, by uuid; 0 is none.
	Sample int
	// Timeout bounds each statement; 0 means 10 s.
	Timeout time.Duration
}

// Preview is what criteria say of the live contacts at one instant.
type Preview struct {
	Count, Total int64
	// Join and Leave are the contacts whom the bucket would win and lose; MinDwell is
	// not looked at. Without a bucket they are Count and 0.
	Join, Leave int64
	Sample      []storedb.Contact
	At          time.Time
}

// previewTimeout is the default of PreviewParams.Timeout.
const previewTimeout = 10 * time.Second

// population are the live contacts, as the relation that a predicate stands over. The
// instant is $1.
const population = `(
	select c.id as contact_id, $1::timestamptz as now, 9223372036854775807::bigint as seq, c.properties, c.email_key
	from contacts c where c.deleted_at is null and c.merged_into is null
) w`

// preview evaluates the predicate once for each contact; who neither matches nor is a
// member is counted and forgotten.
const preview = `with found as materialized (
	select h.* from (
		select w.contact_id, %s as holds, exists (
			select 1 from memberships m where m.contact_id = w.contact_id and m.bucket_id = $2::text and m.status = 'active'
		) as member
		from ` + population + ` offset 0
	) h where h.holds or h.member
)
select (select count(*) from contacts c where c.deleted_at is null and c.merged_into is null), count(*) filter (where holds),
	count(*) filter (where holds and not member), count(*) filter (where member and not holds),
	array(select contact_id from found where holds order by contact_id limit $3)
from found`

// NewPreview evaluates criteria for every live contact. It changes nothing, and is
// ErrPreviewTimedOut when that takes too long (C-25).
func NewPreview(ctx context.Context, s *store.Store, p PreviewParams) (Preview, error) {
	if p.Timeout == 0 {
		p.Timeout = previewTimeout
	}
	predicate := criteria.Compile(p.Criteria, 4)
	var out Preview
	err := survey(ctx, s, p.Timeout, func(tx pgx.Tx, now time.Time) error {
		out.At = now
		var ids []uuid.UUID
		args := append([]any{now, p.BucketID, p.Sample}, predicate.Args...)
		err := tx.QueryRow(ctx, fmt.Sprintf(preview, predicate.SQL), args...).Scan(&out.Total, &out.Count, &out.Join, &out.Leave, &ids)
		if err != nil {
			return fmt.Errorf("evaluate criteria: %w", err)
		}
		if out.Sample, err = s.WithTx(tx).AdminContactsByID(ctx, ids); err != nil {
			return fmt.Errorf("read sample: %w", err)
		}
		return nil
	})
	if store.IsStatementTimeout(err) {
		err = ErrPreviewTimedOut
	}
	return out, err
}

// survey reads the whole population in one read-only transaction, as of one instant.
// Compiling a statement to machine code takes longer than most of them run.
func survey(ctx context.Context, s *store.Store, timeout time.Duration, fn func(tx pgx.Tx, now time.Time) error) error {
	return pgx.BeginTxFunc(ctx, s.Pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		var now time.Time
		err := tx.QueryRow(ctx, `select clock_timestamp() from set_config('statement_timeout', $1, true) a, set_config('jit', 'off', true) b`,
			fmt.Sprintf("%dms", timeout.Milliseconds())).Scan(&now)
		if err != nil {
			return fmt.Errorf("begin survey: %w", err)
		}
		return fn(tx, now)
	})
}
