package activities_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/operate"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// desk makes what people change of campaigns.
func (w *world) desk() *operate.Desk { return &operate.Desk{Store: w.store, Ingest: w.Ingest} }

// campaign creates one to the list news, which everybody is on, from a change of it.
func (w *world) campaign(change func(c *storedb.CampaignInsertParams)) uuid.UUID {
	w.t.Helper()
	var now time.Time
	w.scan(&now, `select clock_timestamp()`)
	c := storedb.CampaignInsertParams{
		ID: uuid.Must(uuid.NewV7()), Name: "News", Status: contract.CampaignQueued, AudienceKind: contract.AudienceList, AudienceID: "news",
		TemplateKey: "hello", Props: json.RawMessage(`{"word":"there"}`), SampleTo: []uuid.UUID{}, Now: now,
	}
	if change != nil {
		change(&c)
	}
	row, err := w.desk().CreateCampaign(w.t.Context(), store.System("test"), c)
	require.NoError(w.t, err)
	return row.ID
}

func (w *world) lists() {
	w.define(func(r *hogsend.Registry) {
		r.Lists = []hogsend.List{{ID: "news", Name: "News", DefaultOptIn: true}, {ID: "beta", Name: "Beta"}}
	})
}

// people makes n contacts, p1 and so on.
func (w *world) people(n int) {
	w.exec(`insert into contacts (id, external_id, email, email_key, first_seen_at, last_seen_at, created_at, updated_at, written_at)
		select gen_random_uuid(), 'p' || i, 'p' || i || '@example.com', 'p' || i || '@example.com', now(), now(), now(), now(), now() from generate_series(1, $1::int) i`, n)
}

// play does what the workflow of a campaign does, until it sleeps or is over.
func (w *world) play(id uuid.UUID) contract.CampaignResult {
	w.t.Helper()
	for range 100 {
		result, err := w.Campaign(w.t.Context(), id.String())
		require.NoError(w.t, err)
		if result.Done || result.Sleeps {
			return result
		}
	}
	require.FailNow(w.t, "the campaign does not end")
	return contract.CampaignResult{}
}

func (w *world) figures(id uuid.UUID) string {
	w.t.Helper()
	c, err := w.store.CampaignGetWithFigures(w.t.Context(), id)
	require.NoError(w.t, err)
	return fmt.Sprintf("%s %d = %d + %d + %d", c.Status, c.TotalRecipients, c.SentCount, c.SkippedCount, c.FailedCount)
}

// E-13, E-28, E-70 to E-72: the subscribers of a list, one mail for each address, through
// the gate, under the key of the recipient.
func TestACampaignToAList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.lists()
	w.people(9)
	w.exec(`update contacts set deleted_at = now() where external_id = 'p1'`)
	w.exec(`update contacts set email = null, email_key = null where external_id = 'p2'`)
	w.exec(`update contacts set email = 'P4@example.com', email_key = 'p4@example.com' where external_id = 'p3'`) // two of one address
	w.optOut("p5@example.com", "unsubscribed_all", "true")
	w.optOut("old@example.com", "categories, contact_id", `'{"news": false}', (select id from contacts where external_id = 'p6')`)
	w.optOut("p7@example.com", "suppressed, suppression_reason", "true, 'bounce'")
	id := w.campaign(nil)
	require.Equal(t, 1, w.count(`outbox where kind = 'run' and payload->>'workflowId' = $1`, "campaign-"+id.String()))
	require.Equal(t, "queued 0 = 0 + 0 + 0", w.figures(id))
	_, err := w.Campaign(t.Context(), id.String()) // the freeze
	require.NoError(t, err)
	require.Equal(t, "queued 4 = 0 + 0 + 0", w.figures(id))
	w.people2("late")                                             // E-70: joins do not change it
	w.optOut("p8@example.com", "categories", `'{"news": false}'`) // E-71: leaves do
	require.Equal(t, contract.CampaignResult{Done: true}, w.play(id))
	require.Equal(t, "sent 4 = 2 + 2 + 0", w.figures(id))
	require.Equal(t, contract.CampaignResult{Done: true}, w.play(id), "it is over")
	require.Len(t, w.provider.calls, 2)
	require.Equal(t, 2, w.count(`sends s join campaign_recipients r on r.send_id = s.id where s.status = 'sent' and s.campaign_id = $1 and s.category = 'news'
		and s.key = 'campaign:' || s.campaign_id || ':' || s.contact_id and r.status = 'sent'`, id))
	require.Equal(t, id.String(), w.provider.calls[0].Tags["campaign"])
	require.Equal(t, 1, w.count(`campaign_recipients where status = 'skipped' and reason = 'bounce'`))
	require.Equal(t, 1, w.count(`campaign_recipients where status = 'skipped' and reason = 'category_opt_out'`))

	var send uuid.UUID // E-75: what journeys hear of it names the campaign
	w.scan(&send, `select id from sends where status = 'sent' limit 1`)
	require.NoError(t, w.Ingest.Report(t.Context(), ingest.Report{Source: "resend", MessageID: "m", Kind: ingest.ReportHardBounce, At: time.Now(), SendID: &send}))
	require.Equal(t, 1, w.count(`events where name = 'email.bounced' and properties->>'campaignId' = $1`, id.String()))
}

func (w *world) people2(user string) { w.eventOf(user, "seen", "") }

// E-16, E-20, E-70: where nobody is on a list unasked, those who asked; of a transactional
// template too. A bucket's members get it whatever they unsubscribed from, if it is one.
func TestAudiencesOfCampaigns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.lists()
	w.people(4)
	w.optOut("p1@example.com", "categories", `'{"beta": true}'`)
	w.optOut("old@example.com", "categories, contact_id", `'{"beta": true}', (select id from contacts where external_id = 'p2')`)
	w.optOut("p3@example.com", "categories, unsubscribed_all", `'{"beta": true}', true`)
	list := w.campaign(func(c *storedb.CampaignInsertParams) { c.AudienceID, c.TemplateKey, c.Props = "beta", "receipt", nil })
	w.play(list)
	require.Equal(t, "sent 2 = 2 + 0 + 0", w.figures(list))

	w.exec(`insert into memberships (id, contact_id, bucket_id, status, epoch, source, entered_at, anchor_at, last_evaluated_at, created_at, updated_at)
		select gen_random_uuid(), id, 'vip', case external_id when 'p4' then 'left' else 'active' end, 1, 'event', now(), now(), now(), now(), now() from contacts`)
	bucket := w.campaign(func(c *storedb.CampaignInsertParams) {
		c.AudienceKind, c.AudienceID, c.TemplateKey, c.Props = contract.AudienceBucket, "vip", "receipt", nil
	})
	w.play(bucket)
	require.Equal(t, "sent 3 = 3 + 0 + 0", w.figures(bucket))
	nobody := w.campaign(func(c *storedb.CampaignInsertParams) { c.AudienceKind, c.AudienceID = contract.AudienceBucket, "empty" })
	w.play(nobody)
	require.Equal(t, "sent 0 = 0 + 0 + 0", w.figures(nobody))
}

// E-71, E-30: killed before or after any write, nobody is skipped and nobody gets two.
func TestACampaignSurvivesCrashes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.lists()
	w.people(250)
	id := w.campaign(nil)
	w.provider.lost = true // taken, and nobody heard
	_, err := w.Campaign(t.Context(), id.String())
	require.NoError(t, err)
	// Claimed by a process that died before, or after, the call.
	w.exec(`insert into sends (id, key, contact_id, campaign_id, template_key, status, from_email, to_email, subject, html, text, claimed_at, first_attempt_at, created_at, updated_at)
		select gen_random_uuid(), 'campaign:' || campaign_id || ':' || contact_id, contact_id, campaign_id, 'hello', 'queued', 'hello@acme.example', email_key, 'stored', '<p>', 'x', now(),
			case when email_key < 'p2' then now() end, now(), now() from campaign_recipients where email_key like 'p1%'`)
	w.exec(`update campaign_recipients r set send_id = s.id from sends s where s.contact_id = r.contact_id`)
	var both sync.WaitGroup
	for range 2 { // and one whose heartbeats were lost goes on beside the next
		both.Go(func() {
			for range 3 {
				if _, err := w.Campaign(t.Context(), id.String()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	both.Wait()
	w.exec(`update campaign_recipients set due_at = now() where status = 'open'`) // the pause after the lost answer
	require.True(t, w.play(id).Done)
	require.Equal(t, "sent 250 = 250 + 0 + 0", w.figures(id))
	require.Len(t, w.provider.accepted, 250)
	stored := 0
	for _, m := range w.provider.accepted {
		if m.Subject == "stored" {
			stored++
		}
	}
	require.Equal(t, 111, stored, "what was claimed goes out as it was claimed")
}

// E-6, E-32, E-72: who cannot be mailed is counted with a reason, and the others go on.
func TestACampaignWhoseMailsFail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.lists()
	w.people(3)
	id := w.campaign(nil)
	w.provider.script = []error{&email.SendError{Kind: email.Permanent, Reason: "no such mailbox"}, nil, &email.SendError{Kind: email.Transient, Reason: "busy", RetryAfter: time.Hour}}
	result := w.play(id)
	require.True(t, result.Sleeps)
	require.Greater(t, time.Until(*result.Until), 50*time.Minute)
	require.Equal(t, "sending 3 = 1 + 0 + 1", w.figures(id))
	w.exec(`update campaign_recipients set due_at = now() where status = 'open'`)
	require.True(t, w.play(id).Done)
	require.Equal(t, "sent 3 = 2 + 0 + 1", w.figures(id))
	require.Equal(t, 1, w.count(`campaign_recipients where status = 'failed' and reason = 'no such mailbox'`))

	unrendered := w.campaign(func(c *storedb.CampaignInsertParams) { c.Props = json.RawMessage(`{"wrod": 1}`) })
	require.True(t, w.play(unrendered).Done)
	require.Equal(t, "sent 3 = 0 + 0 + 3", w.figures(unrendered))
	require.Equal(t, 3, w.count(`campaign_recipients where campaign_id = $1 and reason like 'render_error: %'`, unrendered))
	require.Zero(t, w.count(`sends where campaign_id = $1`, unrendered))

	gone := w.campaign(func(c *storedb.CampaignInsertParams) { c.TemplateKey = "gone" })
	require.True(t, w.play(gone).Done)
	require.Equal(t, "failed 0 = 0 + 0 + 0", w.figures(gone))
}

// A provider that takes nothing ends the call early: not everybody is claimed for it.
func TestACampaignWithoutAProvider(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.lists()
	w.people(500)
	id := w.campaign(nil)
	_, err := w.Campaign(t.Context(), id.String())
	require.NoError(t, err)
	for range 500 {
		w.provider.script = append(w.provider.script, &email.SendError{Kind: email.Transient, Reason: "refused"})
	}
	result, err := w.Campaign(t.Context(), id.String())
	require.NoError(t, err)
	require.True(t, result.Failing)
	require.Less(t, w.count(`sends`), 50)
	w.provider.script = nil
	w.exec(`update campaign_recipients set due_at = now() where status = 'open'`)
	require.True(t, w.play(id).Done)
	require.Equal(t, "sent 500 = 500 + 0 + 0", w.figures(id))
}

// E-69, E-73: at its time, once; too late, not at all.
func TestAScheduledCampaign(t *testing.T) {
	t.Parallel()
	w, set := newClockedWorld(t, noon)
	w.lists()
	w.people(1)
	at := noon.Add(time.Hour)
	scheduled := func(c *storedb.CampaignInsertParams) { c.Status, c.ScheduledAt = contract.CampaignScheduled, &at }
	onTime, late := w.campaign(scheduled), w.campaign(scheduled)
	result := w.play(onTime)
	require.True(t, result.Until.Equal(at))
	w.people2("ada") // before it starts
	set(at)
	w.play(onTime)
	require.Equal(t, "sent 2 = 2 + 0 + 0", w.figures(onTime))
	set(at.Add(24*time.Hour + time.Second))
	require.True(t, w.play(late).Done)
	require.Equal(t, "expired 0 = 0 + 0 + 0", w.figures(late))
	require.Len(t, w.provider.calls, 2)
}

// E-27: what is deferred waits in the ledger, and passes the gate anew.
func TestDeferredMailsOfACampaign(t *testing.T) {
	t.Parallel()
	w, set := newClockedWorld(t, noon)
	w.lists()
	w.people(3)
	w.define(func(r *hogsend.Registry) {
		r.Defaults.SendWindow, r.Defaults.OnBlocked = hogsend.Window{Start: "14:00", End: "15:00"}, hogsend.Defer
	})
	id := w.campaign(nil)
	result := w.play(id)
	require.True(t, result.Until.Equal(noon.Add(2*time.Hour)))
	require.Equal(t, 3, w.count(`sends where status = 'queued' and reason = 'deferred' and claimed_at is null`))
	w.exec(`update preferences set unsubscribed_all = true where email_key = 'p1@example.com'`)
	w.exec(`update sends set props = '{"wrod": 1}' where contact_id = (select id from contacts where external_id = 'p2')`)
	set(noon.Add(2 * time.Hour))
	require.True(t, w.play(id).Done)
	require.Equal(t, "sent 3 = 2 + 1 + 0", w.figures(id))
	require.Zero(t, w.count(`sends where status = 'queued'`))

	set(noon.Add(4 * time.Hour))
	canceled := w.campaign(nil)
	w.play(canceled)
	_, err := w.desk().CancelCampaign(t.Context(), store.System("test"), canceled, noon.Add(5*time.Hour))
	require.NoError(t, err)
	require.True(t, w.play(canceled).Done)
	require.Equal(t, "canceled 2 = 0 + 2 + 0", w.figures(canceled))
	require.Equal(t, 2, w.count(`sends where campaign_id = $1 and status = 'skipped' and reason = 'canceled'`, canceled))
}

// E-71: people who are merged, or get another's address, between freeze and claim.
func TestRecipientsWhoBecomeOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.lists()
	w.people(4)
	id := w.campaign(nil)
	_, err := w.Campaign(t.Context(), id.String())
	require.NoError(t, err)
	w.exec(`update contacts set merged_into = (select id from contacts where external_id = 'p2'), updated_at = now() where external_id = 'p1'`)
	w.exec(`update contacts set email = 'p4@example.com', email_key = 'p4@example.com', updated_at = now() where external_id = 'p3'`)
	require.True(t, w.play(id).Done)
	require.Equal(t, "sent 4 = 2 + 2 + 0", w.figures(id))
	require.Equal(t, 2, w.count(`campaign_recipients where reason = 'duplicate'`))
	require.Len(t, w.provider.calls, 2)
	require.NotEqual(t, w.provider.calls[0].To, w.provider.calls[1].To)
}

// E-70: a bucket that still looks at the people who were there before it is waited for.
func TestACampaignWaitsForABackfill(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.lists()
	w.people(2)
	w.exec(`insert into backfills (id, bucket_id, generation, mode, policy, status, settle_at, created_at, updated_at) values (gen_random_uuid(), 'vip', 1, 'first-time', 'silent', 'processing', now(), now(), now())`)
	id := w.campaign(func(c *storedb.CampaignInsertParams) { c.AudienceKind, c.AudienceID = contract.AudienceBucket, "vip" })
	result := w.play(id)
	require.NotNil(t, result.Until)
	require.Equal(t, "queued 0 = 0 + 0 + 0", w.figures(id))
	w.exec(`update backfills set status = 'completed'`)
	require.True(t, w.play(id).Done)
}
