package activities_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/decide/steps"
)

// Some decisions are made twice: by package decide over all of the past, and by a
// statement that reads little of it. These tests hold both to one meaning.

// ago draws an instant in whole minutes before noon, so that random instants often meet.
func ago(t *rapid.T, most int, label string) time.Time {
	return noon.Add(-time.Duration(rapid.IntRange(0, most).Draw(t, label)) * time.Minute)
}

// pastSends draws sends to the contact or to its address and stores them.
func (w *world) pastSends(t *rapid.T, claim contract.Claim, address string) (sends []steps.PastSend, mails []steps.PastMail) {
	for i := range rapid.IntRange(0, 8).Draw(t, "sends") {
		s := steps.PastSend{
			ClaimedAt: ago(t, 90, "claimed"), Status: rapid.SampledFrom([]contract.SendStatus{"queued", "sent", "failed", "skipped", "suppressed"}).Draw(t, "status"),
			Reason:    rapid.SampledFrom([]contract.SendReason{"", contract.SendUnknownOutcome, "no such mailbox"}).Draw(t, "reason"),
			JourneyID: rapid.SampledFrom([]string{"welcome", "greeting", "billing"}).Draw(t, "journey"), Template: rapid.SampledFrom([]string{"hello", "receipt"}).Draw(t, "template"),
			Category: rapid.SampledFrom([]string{"news", "journey"}).Draw(t, "category"), Test: rapid.IntRange(0, 4).Draw(t, "test") == 0,
		}
		m := steps.PastMail{Template: s.Template, Opened: rapid.Bool().Draw(t, "opened"), Clicked: rapid.Bool().Draw(t, "clicked")}
		contactID, to := claim.ContactID, address
		switch rapid.IntRange(0, 3).Draw(t, "to") {
		case 0:
			contactID, s.ToAnotherContact = uuid.NewString(), true
		case 1:
			to = "before@example.com"
		}
		key := fmt.Sprint(uuid.New())
		if s.Test {
			key = "test:" + key
		}
		var claimedAt, sentAt, openedAt, clickedAt *time.Time
		if s.Status != "skipped" && s.Status != "suppressed" {
			claimedAt = &s.ClaimedAt
		} else {
			s.ClaimedAt = time.Time{}
		}
		if s.Status == "sent" {
			m.SentAt = noon.Add(-time.Duration(i) * time.Second) // no two at one instant: which is the newest is open then
			sentAt = &m.SentAt
		}
		if m.Opened {
			openedAt = &noon
		}
		if m.Clicked {
			clickedAt = &noon
		}
		w.exec(`insert into sends (id, key, contact_id, journey_id, template_key, category, status, reason, to_email, claimed_at, sent_at, opened_at, clicked_at, created_at, updated_at)
			values (gen_random_uuid(), $1, $2, $3, $4, $5, $6, nullif($7, ''), $8, $9, $10, $11, $12, $13, $13)`,
			key, contactID, s.JourneyID, s.Template, s.Category, s.Status, s.Reason, to, claimedAt, sentAt, openedAt, clickedAt, noon)
		sends = append(sends, s)
		if !s.ToAnotherContact {
			mails = append(mails, m)
		}
	}
	return sends, mails
}

func TestSendsOfThePastCountAsTheyDoInMemory(t *testing.T) { // E-21 to E-24, J-141, J-144
	t.Parallel()
	w, _ := newClockedWorld(t, noon)
	ids := []string{"greeting", "welcome"}
	w.define(func(r *hogsend.Registry) { r.Journeys[0].Aliases = []string{"greeting"} })
	people := 0
	rapid.Check(t, func(t *rapid.T) {
		people++
		user := fmt.Sprint("u", people)
		address := user + "@example.com"
		claim := w.enrollOf(user, "start")
		sends, mails := w.pastSends(t, claim, address)

		throttle := hogsend.Throttle{Max: rapid.IntRange(1, 3).Draw(t, "max"), Window: time.Hour, Label: "l"}
		count := steps.Throttle{Since: ago(t, 90, "since")}
		if rapid.Bool().Draw(t, "by journey") {
			throttle.Journey, count.JourneyIDs = "greeting", ids
		}
		count.Template = rapid.SampledFrom([]string{"", "hello"}).Draw(t, "by template")
		count.Category = rapid.SampledFrom([]string{"", "news"}).Draw(t, "by category")
		throttle.Template, throttle.Category = count.Template, count.Category
		allowed, err := w.Throttle(t.Context(), contract.ThrottleRequest{Step: step(claim, "throttle"), Throttle: throttle, Since: count.Since})
		require.NoError(t, err)
		require.Equal(t, count.Count(sends) < throttle.Max, allowed)

		past, err := w.PastMails(t.Context(), contract.HistoryRequest{EnrollmentID: claim.Enrollment.ID, Name: "hello"})
		require.NoError(t, err)
		require.Equal(t, steps.PastMails(mails, "hello"), past)

		r := hello(claim, 1)
		r.Category, r.OnBlocked = rapid.SampledFrom([]string{"news", "journey"}).Draw(t, "category of the send"), hogsend.Defer
		caps := hogsend.FrequencyCap{Count: rapid.IntRange(0, 3).Draw(t, "cap"), Window: time.Hour}
		if rapid.Bool().Draw(t, "own cap") {
			caps.ByCategory = map[string]hogsend.CategoryCap{"news": {Count: 1, Window: 30 * time.Minute}}
		}
		gap := time.Duration(rapid.IntRange(0, 2).Draw(t, "gap")) * 20 * time.Minute
		w.define(func(r *hogsend.Registry) { r.Defaults.FrequencyCap, r.Journeys[0].MinSendGap = caps, gap })
		want, err := steps.Gate{
			Now: noon, Category: r.Category, GapSends: sends, CapSends: sends, OnBlocked: hogsend.Defer, Limits: steps.LimitsOf(caps, gap, ids, r.Category, false),
		}.Decide()
		require.NoError(t, err)
		got, err := w.Send(t.Context(), r)
		require.NoError(t, err)
		if want.Action == steps.GateClaim {
			require.Equal(t, hogsend.SendSent, got.Verdict.Status)
			return
		}
		require.Equal(t, want.Until, got.Deferred.Until)
	})
}

// pastEvents draws events of the contact and stores them.
func (w *world) pastEvents(t *rapid.T, claim contract.Claim) []steps.PastEvent {
	var events []steps.PastEvent
	received := noon.Add(-90 * time.Minute)
	for i := range rapid.IntRange(0, 10).Draw(t, "events") {
		received = received.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "pause")) * time.Minute)
		e := steps.PastEvent{
			Name: rapid.SampledFrom([]string{"word", "other"}).Draw(t, "name"), ReceivedAt: received,
			OccurredAt: received.Add(-time.Duration(rapid.IntRange(0, 90).Draw(t, "late")) * time.Minute),
			Properties: json.RawMessage(rapid.SampledFrom([]string{`{"n":1}`, `{"n":2}`, `{}`}).Draw(t, "properties")),
			Spent:      rapid.IntRange(0, 4).Draw(t, "spent") == 0,
		}
		id := uuid.New()
		w.scan(&e.Seq, `insert into events (id, contact_id, name, properties, source, occurred_at, received_at) values ($1, $2, $3, $4, 'api', $5, $6) returning seq`,
			id, claim.ContactID, e.Name, e.Properties, e.OccurredAt, e.ReceivedAt)
		if e.Spent {
			w.exec(`insert into waits (id, enrollment_id, contact_id, step_key, label, status, event_id, event_seq, registered_at)
				values (gen_random_uuid(), $1, $2, $3, '', 'matched', $4, $5, $6)`, claim.Enrollment.ID, claim.ContactID, fmt.Sprint("spent#", i), id, e.Seq, received)
		}
		events = append(events, e)
	}
	return events
}

func TestEventsOfThePastDecideAsTheyDoInMemory(t *testing.T) { // J-125, J-128, J-130, J-141
	t.Parallel()
	w, _ := newClockedWorld(t, noon)
	w.Config.LateHorizon = time.Hour
	people := 0
	rapid.Check(t, func(t *rapid.T) {
		people++
		claim := w.enrollOf(fmt.Sprint("u", people), "start")
		events := w.pastEvents(t, claim)

		asked := contract.HistoryRequest{EnrollmentID: claim.Enrollment.ID, Name: "word"}
		if rapid.Bool().Draw(t, "all") {
			since := ago(t, 90, "since")
			asked.Since = &since
		}
		past, err := w.PastEvents(t.Context(), asked)
		require.NoError(t, err)
		require.Equal(t, steps.PastEvents(events, "word", asked.Since), past)

		r := contract.BeginWaitRequest{Step: step(claim, "wait#1"), Label: "wait", After: contract.EventPosition{At: ago(t, 90, "position")}}
		if len(events) > 0 && rapid.Bool().Draw(t, "behind an event") {
			e := rapid.SampledFrom(events).Draw(t, "event")
			r.After = steps.AfterEvent(e.ReceivedAt, e.Seq)
		}
		if rapid.Bool().Draw(t, "deadline") {
			deadline := ago(t, 60, "until")
			r.Deadline = &deadline
		}
		for range rapid.IntRange(1, 3).Draw(t, "awaited") {
			a := criteria.Alternative{Event: rapid.SampledFrom([]string{"word", "other"}).Draw(t, "event"), Lookback: time.Duration(rapid.IntRange(0, 2).Draw(t, "look-back")) * 30 * time.Minute}
			if rapid.Bool().Draw(t, "where") {
				a.Where = json.RawMessage(`[{"type":"property","property":"n","operator":"eq","value":2}]`)
			}
			r.Any = append(r.Any, a)
		}
		look := steps.LookBack{Deadline: r.Deadline, After: r.After, LateHorizon: time.Hour}
		look.Awaited, err = steps.AwaitedOf(criteria.Alternative{}, r.Any)
		require.NoError(t, err)
		found, place, err := look.Find(events)
		require.NoError(t, err)
		got, err := w.BeginWait(t.Context(), r)
		require.NoError(t, err)
		if found < 0 {
			require.Nil(t, got.Event)
			return
		}
		require.Equal(t, place, got.Index)
		require.Equal(t, steps.AfterEvent(events[found].ReceivedAt, events[found].Seq), got.Now)
	})
}

func TestALongPastIsLookedThroughPageByPage(t *testing.T) { // J-125, J-143
	t.Parallel()
	w, set := newClockedWorld(t, noon)
	claim := w.enroll("start")
	later := noon.Add(time.Minute)
	set(later)
	w.exec(`insert into events (id, contact_id, name, properties, source, occurred_at, received_at)
		select gen_random_uuid(), $1, 'read', jsonb_build_object('n', n), 'api', $2, $2 from generate_series(1, 1234) n order by n`, claim.ContactID, later)
	where, err := json.Marshal([]map[string]any{{"type": "property", "property": "n", "operator": "eq", "value": 601}})
	require.NoError(t, err)
	wait := contract.BeginWaitRequest{Step: step(claim, "wait#1"), Label: "wait", Event: "read", Conditions: where, After: claim.Now}
	got, err := w.BeginWait(t.Context(), wait)
	require.NoError(t, err)
	require.Equal(t, json.Number("601"), got.Event.Properties["n"])

	window := w.window(claim, "a#1", later)
	for range 2 { // a repeated call reads what the first one has collected
		collected, err := w.CollectDigest(t.Context(), contract.CollectRequest{
			Step: step(claim, "digest:a#1"), WaitID: window.WaitID, Label: "digest:read", Event: "read", Max: 300, After: claim.Now,
		})
		require.NoError(t, err)
		require.Equal(t, 1234, collected.Collected.Total)
		require.Len(t, collected.Collected.Events, 300)
		require.Equal(t, json.Number("935"), collected.Collected.Events[0].Properties["n"])
		require.Equal(t, json.Number("1234"), collected.Collected.Events[299].Properties["n"])
	}
	require.Equal(t, 1234, w.count(`digested`))
}
