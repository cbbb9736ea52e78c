package worker

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/internal/store"
)

// decided writes n decisions of an instant about an enrollment, uuid.Nil for none.
func decided(t *testing.T, s *store.Store, at time.Time, n int, outcome string, enrollment uuid.UUID) {
	t.Helper()
	// An id of the instant, as ids are made.
	_, err := s.Pool.Exec(t.Context(), `insert into decisions (id, at, type, contact_id, journey_id, event_id, event_name, outcome, enrollment_id)
		select (lpad(to_hex((extract(epoch from $1::timestamptz) * 1000)::bigint), 12, '0') || substr(replace(gen_random_uuid()::text, '-', ''), 13))::uuid, $1, 'enrollment', $2, 'j', $2, 'e', $3, nullif($4::uuid, $5)
		from generate_series(1, $6)`, at, uuid.New(), outcome, enrollment, uuid.Nil, n)
	require.NoError(t, err)
}

// J-45, O-34: decisions that enrolled nobody are kept as long as told, to the instant;
// those that enrolled, and those about people in flight, for ever.
func TestOldDecisionsAreDeleted(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s, _ := dbtest.Clocked(t, now)
	enrollments := map[string]uuid.UUID{}
	for _, status := range []string{"active", "waiting", "completed", "failed", "exited"} {
		id := uuid.New()
		enrollments[status] = id
		_, err := s.Pool.Exec(t.Context(), `insert into enrollments (id, contact_id, journey_id, entry, status, node, trigger_event_id, trigger_seq, workflow_id, created_at, updated_at)
			values ($1, $1, 'j', 1, $2, 'start', $1, 1, 'w', now(), now())`, id, status)
		require.NoError(t, err)
	}
	old := now.Add(-90*hogsend.Day - time.Microsecond)
	decided(t, s, now.Add(-90*hogsend.Day), 3, "skipped", uuid.Nil)
	decided(t, s, now, 3, "skipped", uuid.Nil)
	for _, id := range enrollments {
		decided(t, s, old, 1, "enrolled", id)
		decided(t, s, old, 1, "skipped", id)
	}
	decided(t, s, old, 11_000, "skipped", uuid.Nil) // more than two transactions take
	decided(t, s, old.Add(-900*hogsend.Day), 1, "skipped", uuid.Nil)

	left := func() []string {
		rows, err := s.Pool.Query(t.Context(), `select d.outcome || ' ' || coalesce(e.status, '-') || ' ' || (d.at < $1)::text || ' ' || count(*)
			from decisions d left join enrollments e on e.id = d.enrollment_id group by d.outcome, e.status, d.at < $1 order by 1`, now.Add(-90*hogsend.Day))
		require.NoError(t, err)
		found, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		return found
	}
	before := left()
	for range 2 {
		var log bytes.Buffer
		c := cleaner{store: s, logger: slog.New(slog.NewTextHandler(&log, nil))}
		require.NoError(t, c.clean(t.Context())) // kept for ever
		require.Empty(t, log.String())
	}
	require.Equal(t, before, left())

	var log bytes.Buffer
	c := cleaner{store: s, decisions: 90 * hogsend.Day, logger: slog.New(slog.NewTextHandler(&log, nil))}
	for range 2 { // safe to run twice
		require.NoError(t, c.clean(t.Context()))
		require.Equal(t, []string{
			"enrolled active true 1", "enrolled completed true 1", "enrolled exited true 1", "enrolled failed true 1", "enrolled waiting true 1",
			"skipped - false 6", "skipped active true 1", "skipped waiting true 1",
		}, left())
	}
	require.Equal(t, 1, bytes.Count(log.Bytes(), []byte("decisions=11004")))
}

// E-61, O-34: that a message was applied is known for 30 days.
func TestOldMessagesOfWebhooksAreForgotten(t *testing.T) {
	t.Parallel()
	s := dbtest.DB(t)
	_, err := s.Pool.Exec(t.Context(), `insert into webhook_messages (source, id, applied_at)
		select 'resend', 'old' || n, now() - interval '31 days' from generate_series(1, 5001) n union all select 'resend', 'new', now() - interval '29 days'`)
	require.NoError(t, err)
	require.NoError(t, cleaner{store: s, logger: slog.New(slog.DiscardHandler)}.clean(t.Context()))
	var left string
	require.NoError(t, s.Pool.QueryRow(t.Context(), `select string_agg(id, ' ') from webhook_messages`).Scan(&left))
	require.Equal(t, "new", left)
}

// O-34: what machines did is kept for 30 days; from where people came, as long as told; that
// they did, for ever.
func TestOldHitsAreForgotten(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s, _ := dbtest.Clocked(t, now)
	for _, class := range []string{"human", "machine"} {
		for _, days := range []int{1, 29, 31, 89, 91} {
			_, err := s.Pool.Exec(t.Context(), `insert into hits (id, send_id, class, ip_address, user_agent, at) values (gen_random_uuid(), gen_random_uuid(), $1, '203.0.113.7', 'a', $2)`,
				class, now.Add(-time.Duration(days)*hogsend.Day))
			require.NoError(t, err)
		}
	}
	left := func() []string {
		rows, err := s.Pool.Query(t.Context(), `select concat_ws(' ', class, (ip_address is not null)::text, count(*)) from hits group by class, ip_address is not null order by 1`)
		require.NoError(t, err)
		found, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		return found
	}
	c := cleaner{store: s, logger: slog.New(slog.DiscardHandler)}
	require.NoError(t, c.clean(t.Context()))
	require.Equal(t, []string{"human true 5", "machine true 2"}, left())
	c.tracking = 90 * hogsend.Day
	for range 2 {
		require.NoError(t, c.clean(t.Context()))
		require.Equal(t, []string{"human false 1", "human true 4", "machine true 2"}, left())
	}
}
