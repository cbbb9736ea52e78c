package ingest_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/ingest"
)

func (v *timed) delete(who string) bool {
	v.t.Helper()
	id, err := uuid.Parse(v.contact(who))
	require.NoError(v.t, err)
	found, err := v.ingester.Delete(v.t.Context(), id)
	require.NoError(v.t, err)
	return found
}

// everywhere is a journey that waits, and buckets that a click leads into, one of them
// with timers and a mirror.
func everywhere(t *testing.T) *timed {
	t.Helper()
	v := virtualWith(t, ingest.Config{Mirror: true, Journeys: []hogsend.Journey{journey("path", "click"), journey("hears", "journey:exited")}},
		segmentOf("clickers", hogsend.Event("click").Exists(), func(b *hogsend.Bucket) {
			b.SyncToPostHog = true
			b.Reactions = []hogsend.Reaction{hogsend.OnLeave(nothing), hogsend.OnDwell(hogsend.After(hogsend.Day), nothing)}
		}), segmentOf("idle", hogsend.Event("click").Within(hogsend.Day).NotExists()))
	v.settle()
	v.sendAll(user("click", "ada"), user("click", "bob"))
	return v
}

// I-48, J-83, B-15: everything ends in one transaction, and nobody hears of it.
func TestADeletedContactLeavesEverythingSilently(t *testing.T) {
	t.Parallel()
	v := everywhere(t)
	events := v.count(`select count(*) from events`)
	v.exec(`delete from outbox`)
	v.set(time.Hour)
	require.True(t, v.delete("ada"))

	require.Equal(t, []string{"bob #1"}, v.members("clickers"))
	require.Equal(t, []string{"left deleted 01:00:00"}, v.texts(`select status || ' ' || left_reason || ' ' || (left_at - $1) from memberships where status = 'left'`, monday))
	require.Equal(t, []string{"active", "exited deleted"}, v.texts(`select status || coalesce(' ' || exit_reason, '') from enrollments where journey_id = 'path' order by 1`))
	require.Equal(t, events, v.count(`select count(*) from events`), "not a word")
	require.Equal(t, []string{"cancel", "cancel", "mirror"}, v.texts(`select kind from outbox order by 1`), "workflow, timer and mirror are told")
	require.False(t, v.delete("ada"), "once more is nothing")
	require.Equal(t, 3, v.count(`select count(*) from outbox`))
}

// I-50: neither the clock nor a timer nor a backfill evaluates it.
func TestADeletedContactIsNotEvaluated(t *testing.T) {
	t.Parallel()
	v := everywhere(t)
	stay := v.stayOf("ada", "clickers")
	require.True(t, v.delete("ada"))
	v.pass(2 * hogsend.Day)
	require.Equal(t, []string{"bob #1"}, v.members("idle"))
	require.True(t, v.dwell(stay, hogsend.After(hogsend.Day)).Over)
	v.register("second", segmentOf("clickers", hogsend.Event("click").AtLeast(1)), segmentOf("new", hogsend.Event("click").Exists()))
	v.settle()
	require.Equal(t, []string{"bob #1"}, v.members("new"))
	require.Equal(t, []string{"bob #1"}, v.members("clickers"))
}

// I-49: what it did before is stored and does nothing; what it does after revives it,
// with new epochs.
func TestADeletedContactIsRevivedByWhatItDoesLater(t *testing.T) {
	t.Parallel()
	v := everywhere(t)
	v.set(2 * time.Hour)
	require.True(t, v.delete("ada"))
	v.set(3 * time.Hour)
	v.send(at(user("click", "ada"), monday.Add(2*time.Hour)))
	require.Equal(t, []string{"bob #1"}, v.members("clickers"))
	require.Equal(t, []string{"contact_deleted"}, v.texts(`select reason from decisions where journey_id = 'path' and outcome = 'skipped'`))
	v.send(at(user("other", "ada"), monday.Add(2*time.Hour+time.Microsecond)))
	require.Equal(t, []string{"ada #2", "bob #1"}, v.members("clickers"))
	require.Zero(t, v.count(`select count(*) from contacts where deleted_at is not null`))
}

// B-51: a bucket that is switched off, or gone, is left as well.
func TestADeletedContactLeavesFrozenBuckets(t *testing.T) {
	t.Parallel()
	v := everywhere(t)
	require.NoError(t, v.rollout.SwitchBucket(t.Context(), "clickers", false))
	require.True(t, v.delete("ada"))
	require.Equal(t, []string{"bob #1"}, v.members("clickers"))
	v.register("second")
	require.True(t, v.delete("bob"))
	require.Empty(t, v.members("clickers"))
}
