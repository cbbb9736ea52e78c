package activities_test

import (
	"encoding/json"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
)

// boss is the nth mail of an enrollment, to whom the property "boss" names.
func boss(claim contract.Claim, n int) contract.SendRequest {
	r := hello(claim, n)
	r.To = hogsend.Recipient{Property: "boss"}
	return r
}

// E-83: the mail is the other contact's, and theirs are address, opt-outs and suppression;
// those of whom it is about do not count. A retry finds it, whoever the boss is by then.
func TestAMailToSomebodyElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.eventOf("bob", "hi", "")
	claim := w.enroll("start")
	w.exec(`update contacts set properties = '{"boss": "bob"}' where external_id = 'ada'`)
	w.optOut("ada@example.com", "unsubscribed_all", "true")
	for range 2 {
		got, err := w.Send(t.Context(), boss(claim, 1))
		require.NoError(t, err)
		require.True(t, got.Verdict.Sent())
		w.exec(`update contacts set properties = '{"boss": "cat"}' where external_id = 'ada'`)
	}
	require.Len(t, w.provider.calls, 1)
	require.Equal(t, "bob@example.com", w.provider.calls[0].To)
	require.Equal(t, 1, w.count(`sends s join contacts c on c.id = s.contact_id where c.external_id = 'bob' and s.enrollment_id is not null and s.to_email = 'bob@example.com'`))

	for reason, prepare := range map[string]func(){
		"no_recipient": func() {},
		"bounce": func() {
			w.exec(`update contacts set properties = '{"boss": "bob"}' where external_id = 'ada'`)
			w.exec(`update preferences set suppressed = true, suppression_reason = 'bounce' where email_key = 'bob@example.com'`)
		},
		"no_email": func() {
			w.eventOf("dot", "hi", "")
			w.exec(`update contacts set email = null, email_key = null where external_id = 'dot'`)
			w.exec(`update contacts set properties = '{"boss": "dot"}' where external_id = 'ada'`)
		},
	} {
		prepare()
		r := boss(claim, 1)
		r.Key += reason
		got, err := w.Send(t.Context(), r)
		require.NoError(t, err)
		require.Equal(t, reason, got.Verdict.Reason)
		w.exec(`update contacts set properties = '{}' where external_id = 'ada'`)
	}
	require.Len(t, w.provider.calls, 1)
}

// E-83: an address of the registry has a preference record and nothing else; a name that is
// not there is the author's mistake.
func TestAMailToAnAddressOfTheRegistry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.define(func(r *hogsend.Registry) { r.Addresses = map[string]string{"sales": "Sales@Acme.example"} })
	claim := w.enroll("start")
	r := hello(claim, 1)
	r.To.Address = "sale"
	_, err := w.Send(t.Context(), r)
	require.ErrorContains(t, err, "invalid to")
	require.Zero(t, w.count("sends"))
	r.To.Address = "sales"
	got, err := w.Send(t.Context(), r)
	require.NoError(t, err)
	require.True(t, got.Verdict.Sent())
	require.Equal(t, "Sales@acme.example", w.provider.calls[0].To)
	require.Equal(t, "Hello Sales", w.provider.calls[0].Subject)
	require.Equal(t, 1, w.count("sends where contact_id is null and enrollment_id is not null and journey_id = 'welcome'"))
	w.exec(`update preferences set unsubscribed_all = true where email_key = 'sales@acme.example' and contact_id is null`)
	r.Key += "again"
	got, err = w.Send(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, "unsubscribed_all", got.Verdict.Reason)
}

// E-12, E-83: two people whose mails go to each other are locked in one order, and a cap of
// the one who gets them holds, whoever's journeys send.
func TestMailsToEachOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.define(func(r *hogsend.Registry) {
		r.Defaults.FrequencyCap = hogsend.FrequencyCap{Count: 3, Window: hogsend.Day}
	})
	claims := []contract.Claim{w.enrollOf("ada", "start"), w.enrollOf("bob", "start")}
	w.exec(`update contacts set properties = jsonb_build_object('boss', case external_id when 'ada' then 'bob' else 'ada' end)`)
	var all sync.WaitGroup
	for n := range 10 {
		for _, claim := range claims {
			all.Go(func() {
				if _, err := w.Send(t.Context(), boss(claim, n+1)); err != nil {
					t.Error(err)
				}
			})
		}
	}
	all.Wait()
	for _, user := range []string{"ada", "bob"} {
		require.Equal(t, 3, w.count(`sends s join contacts c on c.id = s.contact_id where s.status = 'sent' and c.external_id = $1`, user))
	}
	require.Equal(t, 14, w.count(`sends where reason = 'frequency_capped'`))
}

// E-68, E-83: what others were told of somebody who is erased is erased as well.
func TestMailsAboutAnErasedContact(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.eventOf("bob", "hi", "")
	claim := w.enroll("start")
	r := hello(claim, 1)
	r.To.UserID = "bob"
	r.Props = json.RawMessage(`{"word":"secret"}`)
	_, err := w.Send(t.Context(), r)
	require.NoError(t, err)
	w.exec(`insert into tracked_links (id, send_id, url) select gen_random_uuid(), id, 'https://crm.example/secret' from sends`)
	w.exec(`insert into answers select id, 'deal.judged', '{"of":"secret"}', now(), 'secret', now() from sends`)
	var ada uuid.UUID
	w.scan(&ada, `select id from contacts where external_id = 'ada'`)
	_, err = w.Ingest.Erase(t.Context(), uuid.New(), ada, "asked for it")
	require.NoError(t, err)
	_, err = w.store.FinishErasures(t.Context())
	require.NoError(t, err)
	require.Zero(t, w.count(`sends where html <> '' or props is not null or subject <> ''`))
	require.Zero(t, w.count(`tracked_links`))
	require.Zero(t, w.count(`answers`))
}
