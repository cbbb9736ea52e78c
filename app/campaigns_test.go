package app

import (
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/server"
)

// O-51: a campaign's life by command.
func TestCampaignsByCommand(t *testing.T) {
	t.Parallel()
	d := &desk{t: t, url: dbtest.URL(t)}
	d.registry = hogsend.Registry{
		Lists:     []hogsend.List{{ID: "newsletter", Name: "News", DefaultOptIn: true}},
		Templates: []hogsend.Template{{Key: "june-news", Subject: "June", HTML: "<p>"}},
	}
	var err error
	d.store, err = store.Open(t.Context(), store.Config{URL: d.url})
	require.NoError(t, err)
	t.Cleanup(d.store.Close)
	log := slog.New(slog.DiscardHandler)
	d.ingester = ingest.New(d.store, ingest.Config{Logger: log})
	t.Cleanup(d.ingester.Close)
	web := httptest.NewServer(server.New(server.Config{Store: d.store, Ingest: d.ingester, Registry: d.registry, AdminAPIKey: deskKey, PublicURL: "http://127.0.0.1:3002", Logger: log}))
	t.Cleanup(web.Close)
	d.api = web.URL

	ok := func(args ...string) string {
		code, printed := d.run(args...)
		require.Zero(t, code, printed)
		return printed
	}
	fails := func(args ...string) string {
		code, printed := d.run(args...)
		require.Equal(t, 1, code, printed)
		return printed
	}
	require.Contains(t, ok("campaigns", "list"), "no campaigns")
	var made struct{ CampaignID string }
	out := ok("campaigns", "create", "june-news", "--list", "newsletter", "--props", `{"n":1}`, "--rate", "600", "--sample", "2", "--idempotency-key", "k", "--json")
	require.NoError(t, json.Unmarshal([]byte(out), &made), out)
	id := made.CampaignID
	require.Contains(t, ok("campaigns", "create", "june-news", "--list", "newsletter", "--idempotency-key", "k"), id, "the first one")
	d.exec(`update campaigns set status = 'sending', started_at = now(), total_recipients = 3 where id = $1`, id)
	d.exec(`insert into campaign_recipients (campaign_id, contact_id, email_key, status, reason, due_at)
		select $1, gen_random_uuid(), i::text, (array['open', 'sent', 'skipped'])[i], case i when 3 then 'bounce' end, now() from generate_series(1, 3) i`, id)
	list := ok("campaigns", "list", "--status", "sending")
	require.Contains(t, list, "list newsletter")
	require.Contains(t, list, "2 of 3: 1 sent, 1 skipped, 0 failed")
	require.Contains(t, ok("campaigns", "pause", id), "is sending, paused")
	require.Contains(t, ok("campaigns", "show", id, "--watch"), "1 skipped, bounce")
	require.NotContains(t, ok("campaigns", "resume", id), "paused")
	require.Contains(t, ok("campaigns", "cancel", id), "is canceled\n3 of 3: 1 sent, 2 skipped, 0 failed")
	require.Contains(t, fails("campaigns", "cancel", id), "Campaign is already canceled")
	require.Contains(t, fails("campaigns", "show", "00000000-0000-0000-0000-000000000000"), "there is no campaign")
	require.Contains(t, fails("campaigns", "create", "june-new", "--list", "newsletter"), `did you mean "june-news"?`)
	require.Contains(t, fails("campaigns", "create", "june-news"), "list or bucket is required")

	// Whoever types a date of the past does not mean at once.
	create := func(more ...string) []string {
		return append([]string{"campaigns", "create", "june-news", "--list", "newsletter"}, more...)
	}
	require.Contains(t, fails(create("--at", "2020-06-01T09:00:00+02:00")...), "--at: 2020-06-01T09:00:00+02:00 is past; without --at it starts at once")
	require.Contains(t, fails(create("--local", "2020-06-01T09:00")...), "--local: 2020-06-01T09:00 is past everywhere")
	require.Contains(t, fails(create("--at", "tomorrow")...), "sendAt: must be an RFC 3339 time")
	require.Contains(t, fails(create("--local", "9:00")...), "sendAtLocal: must be a local time")
	require.Contains(t, ok("campaigns", "list"), "\n"+id, "the only one")
	require.NotContains(t, ok("campaigns", "list"), "queued")
	require.Contains(t, ok(create("--at", "2020-06-01T09:00:00Z", "--idempotency-key", "k")...), id, "a second try")
	ok(create("--local", time.Now().UTC().Add(-11*time.Hour).Format("2006-01-02T15:04"))...) // not yet everywhere
	ok(create("--at", time.Now().UTC().Add(time.Hour).Format(time.RFC3339))...)
}

// E-69, E-73: a campaign in code is created once, by the first start that knows it; one
// whose time has long passed expires, and mails nobody.
func TestCampaignsInCodeAreCreatedOnce(t *testing.T) {
	t.Parallel()
	s := dbtest.DB(t)
	long := time.Now().Add(-48 * time.Hour)
	p := &process{store: s, registry: hogsend.Registry{Campaigns: []hogsend.Campaign{
		{ID: "june", List: "newsletter", Template: "june-news", Props: struct {
			N int `json:"n"`
		}{1}, RatePerMinute: 60},
		{ID: "past", Name: "Past", Bucket: "vip", Template: "june-news", SendAt: long},
	}}}
	require.NoError(t, p.createCampaigns(t.Context()))
	p.registry.Campaigns[0].Subject = "Changed"
	require.NoError(t, p.createCampaigns(t.Context()))
	rows, err := s.CampaignList(t.Context(), []string{}, 0, 10)
	require.NoError(t, err)
	require.Len(t, rows, 2)
	for _, c := range rows {
		if *c.Key == "code:past" {
			require.Equal(t, "Past scheduled bucket vip", c.Name+" "+string(c.Status)+" "+string(c.AudienceKind)+" "+c.AudienceID)
			require.WithinDuration(t, long, *c.ScheduledAt, time.Millisecond)
			continue
		}
		require.Equal(t, "june queued list newsletter ", c.Name+" "+string(c.Status)+" "+string(c.AudienceKind)+" "+c.AudienceID+" "+c.Subject)
		require.JSONEq(t, `{"n":1}`, string(c.Props))
	}
	p.registry.Campaigns = []hogsend.Campaign{{ID: "far", List: "newsletter", Template: "june-news", SendAt: time.Now().AddDate(2, 0, 0)}}
	require.ErrorContains(t, p.createCampaigns(t.Context()), "campaign far: SendAt is more than a year ahead")
}
