package ingest_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/store"
)

// J-75, J-81, J-82, J-89: an exit ordered from outside is an exit like any other:
// status, reason, closed waits, journey:exited, what listens to it, and the cancel.
func TestExitFromOutside(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "start"), journey("after", "journey:exited"))
	b.send(user("start", "u"))
	id := b.enrollment("j")
	b.waiting(id, "x", "", nil)
	require.NoError(t, b.ingester.Exit(t.Context(), id, contract.ExitAdmin))
	require.Equal(t, []string{"exited admin"}, b.statuses("j"))
	require.Equal(t, []string{"closed"}, b.texts(`select status from waits`))
	require.Equal(t, []string{`admin`}, b.texts(`select properties->>'reason' from events where name = 'journey:exited'`))
	require.Equal(t, []string{"enrolled"}, b.outcomes("after"))
	require.Equal(t, []string{contract.CancelKey(id.String())},
		b.texts(`select o.key from outbox o join events e on e.id = o.event_id and e.name = 'journey:exited' where o.kind = 'cancel'`))

	var ended *ingest.EndedError
	require.ErrorAs(t, b.ingester.Exit(t.Context(), id, contract.ExitAdmin), &ended)
	require.Equal(t, contract.EnrollmentExited, ended.Status)
	require.ErrorIs(t, b.ingester.Exit(t.Context(), uuid.New(), contract.ExitAdmin), store.ErrNotFound)
	require.Equal(t, 1, b.count(`select count(*) from events where name = 'journey:exited'`))
}

// race calls fn n times at once and returns the errors.
func race(n int, fn func() error) []error {
	errs := make([]error, n)
	var calls sync.WaitGroup
	for i := range n {
		calls.Go(func() { errs[i] = fn() })
	}
	calls.Wait()
	return errs
}

func succeeded(errs []error) int {
	n := 0
	for _, err := range errs {
		if err == nil {
			n++
		}
	}
	return n
}

// J-82: two cancels racing are one exit, one journey:exited, one cancel.
func TestExitsRace(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "start"))
	b.send(user("start", "u"))
	id := b.enrollment("j")
	errs := race(8, func() error { return b.ingester.Exit(t.Context(), id, contract.ExitAdmin) })
	require.Equal(t, 1, succeeded(errs), errs)
	for _, err := range errs {
		var ended *ingest.EndedError
		require.True(t, err == nil || errors.As(err, &ended), err)
	}
	require.Equal(t, 1, b.count(`select count(*) from events where name = 'journey:exited'`))
	require.Equal(t, 1, b.count(`select count(*) from outbox where kind = 'cancel'`))
}

// J-34, J-100, J-109: a paused journey enrolls nobody; what came meanwhile is not
// kept for later.
func TestPausedJourneyEnrollsNobody(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "start", func(j *hogsend.Journey) { j.Aliases = []string{"old"} }))
	b.exec(`insert into journey_configs (journey_id, enabled, updated_at, paused_at, pause_entries) values ('j', true, now(), now(), 'drop')`)
	b.send(user("start", "u"))
	b.exec(`update journey_configs set paused_at = null`)
	require.Equal(t, []string{"journey_paused"}, b.outcomes("j"))
	b.send(user("start", "u"))
	require.Equal(t, []string{"journey_paused", "enrolled"}, b.outcomes("j"))

	// J-13: paused under a former id is paused.
	b.exec(`insert into journey_configs (journey_id, enabled, updated_at, paused_at, pause_entries) values ('old', false, now(), now(), 'drop')`)
	b.send(user("start", "v"))
	require.Equal(t, []string{"journey_paused", "enrolled", "journey_paused"}, b.outcomes("j"))
}

// J-109: a journey that is switched off enrolls nobody, and who is in it goes on to the
// end; what came meanwhile is not kept for later.
func TestDisabledJourneyGoesOnWithWhoIsInIt(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "start", exitOn("stop")), journey("after", "journey:completed"))
	for _, who := range []string{"waits", "leaves"} {
		b.send(user("start", who))
	}
	wait := b.waiting(b.idOf("j", "waits"), "paid", "", nil)
	b.exec(`insert into journey_configs (journey_id, enabled, updated_at) values ('j', false, now())`)
	b.sendAll(user("start", "comes"), user("paid", "waits"), user("stop", "leaves"))
	require.Equal(t, []string{"matched"}, b.texts(`select status from waits where id = $1`, wait))
	require.Equal(t, "completed", b.finish(b.idOf("j", "waits"), "completed"))
	require.Equal(t, []string{"completed", "exited"}, b.texts(`select status from enrollments where journey_id = 'j' order by 1`))
	require.Len(t, b.statuses("after"), 1)

	b.exec(`update journey_configs set enabled = true`)
	b.send(user("other", "comes"))
	require.Equal(t, []string{"enrolled", "enrolled", "journey_disabled_by_admin"}, b.outcomes("j"))
	b.send(user("start", "comes"))
	require.Len(t, b.outcomes("j"), 4)
}

// idOf is the newest enrollment of somebody.
func (b *bundle) idOf(journeyID, userID string) uuid.UUID {
	b.t.Helper()
	return uuid.MustParse(b.texts(`select e.id::text from enrollments e join contacts c on c.id = e.contact_id
		where e.journey_id = $1 and c.external_id = $2 order by e.entry desc limit 1`, journeyID, userID)[0])
}

// J-43: switched off and paused at once is switched off.
func TestSwitchedOffComesBeforePaused(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "start"))
	b.exec(`insert into journey_configs (journey_id, enabled, updated_at, paused_at) values ('j', false, now(), now())`)
	b.send(user("start", "u"))
	require.Equal(t, []string{"journey_disabled_by_admin"}, b.outcomes("j"))
}

// J-79: exit rules and ends apply to enrollments of a paused journey.
func TestPausedJourneysExit(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "start", exitOn("stop")))
	b.send(user("start", "u"))
	b.exec(`insert into journey_configs (journey_id, enabled, updated_at, paused_at) values ('j', true, now(), now())`)
	b.send(user("stop", "u"))
	require.Equal(t, []string{"exited event:stop"}, b.statuses("j"))
}

// J-100, J-101: an event of a paused journey is not stored, and its key stays free;
// one that was stored before is done.
func TestPausedJourneyTriggersNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "start"))
	b.send(user("start", "u"))
	id := b.enrollment("j")
	trigger := func(step string) error {
		_, err := b.ingester.TriggerFrom(t.Context(), id, step, "", ingest.Event{Name: "mine"})
		return err
	}
	require.NoError(t, trigger("a"))
	b.exec(`insert into journey_configs (journey_id, enabled, updated_at, paused_at) values ('j', true, now(), now())`)
	require.NoError(t, trigger("a"))
	require.ErrorIs(t, trigger("b"), ingest.ErrPaused)
	require.Equal(t, 1, b.count(`select count(*) from events where name = 'mine'`))
	b.exec(`update journey_configs set paused_at = null`)
	require.NoError(t, trigger("b"))
	require.Equal(t, 2, b.count(`select count(*) from events where name = 'mine'`))
}

func (b *bundle) fail(id uuid.UUID, text string) {
	b.t.Helper()
	_, err := b.ingester.Finish(b.t.Context(), id, ingest.End{Status: "failed", Error: text})
	require.NoError(b.t, err)
}

// J-30, J-64, J-88, J-96: a retry keeps id, entry and the instant of enrollment;
// what fails or ends afterwards is recorded once more.
func TestRetry(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "start"))
	b.send(user("start", "u"))
	id := b.enrollment("j")
	require.ErrorIs(t, b.ingester.Retry(t.Context(), id, "run"), ingest.ErrNotFailed)
	b.fail(id, "first")
	before := b.texts(`select concat_ws('|', id, entry, created_at, workflow_id) from enrollments`)
	require.NoError(t, b.ingester.Retry(t.Context(), id, "run-1"))
	require.Equal(t, before, b.texts(`select concat_ws('|', id, entry, created_at, workflow_id) from enrollments`))
	require.Equal(t, []string{"active|1"}, b.texts(`select concat_ws('|', status, retries, error, completed_at) from enrollments`))
	b.fail(id, "second")
	require.NoError(t, b.ingester.Retry(t.Context(), id, "run-2"))
	b.finish(id, "completed")
	require.Equal(t, []string{"completed|2"}, b.texts(`select concat_ws('|', status, retries, error) from enrollments`))

	require.Equal(t, []string{"enrolled start", "failed end", "retried retry#1", "failed end:r1", "retried retry#2", "completed end:r2"},
		b.texts(`select action || ' ' || step_key from step_logs order by at, seq`))
	require.Equal(t, []string{"journey:" + id.String() + ":completed", "journey:" + id.String() + ":failed:1", "journey:" + id.String() + ":failed:2"},
		b.texts(`select key from event_keys where space = 'internal' order by key`))
	require.Equal(t, []string{contract.RetryKey(id.String(), 1) + " run-1", contract.RetryKey(id.String(), 2) + " run-2"},
		b.texts(`select key || ' ' || (payload->>'runId') from outbox where kind = 'retry' order by seq`))
	require.Equal(t, []string{"enrolled"}, b.outcomes("j")) // guards have not run again
}

// J-96, J-98: a retry reopens the waits that the failure closed, and no others.
func TestRetryReopensWaits(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "start"))
	b.send(user("start", "u"))
	id := b.enrollment("j")
	matched, abandoned, open := b.waiting(id, "x", "", nil), b.waiting(id, "y", "", nil), b.waiting(id, "z", "", nil)
	b.send(user("x", "u"))
	b.exec(`update waits set status = 'closed', closed_at = clock_timestamp() where id = $1`, abandoned)
	b.fail(id, "boom")
	require.NoError(t, b.ingester.Retry(t.Context(), id, "run"))
	status := func(wait uuid.UUID) string { return b.texts(`select status from waits where id = $1`, wait)[0] }
	require.Equal(t, "matched closed open", status(matched)+" "+status(abandoned)+" "+status(open))
	b.send(user("z", "u"))
	require.Equal(t, "matched", status(open))
}

// J-49, J-96: no retry beside another enrollment of the journey, former ids included.
func TestRetryBesideAnotherEnrollment(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "start", func(j *hogsend.Journey) { j.Aliases = []string{"old"} }))
	b.send(user("start", "u"))
	first := b.enrollment("j")
	b.fail(first, "x")
	b.send(user("start", "u"))
	require.ErrorIs(t, b.ingester.Retry(t.Context(), first, "run"), ingest.ErrRival)
	b.exec(`update enrollments set journey_id = 'old' where entry = 2`)
	require.ErrorIs(t, b.ingester.Retry(t.Context(), first, "run"), ingest.ErrRival)
	b.finish(b.enrollment("old"), "completed")
	require.NoError(t, b.ingester.Retry(t.Context(), first, "run"))
}

// J-96: two retries racing are one.
func TestRetriesRace(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "start"))
	b.send(user("start", "u"))
	id := b.enrollment("j")
	b.fail(id, "x")
	errs := race(8, func() error { return b.ingester.Retry(t.Context(), id, "run") })
	require.Equal(t, 1, succeeded(errs), errs)
	require.Equal(t, 1, b.count(`select count(*) from outbox where kind = 'retry'`))
	require.Equal(t, []string{"1"}, b.texts(`select retries::text from enrollments`))
}
