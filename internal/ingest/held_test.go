package ingest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/pause"
)

// J-108, J-168: an entry that races the resume is started, or is held and will be released.
func TestNoEntryIsLeftBehindByAResume(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "start", func(j *hogsend.Journey) { j.Aliases = []string{"old"} }))
	for round := range 5 {
		_, err := pause.Start(t.Context(), b.store, []string{"j", "old"}, "", contract.HoldEntries, b.now())
		require.NoError(t, err)
		requireNone(t, parallel(21, func(i int) error {
			if i == 10 {
				return pause.Resume(t.Context(), b.store, []string{"j", "old"}, contract.CatchUp, time.Hour, b.now())
			}
			_, err := b.ingester.Ingest(t.Context(), user("start", fmt.Sprint(round, " ", i)))
			return err
		}))
	}
	require.Equal(t, 100, b.count(`select count(*) from enrollments`))
	require.Zero(t, b.count(`select count(*) from enrollments e where e.status = 'waiting'
		and not exists (select from paused_effects p where p.enrollment_id = e.id and p.is_entry and p.due_at is not null)`))
	require.Zero(t, b.count(`select count(*) from enrollments e where e.status = 'active' and not exists (select from outbox o where o.kind = 'start' and o.payload->>'enrollmentId' = e.id::text)`))

	due, err := b.store.PausedEffectsDue(t.Context(), b.now(), 1000)
	require.NoError(t, err)
	for _, p := range due {
		for range 2 { // once is enough
			_, err := pause.Release(t.Context(), b.store, p.EnrollmentID, p.ID, pause.Outcome{Signal: contract.SignalWait, Key: contract.ReleaseKey(p.ID.String())})
			require.NoError(t, err)
		}
	}
	require.Equal(t, 100, b.count(`select count(*) from enrollments e join outbox o on o.kind = 'start' and o.payload->>'enrollmentId' = e.id::text where e.status = 'active' and e.node = 'start'`))
	require.Zero(t, b.count(`select count(*) from outbox where kind = 'signal'`))
}

// J-168: a held entry counts for limits, exits, and has nothing in Temporal; one that was
// held for too long leaves.
func TestAHeldEntry(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "start", limit(hogsend.Once), exitOn("stop")))
	_, err := pause.Start(t.Context(), b.store, []string{"j"}, "", contract.HoldEntries, b.now())
	require.NoError(t, err)
	b.send(user("start", "u"))
	b.send(user("start", "u"))
	b.send(user("start", "v"))
	require.Zero(t, b.count(`select count(*) from outbox`))
	require.Equal(t, []string{"paused:start", "paused:start"}, b.texts(`select node from enrollments where status = 'waiting'`))
	require.Equal(t, []string{"enrolled", "already_active", "enrolled"}, b.outcomes("j"))
	require.Equal(t, 2, b.count(`select count(*) from decisions where detail = '{"held": true}'`))
	b.send(user("stop", "v"))
	require.NoError(t, pause.Resume(t.Context(), b.store, []string{"j"}, contract.SkipLate, 0, b.now().Add(time.Second)))
	due, err := b.store.PausedEffectsDue(t.Context(), b.now().Add(time.Second), 10)
	require.NoError(t, err)
	require.Len(t, due, 2)
	for _, p := range due {
		require.True(t, p.Leaves)
		require.NoError(t, b.ingester.LeaveLate(t.Context(), p.EnrollmentID))
		require.NoError(t, b.ingester.LeaveLate(t.Context(), p.EnrollmentID))
		_, err := pause.Release(t.Context(), b.store, p.EnrollmentID, p.ID, pause.Outcome{Signal: contract.SignalWait, Key: "k"})
		require.NoError(t, err)
	}
	require.ElementsMatch(t, []string{"exited event:stop", "exited paused_late"}, b.statuses("j"))
	require.Equal(t, 2, b.count(`select count(*) from events where name = 'journey:exited'`))
	b.send(user("start", "u"))
	require.Equal(t, "already_entered_once", b.outcomes("j")[3])
	require.Zero(t, b.count(`select count(*) from paused_effects where closed_at is null`))
	require.Zero(t, b.count(`select count(*) from outbox where kind <> 'cancel'`))
}
