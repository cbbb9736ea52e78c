package ingest_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/clock"
	"github.com/hogsend/hogsend/internal/ingest"
)

// due lets schedules do what is due by now.
func (v *timed) due() (left time.Duration) {
	v.t.Helper()
	for {
		wait, err := v.clock.Due(v.t.Context())
		require.NoError(v.t, err)
		if wait > 0 {
			return wait
		}
	}
}

// told are the events of schedules, in order: who, which instant, when it came.
func (v *timed) told() []string {
	v.t.Helper()
	return v.texts(`select c.external_id || ' ' || (e.properties ->> 'dueAt') || ' ' || (date_trunc('second', e.received_at) - $1) || ' ' || e.source
		from events e join contacts c on c.id = e.contact_id where e.name like 'bucket:due:%' order by e.seq, 1`, monday)
}

func readers() hogsend.Bucket { return segmentOf("readers", hogsend.Event("read").Exists()) }

// weekly is a journey on Tuesdays at nine in Berlin, 08:00 UTC in winter.
func weekly(id string) hogsend.Journey {
	return hogsend.Journey{
		ID: id, Name: "Weekly", EntryLimit: hogsend.Unlimited, Run: nothing,
		Trigger: hogsend.OnSchedule(hogsend.Weekly(time.Tuesday, "9:00").TZ("Europe/Berlin"), readers()),
	}
}

const tuesday = 22 * time.Hour // after the Monday of the tests, at ten

func TestASchedulesMembersEnterOnceAtEachInstant(t *testing.T) {
	t.Parallel()
	v := virtualWith(t, ingest.Config{Journeys: []hogsend.Journey{weekly("digest")}}, readers())
	require.NoError(t, v.clock.BeginSchedules(t.Context()))
	v.sendAll(user("read", "ada"), user("read", "bob"), user("click", "cleo"))

	require.Equal(t, tuesday, v.due(), "not before")
	require.Empty(t, v.told())
	v.set(tuesday)
	require.Equal(t, 7*hogsend.Day, v.due())
	require.Equal(t, []string{
		"ada 2026-01-06T08:00:00Z 22:00:00 bucket", "bob 2026-01-06T08:00:00Z 22:00:00 bucket",
	}, v.told())
	require.Equal(t, []string{"active", "active"}, v.statuses("digest"))
	v.due()
	require.Len(t, v.told(), 2, "once more is nothing")

	// The guards are those of every event: who is still in it does not enter again.
	v.set(tuesday + 7*hogsend.Day)
	v.due()
	require.Len(t, v.told(), 4)
	require.Equal(t, []string{"already_active", "already_active", "enrolled", "enrolled"}, v.texts(`select coalesce(reason, outcome) from decisions order by 1`))
}

func TestWhoEntersAfterTheInstantWaitsForTheNext(t *testing.T) {
	t.Parallel()
	v := virtualWith(t, ingest.Config{Journeys: []hogsend.Journey{weekly("digest")}}, readers())
	require.NoError(t, v.clock.BeginSchedules(t.Context()))
	v.set(tuesday - time.Second)
	v.send(user("read", "intime"))
	v.set(tuesday)
	v.send(user("read", "late")) // a microsecond later: two things of one instant have an order
	v.due()
	require.Equal(t, []string{"intime 2026-01-06T08:00:00Z 22:00:00 bucket"}, v.told())
}

func TestOnlyTheNewestOfTheMissedInstantsIsMadeUpFor(t *testing.T) {
	t.Parallel()
	v := virtualWith(t, ingest.Config{Journeys: []hogsend.Journey{weekly("digest")}}, readers())
	require.NoError(t, v.clock.BeginSchedules(t.Context()))
	v.send(user("read", "ada"))
	v.set(tuesday + 24*hogsend.Day)
	v.due()
	require.Equal(t, []string{"ada 2026-01-27T08:00:00Z 24 days 22:00:00 bucket"}, v.told())
}

// A chunk that was told before its progress was stored is told again, to nobody.
func TestAChunkThatIsRepeatedTellsNobodyTwice(t *testing.T) {
	t.Parallel()
	v := virtualWith(t, ingest.Config{Journeys: []hogsend.Journey{weekly("digest"), weekly("other")}}, segmentOf("readers", hogsend.Prop("reads").Exists()))
	require.NoError(t, v.clock.BeginSchedules(t.Context()))
	v.people(1203, `{"reads": "daily"}`)
	v.settle()
	v.set(tuesday)
	wait, err := v.clock.Due(t.Context())
	require.NoError(t, err)
	require.Zero(t, wait)
	require.Len(t, v.told(), 500, "one chunk a call")
	v.exec(`update schedules set position = $1`, uuid.Nil) // it died before it stored how far it was
	v.due()
	require.Equal(t, 1203, v.count(`select count(distinct contact_id) from events where name like 'bucket:due:%'`))
	require.Len(t, v.told(), 1203)
	require.Equal(t, 2406, v.count(`select count(*) from enrollments`))
}

// The clock comes first: who has left by then is told nothing.
func TestWhoLeavesBeforeTheRunIsNotTold(t *testing.T) {
	t.Parallel()
	v := virtualWith(t, ingest.Config{Journeys: []hogsend.Journey{weekly("digest")}}, segmentOf("readers", hogsend.Event("read").Within(hogsend.Day).Exists()))
	require.NoError(t, v.clock.BeginSchedules(t.Context()))
	v.send(user("read", "ada"))
	v.pass(tuesday + 3*time.Hour) // nobody was told for three hours, ada's day is over
	v.due()
	require.Empty(t, v.told())
}

// The clock that workers run begins the schedules and looks at them.
func TestTheClockRunsSchedules(t *testing.T) {
	t.Parallel()
	v := virtualWith(t, ingest.Config{Journeys: []hogsend.Journey{weekly("digest")}}, readers())
	v.send(user("read", "ada"))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- v.rollout.Clock().Run(ctx) }()
	eventually := func(sql string) {
		require.Eventually(t, func() bool { return v.count(sql) == 1 }, 5*time.Minute, 10*time.Millisecond)
	}
	eventually(`select count(*) from schedules`)
	v.set(tuesday)
	eventually(`select count(*) from enrollments`)
	stop()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.Len(t, v.told(), 1)
}

func TestASwitchedOffBucketLetsItsInstantsPass(t *testing.T) {
	t.Parallel()
	v := virtualWith(t, ingest.Config{Journeys: []hogsend.Journey{weekly("digest")}}, readers())
	require.NoError(t, v.clock.BeginSchedules(t.Context()))
	v.send(user("read", "ada"))
	require.NoError(t, v.rollout.SwitchBucket(t.Context(), "readers", false)) // B-51
	v.set(tuesday)
	v.due()
	require.NoError(t, v.rollout.SwitchBucket(t.Context(), "readers", true))
	v.settle()
	require.Equal(t, 7*hogsend.Day, v.due())
	require.Empty(t, v.told())
}

func TestASchedulesFirstInstantIsAfterItsRegistration(t *testing.T) {
	t.Parallel()
	v := virtualWith(t, ingest.Config{Journeys: []hogsend.Journey{weekly("digest")}}, readers())
	v.set(tuesday)
	require.NoError(t, v.clock.BeginSchedules(t.Context()))
	require.Equal(t, 7*hogsend.Day, v.due())

	// A build without it forgets how far it was; one that has it goes on.
	require.NoError(t, v.clock.BeginSchedules(t.Context()))
	require.Equal(t, []string{"2026-01-13 08:00:00+00"}, v.texts(`select (due_at at time zone 'UTC') || '+00' from schedules`))
	require.NoError(t, v.another(ingest.Config{}).clock.BeginSchedules(t.Context()))
	require.Zero(t, v.count(`select count(*) from schedules`))
	wait, err := v.clock.Due(t.Context())
	require.NoError(t, err)
	require.Equal(t, clock.Never, wait)
}

// J-33, J-34, J-109: an instant that comes while the journey is off or paused is gone.
func TestASchedulesInstantIsNotKeptForAPausedJourney(t *testing.T) {
	t.Parallel()
	v := virtualWith(t, ingest.Config{Journeys: []hogsend.Journey{weekly("off"), weekly("paused")}}, readers())
	require.NoError(t, v.clock.BeginSchedules(t.Context()))
	v.send(user("read", "ada"))
	v.exec(`insert into journey_configs (journey_id, enabled, updated_at, paused_at, pause_entries) values ('off', false, now(), null, 'hold'), ('paused', true, now(), now(), 'drop')`)
	v.set(tuesday)
	v.due()
	v.exec(`delete from journey_configs`)
	require.Equal(t, 7*hogsend.Day, v.due())
	require.Equal(t, []string{"journey_disabled_by_admin"}, v.outcomes("off"))
	require.Equal(t, []string{"journey_paused"}, v.outcomes("paused"))
	v.set(tuesday + 7*hogsend.Day)
	v.due()
	require.Equal(t, []string{"journey_disabled_by_admin", "enrolled"}, v.outcomes("off"))
	require.Equal(t, []string{"journey_paused", "enrolled"}, v.outcomes("paused"))
}
