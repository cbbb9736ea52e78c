package tests

import (
	"encoding/json"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/hogsend/hogsend/internal/contract"
)

// text is one value of the database.
func (r *rig) text(query string, args ...any) string {
	r.t.Helper()
	var s string
	require.NoError(r.t, r.pool.QueryRow(r.t.Context(), query, args...).Scan(&s))
	return s
}

// current is the current run of a workflow id, and how it stands.
func (r *rig) current(c client.Client, workflowID string) (runID string, status enums.WorkflowExecutionStatus) {
	r.t.Helper()
	found, err := c.DescribeWorkflowExecution(r.t.Context(), workflowID, "")
	require.NoError(r.t, err)
	info := found.GetWorkflowExecutionInfo()
	return info.GetExecution().GetRunId(), info.GetStatus()
}

// J-64, J-88, J-96, R-68: a retry goes on at the send that failed, under the same id
// and workflow id; what was sent before is not sent again. It may fail and be retried
// once more. A retry that is told twice is one.
func TestRetryGoesOnWhereItFailed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.client()
	r.resend.refuse("trial-ended")
	r.mustPost(event{Name: "trial.started", UserID: "ada", Email: "ada@example.com", Properties: map[string]any{"trialDays": 0}})
	r.eventually(1, `select count(*) from enrollments where status = 'failed'`)
	id, workflowID := r.text(`select id::text from enrollments`), r.text(`select workflow_id from enrollments`)
	firstRun := r.text(`select first_run_id from enrollments`)
	before := r.text(`select concat_ws('|', id, entry, created_at, workflow_id) from enrollments`)

	retry := func() string { return r.run("journeys", "retry", "trial-ending", id) }
	require.Contains(t, retry(), "active again")
	r.eventually(1, `select count(*) from enrollments where status = 'failed' and retries = 1`)
	require.Equal(t, 1, r.resend.callsOf(id+":send:trial-ended#1:r1"))

	r.resend.refuse("")
	retry()
	r.eventually(1, `select count(*) from enrollments where status = 'completed' and retries = 2 and error is null`)
	require.Equal(t, before, r.text(`select concat_ws('|', id, entry, created_at, workflow_id) from enrollments`))
	require.Equal(t, firstRun, r.text(`select first_run_id from enrollments`))
	require.Equal(t, 1, r.resend.callsOf(id+":send:trial-ending#1"))
	require.Equal(t, 1, r.resend.callsOf(id+":send:trial-ended#1"))
	require.Equal(t, 1, r.resend.callsOf(id+":send:trial-ended#1:r2"))
	require.Equal(t, map[string]int{"ada@example.com": 1}, r.resend.perRecipient("trial-ended"))
	require.Equal(t, "2 1", r.text(`select count(*) filter (where name = 'journey:failed') || ' ' || count(*) filter (where name = 'journey:completed') from events`))
	require.Equal(t, 2, r.count(`select count(*) from waits where status = 'timed_out'`), "no wait began again")

	// The same once more from the outbox.
	run, status := r.closed(c, workflowID)
	require.NotEqual(t, firstRun, run)
	require.Equal(t, enums.WORKFLOW_EXECUTION_STATUS_COMPLETED, status)
	_, err := r.pool.Exec(t.Context(), `update outbox set status = 'pending', due_at = now() where kind = 'retry'`)
	require.NoError(t, err)
	r.eventually(0, `select count(*) from outbox where status = 'pending'`)
	again, _ := r.current(c, workflowID)
	require.Equal(t, run, again)
	r.resend.noConflicts(t)
}

// J-96: killed between the reset and its acknowledgment, or before it, a retry is one.
func TestRetrySurvivesKills(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.resend.refuse("trial-ending")
	r.mustPost(event{Name: "trial.started", UserID: "ada", Email: "ada@example.com", Properties: map[string]any{"trialDays": 0}})
	r.eventually(1, `select count(*) from enrollments where status = 'failed'`)
	id := r.text(`select id::text from enrollments`)
	r.resend.refuse("")
	require.NoError(t, r.worker.kill())
	r.run("journeys", "retry", "trial-ending", id)
	r.resend.atNextMail(func(acceptedMail) { _ = r.worker.killNow() })
	require.NoError(t, r.worker.start())
	<-r.worker.ended
	require.NoError(t, r.worker.kill())
	require.NoError(t, r.worker.start())
	r.eventually(1, `select count(*) from enrollments where status = 'completed'`)
	require.Equal(t, map[string]int{"ada@example.com": 1}, r.resend.perRecipient("trial-ending"))
	require.Equal(t, map[string]int{"ada@example.com": 1}, r.resend.perRecipient("trial-ended"))
}

// J-100, J-101, J-103, J-104, J-112, R-61, R-62: what is paused is held before its
// next mail, survives a restart, and goes on with the resume; R-67 ends what is held.
func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	require.NoError(t, r.worker.kill())
	for _, user := range []string{"ada", "bob"} {
		r.mustPost(event{Name: "trial.started", UserID: user, Email: user + "@example.com", Properties: map[string]any{"trialDays": 0}})
	}
	require.Equal(t, "trial-ending is paused\n", r.run("journeys", "pause", "trial-ending"))
	require.NoError(t, r.worker.start())
	r.eventually(2, `select count(*) from enrollments where status = 'waiting' and node = 'paused:send:trial-ending'`)
	require.Equal(t, "2 held, 2 of them sends and 0 entries, 0 would be skipped\n", r.run("journeys", "resume", "trial-ending", "--preview", "--policy", "skip_late"))
	require.Contains(t, r.run("journeys", "inflight", "trial-ending"), "paused:send:trial-ending  2")
	require.Contains(t, r.run("journeys", "list"), "paused")

	bob := r.text(`select e.id::text from enrollments e join contacts c on c.id = e.contact_id where c.external_id = 'bob'`)
	require.Contains(t, r.run("journeys", "cancel", "trial-ending", bob), "exited")
	require.NoError(t, r.worker.kill())
	require.NoError(t, r.worker.start())
	require.Equal(t, "trial-ending goes on\n", r.run("journeys", "resume", "trial-ending"))
	r.eventually(1, `select count(*) from enrollments where status = 'completed'`)
	require.Equal(t, map[string]int{"ada@example.com": 1}, r.resend.perRecipient("trial-ending"))
	require.Equal(t, map[string]int{"ada@example.com": 1}, r.resend.perRecipient("trial-ended"))
	require.Equal(t, 1, r.count(`select count(*) from enrollments where status = 'exited' and exit_reason = 'admin'`))
	require.Equal(t, []string{"wait_started", "paused", "resumed", "sent"}, firsts(r, "wait_started", "paused", "resumed", "sent"))
}

// firsts are the first of each of the actions of whoever completed, in order.
func firsts(r *rig, actions ...string) []string {
	r.t.Helper()
	var got []string
	require.NoError(r.t, r.pool.QueryRow(r.t.Context(), `select array_agg(action order by first) from (
		select action, min(seq) as first from step_logs
		where enrollment_id = (select id from enrollments where status = 'completed') and action = any($1) group by action) a`, actions).Scan(&got))
	return got
}

// J-14, J-15, J-95, J-98: what nobody's binary defines is blocked, not failed, and
// doctor says so within a minute; it ends by retire. A terminated workflow fails.
func TestDoctorShowsWhoIsInTrouble(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.mustPost(event{Name: "user.created", UserID: "ada", Email: "ada@example.com"})
	r.eventually(1, `select count(*) from enrollments where status = 'waiting'`)
	// Somebody in a journey that this binary does not have.
	_, err := r.pool.Exec(t.Context(), `with e as (
		insert into enrollments (id, contact_id, journey_id, entry, status, node, trigger_event_id, trigger_seq, workflow_id, created_at, updated_at)
		select gen_random_uuid(), contact_id, 'gone', 1, 'active', 'start', trigger_event_id, trigger_seq, 'journey-gone/' || contact_id || '/1', now(), now() from enrollments
		returning *
	)
	insert into outbox (id, ordering_key, kind, key, payload, due_at, created_at)
	select gen_random_uuid(), contact_id, 'start', 'gone', jsonb_build_object('workflowId', workflow_id, 'workflowType', 'journey-gone',
		'enrollmentId', id, 'journeyId', 'gone', 'contactId', contact_id), now(), now() from e`)
	require.NoError(t, err)
	r.eventually(1, `select count(*) from enrollment_issues where kind = 'blocked' and detail like '%journey-gone%'`)
	report := r.findings()
	require.Contains(t, report["orphaned"], "1 in gone")
	require.Contains(t, report["blocked"], "1 in gone")
	require.Equal(t, "active", r.text(`select status from enrollments where journey_id = 'gone'`))

	require.Equal(t, "1 enrollments of gone are exited\n", r.run("journeys", "retire", "gone"))
	require.Equal(t, "retired", r.text(`select exit_reason from enrollments where journey_id = 'gone'`))
	require.Equal(t, "none", r.findings()["orphaned"])

	// Lost in Temporal: the reconciler finds it, here at its next start.
	c := r.client()
	require.NoError(t, c.TerminateWorkflow(t.Context(), r.text(`select workflow_id from enrollments where journey_id = 'activation-welcome'`), "", "test"))
	_, err = r.pool.Exec(t.Context(), `update waits set deadline = now() - interval '2 hours' where status = 'open'`)
	require.NoError(t, err)
	require.NoError(t, c.TerminateWorkflow(t.Context(), contract.ReconcilerType+"/"+contract.TaskQueue, "", "test"))
	require.NoError(t, r.worker.kill())
	require.NoError(t, r.worker.start())
	r.eventually(1, `select count(*) from enrollments where status = 'failed' and error = 'workflow lost: terminated'`)

	// J-96: it goes on where it stood, with the wait it had.
	_, err = r.pool.Exec(t.Context(), `update waits set deadline = now() + interval '1 hour'`)
	require.NoError(t, err)
	r.run("journeys", "retry", "activation-welcome", r.text(`select id::text from enrollments where journey_id = 'activation-welcome'`))
	r.mustPost(event{Name: "feature.used", UserID: "ada"})
	r.eventually(1, `select count(*) from enrollments where status = 'completed'`)
	require.Equal(t, map[string]int{"ada@example.com": 1}, r.resend.perRecipient("welcome"))
}

// findings are doctor's lines by check.
func (r *rig) findings() map[string]string {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), binary, "doctor", "--json")
	cmd.Env = append(os.Environ(), r.environ...)
	out, _ := cmd.Output() // it exits 1 when something is wrong
	var got struct {
		Findings []struct{ Check, Detail string }
	}
	require.NoError(r.t, json.Unmarshal(out, &got))
	byCheck := map[string]string{}
	for _, f := range got.Findings {
		byCheck[f.Check] = f.Detail
	}
	return byCheck
}
