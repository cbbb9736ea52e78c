package activities_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/operate"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// E-73: a pause holds what is not claimed, what is claimed goes out; a resume
// goes on with the rest.
func TestAPausedCampaign(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.lists()
	w.people(30)
	id := w.campaign(nil)
	_, err := w.Campaign(t.Context(), id.String())
	require.NoError(t, err)
	// Two were claimed; of one the provider does not take the mail at first.
	w.exec(`insert into sends (id, key, contact_id, campaign_id, template_key, status, to_email, subject, html, claimed_at, created_at, updated_at)
		select gen_random_uuid(), 'campaign:' || campaign_id || ':' || contact_id, contact_id, campaign_id, 'hello', 'queued', email_key, 's', '<p>', now(), now(), now()
		from campaign_recipients where email_key < 'p11'`)
	w.exec(`update campaign_recipients r set send_id = s.id from sends s where s.contact_id = r.contact_id`)
	claimed := w.count(`sends`)
	_, err = w.desk().PauseCampaign(t.Context(), store.System("test"), id, time.Now())
	require.NoError(t, err)
	w.provider.script = []error{&email.SendError{Kind: email.Transient, Reason: "busy", RetryAfter: time.Hour}}
	result := w.play(id)
	require.NotNil(t, result.Until, "for the mail that is tried again")
	require.Equal(t, claimed-1, w.count(`sends where status = 'sent'`))
	w.exec(`update campaign_recipients set due_at = now() where status = 'open'`)
	require.Equal(t, contract.CampaignResult{Sleeps: true}, w.play(id), "until it is woken")
	require.Equal(t, claimed, w.count(`sends`))
	_, err = w.desk().ResumeCampaign(t.Context(), store.System("test"), id, time.Now())
	require.NoError(t, err)
	require.True(t, w.play(id).Done)
	require.Equal(t, "sent 30 = 30 + 0 + 0", w.figures(id))
	require.Len(t, w.provider.accepted, 30)
}

// E-73: of a cancel and claims at once, every mail that left was claimed before the cancel;
// whoever was not is spared, and nobody is missing in the figures.
func TestACancelRacesWithClaims(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.lists()
	w.people(400)
	id := w.campaign(nil)
	_, err := w.Campaign(t.Context(), id.String())
	require.NoError(t, err)
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			if _, err := w.Campaign(t.Context(), id.String()); err != nil {
				t.Error(err)
			}
		})
	}
	require.Eventually(t, func() bool { return w.count(`sends`) > 50 }, time.Minute, time.Millisecond)
	_, err = w.desk().CancelCampaign(t.Context(), store.System("test"), id, time.Now())
	require.NoError(t, err)
	claimed := w.count(`sends where claimed_at is not null`)
	all.Wait()
	require.Equal(t, claimed, w.count(`sends`), "nothing is claimed after the cancel")
	require.True(t, w.play(id).Done)
	require.Less(t, claimed, 400)
	require.Len(t, w.provider.accepted, claimed)
	require.Equal(t, claimed, w.count(`campaign_recipients where status = 'sent'`))
	require.Equal(t, 400-claimed, w.count(`campaign_recipients where status = 'skipped' and reason = 'canceled'`))
	require.Equal(t, 1, w.count(`campaigns where status = 'canceled' and completed_at is not null and sent_count + skipped_count + failed_count = 400 and sent_count = $1`, claimed))
	_, err = w.desk().CancelCampaign(t.Context(), store.System("test"), id, time.Now())
	var over *operate.OverError
	require.ErrorAs(t, err, &over)

	early := w.campaign(func(c *storedb.CampaignInsertParams) {
		at := time.Now().Add(time.Hour)
		c.Status, c.ScheduledAt = contract.CampaignScheduled, &at
	})
	_, err = w.desk().CancelCampaign(t.Context(), store.System("test"), early, time.Now())
	require.NoError(t, err)
	require.True(t, w.play(early).Done)
	require.Equal(t, "canceled 0 = 0 + 0 + 0", w.figures(early))
}

// A sample goes first, then the campaign pauses itself; a resume mails the others.
func TestTheSampleOfACampaign(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.lists()
	w.people(10)
	first := w.campaign(func(c *storedb.CampaignInsertParams) { c.Sample = 3 })
	var p7 uuid.UUID
	w.scan(&p7, `select id from contacts where external_id = 'p7'`)
	named := w.campaign(func(c *storedb.CampaignInsertParams) { c.SampleTo = []uuid.UUID{p7} })
	for id, n := range map[uuid.UUID]int{first: 3, named: 1} {
		require.Equal(t, contract.CampaignResult{Sleeps: true}, w.play(id))
		require.Equal(t, contract.CampaignResult{Sleeps: true}, w.play(id))
		require.Equal(t, n, w.count(`sends where campaign_id = $1 and status = 'sent'`, id))
		require.Equal(t, 1, w.count(`campaigns where id = $1 and paused_at is not null and sampled`, id))
		_, err := w.desk().ResumeCampaign(t.Context(), store.System("test"), id, time.Now())
		require.NoError(t, err)
		require.True(t, w.play(id).Done)
		require.Equal(t, "sent 10 = 10 + 0 + 0", w.figures(id))
	}
	require.Equal(t, 1, w.count(`sends where campaign_id = $1 and contact_id = $2`, named, p7))
}

// S-1, S-3: nine o'clock on the wall of each: in the zone of the contact, of its property,
// or else of the installation.
func TestACampaignAtALocalTime(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 2, 1, 9, 0, 0, 0, time.UTC)
	w, set := newClockedWorld(t, start.Add(-20*time.Hour))
	w.lists()
	w.people(4)
	w.exec(`update contacts set timezone = 'Asia/Tokyo' where external_id = 'p1'`)
	w.exec(`update contacts set properties = '{"timezone": "America/New_York"}' where external_id = 'p2'`)
	w.exec(`update contacts set properties = '{"$geoip_time_zone": "Pacific/Kiritimati"}' where external_id = 'p3'`)
	local, first := "2026-02-01T09:00", start.Add(-14*time.Hour)
	id := w.campaign(func(c *storedb.CampaignInsertParams) {
		c.Status, c.ScheduledAt, c.LocalAt = contract.CampaignScheduled, &first, &local
	})
	for n, at := range []time.Time{first, start.Add(-9 * time.Hour), start, start.Add(5 * time.Hour)} {
		result := w.play(id)
		require.True(t, result.Until.Equal(at), "%d: %s", n, result.Until)
		require.Len(t, w.provider.calls, n)
		set(at)
		if n == 0 {
			w.play(id) // the freeze, and who is the first on earth
		}
	}
	require.True(t, w.play(id).Done)
	var to []string
	for _, m := range w.provider.calls {
		to = append(to, m.To)
	}
	require.Equal(t, []string{"p3@example.com", "p1@example.com", "p4@example.com", "p2@example.com"}, to)
}

// The campaign's own rate bounds a call, which then sleeps for a while.
func TestTheRateOfACampaign(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.lists()
	w.people(20)
	id := w.campaign(func(c *storedb.CampaignInsertParams) { c.RatePerMinute = 1200 })
	begin := time.Now()
	require.True(t, w.play(id).Done)
	require.Greater(t, time.Since(begin), 900*time.Millisecond, "19 pauses of 50 ms")
	require.Equal(t, "sent 20 = 20 + 0 + 0", w.figures(id))
}
