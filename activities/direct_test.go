package activities_test

import (
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// person makes a contact by an event that enrolls nobody.
func (w *world) person(user string) uuid.UUID { return w.eventOf(user, "seen", "").ContactID }

func direct(contact uuid.UUID) contract.DirectSend {
	id := uuid.Must(uuid.NewV7())
	return contract.DirectSend{
		SendRequest: contract.SendRequest{Key: "api:" + id.String(), Template: "hello", Props: json.RawMessage(`{"word":"there"}`)}, ID: id, ContactID: contact,
	}
}

func (w *world) submit(s contract.DirectSend) storedb.Send {
	w.t.Helper()
	row, err := w.SubmitDirect(w.t.Context(), s)
	require.NoError(w.t, err)
	return row
}

// carry does what the workflow of a send does, once.
func (w *world) carry(id uuid.UUID) contract.DirectResult {
	w.t.Helper()
	result, err := w.SendDirect(w.t.Context(), id.String())
	require.NoError(w.t, err)
	return result
}

func TestTheGateOfADirectSend(t *testing.T) {
	t.Parallel() // E-13, E-15 to E-17, E-19
	const queued = contract.SendQueued
	for name, tt := range map[string]struct {
		prepare func(w *world)
		change  func(s *contract.DirectSend)
		status  contract.SendStatus
		reason  contract.SendReason
	}{
		"nothing refuses":            {status: queued},
		"row 2: deleted":             {prepare: func(w *world) { w.exec(`update contacts set deleted_at = now()`) }, status: contract.SendSkipped, reason: contract.SendEnrollmentEnded},
		"row 4: no address":          {prepare: func(w *world) { w.exec(`update contacts set email = null, email_key = null`) }, status: contract.SendSkipped, reason: contract.SendNoEmail},
		"row 5: suppressed":          {prepare: func(w *world) { w.optOut("ada@example.com", "suppressed, suppression_reason", "true, 'bounce'") }, status: contract.SendSuppressed, reason: "bounce"},
		"row 6: unsubscribed":        {prepare: func(w *world) { w.optOut("ada@example.com", "unsubscribed_all", "true") }, status: contract.SendSuppressed, reason: contract.SendUnsubscribedAll},
		"row 6 is skipped on demand": {prepare: func(w *world) { w.optOut("ada@example.com", "unsubscribed_all", "true") }, change: func(s *contract.DirectSend) { s.SkipPreferenceCheck = true }, status: queued},
		"row 6 is not for receipts":  {prepare: func(w *world) { w.optOut("ada@example.com", "unsubscribed_all", "true") }, change: func(s *contract.DirectSend) { s.Template, s.Props = "receipt", nil }, status: queued},
		"row 6 follows the person to another address": {
			prepare: func(w *world) {
				w.optOut("old@example.com", "unsubscribed_all, contact_id", "true, (select id from contacts)")
			},
			change: func(s *contract.DirectSend) { s.To = "new@example.com" }, status: contract.SendSuppressed, reason: contract.SendUnsubscribedAll,
		},
		"row 7: category": {prepare: func(w *world) { w.optOut("ada@example.com", "categories", `'{"news": false}'`) }, change: func(s *contract.DirectSend) { s.Category = "news" }, status: contract.SendSuppressed, reason: contract.SendCategoryOptOut},
		"row 7: list, whatever the category": {
			prepare: func(w *world) { w.optOut("ada@example.com", "categories", `'{"news": false}'`) },
			change:  func(s *contract.DirectSend) { s.ListID, s.Category = "news", "offers" }, status: contract.SendSuppressed, reason: contract.SendCategoryOptOut,
		},
		"no category is not journey": {prepare: func(w *world) { w.optOut("ada@example.com", "categories", `'{"journey": false}'`) }, status: queued},
		"row 10: capped": {prepare: func(w *world) {
			w.define(func(r *hogsend.Registry) { r.Defaults.FrequencyCap = hogsend.FrequencyCap{Count: 1, Window: time.Hour} })
			w.submit(direct(w.person("ada")))
		}, status: contract.SendSkipped, reason: contract.SendFrequencyCapped},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s := direct(w.person("ada"))
			if tt.change != nil {
				tt.change(&s)
			}
			if tt.prepare != nil {
				tt.prepare(w)
			}
			for range 2 { // row 1: the second time it is as stored
				row := w.submit(s)
				require.Equal(t, tt.status, row.Status)
				if tt.status != queued {
					require.Equal(t, tt.reason, *row.Reason)
				}
			}
			starts := w.count(`outbox where kind = 'run' and key = $1 and payload->>'workflowId' = $2`, "send/"+s.ID.String(), "send-"+s.ID.String())
			w.carry(s.ID)
			w.carry(s.ID)
			if tt.status == queued {
				require.Equal(t, 1, starts)
				require.Len(t, w.provider.calls, 1)
				require.Equal(t, 1, w.count(`sends where id = $1 and status = 'sent' and contact_id is not null and enrollment_id is null`, s.ID))
				return
			}
			require.Zero(t, starts)
			require.Empty(t, w.provider.calls)
			require.Equal(t, 1, w.count(`sends where id = $1 and html = '' and claimed_at is null`, s.ID))
		})
	}
}

// E-12, E-20: a mail to an address that is nobody's has no contact and the opt-outs of the
// address; an address for one send only is not written to the contact.
func TestADirectSendToAnAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := direct(uuid.Nil)
	s.To = "Grace@example.com"
	w.submit(s)
	w.carry(s.ID)
	require.Equal(t, "Grace@example.com", w.provider.calls[0].To)
	require.Contains(t, w.provider.calls[0].HTML, "Hello Grace there")
	require.Equal(t, 1, w.count(`sends where contact_id is null and status = 'sent'`))
	require.Zero(t, w.count(`contacts`))
	w.exec(`update preferences set unsubscribed_all = true where email_key = 'grace@example.com'`)
	s = direct(uuid.Nil)
	s.To = "grace@example.com"
	require.Equal(t, contract.SendSuppressed, w.submit(s).Status)

	s = direct(w.person("ada"))
	s.To = "ada@work.example"
	w.submit(s)
	w.carry(s.ID)
	require.Equal(t, "ada@work.example", w.provider.calls[1].To)
	require.Equal(t, 1, w.count(`contacts where email = 'ada@example.com'`))
	require.Equal(t, 1, w.count(`preferences where email_key = 'ada@work.example' and contact_id is null`))
}

func TestADirectSendThatIsWrongLeavesNoRow(t *testing.T) {
	t.Parallel() // E-3, E-6, E-10, E-81
	w := newWorld(t)
	ada := w.person("ada")
	for field, change := range map[string]func(*contract.DirectSend){
		"template": func(s *contract.DirectSend) { s.Template = "helo" },
		"props":    func(s *contract.DirectSend) { s.Props = json.RawMessage(`{"wrod": 1}`) },
		"from":     func(s *contract.DirectSend) { s.From = "evil@elsewhere.example" },
		"replyTo":  func(s *contract.DirectSend) { s.ReplyTo = "a, b" },
	} {
		s := direct(ada)
		change(&s)
		_, err := w.SubmitDirect(t.Context(), s)
		var invalid *hogsend.ValidationError
		require.ErrorAs(t, err, &invalid)
		require.Equal(t, field, invalid.Field)
	}
	require.Zero(t, w.count("sends")+w.count("outbox where kind = 'run'"))
}

// E-29, E-30: whatever dies, the same bytes under the same key, and one mail.
func TestADirectSendSurvivesCrashes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := direct(w.person("ada"))
	w.submit(s)
	w.exec(`update contacts set properties = '{"firstName": "Augusta"}', updated_at = now()`)
	w.provider.lost = true
	_, err := w.SendDirect(t.Context(), s.ID.String())
	require.Error(t, err, "the provider took it, and nobody heard")
	w.carry(s.ID)
	require.Len(t, w.provider.calls, 2)
	require.Equal(t, w.provider.calls[0], w.provider.calls[1])
	require.Len(t, w.provider.accepted, 1)
	require.Equal(t, 1, w.count(`sends where status = 'sent' and html like '%Hello ada there%'`))

	s = direct(w.person("bob"))
	w.submit(s)
	w.provider.script = []error{&email.SendError{Kind: email.Permanent, Reason: "no such mailbox"}}
	w.carry(s.ID)
	w.carry(s.ID)
	require.Equal(t, 1, w.count(`sends where id = $1 and status = 'failed' and reason = 'no such mailbox'`, s.ID))
	require.Len(t, w.provider.calls, 3)
	w.carry(uuid.New()) // erased since
}

// E-18, E-22: of many at once under a cap, and of one twice at once, no more than may.
func TestDirectSendsRace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.define(func(r *hogsend.Registry) { r.Defaults.FrequencyCap = hogsend.FrequencyCap{Count: 3, Window: time.Hour} })
	ada := w.person("ada")
	var all sync.WaitGroup
	for range 10 {
		s := direct(ada)
		for range 2 {
			all.Go(func() {
				if _, err := w.SubmitDirect(t.Context(), s); err != nil {
					t.Error(err)
				}
			})
		}
	}
	all.Wait()
	require.Equal(t, 3, w.count(`sends where status = 'queued' and claimed_at is not null`))
	require.Equal(t, 7, w.count(`sends where reason = 'frequency_capped'`))
	require.Equal(t, 3, w.count(`outbox where kind = 'run'`))
}

// E-26, E-27: a deferred send keeps a row, without content and claim, until it is due. Then
// the whole gate runs again, and it is rendered for what is true then.
func TestADeferredDirectSend(t *testing.T) {
	t.Parallel()
	w, set := newClockedWorld(t, noon)
	w.define(func(r *hogsend.Registry) {
		r.Defaults.SendWindow, r.Defaults.OnBlocked = hogsend.Window{Start: "14:00", End: "15:00"}, hogsend.Defer
	})
	ada, bob, cid := w.person("ada"), w.person("bob"), w.person("cid")
	sends := []contract.DirectSend{direct(ada), direct(bob), direct(cid)}
	sends[0].Subject, sends[0].From = "Special", "Acme News <news@acme.example>"
	for _, s := range sends {
		row := w.submit(s)
		require.Equal(t, contract.SendDeferred, *row.Reason)
		require.Equal(t, contract.SendQueued, w.submit(s).Status, "asked twice")
	}
	require.Equal(t, 3, w.count(`sends where status = 'queued' and reason = 'deferred' and deferred_for = 'outside_window' and html = '' and claimed_at is null and due_at = $1`, noon.Add(2*time.Hour)))
	require.Equal(t, 3, w.count(`outbox where kind = 'run'`))
	require.True(t, noon.Add(2*time.Hour).Equal(*w.carry(sends[0].ID).Until), "not yet")
	require.Empty(t, w.provider.calls)

	set(noon.Add(2 * time.Hour))
	w.exec(`update contacts set email = 'ada@new.example', email_key = 'ada@new.example', updated_at = now() where external_id = 'ada'`)
	w.optOut("bob@elsewhere.example", "unsubscribed_all, contact_id", "true, (select id from contacts where external_id = 'bob')")
	w.exec(`update contacts set deleted_at = now() where external_id = 'cid'`)
	for _, s := range sends {
		require.Nil(t, w.carry(s.ID).Until)
		require.Nil(t, w.carry(s.ID).Until)
	}
	require.Len(t, w.provider.calls, 1)
	mail := w.provider.calls[0]
	require.Equal(t, []string{"ada@new.example", "Special", "Acme News <news@acme.example>"}, []string{mail.To, mail.Subject, mail.From})
	require.Equal(t, 1, w.count(`sends where id = $1 and status = 'sent' and due_at is null and claimed_at = $2 and created_at = $3`, sends[0].ID, noon.Add(2*time.Hour), noon))
	require.Equal(t, 1, w.count(`sends where id = $1 and status = 'suppressed' and reason = 'unsubscribed_all'`, sends[1].ID))
	require.Equal(t, 1, w.count(`sends where id = $1 and status = 'skipped' and reason = 'enrollment_ended'`, sends[2].ID))
}

// E-6, E-27: what cannot leave any more ends as it is stored: too late, or not rendered.
func TestADeferredDirectSendThatNeverLeaves(t *testing.T) {
	t.Parallel()
	w, set := newClockedWorld(t, noon)
	w.define(func(r *hogsend.Registry) {
		r.Defaults.FrequencyCap, r.Defaults.OnBlocked = hogsend.FrequencyCap{Count: 1, Window: 30 * 24 * time.Hour}, hogsend.Defer
	})
	ada, bob := w.person("ada"), w.person("bob")
	w.submit(direct(ada))
	w.submit(direct(bob))
	late, unrendered := direct(ada), direct(bob)
	w.submit(late)
	w.submit(unrendered)
	set(noon.Add(7 * 24 * time.Hour))
	w.carry(late.ID)
	require.Equal(t, 1, w.count(`sends where id = $1 and status = 'skipped' and reason = 'frequency_capped'`, late.ID))
	w.exec(`update sends set props = '{"wrod": 1}' where id = $1`, unrendered.ID)
	require.Nil(t, w.carry(unrendered.ID).Until)
	require.Equal(t, 1, w.count(`sends where id = $1 and status = 'failed' and reason like 'render_error: %'`, unrendered.ID))
	require.Empty(t, w.provider.calls)
}

// E-27: of two deferred sends of one contact that are due, the one that was due first goes
// first, whether an enrollment sends it or not; one that stands still holds up nobody.
func TestDeferredDirectSendsTakeTurns(t *testing.T) {
	t.Parallel()
	w, set := newClockedWorld(t, noon)
	w.define(func(r *hogsend.Registry) {
		r.Defaults.FrequencyCap, r.Defaults.OnBlocked = hogsend.FrequencyCap{Count: 1, Window: time.Hour}, hogsend.Defer
	})
	claim := w.enroll("start")
	_, err := w.Send(t.Context(), hello(claim, 1))
	require.NoError(t, err)
	set(noon.Add(time.Minute))
	first := direct(uuid.MustParse(claim.ContactID))
	w.submit(first)
	set(noon.Add(2 * time.Minute))
	second := hello(claim, 2)
	_, err = w.Send(t.Context(), second)
	require.NoError(t, err)
	third := direct(uuid.MustParse(claim.ContactID))
	set(noon.Add(3 * time.Minute))
	w.submit(third)

	set(noon.Add(time.Hour + time.Second))
	_, err = w.Send(t.Context(), second)
	require.ErrorContains(t, err, "another deferred send")
	_, err = w.SendDirect(t.Context(), third.ID.String())
	require.ErrorContains(t, err, "another deferred send")
	require.Nil(t, w.carry(first.ID).Until)
	got, err := w.Send(t.Context(), second)
	require.NoError(t, err)
	require.NotNil(t, got.Deferred, "the cap is full again")

	set(noon.Add(3 * time.Hour)) // the journey's does not come
	require.Nil(t, w.carry(third.ID).Until)
	require.Equal(t, 3, w.count(`sends where status = 'sent'`))
}

// I-5: what is written along commits with the row, or neither does.
func TestADirectSendAndWhatIsWrittenAlong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := direct(w.person("ada"))
	_, err := w.SubmitDirect(t.Context(), s, func(q *storedb.Queries) error {
		return q.OutboxInsert(t.Context(), storedb.OutboxInsertParams{ID: s.ID, Kind: contract.OutboxRun, Key: "send/" + s.ID.String(), Payload: json.RawMessage(`{}`)}) // taken
	})
	require.Error(t, err)
	require.Zero(t, w.count(`sends`)+w.count(`outbox where kind = 'run'`))
}
