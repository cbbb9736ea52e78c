package pause_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/internal/decide/steps"
	"github.com/hogsend/hogsend/internal/pause"
	"github.com/hogsend/hogsend/internal/store"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

var noon = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)

// bench is an enrollment of the journey "j" on a database of the test's own.
type bench struct {
	*store.Store
	t          *testing.T
	enrollment uuid.UUID
}

func setup(t *testing.T) *bench {
	t.Helper()
	b := &bench{Store: dbtest.DB(t), t: t, enrollment: uuid.New()}
	contact := uuid.New()
	b.exec(`insert into contacts (id, first_seen_at, last_seen_at, created_at, updated_at) values ($1, now(), now(), now(), now())`, contact)
	b.exec(`insert into enrollments (id, contact_id, journey_id, entry, status, node, trigger_event_id, trigger_seq, workflow_id, created_at, updated_at)
		values ($1, $2, 'j', 1, 'waiting', 'paused:node', $2, 1, 'w', now(), now())`, b.enrollment, contact)
	return b
}

func (b *bench) exec(query string, args ...any) {
	b.t.Helper()
	_, err := b.Pool.Exec(b.t.Context(), query, args...)
	require.NoError(b.t, err)
}

func (b *bench) text(query string, args ...any) (s string) {
	b.t.Helper()
	require.NoError(b.t, b.Pool.QueryRow(b.t.Context(), query, args...).Scan(&s))
	return s
}

// hold is an effect that a pause holds, the nth of its step.
func (b *bench) hold(n int, isSend bool, heldAt time.Time, dueAt *time.Time) uuid.UUID {
	b.t.Helper()
	id := uuid.New()
	b.exec(`insert into paused_effects (id, enrollment_id, journey_id, step_key, n, node, is_send, held_at, due_at) values ($1, $2, 'j', 'step', $3, 'node', $4, $5, $6)`,
		id, b.enrollment, n, isSend, heldAt, dueAt)
	return id
}

func TestAJourneyIsPausedOnceAndResumedOnce(t *testing.T) { // J-100, J-103
	t.Parallel()
	b := setup(t)
	ids := []string{"j", "former"}
	first, err := pause.Start(t.Context(), b.Store, ids, "an outage", contract.HoldEntries, noon)
	require.NoError(t, err)
	again, err := pause.Start(t.Context(), b.Store, ids, "another", contract.HoldEntries, noon.Add(time.Hour))
	require.NoError(t, err)
	require.Equal(t, first, again)

	id := b.hold(1, true, noon, nil)
	require.NoError(t, pause.Resume(t.Context(), b.Store, ids, contract.CatchUp, time.Hour, noon.Add(2*time.Hour)))
	require.NoError(t, pause.Resume(t.Context(), b.Store, ids, contract.SkipLate, time.Hour, noon.Add(9*time.Hour)), "nothing is paused any more")
	require.Equal(t, "true false", b.text(`select (due_at = $1) || ' ' || skip from paused_effects where id = $2`, noon.Add(2*time.Hour), id))
}

func TestAPausedEffectIsReleasedOnce(t *testing.T) { // J-102, J-103
	t.Parallel()
	b := setup(t)
	id := b.hold(1, true, noon, &noon)
	for _, want := range []bool{true, false} {
		released, err := pause.Release(t.Context(), b.Store, b.enrollment, id, pause.Outcome{BuildID: "b", Signal: contract.SignalWait, Key: contract.ReleaseKey(id.String())})
		require.NoError(t, err)
		require.Equal(t, want, released)
	}
	require.Equal(t, "active node", b.text(`select status || ' ' || node from enrollments`))
	require.Equal(t, "1 1", b.text(`select (select count(*) from outbox) || ' ' || (select count(*) from step_logs where action = 'resumed')`))

	id = b.hold(2, true, noon, &noon)
	b.exec(`update enrollments set status = 'exited', node = 'node'`)
	released, err := pause.Release(t.Context(), b.Store, b.enrollment, id, pause.Outcome{Signal: contract.SignalWait, Key: contract.ReleaseKey(id.String())})
	require.NoError(t, err)
	require.False(t, released, "its enrollment has ended")
	require.Equal(t, "1 0", b.text(`select (select count(*) from outbox) || ' ' || (select count(*) from paused_effects where closed_at is null)`))
	_, err = pause.Release(t.Context(), b.Store, uuid.New(), id, pause.Outcome{})
	require.ErrorIs(t, err, store.ErrNotFound)
}

// ago draws an instant in whole minutes before noon, so that random instants often meet.
func ago(t *rapid.T, label string) time.Time {
	return noon.Add(-time.Duration(rapid.IntRange(0, 300).Draw(t, label)) * time.Minute)
}

func TestAResumeReleasesAllAsOneIsDecided(t *testing.T) { // J-103 to J-106
	t.Parallel()
	b := setup(t)
	rapid.Check(t, func(t *rapid.T) {
		b.exec(`delete from paused_effects`)
		resume := steps.Resume{
			PausedAt: ago(t, "paused"), Now: noon, LateAfter: time.Hour,
			Policy: rapid.SampledFrom([]contract.ResumePolicy{contract.CatchUp, contract.SkipLate, contract.Reschedule}).Draw(t, "policy"),
		}
		type release struct {
			due  time.Time
			skip bool
		}
		want := map[uuid.UUID]release{}
		for n := range rapid.IntRange(1, 4).Draw(t, "held") {
			heldAt, isSend := ago(t, "held at"), rapid.Bool().Draw(t, "is a send")
			var wasDue *time.Time
			var due time.Time
			if rapid.Bool().Draw(t, "was due") {
				due = ago(t, "due").Add(2 * time.Hour)
				wasDue = &due
			}
			var one release
			one.due, one.skip = resume.Release(heldAt, due, isSend)
			want[b.hold(n, isSend, heldAt, wasDue)] = one
		}
		_, err := pause.Start(t.Context(), b.Store, []string{"j"}, "", contract.HoldEntries, resume.PausedAt)
		require.NoError(t, err)
		require.NoError(t, pause.Resume(t.Context(), b.Store, []string{"j"}, resume.Policy, resume.LateAfter, noon))
		for id, one := range want {
			var got release
			require.NoError(t, b.Pool.QueryRow(t.Context(), `select due_at, skip from paused_effects where id = $1`, id).Scan(&got.due, &got.skip))
			got.due = got.due.UTC()
			require.Equal(t, one, got)
		}
	})
}
