package ingest_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/clock"
	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/store"
)

// traced keeps the statements that a pool is asked for.
type traced struct{ queries []pgx.TraceQueryStartData }

func (q *traced) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	q.queries = append(q.queries, data)
	return ctx
}

func (*traced) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// plan is a node of what explain tells.
type plan struct {
	Node    string  `json:"Node Type"`
	Table   string  `json:"Relation Name"`
	Rows    float64 `json:"Actual Rows"`
	Loops   float64 `json:"Actual Loops"`
	Removed float64 `json:"Rows Removed by Filter"`
	Checked float64 `json:"Rows Removed by Index Recheck"`
	Plans   []plan  `json:"Plans"`
}

// read is how many rows of the product's tables the plan has read.
func (p *plan) read() (rows float64) {
	if p.Table != "" && !strings.HasPrefix(p.Table, "pg_") {
		rows = p.Loops * (p.Rows + p.Removed + p.Checked)
	}
	for i := range p.Plans {
		rows += p.Plans[i].read()
	}
	return rows
}

// W-4, W-17: with more than a hundred thousand members of three buckets and nothing due,
// a round of the clock is one query that reads a few rows.
func TestAnIdleClockReadsAFewRows(t *testing.T) {
	t.Parallel()
	const members, few = 40_000, 30
	s := dbtest.DB(t)
	seen := &traced{}
	pc := s.Pool.Config().Copy()
	pc.ConnConfig.Tracer = seen
	pool, err := pgxpool.NewWithConfig(t.Context(), pc)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	v := &timed{bundle: (&bundle{t: t, store: store.New(pool)}).another(ingest.Config{})}
	v.clock = clock.New(v.ingester.Engine())
	window := hogsend.Event("click").Within(7 * hogsend.Day)
	v.register("first", segmentOf("recent", window.Exists()), segmentOf("old", hogsend.Event("click").Exists(), func(b *hogsend.Bucket) { b.MaxDwell = 30 * hogsend.Day }),
		segmentOf("absent", hogsend.All(hogsend.Event("click").Exists(), hogsend.Event("click").Within(hogsend.Day).NotExists(), window.Exists())))
	v.arm()
	v.exec(`insert into contacts (id, external_id, first_seen_at, last_seen_at, created_at, updated_at)
		select gen_random_uuid(), 'p' || i, clock_timestamp(), clock_timestamp(), clock_timestamp(), clock_timestamp() from generate_series(1, $1) i`, members)
	v.exec(`insert into events (id, contact_id, name, properties, source, occurred_at, received_at)
		select gen_random_uuid(), id, 'click', '{}', 'api', clock_timestamp() - interval '2 days', clock_timestamp() - interval '2 days' from contacts`)
	v.exec(`insert into memberships (id, bucket_id, contact_id, epoch, status, source, entered_at, anchor_at, max_dwell_at, last_evaluated_at, created_at, updated_at)
		select gen_random_uuid(), b, id, 1, 'active', 'event', created_at, created_at, case b when 'old' then created_at + interval '30 days' end, created_at, created_at, created_at
		from contacts cross join unnest(array['recent', 'old', 'absent']) b`)
	v.exec(`analyze`)
	require.Equal(t, 3*members, v.count(`select count(*) from memberships`))
	for v.round() == 0 { // what has passed before is read over once
		continue
	}
	seen.queries = nil
	wait := v.round()
	require.Greater(t, wait, 4*hogsend.Day)
	require.LessOrEqual(t, wait, 5*hogsend.Day)
	asked := seen.queries
	require.Len(t, asked, 1)
	var raw []byte
	require.NoError(t, v.store.Pool.QueryRow(t.Context(), "explain (analyze, format json) "+asked[0].SQL, asked[0].Args...).Scan(&raw))
	var explained []struct{ Plan plan }
	require.NoError(t, json.Unmarshal(raw, &explained))
	rows := explained[0].Plan.read()
	require.Positive(t, rows)
	t.Logf("rows read: %v", rows)
	require.LessOrEqual(t, rows, float64(few), "%s", raw)
	v.send(user("click", "p1")) // and it is no worse behind an event
	seen.queries = nil
	require.Greater(t, v.round(), time.Hour)
	require.Len(t, seen.queries, 1)
}
