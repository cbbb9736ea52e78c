package activities_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/pause"
)

// whereabouts is where the enrollment stands, and its open waits.
func (w *world) whereabouts(claim contract.Claim) string {
	w.t.Helper()
	var text string
	w.scan(&text, `select e.status || ' ' || e.node || coalesce((select string_agg(' ' || w.step_key, '' order by w.registered_at) from waits w where w.enrollment_id = e.id and w.status = 'open'), '')
		from enrollments e where e.id = $1`, claim.Enrollment.ID)
	return text
}

// deferred is what verdict says of a send that waits until an instant.
func deferred(until time.Time) string { return "deferred " + until.Format(time.RFC3339Nano) }

// later is a send that is deferred when it is held.
func later(claim contract.Claim, n int) contract.SendRequest {
	r := hello(claim, n)
	r.OnBlocked = hogsend.Defer
	return r
}

// E-26, E-27, J-134: nothing is claimed until the very instant at which the check
// passes, and the enrollment waits.
func TestDeferral(t *testing.T) {
	t.Parallel()
	hour, day := time.Hour, hogsend.Day
	for name, tt := range map[string]struct {
		define  func(*hogsend.Registry)
		earlier []earlier
		reason  string
		until   time.Time
		last    time.Time // the last instant at which it is held
	}{
		"window": {func(r *hogsend.Registry) { r.Defaults.SendWindow = hogsend.Window{Start: "18:00", End: "20:00"} }, nil, "outside_window", noon.Add(6 * hour), noon.Add(6*hour - time.Microsecond)},
		"gap": {
			func(r *hogsend.Registry) { r.Journeys[0].MinSendGap = day },
			[]earlier{{at: noon.Add(-2 * hour)}, {at: noon.Add(-hour)}},
			"suppress_gap", noon.Add(day - hour), noon.Add(day - hour - time.Microsecond),
		},
		"cap": { // 4 counted of 2: the third oldest has to go
			func(r *hogsend.Registry) { r.Defaults.FrequencyCap = hogsend.FrequencyCap{Count: 2, Window: day} },
			[]earlier{{at: noon.Add(-4 * hour)}, {at: noon.Add(-3 * hour)}, {at: noon.Add(-2 * hour)}, {at: noon.Add(-hour)}},
			"frequency_capped", noon.Add(day - 2*hour + time.Millisecond), noon.Add(day - 2*hour),
		},
		"cap of a category": {
			func(r *hogsend.Registry) {
				r.Defaults.FrequencyCap = hogsend.FrequencyCap{Count: 9, Window: day, ByCategory: map[string]hogsend.CategoryCap{"journey": {Count: 1, Window: 3 * day}}}
			},
			[]earlier{{at: noon.Add(-2 * day)}, {at: noon.Add(-hour), category: "news"}},
			"frequency_capped", noon.Add(day + time.Millisecond), noon.Add(day),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, set := newClockedWorld(t, noon)
			w.define(tt.define)
			claim := w.enroll("start")
			w.sentEarlier(tt.earlier...)
			r := later(claim, 1)
			require.Equal(t, deferred(tt.until), w.verdict(r))
			for _, at := range []time.Time{noon, noon, tt.last} { // a repeated attempt changes nothing
				set(at)
				require.Equal(t, deferred(tt.until), w.verdict(r))
			}
			require.Equal(t, "waiting defer:hello send:hello#1:defer#1", w.whereabouts(claim))
			require.Equal(t, 1, w.count(`step_logs where action = 'send_gated' and to_node = 'defer:hello' and at = $1
				and detail->>'reason' = $2 and (detail->>'until')::timestamptz = $3`, noon, tt.reason, tt.until))
			require.Equal(t, 1, w.count(`step_logs where action = 'send_gated'`))
			require.Equal(t, len(tt.earlier), w.count(`sends`), "no row, which nothing counts (E-22)")

			set(tt.until)
			require.Equal(t, "sent ", w.verdict(r))
			require.Equal(t, "active send:hello", w.whereabouts(claim))
			require.Equal(t, 1, w.count(`sends where key = $1 and claimed_at = $2`, r.Key, tt.until))
			require.Equal(t, "sent ", w.verdict(r))
			require.Len(t, w.provider.accepted, 1)
			require.Equal(t, 1, w.count(`waits where status = 'timed_out' and closed_at = $1`, tt.until))
		})
	}
}

// E-26: a microsecond before, one that is not yet deferred is held.
func TestWhatIsHeldIsHeldToTheInstant(t *testing.T) {
	t.Parallel()
	w, set := newClockedWorld(t, noon)
	w.define(func(r *hogsend.Registry) { r.Defaults.FrequencyCap = hogsend.FrequencyCap{Count: 1, Window: time.Hour} })
	claim := w.enroll("start")
	w.sentEarlier(earlier{at: noon.Add(-time.Hour)})
	require.Equal(t, "skipped frequency_capped", w.verdict(hello(claim, 1)))
	set(noon.Add(time.Microsecond))
	require.Equal(t, "sent ", w.verdict(hello(claim, 2)))
}

// E-26: the send's own word comes first; E-15, E-16: what passes the checks is not
// deferred by them; J-133: a gap defers only what says so itself.
func TestWhatIsDeferred(t *testing.T) {
	t.Parallel()
	w, _ := newClockedWorld(t, noon)
	opens := noon.Add(6 * time.Hour)
	claim, n := w.enroll("start"), 0
	try := func(defaults, own hogsend.OnBlocked, change func(*contract.SendRequest)) string {
		n++
		w.define(func(r *hogsend.Registry) { r.Defaults.OnBlocked = defaults })
		r := hello(claim, n)
		r.OnBlocked = own
		if change != nil {
			change(&r)
		}
		return w.verdict(r)
	}
	w.define(func(r *hogsend.Registry) { r.Defaults.SendWindow = hogsend.Window{Start: "18:00", End: "20:00"} })
	require.Equal(t, "skipped outside_window", try("", "", nil))
	require.Equal(t, deferred(opens), try(hogsend.Defer, "", nil))
	require.Equal(t, "skipped outside_window", try(hogsend.Defer, hogsend.Skip, nil))
	require.Equal(t, deferred(opens), try(hogsend.Skip, hogsend.Defer, nil))
	require.Equal(t, deferred(opens.Add(time.Hour)), try(hogsend.Defer, "", func(r *contract.SendRequest) { r.Window = hogsend.Window{Start: "19:00", End: "20:00"} }))
	require.Equal(t, "sent ", try(hogsend.Defer, "", func(r *contract.SendRequest) { r.Category = "transactional" }))
	require.Equal(t, "sent ", try(hogsend.Defer, "", func(r *contract.SendRequest) { r.SkipPreferenceCheck = true }))
	w.define(func(r *hogsend.Registry) { r.Defaults.SendWindow = hogsend.Window{} })
	w.define(func(r *hogsend.Registry) { r.Journeys[0].MinSendGap = time.Hour })
	require.Equal(t, "skipped suppress_gap", try(hogsend.Defer, "", nil))
	require.Equal(t, deferred(noon.Add(time.Hour)), try("", hogsend.Defer, nil))
	w.exec(`update contacts set email = null, email_key = null`)
	require.Equal(t, "skipped no_email", try(hogsend.Defer, "", nil), "no other row defers")
}

// E-26: after a deferral the whole gate decides: what came in between wins.
func TestTheWholeGateDecidesAfterADeferral(t *testing.T) {
	t.Parallel()
	w, set := newClockedWorld(t, noon)
	due := noon.Add(6 * time.Hour)
	for name, tt := range map[string]struct {
		meanwhile func(id uuid.UUID)
		said      string
		stands    string
	}{
		"nothing":     {func(uuid.UUID) {}, "sent ", "active send:hello"},
		"an opt-out":  {func(uuid.UUID) { w.exec(`update preferences set unsubscribed_all = true`) }, "unsubscribed unsubscribed_all", "active send:hello"},
		"a bounce":    {func(uuid.UUID) { w.exec(`update preferences set suppressed = true, suppression_reason = 'bounce'`) }, "suppressed bounce", "active send:hello"},
		"an exit":     {func(uuid.UUID) { w.event("stop", "") }, "ended", "exited defer:hello"},
		"an operator": {func(id uuid.UUID) { require.NoError(t, w.Ingest.Exit(t.Context(), id, "admin")) }, "ended", "exited defer:hello"},
		"a new window": {func(uuid.UUID) {
			w.define(func(r *hogsend.Registry) { r.Defaults.SendWindow = hogsend.Window{Start: "20:00", End: "21:00"} })
		}, deferred(due.Add(2 * time.Hour)), "waiting defer:hello send:hello#1:defer#2"},
		"a cap": {func(uuid.UUID) {
			w.define(func(r *hogsend.Registry) {
				r.Defaults.FrequencyCap = hogsend.FrequencyCap{Count: 1, Window: hogsend.Day}
			})
			w.sentEarlier(earlier{at: noon})
		}, deferred(noon.Add(hogsend.Day + time.Millisecond)), "waiting defer:hello send:hello#1:defer#2"},
		"another zone": {func(uuid.UUID) { w.exec(`update contacts set timezone = 'America/New_York', updated_at = now()`) }, deferred(due.Add(5 * time.Hour)), "waiting defer:hello send:hello#1:defer#2"},
		"a pause": {func(uuid.UUID) {
			_, err := pause.Start(t.Context(), w.store, []string{"welcome"}, "", contract.HoldEntries, noon)
			require.NoError(t, err)
		}, "held", "waiting paused:send:hello"},
		"skipping from now on": {func(uuid.UUID) {
			w.define(func(r *hogsend.Registry) { r.Defaults.OnBlocked = hogsend.Skip })
			w.define(func(r *hogsend.Registry) { r.Defaults.SendWindow = hogsend.Window{Start: "20:00", End: "21:00"} })
		}, "skipped outside_window", "active send:hello"},
	} {
		set(noon)
		w.exec(`truncate sends, step_logs, enrollments, preferences, journey_configs cascade`)
		w.exec(`update contacts set timezone = null`)
		w.define(func(r *hogsend.Registry) {
			r.Defaults.SendWindow, r.Defaults.OnBlocked, r.Defaults.FrequencyCap = hogsend.Window{Start: "18:00", End: "20:00"}, hogsend.Defer, hogsend.FrequencyCap{}
		})
		claim := w.enroll("start")
		require.Equal(t, deferred(due), w.verdict(hello(claim, 1)), name)
		tt.meanwhile(mustParse(claim))
		set(due)
		require.Equal(t, tt.said, w.verdict(hello(claim, 1)), name)
		require.Equal(t, tt.stands, w.whereabouts(claim), name)
	}
}

// J-100, J-101, J-108: what a pause held goes through the whole gate when it is let go.
func TestAPauseWithinADeferral(t *testing.T) {
	t.Parallel()
	w, set := newClockedWorld(t, noon)
	w.define(func(r *hogsend.Registry) {
		r.Defaults.SendWindow, r.Defaults.OnBlocked = hogsend.Window{Start: "18:00", End: "20:00"}, hogsend.Defer
	})
	claim := w.enroll("start")
	require.Equal(t, deferred(noon.Add(6*time.Hour)), w.verdict(hello(claim, 1)))
	_, err := pause.Start(t.Context(), w.store, []string{"welcome"}, "", contract.HoldEntries, noon)
	require.NoError(t, err)
	set(noon.Add(5 * time.Hour))
	require.Equal(t, deferred(noon.Add(6*time.Hour)), w.verdict(hello(claim, 1)), "it waits as before")
	set(noon.Add(6 * time.Hour))
	require.Equal(t, "held", w.verdict(hello(claim, 1)))
	require.NoError(t, pause.Resume(t.Context(), w.store, []string{"welcome"}, "catch_up", time.Hour, noon.Add(9*time.Hour)))
	set(noon.Add(9 * time.Hour))
	holds, err := w.store.PausedEffectsDue(t.Context(), noon.Add(9*time.Hour), 9)
	require.NoError(t, err)
	require.Len(t, holds, 1)
	_, err = pause.Release(t.Context(), w.store, holds[0].EnrollmentID, holds[0].ID, pause.Outcome{Signal: "wait", Key: "release"})
	require.NoError(t, err)
	require.Equal(t, deferred(noon.Add(30*time.Hour)), w.verdict(hello(claim, 1)), "the window has closed")
	set(noon.Add(30 * time.Hour))
	require.Equal(t, "sent ", w.verdict(hello(claim, 1)))
}

// E-27: the last try is MaxDefer after the first, and what is then still held is
// skipped for that reason; so is what nobody tried until it was too late.
func TestADeferralEnds(t *testing.T) {
	t.Parallel()
	day := hogsend.Day
	for name, tt := range map[string]struct {
		maxDefer, window time.Duration
		tries            []time.Duration // since the first try
		said             []string
	}{
		"7 days unless told otherwise": {0, 30 * day, []time.Duration{0, 7 * day}, []string{deferred(noon.Add(7 * day)), "skipped frequency_capped"}},
		"in time":                      {2 * day, 2*day - time.Millisecond, []time.Duration{0, 2 * day}, []string{deferred(noon.Add(2 * day)), "sent "}},
		"a moment too late":            {2 * day, 2 * day, []time.Duration{0, 2 * day}, []string{deferred(noon.Add(2 * day)), "skipped frequency_capped"}},
		"nobody tried":                 {2 * day, day, []time.Duration{0, 2*day + time.Microsecond}, []string{deferred(noon.Add(day + time.Millisecond)), "skipped frequency_capped"}},
		"the worker was away":          {2 * day, day, []time.Duration{0, 2 * day}, []string{deferred(noon.Add(day + time.Millisecond)), "sent "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, set := newClockedWorld(t, noon)
			w.define(func(r *hogsend.Registry) {
				r.Defaults.FrequencyCap, r.Defaults.MaxDefer = hogsend.FrequencyCap{Count: 1, Window: tt.window}, tt.maxDefer
			})
			claim := w.enroll("start")
			w.sentEarlier(earlier{at: noon})
			for i, at := range tt.tries {
				set(noon.Add(at))
				require.Equal(t, tt.said[i], w.verdict(later(claim, 1)))
			}
			require.Equal(t, "active send:hello", w.whereabouts(claim))
			require.Equal(t, 1, w.count(`step_logs where action = 'send_gated' and step_key = 'send:hello#1:defer#1'`))
		})
	}
	// A send that is deferred again and again has one first try.
	w, set := newClockedWorld(t, noon)
	w.define(func(r *hogsend.Registry) {
		r.Defaults.FrequencyCap, r.Defaults.MaxDefer = hogsend.FrequencyCap{Count: 1, Window: day}, 36*time.Hour
	})
	claim := w.enroll("start")
	w.sentEarlier(earlier{at: noon})
	require.Equal(t, deferred(noon.Add(day+time.Millisecond)), w.verdict(later(claim, 1)))
	set(noon.Add(day + time.Millisecond))
	w.sentEarlier(earlier{at: noon.Add(day)}) // somebody else was quicker
	require.Equal(t, deferred(noon.Add(36*time.Hour)), w.verdict(later(claim, 1)))
	set(noon.Add(36 * time.Hour))
	w.define(func(r *hogsend.Registry) { r.Defaults.FrequencyCap.Window = 2 * day })
	w.define(func(r *hogsend.Registry) { r.Defaults.SendWindow = hogsend.Window{Start: "01:00", End: "02:00"} })
	require.Equal(t, "skipped outside_window", w.verdict(later(claim, 1)), "of the check that holds it in the end")
	require.Equal(t, 1, w.count(`sends where status = 'skipped'`))
}

// E-27: several deferred sends of a contact are tried in order of due time, then of
// creation; one that does not come keeps the others waiting ten seconds only.
func TestDeferredSendsAreTriedInOrder(t *testing.T) {
	t.Parallel()
	w, set := newClockedWorld(t, noon)
	w.define(func(r *hogsend.Registry) {
		r.Defaults.FrequencyCap, r.Defaults.OnBlocked = hogsend.FrequencyCap{Count: 1, Window: time.Hour}, hogsend.Defer
	})
	welcome, billing, bob := w.enroll("start"), w.enroll("bill"), w.enrollOf("bob", "start")
	w.sentEarlier(earlier{at: noon})
	due := noon.Add(time.Hour + time.Millisecond)
	requests := []contract.SendRequest{hello(billing, 1), hello(welcome, 1), hello(welcome, 2)}
	for i, r := range requests {
		set(noon.Add(time.Duration(i) * time.Minute))
		require.Equal(t, deferred(due), w.verdict(r))
	}
	require.Equal(t, "sent ", w.verdict(hello(bob, 1)), "others are not concerned")
	set(due)
	requireNotYet := func(r contract.SendRequest) {
		_, err := w.Send(t.Context(), r)
		var failure *temporal.ApplicationError
		require.ErrorAs(t, err, &failure)
		require.Equal(t, "NotItsTurn", failure.Type())
		require.False(t, failure.NonRetryable())
		require.Equal(t, 500*time.Millisecond, failure.NextRetryDelay())
	}
	requireNotYet(requests[2])
	requireNotYet(requests[1])
	require.Equal(t, "sent ", w.verdict(requests[0]))
	requireNotYet(requests[2])
	require.Equal(t, deferred(due.Add(time.Hour+time.Millisecond)), w.verdict(requests[1]))
	require.Equal(t, deferred(due.Add(time.Hour+time.Millisecond)), w.verdict(requests[2]))

	// One of an enrollment that has ended is waited for by nobody.
	require.NoError(t, w.Ingest.Exit(t.Context(), mustParse(billing), "admin"))
	due = due.Add(time.Hour + time.Millisecond)
	set(due)
	requireNotYet(requests[2])
	said, attempts := w.insist(requests[2]) // requests[1] is stuck
	require.Equal(t, "sent 21", fmt.Sprint(said, attempts))
}

// insist is verdict for a send that Temporal tries again and again, and how often it did.
func (w *world) insist(r contract.SendRequest) (said string, attempts int) {
	w.t.Helper()
	suite := new(testsuite.WorkflowTestSuite)
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute}) // on a busy machine
	env.SetTestTimeout(time.Minute)
	env.RegisterActivityWithOptions(func(ctx context.Context) (string, error) {
		attempts++
		result, err := w.Send(ctx, r)
		return string(result.Verdict.Status) + " " + result.Verdict.Reason, err
	}, activity.RegisterOptions{Name: "Send"})
	env.ExecuteWorkflow(func(ctx workflow.Context) (string, error) {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute, RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 100}})
		err := workflow.ExecuteActivity(ctx, "Send").Get(ctx, &said)
		return said, err
	})
	require.NoError(w.t, env.GetWorkflowError())
	return said, attempts
}

// J-119: what its author gives up is not tried again.
func TestADeferralIsGivenUp(t *testing.T) {
	t.Parallel()
	w, _ := newClockedWorld(t, noon)
	w.define(func(r *hogsend.Registry) { r.Defaults.SendWindow = hogsend.Window{Start: "18:00", End: "20:00"} })
	claim := w.enroll("start")
	result, err := w.Send(t.Context(), later(claim, 1))
	require.NoError(t, err)
	d := result.Deferred
	state, err := w.EndWait(t.Context(), contract.EndWaitRequest{
		Step: contract.Step{EnrollmentID: claim.Enrollment.ID, Key: d.StepKey, Node: d.Node}, WaitID: d.WaitID, Abandon: true,
	})
	require.NoError(t, err)
	require.False(t, state.Ended)
	require.Equal(t, "active defer:hello", w.whereabouts(claim))
	require.Zero(t, w.count("sends"))
}

// A template that does not render any more when its send is due fails the send, and
// leaves no wait behind that nobody ends.
func TestADeferredSendThatCannotBeRendered(t *testing.T) {
	t.Parallel()
	w, set := newClockedWorld(t, noon)
	w.define(func(r *hogsend.Registry) { r.Defaults.SendWindow = hogsend.Window{Start: "18:00", End: "20:00"} })
	claim := w.enroll("start")
	require.Equal(t, deferred(noon.Add(6*time.Hour)), w.verdict(later(claim, 1)))
	set(noon.Add(6 * time.Hour))
	changed := defined
	changed.Templates = defined.Templates[1:]
	renderer, err := email.Compile(changed)
	require.NoError(t, err)
	w.Renderer = renderer
	_, err = w.Send(t.Context(), later(claim, 1))
	requireFinal(t, err, contract.ErrorTypeValidation)
	require.Equal(t, "active send:hello", w.whereabouts(claim))
}

// J-57, J-134: a merge takes a deferred send along; it goes to the survivor, whose
// earlier mails count.
func TestAMergeTakesADeferredSendAlong(t *testing.T) {
	t.Parallel()
	w, set := newClockedWorld(t, noon)
	w.define(func(r *hogsend.Registry) {
		r.Defaults.FrequencyCap = hogsend.FrequencyCap{Count: 1, Window: hogsend.Day}
	})
	w.event("seen", "") // ada
	_, err := w.Ingest.Ingest(t.Context(), ingest.Event{Name: "start", AnonymousID: "cookie"})
	require.NoError(t, err)
	claim, err := w.ClaimEnrollment(t.Context(), contract.ClaimRequest{EnrollmentID: w.newest(), FirstRunID: "run-1"})
	require.NoError(t, err)
	w.exec(`update contacts set email = 'old@example.com', email_key = 'old@example.com' where external_id is null`)
	w.sentEarlier(earlier{to: "old@example.com", at: noon.Add(-time.Hour)}, earlier{at: noon.Add(time.Hour)})
	due := noon.Add(23*time.Hour + time.Millisecond)
	require.Equal(t, deferred(due), w.verdict(later(claim, 1)))
	_, err = w.Ingest.Ingest(t.Context(), ingest.Event{Name: "login", UserID: "ada", AnonymousID: "cookie"})
	require.NoError(t, err)
	require.Equal(t, 1, w.count(`waits w join contacts c on c.id = w.contact_id where c.external_id = 'ada' and w.status = 'open'`))
	set(due)
	require.Equal(t, deferred(noon.Add(25*time.Hour+time.Millisecond)), w.verdict(later(claim, 1)))
	set(noon.Add(25*time.Hour + time.Millisecond))
	require.Equal(t, "sent ", w.verdict(later(claim, 1)))
	require.Equal(t, "ada@example.com", w.provider.calls[0].To)
}
