package tests

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/hogsend/hogsend/internal/contract"
)

// The main job: an event, the mail at once, the wait, the event that ends it.
func TestFromAnEventToAMail(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	got := r.mustPost(event{Name: "user.created", UserID: "ada", Email: "ada@example.com", Key: "k1"})
	require.True(t, got.Stored)
	require.False(t, r.mustPost(event{Name: "user.created", UserID: "ada", Email: "ada@example.com", Key: "k1"}).Stored, "I-36: a repeat")
	r.eventually(1, `select count(*) from enrollments where status = 'waiting' and node = 'wait-event:feature.used'`)
	require.Equal(t, map[string]int{"ada@example.com": 1}, r.resend.perRecipient("welcome"))

	r.inTemporal(t)

	r.mustPost(event{Name: "feature.used", UserID: "ada"})
	r.eventually(1, `select count(*) from enrollments where status = 'completed'`)
	require.Empty(t, r.resend.perRecipient("nudge"))
	require.Equal(t, []string{"enrolled", "sent", "wait_started", "wait_ended", "completed"}, r.actions("activation-welcome")) // J-113
	require.Equal(t, 1, r.count(`select count(*) from events where name = 'journey:completed' and source = 'journey'`))        // J-87
}

// inTemporal checks what Temporal's own tools see of the one open enrollment
// (J-50, J-148, J-149).
func (r *rig) inTemporal(t *testing.T) {
	t.Helper()
	c := r.client()
	var workflowID, contactID, enrollmentID string
	require.NoError(t, r.pool.QueryRow(t.Context(), `select workflow_id, contact_id::text, id::text from enrollments`).Scan(&workflowID, &contactID, &enrollmentID))
	require.Equal(t, contract.JourneyWorkflowID("activation-welcome", contactID, 1), workflowID)

	// Visibility lags a little behind.
	r.until("the workflow is not listed", func() bool {
		list, err := c.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{
			Query: `HogsendJourney="activation-welcome" AND HogsendContact="` + contactID + `" AND ExecutionStatus="Running"`,
		})
		return err == nil && len(list.Executions) == 1 && list.Executions[0].Execution.WorkflowId == workflowID &&
			list.Executions[0].Type.Name == "journey-activation-welcome"
	})
	r.parked(c, workflowID)

	answer, err := c.QueryWorkflow(t.Context(), workflowID, "", contract.QueryState)
	require.NoError(t, err)
	var state map[string]any
	require.NoError(t, answer.Get(&state))
	require.Equal(t, "waiting", state["status"])
	require.Equal(t, "wait-event:feature.used", state["node"])
	require.Equal(t, enrollmentID, state["stateId"])
	require.Equal(t, []any{"feature.used"}, state["waitingFor"].(map[string]any)["events"])

	// Invariant 9: nobody's address is anywhere in the history.
	history := c.GetWorkflowHistory(t.Context(), workflowID, "", false, 0)
	for history.HasNext() {
		e, err := history.Next()
		require.NoError(t, err)
		raw, err := json.Marshal(e)
		require.NoError(t, err)
		require.NotContains(t, string(raw), "ada@")
		require.NotContains(t, e.String(), "ada@")
	}
}

// actions are the step log of the newest enrollment of a journey, in order.
func (r *rig) actions(journey string) []string {
	r.t.Helper()
	var actions []string
	require.NoError(r.t, r.pool.QueryRow(r.t.Context(), `select array_agg(action order by seq) from step_logs
		where enrollment_id = (select id from enrollments where journey_id = $1 order by created_at desc limit 1)`, journey).Scan(&actions))
	return actions
}

// J-71 to J-76: a payment that succeeds ends the reminders in its own transaction.
func TestAnExitEndsTheJourney(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.mustPost(event{Name: "payment.failed", UserID: "ada", Email: "ada@example.com", Properties: map[string]any{"amount": 49, "invoiceId": "I-1"}})
	r.eventually(1, `select count(*) from enrollments where status = 'waiting' and node = 'wait:48h'`)
	got := r.mustPost(event{Name: "payment.succeeded", UserID: "ada", Properties: map[string]any{"invoiceId": "I-1"}})
	require.Equal(t, []exit{{"payment-failed", true}}, got.Exits)
	require.Equal(t, 1, r.count(`select count(*) from enrollments where status = 'exited' and exit_reason = 'event:payment.succeeded'`), "committed before the reply")

	c := r.client()
	var workflowID string
	require.NoError(t, r.pool.QueryRow(t.Context(), `select workflow_id from enrollments`).Scan(&workflowID))
	ctx, cancel := context.WithTimeout(t.Context(), r.patience)
	defer cancel()
	require.ErrorContains(t, c.GetWorkflow(ctx, workflowID, "").Get(ctx, nil), "canceled") // J-70
	require.Equal(t, map[string]int{"ada@example.com": 1}, r.resend.perRecipient("payment-failed"))

	// J-20: an unmatched condition starts nothing and is said.
	r.mustPost(event{Name: "payment.failed", UserID: "bob", Email: "bob@example.com", Properties: map[string]any{"amount": 0}})
	require.Equal(t, 1, r.count(`select count(*) from decisions where outcome = 'skipped' and reason = 'trigger_conditions_not_met'`))
}

// I-2, J-52, J-79: Temporal is down; events are accepted, exits are complete, and the
// work goes on when it returns.
func TestTemporalDown(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	require.NoError(t, r.temporal.kill())
	r.mustPost(event{Name: "user.created", UserID: "ada", Email: "ada@example.com"})
	r.mustPost(event{Name: "payment.failed", UserID: "ada", Properties: map[string]any{"amount": 49, "invoiceId": "I-1"}})
	require.Equal(t, []exit{{"activation-welcome", false}, {"payment-failed", true}}, r.mustPost(event{Name: "payment.succeeded", UserID: "ada", Properties: map[string]any{"invoiceId": "I-1"}}).Exits)
	require.Equal(t, 1, r.count(`select count(*) from enrollments where status = 'exited'`))

	require.NoError(t, r.temporal.start())
	r.eventually(1, `select count(*) from enrollments where status = 'waiting'`)
	r.eventually(0, `select count(*) from outbox where status = 'pending'`)
	require.Equal(t, map[string]int{"ada@example.com": 1}, r.resend.perRecipient("welcome"))
	require.Empty(t, r.resend.perRecipient("payment-failed"), "J-55: exited before it started")
	require.Zero(t, r.count(`select count(*) from dead_letters`))
}

// I-3: Postgres is down; 503 with Retry-After, nothing half done, and the same key is
// accepted afterwards.
func TestPostgresDown(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	e := event{Name: "user.created", UserID: "ada", Email: "ada@example.com", Key: "k1"}
	require.NoError(t, r.database.Kill())
	got, err := r.post(t.Context(), e)
	require.NoError(t, err)
	require.Equal(t, http.StatusServiceUnavailable, got.Status)
	require.NotEmpty(t, got.Header.Get("Retry-After"))

	require.NoError(t, r.startDatabase())
	ctx, cancel := context.WithTimeout(t.Context(), r.patience)
	defer cancel()
	require.NoError(t, r.insist(ctx, e))
	r.eventually(1, `select count(*) from sends where status = 'sent'`)
	require.Equal(t, 1, r.count(`select count(*) from events where name = 'user.created'`))
}

// O-33: doctor finds a healthy installation healthy, and names what is not.
func TestDoctor(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	report, err := r.command("doctor", "--json").Output()
	var failed *exec.ExitError // what the world's DNS has for example.com is not ours to say (O-58)
	require.True(t, err == nil || errors.As(err, &failed), err)
	var got struct {
		Findings []struct {
			Check string
			OK    bool
		}
	}
	require.NoError(t, json.Unmarshal(report, &got), string(report))
	require.NotEmpty(t, got.Findings)
	for _, f := range got.Findings {
		if !slices.Contains([]string{"SPF", "return path", "DKIM", "DMARC", "mail to the domain"}, f.Check) {
			require.True(t, f.OK, "%s: %s", f.Check, report)
		}
	}
	require.Equal(t, "already up to date\n", r.run("migrate")) // O-35
	require.True(t, strings.HasPrefix(r.run("keys", "create", "--name", "ci", "--scope", "ingest"), "hsk_"))
}

// J-86: a workflow canceled in Temporal ends its enrollment as exited.
func TestAWorkflowCanceledInTemporalEndsItsEnrollment(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.mustPost(event{Name: "user.created", UserID: "ada", Email: "ada@example.com"})
	r.eventually(1, `select count(*) from enrollments where status = 'waiting'`)
	var workflowID string
	require.NoError(t, r.pool.QueryRow(t.Context(), `select workflow_id from enrollments`).Scan(&workflowID))
	require.NoError(t, r.client().CancelWorkflow(t.Context(), workflowID, ""))
	r.eventually(1, `select count(*) from enrollments where status = 'exited' and exit_reason = 'canceled'`)
	require.Equal(t, 1, r.count(`select count(*) from events where name = 'journey:exited'`)) // J-89
	require.Zero(t, r.count(`select count(*) from waits where status = 'open'`))

	// The wait is void: the event is stored and wakes nobody.
	require.Empty(t, r.mustPost(event{Name: "feature.used", UserID: "ada"}).Exits)
}

// J-84, E-13: who has opted out gets no mail, and the journey goes on.
func TestAnOptOutHoldsTheMailAndNotTheJourney(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	_, err := r.pool.Exec(t.Context(), `insert into preferences (id, email, email_key, categories, created_at, updated_at)
		values (gen_random_uuid(), 'ada@example.com', 'ada@example.com', '{"journey": false}', now(), now())`)
	require.NoError(t, err)
	r.mustPost(event{Name: "user.created", UserID: "ada", Email: "Ada@Example.com"})
	r.eventually(1, `select count(*) from enrollments where status = 'waiting'`)
	require.Equal(t, 1, r.count(`select count(*) from sends where status = 'suppressed' and reason = 'category_opt_out' and html = ''`)) // E-17
	require.Empty(t, r.resend.perRecipient("welcome"))
	require.Equal(t, []string{"enrolled", "send_gated", "wait_started"}, r.actions("activation-welcome"))
}

// W-14: the clock is heard of several times within the time after which it is taken for
// dead. Left alone, Temporal's SDK keeps heartbeats back until most of it is over.
func TestTheClockIsHeardOfLongBeforeItIsTakenForDead(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.client()
	const often = 6 * time.Second // of 14; a busy machine may need several looks
	var last time.Time
	r.until("the clock's heartbeats are far apart", func() bool {
		found, err := c.DescribeWorkflowExecution(t.Context(), contract.ClockID, "")
		require.NoError(t, err)
		for _, a := range found.GetPendingActivities() {
			at := a.GetLastHeartbeatTime()
			if at == nil || at.AsTime().Equal(last) {
				continue
			}
			gap := at.AsTime().Sub(last)
			last = at.AsTime()
			if gap > 0 && gap <= often {
				return true
			}
		}
		return false
	})
}
