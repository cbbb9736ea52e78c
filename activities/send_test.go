package activities_test

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/email"
)

// optOut writes the preference record of an address.
func (w *world) optOut(address, columns, values string) {
	w.t.Helper()
	w.exec(fmt.Sprintf(`insert into preferences (id, email, email_key, created_at, updated_at, %s) values (gen_random_uuid(), '%s', '%[2]s', now(), now(), %s)`, columns, address, values))
}

func TestTheSendGate(t *testing.T) {
	t.Parallel() // E-13, E-15, E-17, E-20
	const opened = hogsend.SendSent
	for name, tt := range map[string]struct {
		prepare        func(w *world)
		skipPreference bool
		category       string
		status         hogsend.SendStatus
		reason         string
	}{
		"nothing refuses":       {prepare: func(*world) {}, status: opened},
		"row 4: no address":     {prepare: func(w *world) { w.exec(`update contacts set email = null, email_key = null`) }, status: hogsend.SendSkipped, reason: "no_email"},
		"row 4: not an address": {prepare: func(w *world) { w.exec(`update contacts set email = 'nobody', email_key = 'nobody'`) }, status: hogsend.SendSkipped, reason: "no_email"},
		"row 5: suppressed":     {prepare: func(w *world) { w.optOut("ada@example.com", "suppressed, suppression_reason", "true, 'bounce'") }, status: hogsend.SendSuppressed, reason: "bounce"},
		"row 5 passes no skip":  {prepare: func(w *world) { w.optOut("ada@example.com", "suppressed, suppression_reason", "true, 'manual'") }, skipPreference: true, status: hogsend.SendSuppressed, reason: "manual"},
		"row 5 whatever the spelling": {prepare: func(w *world) { // I-55
			w.exec(`update contacts set email = E'\ufeffAda@MÜNCHEN.example', email_key = null`)
			w.optOut("ada@xn--mnchen-3ya.example", "suppressed, suppression_reason", "true, 'complaint'")
		}, status: hogsend.SendSuppressed, reason: "complaint"},
		"row 4: a look-alike is no address": {prepare: func(w *world) {
			w.exec(`update contacts set email = E'a\u200bda@example.com', email_key = null`)
		}, status: hogsend.SendSkipped, reason: "no_email"},
		"row 5 is for the address": {prepare: func(w *world) { w.optOut("old@example.com", "suppressed, suppression_reason", "true, 'bounce'") }, status: opened},
		"row 5 comes before row 6": {prepare: func(w *world) {
			w.optOut("ada@example.com", "unsubscribed_all, suppressed, suppression_reason", "true, true, 'bounce'")
		}, status: hogsend.SendSuppressed, reason: "bounce"},
		"row 6: unsubscribed":        {prepare: func(w *world) { w.optOut("ada@example.com", "unsubscribed_all", "true") }, status: hogsend.SendUnsubscribed, reason: "unsubscribed_all"},
		"row 6 is skipped on demand": {prepare: func(w *world) { w.optOut("ada@example.com", "unsubscribed_all", "true") }, skipPreference: true, status: opened},
		"row 6 follows the person": {prepare: func(w *world) {
			w.optOut("old@example.com", "unsubscribed_all, contact_id", "true, (select id from contacts)")
		}, status: hogsend.SendUnsubscribed, reason: "unsubscribed_all"},
		"row 7: category":         {prepare: func(w *world) { w.optOut("ada@example.com", "categories", `'{"journey": false}'`) }, status: hogsend.SendUnsubscribed, reason: "category_opt_out"},
		"row 7: another category": {prepare: func(w *world) { w.optOut("ada@example.com", "categories", `'{"journey": false}'`) }, category: "news", status: opened},
		"row 7: opted in":         {prepare: func(w *world) { w.optOut("ada@example.com", "categories", `'{"journey": true}'`) }, status: opened},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			claim := w.enroll("start")
			tt.prepare(w)
			request := hello(claim, 1)
			request.SkipPreferenceCheck, request.Category = tt.skipPreference, tt.category
			for range 2 { // row 1: the second time it is as stored
				got, err := w.Send(t.Context(), request)
				require.NoError(t, err)
				require.Equal(t, tt.status, got.Verdict.Status)
				require.Equal(t, tt.reason, got.Verdict.Reason)
			}
			if tt.status == opened {
				require.Len(t, w.provider.calls, 1)
				require.Equal(t, 1, w.count("step_logs where action = 'sent'"))
				return
			}
			require.Empty(t, w.provider.calls)
			require.Equal(t, 1, w.count("sends where html = '' and text = '' and subject = '' and claimed_at is null and reason = $1", tt.reason))
			require.Equal(t, 1, w.count("step_logs where action = 'send_gated' and detail->>'reason' = $1", tt.reason))
		})
	}
}

func TestNoMailAfterTheEnd(t *testing.T) {
	t.Parallel() // E-13 row 2, J-76, J-77
	w := newWorld(t)
	claim := w.enroll("start")
	w.event("stop", "")
	got, err := w.Send(t.Context(), hello(claim, 1))
	require.NoError(t, err)
	require.True(t, got.Ended)
	require.Empty(t, w.provider.calls)
	require.Equal(t, 1, w.count("sends where status = 'skipped' and reason = 'enrollment_ended'"))
}

func TestCategoryIsTheFirstGiven(t *testing.T) {
	t.Parallel() // E-19
	w := newWorld(t)
	for _, tt := range []struct{ trigger, template, given, want string }{
		{"start", "hello", "", "journey"},
		{"start", "hello", "news", "news"},
		{"bill", "hello", "", "billing"},
		{"start", "receipt", "", "transactional"},
		{"bill", "receipt", "", "billing"},
	} {
		claim := w.enroll(tt.trigger)
		request := hello(claim, 1)
		request.Template, request.Category, request.Props = tt.template, tt.given, nil
		_, err := w.Send(t.Context(), request)
		require.NoError(t, err)
		require.Equal(t, 1, w.count("sends where key = $1 and category = $2", request.Key, tt.want), tt)
		_, err = w.Ingest.Finish(t.Context(), mustParse(claim), completed)
		require.NoError(t, err)
	}
}

func TestUsageErrorsAreFinalAndLeaveNoRow(t *testing.T) {
	t.Parallel() // E-3, E-6, E-10, J-118
	w := newWorld(t)
	claim := w.enroll("start")
	for field, change := range map[string]func(*contract.SendRequest){
		"template": func(r *contract.SendRequest) { r.Template = "helo" },
		"props":    func(r *contract.SendRequest) { r.Props = []byte(`{"wrod": 1}`) },
		"from":     func(r *contract.SendRequest) { r.From = "evil@elsewhere.example" },
	} {
		request := hello(claim, 1)
		change(&request)
		_, err := w.Send(t.Context(), request)
		var failure *temporal.ApplicationError
		require.ErrorAs(t, err, &failure)
		require.Equal(t, contract.ErrorTypeValidation, failure.Type())
		require.True(t, failure.NonRetryable())
		require.Contains(t, failure.Message(), field)
	}
	require.Zero(t, w.count("sends"))
	require.Empty(t, w.provider.calls)
}

func TestARetrySendsTheStoredBytes(t *testing.T) {
	t.Parallel() // E-28 to E-31
	w := newWorld(t)
	claim := w.enroll("start")
	w.provider.script = []error{
		&email.SendError{Kind: email.Transient, Reason: "connection refused"},
		&email.SendError{Kind: email.Transient, Status: 429, RetryAfter: 7 * time.Second, Reason: "slow down"},
		errors.New("nobody knows"),
	}
	for attempt := range 3 {
		_, err := w.Send(t.Context(), hello(claim, 1))
		var failure *temporal.ApplicationError
		require.ErrorAs(t, err, &failure)
		require.False(t, failure.NonRetryable())
		if attempt == 1 {
			require.Equal(t, 7*time.Second, failure.NextRetryDelay())
		}
		w.exec(`update contacts set email = 'new@example.com', email_key = 'new@example.com', updated_at = now()`)
	}
	require.Equal(t, 1, w.count("sends where status = 'queued' and unclear and reason = 'nobody knows'"))
	got, err := w.Send(t.Context(), hello(claim, 1))
	require.NoError(t, err)
	require.Equal(t, hogsend.SendSent, got.Verdict.Status)
	require.Len(t, w.provider.calls, 4)
	for _, call := range w.provider.calls {
		require.Equal(t, w.provider.calls[0], call, "the same bytes under the same key")
	}
	require.Equal(t, "ada@example.com", w.provider.calls[0].To)
	require.Equal(t, 1, w.count("sends where status = 'sent' and reason is null and provider_id = $1", "re_"+hello(claim, 1).Key))
}

func TestAnAnswerThatGotLostIsOneMail(t *testing.T) {
	t.Parallel() // E-30
	w := newWorld(t)
	claim := w.enroll("start")
	w.provider.lost = true
	_, err := w.Send(t.Context(), hello(claim, 1))
	require.Error(t, err)
	got, err := w.Send(t.Context(), hello(claim, 1))
	require.NoError(t, err)
	require.True(t, got.Verdict.Sent())
	require.Len(t, w.provider.accepted, 1)
}

func TestAfterTheKeysLifeNoCallIsMade(t *testing.T) {
	t.Parallel() // E-31
	for name, tt := range map[string]struct {
		failure error
		kind    hogsend.SendErrorKind
		reason  string
	}{
		"an unclear end": {&email.SendError{Kind: email.Unknown, Reason: "timeout"}, hogsend.SendUnknownOutcome, "unknown_outcome"},
		"a clear end":    {&email.SendError{Kind: email.Transient, Reason: "refused"}, hogsend.SendPermanent, "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			claim := w.enroll("start")
			w.provider.script = []error{tt.failure}
			_, err := w.Send(t.Context(), hello(claim, 1))
			require.Error(t, err)
			w.exec(`update sends set first_attempt_at = clock_timestamp() - interval '23 h 50 min'`)
			for range 2 {
				_, err = w.Send(t.Context(), hello(claim, 1))
				require.Equal(t, tt.kind, sendError(t, err).Kind)
				require.Equal(t, tt.reason, sendError(t, err).Reason)
			}
			require.Len(t, w.provider.calls, 1)
			require.Equal(t, 1, w.count("sends where status = 'failed'"))
		})
	}
}

func TestACallWhoseProcessDiedEndedWithoutAClearAnswer(t *testing.T) {
	t.Parallel() // E-31
	w := newWorld(t)
	claim := w.enroll("start")
	refused := &email.SendError{Kind: email.Transient, Reason: "refused"}
	w.provider.script = []error{refused, refused}
	_, err := w.Send(t.Context(), hello(claim, 1)) // a clear answer
	require.Error(t, err)
	_, err = w.store.SendAttempt(t.Context(), hello(claim, 1).Key) // its process dies in the call
	require.NoError(t, err)
	_, err = w.Send(t.Context(), hello(claim, 1)) // a clear answer again
	require.Error(t, err)
	require.Equal(t, 1, w.count("sends where status = 'queued' and unclear and reason = 'refused'"))
	w.exec(`update sends set first_attempt_at = clock_timestamp() - interval '23 h 50 min'`)
	_, err = w.Send(t.Context(), hello(claim, 1))
	require.Equal(t, hogsend.SendUnknownOutcome, sendError(t, err).Kind, "the call in the middle may have been a mail")
	w.exec(`update enrollments set retries = 1`)
	_, err = w.Send(t.Context(), hello(claim, 1))
	require.Equal(t, hogsend.SendUnknownOutcome, sendError(t, err).Kind, "never sent again (J-96)")
	require.Len(t, w.provider.calls, 2)
}

func TestWithoutKeysAnUnclearCallIsTheLast(t *testing.T) {
	t.Parallel() // E-35, E-39
	refused := &email.SendError{Kind: email.Transient, Reason: "451 later"}
	for name, tt := range map[string]struct {
		script []error
		died   bool
		calls  int
		kind   hogsend.SendErrorKind
	}{
		"clear answers are followed by another call": {[]error{refused, refused, nil}, false, 3, ""},
		"an unclear one is not":                      {[]error{refused, &email.SendError{Kind: email.Unknown, Reason: "connection lost"}}, false, 2, hogsend.SendUnknownOutcome},
		"an error of no kind is unclear":             {[]error{errors.New("boom")}, false, 1, hogsend.SendUnknownOutcome},
		"nor is a call whose process died":           {[]error{refused}, true, 1, hogsend.SendUnknownOutcome},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.provider.lifetime, w.provider.script = 0, tt.script
			claim := w.enroll("start")
			var err error
			for range 3 {
				if _, err = w.Send(t.Context(), hello(claim, 1)); err == nil {
					break
				}
				if tt.died {
					_, lost := w.store.SendAttempt(t.Context(), hello(claim, 1).Key)
					require.NoError(t, lost)
					tt.died = false
				}
			}
			require.Len(t, w.provider.calls, tt.calls)
			if tt.kind == "" {
				require.NoError(t, err)
				return
			}
			require.Equal(t, tt.kind, sendError(t, err).Kind)
		})
	}
}

func TestAPermanentFailureIsOneCall(t *testing.T) {
	t.Parallel() // E-32, J-132
	w := newWorld(t)
	claim := w.enroll("start")
	w.provider.script = []error{&email.SendError{Kind: email.Permanent, Status: 422, Reason: "no such domain"}}
	for range 2 {
		_, err := w.Send(t.Context(), hello(claim, 1))
		require.Equal(t, hogsend.SendPermanent, sendError(t, err).Kind)
		require.Equal(t, "no such domain", sendError(t, err).Reason)
	}
	require.Len(t, w.provider.calls, 1)
}

// sendError is the final error of a send as its details carry it.
func sendError(t *testing.T, err error) hogsend.SendError {
	t.Helper()
	var failure *temporal.ApplicationError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, contract.ErrorTypeSend, failure.Type())
	require.True(t, failure.NonRetryable())
	var details any // of a type that only the encrypting converter needs to know
	require.NoError(t, failure.Details(&details))
	return reflect.ValueOf(details).Convert(reflect.TypeFor[hogsend.SendError]()).Interface().(hogsend.SendError)
}

func TestManyAttemptsAtOnceClaimOnce(t *testing.T) {
	t.Parallel() // E-12, E-28
	w := newWorld(t)
	claim := w.enroll("start")
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if _, err := w.Send(t.Context(), hello(claim, 1)); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	require.Equal(t, 1, w.count("sends"))
	require.Len(t, w.provider.accepted, 1)
	require.Equal(t, 1, w.count("step_logs where action = 'sent'"))
}

// E-18: an exit that commits before the claim stops the mail, one that commits after
// it does not; there is no third case.
func TestExitsAndSendsInterleave(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stopped := 0
	for i := range 200 {
		claim := w.enroll("start")
		var group sync.WaitGroup
		var got contract.SendResult
		group.Go(func() {
			var err error
			if got, err = w.Send(t.Context(), hello(claim, 1)); err != nil {
				t.Error(err)
			}
		})
		group.Go(func() { w.event("stop", "") })
		group.Wait()
		key := hello(claim, 1).Key
		_, left := w.provider.accepted[key]
		require.Equal(t, !got.Ended, left, "run %d", i)
		before := w.count(`sends s join enrollments e on e.id = s.enrollment_id where s.key = $1 and s.claimed_at < e.exited_at`, key)
		require.Equal(t, left, before == 1, "run %d: a mail that left has a claim older than the exit", i)
		if got.Ended {
			stopped++
		}
	}
	t.Logf("%d of 200 were stopped", stopped)
}

// E-79: a mail prints a contact's numbers with every digit that was stored.
func TestMailsPrintNumbersAsStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	claim := w.enroll("start")
	w.exec(`update contacts set properties = '{"seats": 1000000, "order": 1234567890123456789, "price": 1.50, "name": "Ada"}'`)
	_, err := w.Send(t.Context(), contract.SendRequest{Step: hello(claim, 1).Step, Key: "k", Template: "numbers"})
	require.NoError(t, err)
	require.Equal(t, "1000000 of 1234567890123456789 at 1.50", w.provider.calls[0].Subject)
}
