package worker

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/internal/pause"
	"github.com/hogsend/hogsend/internal/store"
)

// held makes n enrollments of a journey, each with one effect held one second after
// the one before, and returns their holds, the oldest first.
func held(t *testing.T, s *store.Store, journeyID string, n int) []uuid.UUID {
	t.Helper()
	var ids []uuid.UUID
	for i := range n {
		ids = append(ids, uuid.New())
		_, err := s.Pool.Exec(t.Context(), `with c as (
			insert into contacts (id, first_seen_at, last_seen_at, created_at, updated_at) values ($1, now(), now(), now(), now())
		), e as (
			insert into enrollments (id, contact_id, journey_id, entry, status, node, trigger_event_id, trigger_seq, workflow_id, created_at, updated_at)
			values ($2, $1, $3, 1, 'waiting', 'paused:send:x', $1, 1, 'w', now(), now())
		)
		insert into paused_effects (id, enrollment_id, journey_id, step_key, n, node, is_send, held_at)
		values ($4, $2, $3, 'send:x#1', 1, 'send:x', true, now() - make_interval(secs => $5))`, uuid.New(), uuid.New(), journeyID, ids[i], float64(n-i))
		require.NoError(t, err)
	}
	return ids
}

func released(t *testing.T, s *store.Store) []uuid.UUID {
	t.Helper()
	rows, err := s.Pool.Query(t.Context(), `select id from paused_effects where closed_at is not null order by closed_at`)
	require.NoError(t, err)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	require.NoError(t, err)
	return ids
}

// J-103: oldest first, at most the rate in a second, whoever asks; each once.
func TestHeldEffectsAreReleasedAtAPace(t *testing.T) {
	t.Parallel()
	s := dbtest.DB(t)
	r := releaser{store: s, rate: 3, buildID: "b", logger: slog.New(slog.DiscardHandler)}
	turn := func() bool {
		due, err := r.turn(t.Context())
		require.NoError(t, err)
		return due
	}
	now := time.Now().UTC()
	_, err := pause.Start(t.Context(), s, []string{"j"}, "", contract.HoldEntries, now)
	require.NoError(t, err)
	ids := held(t, s, "j", 7)
	require.False(t, turn(), "still paused")
	require.NoError(t, pause.Resume(t.Context(), s, []string{"j"}, contract.CatchUp, time.Hour, now))
	for _, want := range []int{3, 6, 7} {
		require.True(t, turn())
		require.Equal(t, ids[:want], released(t, s))
		require.Equal(t, want < 7, turn(), "its turn has passed")
		require.Equal(t, ids[:want], released(t, s))
		_, err := s.Pool.Exec(t.Context(), `update release_pace set released_at = released_at - interval '1 second'`)
		require.NoError(t, err)
	}
	require.False(t, turn())
	rows, err := s.Pool.Query(t.Context(), `select payload->>'waitId' from outbox where kind = 'signal' order by seq`)
	require.NoError(t, err)
	signals, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	for i, id := range ids {
		require.Equal(t, id.String(), signals[i], fmt.Sprint(i))
	}
	var resumed int
	require.NoError(t, s.Pool.QueryRow(t.Context(), `select count(*) from step_logs where action = 'resumed' and build_id = 'b'`).Scan(&resumed))
	require.Equal(t, 7, resumed)
}
