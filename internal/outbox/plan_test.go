package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/internal/outbox"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// Invariant 7: behind a million pending rows, 700,000 of them due but blocked by a
// row of their contact that backs off, each statement costs what it touches; with
// and without statistics.
func TestTheWorkDoesNotGrowWithTheBacklog(t *testing.T) {
	t.Parallel()
	s := dbtest.DB(t)
	_, err := s.Pool.Exec(t.Context(), `
		insert into outbox (id, ordering_key, kind, key, payload, due_at, created_at)
		select gen_random_uuid(),
		       case when i <= 100000 then '11111111-1111-1111-1111-111111111111' else md5((i % 300000)::text)::uuid end,
		       'start', i::text, '1',
		       case when i = 1 or i between 100001 and 400000 then $1::timestamptz + interval '30 s' else $1 end, $1
		from generate_series(1, 1000000) i`, epoch)
	require.NoError(t, err)
	now := epoch.Add(time.Second)
	for i := range 2 {
		if i == 1 {
			_, err := s.Pool.Exec(t.Context(), "analyze outbox")
			require.NoError(t, err)
		}
		x := &explainer{Pool: s.Pool}
		q := storedb.New(x)
		x.check(t, func() error {
			_, err := q.OutboxClaim(t.Context(), storedb.OutboxClaimParams{Destination: contract.ToTemporal, Now: &now, Worker: "w", LeaseSeconds: 30, Slots: 32})
			return err
		})

		for range 16 {
			insert(t, s, uuid.New(), 1, 2, epoch.Add(-time.Hour))
		}
		rows, err := s.OutboxClaim(t.Context(), storedb.OutboxClaimParams{Destination: contract.ToTemporal, Now: &now, Worker: "w", LeaseSeconds: 30, Slots: 32})
		require.NoError(t, err)
		var ids []uuid.UUID
		var leases []time.Time
		for _, row := range rows {
			if !row.Blocked {
				ids, leases = append(ids, row.ID), append(leases, row.LeasedUntil)
			}
		}
		require.GreaterOrEqual(t, len(ids), 16)
		texts := make([]string, len(ids))
		x.check(t, func() error {
			_, err := q.OutboxAck(t.Context(), ids, &now)
			return err
		})
		x.check(t, func() error {
			_, err := q.OutboxMarkDead(t.Context(), storedb.OutboxMarkDeadParams{Now: &now, Worker: "w", Ids: ids, Errors: texts, Leases: leases})
			return err
		})
		x.check(t, func() error {
			return q.OutboxRetry(t.Context(), storedb.OutboxRetryParams{Now: &now, Worker: "w", Ids: ids, Errors: texts, Leases: leases, Delays: make([]float64, len(ids))})
		})
		x.check(t, func() error {
			return q.OutboxRelease(t.Context(), storedb.OutboxReleaseParams{Now: &now, Worker: "w", Ids: ids, Leases: leases})
		})
		_, err = s.OutboxAck(t.Context(), ids, &now)
		require.NoError(t, err)
	}

	// What can be delivered is, ahead of everything that only waits.
	run(t, s, newRecorder(nil), outbox.Config{Now: func() time.Time { return now }, Poll: time.Hour})
	eventually(t, s, 64, "status = 'delivered'")
}

// explainer runs each statement under EXPLAIN ANALYZE, rolls it back and keeps the plan.
type explainer struct {
	*pgxpool.Pool
	plan string
}

var errExplained = errors.New("explained")

func (x *explainer) explain(ctx context.Context, sql string, args []any) error {
	tx, err := x.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }()
	if err := tx.QueryRow(ctx, "explain (analyze, format json) "+sql, args...).Scan(&x.plan); err != nil {
		return err
	}
	return errExplained
}

func (x *explainer) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	return pgconn.CommandTag{}, x.explain(ctx, sql, args)
}

func (x *explainer) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return nil, x.explain(ctx, sql, args)
}

// check requires that no node of the plan handled more than a hundred rows.
func (x *explainer) check(t *testing.T, statement func() error) {
	t.Helper()
	require.ErrorIs(t, statement(), errExplained)
	for _, m := range regexp.MustCompile(`"(Actual Rows|Rows Removed by [^"]*)": ([0-9]+)`).FindAllStringSubmatch(x.plan, -1) {
		n, err := strconv.Atoi(m[2])
		require.NoError(t, err)
		require.LessOrEqual(t, n, 100, fmt.Sprintf("%s in %s", m[1], x.plan))
	}
	require.Regexp(t, `"Index Name": "outbox_`, x.plan)
	require.NotContains(t, x.plan, `"Node Type": "Seq Scan"`)
}
