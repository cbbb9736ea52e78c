package activities_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/activities"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/ingest"
)

// executions is Temporal as a test wants it: by workflow id; what is not there is open.
type executions struct {
	byID   map[string]activities.Execution
	err    error
	looked []string
}

func (x *executions) Look(_ context.Context, workflowID string) (activities.Execution, error) {
	x.looked = append(x.looked, workflowID)
	if found, ok := x.byID[workflowID]; ok {
		return found, x.err
	}
	return activities.Execution{Open: true}, x.err
}

// another enrolls somebody of its own and returns the enrollment's id and workflow id.
func (w *world) another(userID string) (id uuid.UUID, workflowID string) {
	w.t.Helper()
	_, err := w.Ingest.Ingest(w.t.Context(), ingest.Event{Name: "start", UserID: userID})
	require.NoError(w.t, err)
	w.exec(`update outbox set status = 'delivered'`)
	id = uuid.MustParse(w.newest())
	w.scan(&workflowID, `select workflow_id from enrollments where id = $1`, id)
	return id, workflowID
}

// aged lets time pass for everything that is there.
func (w *world) aged(d time.Duration) {
	w.t.Helper()
	w.exec(`update enrollments set updated_at = updated_at - make_interval(secs => $1)`, d.Seconds())
	w.exec(`update waits set deadline = deadline - make_interval(secs => $1), closed_at = closed_at - make_interval(secs => $1)`, d.Seconds())
}

func (w *world) reconcile(x *executions) {
	w.t.Helper()
	w.Executions = x
	require.NoError(w.t, w.Reconcile(w.t.Context()))
}

func (w *world) inspect(x *executions) {
	w.t.Helper()
	w.Executions = x
	require.NoError(w.t, w.Inspect(w.t.Context()))
}

func (w *world) status(id uuid.UUID) string {
	w.t.Helper()
	var s string
	w.scan(&s, `select status || coalesce(' ' || error, '') from enrollments where id = $1`, id)
	return s
}

// J-62, J-98, J-88: an enrollment untouched for an hour whose workflow is gone fails;
// one whose workflow is open is counted and not touched; a younger one is not looked at.
func TestLostAndStrandedEnrollments(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lost, lostFlow := w.another("lost")
	gone, goneFlow := w.another("gone")
	open, _ := w.another("open")
	w.aged(time.Hour + time.Second)
	young, youngFlow := w.another("young")
	x := &executions{byID: map[string]activities.Execution{
		lostFlow: {Status: "terminated"}, goneFlow: {Status: "unknown"}, youngFlow: {Status: "terminated"},
	}}
	w.reconcile(x)
	require.Equal(t, "failed workflow lost: terminated", w.status(lost))
	require.Equal(t, "failed workflow lost: unknown", w.status(gone))
	require.Equal(t, "active", w.status(open))
	require.Equal(t, "active", w.status(young))
	require.NotContains(t, x.looked, youngFlow)
	require.Equal(t, 2, w.count(`events where name = 'journey:failed'`))
	require.Equal(t, 1, w.count(`enrollment_issues where kind = 'stranded' and enrollment_id = $1`, open))
	before := w.count(`enrollments where id = $1 and updated_at < now() - interval '1 hour'`, open)
	require.Equal(t, 1, before, "it was not touched")

	// It can never block re-entry for ever.
	_, err := w.Ingest.Ingest(t.Context(), ingest.Event{Name: "start", UserID: "lost"})
	require.NoError(t, err)
	require.Equal(t, 2, w.count(`enrollments e join contacts c on c.id = e.contact_id where c.external_id = 'lost'`))

	// Once it has moved it is stranded no more.
	w.exec(`update enrollments set updated_at = now() where id = $1`, open)
	w.reconcile(&executions{})
	require.Zero(t, w.count(`enrollment_issues`))
}

// J-98: a wait is over an hour after its deadline, not before, and also when its
// event came and nobody noticed.
func TestOverdueWaits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		event string
		aged  time.Duration
		lost  bool
	}{
		"past the deadline": {"", 3*time.Hour + time.Second, true},
		"within the hour":   {"", 3*time.Hour - time.Minute, false},
		"woken in vain":     {"news", time.Hour + time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			claim := w.enroll("start")
			deadline := w.now().Add(2 * time.Hour)
			request := contract.BeginWaitRequest{Step: step(claim, "wait:news#1"), Label: "wait:news#1", Event: "news", After: claim.Now, Deadline: &deadline}
			_, err := w.BeginWait(t.Context(), request)
			require.NoError(t, err)
			if c.event != "" {
				w.event(c.event, "")
			}
			w.aged(c.aged)
			var flow string
			w.scan(&flow, `select workflow_id from enrollments`)
			w.reconcile(&executions{byID: map[string]activities.Execution{flow: {Status: "terminated"}}})
			require.Equal(t, c.lost, w.status(uuid.MustParse(claim.Enrollment.ID)) != "waiting")
		})
	}
}

// J-98: a start or a retry that is still to be delivered is not lost.
func TestUndeliveredStartsAreNotLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, flow := w.another("ada")
	x := &executions{byID: map[string]activities.Execution{flow: {Status: "failed"}}}
	w.exec(`update outbox set status = 'pending'`)
	w.aged(2 * time.Hour)
	w.reconcile(x)
	require.Equal(t, "active", w.status(id))
	w.exec(`update outbox set status = 'delivered'`)
	w.reconcile(x)
	require.Equal(t, "failed workflow lost: failed", w.status(id))

	require.NoError(t, w.Ingest.Retry(t.Context(), id, "run"))
	w.aged(2 * time.Hour)
	w.reconcile(x)
	require.Equal(t, "active", w.status(id))
}

// J-95: an enrollment whose workflow task fails again and again is shown with the
// error while that lasts; it never fails.
func TestBlockedEnrollments(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, flow := w.another("ada")
	w.another("bob")
	x := &executions{byID: map[string]activities.Execution{flow: {Open: true, Blocked: "panic: boom"}}}
	w.inspect(x)
	require.Zero(t, w.count(`enrollment_issues`), "it has only begun")
	w.aged(21 * time.Second)
	w.inspect(x)
	w.inspect(x)
	require.Equal(t, 1, w.count(`enrollment_issues where kind = 'blocked' and enrollment_id = $1 and detail = 'panic: boom'`, id))
	require.Equal(t, 1, w.count(`enrollment_issues`))
	require.Equal(t, "active", w.status(id))
	list, err := w.store.EnrollmentIssueList(t.Context())
	require.NoError(t, err)
	require.Equal(t, "blocked welcome 1 panic: boom", list[0].Kind+" "+list[0].JourneyID+" "+"1 "+list[0].Detail)

	x.byID[flow] = activities.Execution{Open: true}
	w.inspect(x)
	require.Zero(t, w.count(`enrollment_issues`))
}

// J-95, J-98: more than one page, and more than one round.
func TestManyInTroubleAreAllLookedAt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec(`with e as (
			insert into enrollments (id, contact_id, journey_id, entry, status, node, trigger_event_id, trigger_seq, workflow_id, created_at, updated_at)
			select gen_random_uuid(), gen_random_uuid(), 'welcome', 1, 'waiting', 'w', gen_random_uuid(), 1, 'flow-' || n, now(), now() from generate_series(1, 1001) n
			returning id, contact_id
		), b as (insert into enrollment_issues (enrollment_id, kind, since, seen_at) select id, 'blocked', now(), now() from e)
		insert into waits (id, enrollment_id, contact_id, step_key, label, status, event_id, event_seq, registered_at, closed_at)
		select gen_random_uuid(), id, contact_id, 'w', 'w', 'matched', gen_random_uuid(), 1, now(), now() - interval '2 hours' from e`)
	w.reconcile(&executions{})
	require.Equal(t, 1001, w.count(`enrollment_issues where kind = 'stranded'`))
	w.inspect(&executions{})
	require.Equal(t, 1, w.count(`enrollment_issues where kind = 'blocked'`), "the rest is for the next round")
	w.inspect(&executions{})
	require.Zero(t, w.count(`enrollment_issues where kind = 'blocked'`))
}

// Temporal away: nothing is decided.
func TestWithoutTemporalNobodyIsLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, flow := w.another("ada")
	w.aged(2 * time.Hour)
	w.Executions = &executions{err: errors.New("away"), byID: map[string]activities.Execution{flow: {Status: "unknown"}}}
	require.Error(t, w.Reconcile(t.Context()))
	require.Equal(t, "active", w.status(id))
}
