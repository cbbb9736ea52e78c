package activities_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
)

func requireFinal(t *testing.T, err error, kind string) {
	t.Helper()
	var failure *temporal.ApplicationError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, kind, failure.Type())
	require.True(t, failure.NonRetryable())
}

func (w *world) history(claim contract.Claim, name string) contract.HistoryRequest {
	return contract.HistoryRequest{EnrollmentID: claim.Enrollment.ID, Name: name}
}

// J-141: of this contact only, to the instant, the trigger included; nothing found is
// the zero value.
func TestHistoryOfEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	claim := w.enroll("start")
	ask := func(name string, since *time.Time) hogsend.PastEvents {
		r := w.history(claim, name)
		r.Since = since
		got, err := w.PastEvents(t.Context(), r)
		require.NoError(t, err)
		return got
	}
	require.Equal(t, hogsend.PastEvents{}, ask("seen", nil))
	require.Equal(t, 1, ask("start", nil).Count)

	first, last := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC), time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	for range 3 {
		w.event("seen", "")
	}
	w.exec(`insert into events (id, contact_id, name, properties, source, occurred_at, received_at)
		values ($1, $2, 'seen', '{}', 'api', now(), now())`, uuid.New(), uuid.New()) // of somebody else
	w.exec(`update events set occurred_at = $1 where name = 'seen' and contact_id = $2`, last, claim.ContactID)
	w.exec(`update events set occurred_at = $1 where id = (select id from events where name = 'seen' and contact_id = $2 limit 1)`, first, claim.ContactID)
	require.Equal(t, hogsend.PastEvents{Found: true, Count: 3, FirstAt: first, LastAt: last}, ask("seen", nil))
	require.Equal(t, hogsend.PastEvents{Found: true, Count: 2, FirstAt: last, LastAt: last}, ask("seen", &last), "inclusive")
	after := last.Add(time.Microsecond)
	require.Equal(t, hogsend.PastEvents{}, ask("seen", &after))

	w.exec(`delete from contacts`)
	require.Equal(t, hogsend.PastEvents{}, ask("seen", nil), "erased")
}

// J-13, J-141: other enrollments of the journey under all its ids.
func TestHistoryOfAJourney(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.define(func(r *hogsend.Registry) { r.Journeys[0].Aliases = []string{"greeting"} })
	claim := w.enroll("start")
	ask := func(id string) hogsend.PastEntries {
		got, err := w.PastEntries(t.Context(), w.history(claim, id))
		require.NoError(t, err)
		return got
	}
	require.Equal(t, hogsend.PastEntries{}, ask("welcome"), "not the one that asks")
	older := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	insert := func(journey, status string, entry int, completed *time.Time) {
		w.exec(`insert into enrollments (id, contact_id, journey_id, entry, status, node, trigger_event_id, trigger_seq, workflow_id, completed_at, created_at, updated_at)
			values ($1, $2, $3, $4, $5, 'start', $1, 1, ($1::uuid)::text, $6, now(), now())`, uuid.New(), claim.ContactID, journey, entry, status, completed)
	}
	insert("welcome", "failed", 7, nil)
	insert("billing", "completed", 1, &older)
	require.Equal(t, hogsend.PastEntries{Entries: 1}, ask("welcome"))
	insert("greeting", "completed", 1, &older)
	want := hogsend.PastEntries{Completed: true, LastCompletedAt: older, Entries: 2}
	require.Equal(t, want, ask("welcome"))
	require.Equal(t, want, ask("greeting"))
	require.Equal(t, hogsend.PastEntries{Completed: true, LastCompletedAt: older, Entries: 1}, ask("billing"))
}

// insertSend adds a send of the contact.
func (w *world) insertSend(claim contract.Claim, template, status, reason string, claimed, sent *time.Time) {
	w.t.Helper()
	id := uuid.New()
	w.exec(`insert into sends (id, key, contact_id, journey_id, template_key, category, to_email, status, reason, claimed_at, sent_at, created_at, updated_at)
		values ($1, ($1::uuid)::text, $2, 'welcome', $3, 'news', 'ada@example.com', $4, nullif($5, ''), $6, $7, now(), now())`,
		id, claim.ContactID, template, status, reason, claimed, sent)
}

// J-141
func TestHistoryOfMails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	claim := w.enroll("start")
	ask := func() hogsend.PastMails {
		got, err := w.PastMails(t.Context(), w.history(claim, "hello"))
		require.NoError(t, err)
		return got
	}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	w.insertSend(claim, "hello", "failed", "550", &at, nil)
	w.insertSend(claim, "hello", "skipped", "suppress_gap", nil, nil)
	w.insertSend(claim, "hello", "suppressed", "bounce", nil, nil)
	w.insertSend(claim, "receipt", "sent", "", &at, &at)
	require.Equal(t, hogsend.PastMails{}, ask())
	w.insertSend(claim, "hello", "sent", "", &at, &at)
	w.exec(`update sends set opened_at = now(), clicked_at = now() where template_key = 'hello' and status = 'sent'`)
	require.Equal(t, hogsend.PastMails{Sent: true, Count: 1, LastSentAt: at, Opened: true, Clicked: true}, ask())
	later := at.Add(time.Hour)
	w.insertSend(claim, "hello", "sent", "", &later, &later)
	require.Equal(t, hogsend.PastMails{Sent: true, Count: 2, LastSentAt: later}, ask(), "the newest was not opened")
}

// J-144, E-22
func TestThrottleCountsAsCapsDo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	claim := w.enroll("start")
	now := time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)
	calls := 0
	allowed := func(throttle hogsend.Throttle) bool {
		calls++
		throttle.Label = "throttle"
		got, err := w.Throttle(t.Context(), contract.ThrottleRequest{
			Step: step(claim, fmt.Sprintf("throttle:throttle#%d", calls)), Throttle: throttle, Since: now.Add(-throttle.Window),
		})
		require.NoError(t, err)
		return got
	}
	exactly, before := now.Add(-time.Hour), now.Add(-time.Hour-time.Microsecond)
	one := hogsend.Throttle{Max: 1, Window: time.Hour}
	for _, refused := range [][2]string{{"suppressed", "bounce"}, {"skipped", "outside_window"}, {"failed", "550"}} {
		w.insertSend(claim, "hello", refused[0], refused[1], &exactly, nil)
	}
	w.insertSend(claim, "hello", "queued", "deferred", nil, nil)
	w.insertSend(claim, "hello", "sent", "", &before, &before)
	w.exec(`insert into sends (id, key, contact_id, template_key, to_email, status, claimed_at, created_at, updated_at)
		values ($1, 'test:' || ($1::uuid)::text, $2, 'hello', 'ada@example.com', 'sent', $3, now(), now())`, uuid.New(), claim.ContactID, now)
	require.True(t, allowed(one))
	require.Zero(t, w.count(`step_logs where action = 'throttled'`))

	w.insertSend(claim, "hello", "failed", "unknown_outcome", &exactly, nil)
	require.False(t, allowed(one), "claimed exactly a window ago")
	require.Equal(t, 1, w.count(`step_logs where action = 'throttled' and detail->>'label' = 'throttle'`))
	two := hogsend.Throttle{Max: 2, Window: time.Hour}
	require.True(t, allowed(two))
	w.exec(`insert into sends (id, key, contact_id, journey_id, template_key, category, to_email, status, claimed_at, created_at, updated_at)
		values ($1, ($1::uuid)::text, $2, 'billing', 'receipt', 'transactional', 'Ada@Example.com', 'queued', $3, now(), now())`, uuid.New(), uuid.New(), now)
	require.False(t, allowed(two), "to the same address")
	for _, narrow := range []func(*hogsend.Throttle){
		func(t *hogsend.Throttle) { t.Journey = "welcome" }, func(t *hogsend.Throttle) { t.Template = "hello" }, func(t *hogsend.Throttle) { t.Category = "news" },
	} {
		narrowed := two
		narrow(&narrowed)
		require.True(t, allowed(narrowed))
		narrowed.Max = 1
		require.False(t, allowed(narrowed))
	}

	w.event("stop", "") // reads answer after the end (J-119), and log nothing
	before2 := w.count(`step_logs where action = 'throttled'`)
	require.False(t, allowed(one))
	require.Equal(t, before2, w.count(`step_logs where action = 'throttled'`))
}
