package server

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/email"
)

func withCampaigns(c *Config) {
	withLists(c)
	c.Registry.Buckets = []hogsend.Bucket{{ID: "vip"}}
	c.Registry.Templates = []hogsend.Template{{Key: "june-news", Subject: "June", HTML: "<p>"}}
	c.Senders = email.Senders{Default: "Acme <hello@acme.example>"}
}

const campaigns = `select concat_ws(' ', name, status, audience_kind, audience_id, template_key, key, from_email, subject, props::text, rate_per_minute, sample) from campaigns order by created_at, id`

// R-11, E-69, E-3, E-10, E-81, H-11: what is wrong is named by its field and creates nothing.
func TestPostCampaign(t *testing.T) {
	t.Parallel()
	b := setup(t, withCampaigns)
	post := func(body string) call {
		return call{method: "POST", url: "/v1/campaigns", key: b.keys[scopeIngest], body: body}
	}
	year := b.clock().Add(367 * 24 * time.Hour).Format(time.RFC3339)
	soon := b.clock().Add(time.Hour).Format(time.RFC3339)
	const made = `{"campaignId":"<uuid>","scheduledAt":null,"status":"queued"}`
	b.play([]scenario{
		{"no key", call{method: "POST", url: "/v1/campaigns", body: `{}`}, 401, `{"error":"Unauthorized"}`, campaigns, []string{}},
		{"another scope", call{method: "POST", url: "/v1/campaigns", key: b.keys[scopeRead], body: `{}`}, 403, "", campaigns, []string{}},
		{"no audience", post(`{"template":"june-news"}`), 400, wrong("list", "list or bucket is required"), campaigns, []string{}},
		{"two audiences", post(`{"template":"june-news","list":"newsletter","bucket":"vip"}`), 400, wrong("list", "list or bucket, not both"), campaigns, []string{}},
		{"an unknown list", post(`{"template":"june-news","list":"x"}`), 400, wrong("list", "unknown list"), campaigns, []string{}},
		{"an unknown bucket", post(`{"template":"june-news","bucket":"x"}`), 400, wrong("bucket", "unknown bucket"), campaigns, []string{}},
		{"no template", post(`{"list":"newsletter"}`), 400, wrong("template", "is required"), campaigns, []string{}},
		{"an unknown template", post(`{"template":"june-new","list":"newsletter"}`), 400, wrong("template", `there is no template \"june-new\", did you mean \"june-news\"?`), campaigns, []string{}},
		{"another's sender", post(`{"template":"june-news","list":"newsletter","from":"a@evil.example"}`), 400, wrong("from", "domain evil.example is not that of EMAIL_FROM or in EMAIL_FROM_DOMAINS"), campaigns, []string{}},
		{"two senders", post(`{"template":"june-news","list":"newsletter","from":"a@acme.example, b@acme.example"}`), 400, "", campaigns, []string{}},
		{"too far ahead", post(`{"template":"june-news","list":"newsletter","sendAt":"` + year + `"}`), 400, wrong("sendAt", "must be at most a year ahead"), campaigns, []string{}},
		{"two times", post(`{"template":"june-news","list":"newsletter","sendAt":"` + soon + `","sendAtLocal":"2026-02-01T09:00"}`), 400, wrong("sendAtLocal", "sendAt or sendAtLocal, not both"), campaigns, []string{}},
		{"no time", post(`{"template":"june-news","list":"newsletter","sendAtLocal":"9:00"}`), 400, wrong("sendAtLocal", "must be a local time such as 2026-02-01T09:00"), campaigns, []string{}},
		{"no rate", post(`{"template":"june-news","list":"newsletter","ratePerMinute":0}`), 400, wrong("ratePerMinute", "must be from 1 to 1000000"), campaigns, []string{}},
		{"props of a list", post(`{"template":"june-news","list":"newsletter","props":[1]}`), 400, wrong("props", "must be an object"), campaigns, []string{}},
		{"large props", post(`{"template":"june-news","list":"newsletter","props":{"a":"` + strings.Repeat("x", 70<<10) + `"}}`), 400, wrong("props", "must have at most 64 KiB"), campaigns, []string{}},
		{"a sample of nobody", post(`{"template":"june-news","list":"newsletter","sampleTo":["nobody"]}`), 400, wrong("sampleTo.0", "Contact not found"), campaigns, []string{}},
		{"a long name", post(`{"template":"june-news","list":"newsletter","name":"` + strings.Repeat("x", 101) + `"}`), 400, wrong("name", "must have at most 100 characters"), campaigns, []string{}},
		{"now", post(`{"template":"june-news","list":"newsletter","idempotencyKey":"k","props":{"n":1.50}}`), 202, made, campaigns, []string{`june-news queued list newsletter june-news api:k   {"n": 1.50} 0 0`}},
		{"again", post(`{"template":"june-news","list":"newsletter","idempotencyKey":"k"}`), 202, made, `select count(*)::text from campaigns`, []string{"1"}},
		{"by header", call{method: "POST", url: "/v1/campaigns", key: b.keys[scopeIngest], headers: map[string]string{"Idempotency-Key": "k"}, body: `{"template":"june-news","list":"newsletter"}`}, 202, made, `select count(*)::text from campaigns`, []string{"1"}},
		{
			"with all", post(`{"name":"VIPs","template":"june-news","bucket":"vip","from":"news@acme.example","subject":"Hi","sendAt":"` + soon + `","ratePerMinute":600,"sample":10}`), 202,
			`{"campaignId":"<uuid>","scheduledAt":"<ts>","status":"scheduled"}`, campaigns + ` offset 1`,
			[]string{`VIPs scheduled bucket vip june-news news@acme.example Hi 600 10`},
		},
		{"in the past is now", post(`{"template":"june-news","bucket":"vip","sendAt":"2020-01-01T00:00:00Z"}`), 202, made, `select count(*)::text from outbox where kind = 'run'`, []string{"3"}},
	})
	require.Equal(t, []string{"campaigns.create"}, b.rows(`select distinct action from audit_logs where resource = 'campaigns'`))
}

// E-72, E-73, Q-16.
func TestCampaignsAreShownAndChanged(t *testing.T) {
	t.Parallel()
	b := setup(t, withCampaigns)
	var ids []string
	for _, name := range []string{"one", "two", "three"} {
		b.advance(time.Second)
		a := b.do(call{method: "POST", url: "/v1/campaigns", key: b.keys[scopeIngest], body: `{"template":"june-news","list":"newsletter","name":"` + name + `"}`})
		var made struct{ CampaignID string }
		require.NoError(t, json.Unmarshal([]byte(a.body), &made))
		ids = append(ids, made.CampaignID)
	}
	exec := func(sql string, args ...any) {
		_, err := b.store.Pool.Exec(t.Context(), sql, args...)
		require.NoError(t, err)
	}
	exec(`update campaigns set status = 'sending', started_at = now(), total_recipients = 5 where id = $1`, ids[0])
	exec(`insert into campaign_recipients (campaign_id, contact_id, email_key, status, reason, due_at)
		select $1, gen_random_uuid(), i::text, (array['open', 'open', 'sent', 'skipped', 'failed'])[i], case i when 4 then 'bounce' end, now() from generate_series(1, 5) i`, ids[0])
	exec(`update campaigns set status = 'sent', completed_at = now() where id = $1`, ids[1])
	get := func(path string) call { return call{method: "GET", url: path, key: b.keys[scopeRead]} }
	post := func(path string) call { return call{method: "POST", url: path, key: b.keys[scopeIngest], body: `{}`} }
	shown := func(name, status, figures, canceled, completed, paused, started string) string {
		return `{"audienceId":"newsletter","audienceKind":"list","canceledAt":` + canceled + `,"completedAt":` + completed + `,"createdAt":"<ts>","error":null,` + figures[:strings.Index(figures, "|")] +
			`"id":"<uuid>","name":"` + name + `","pausedAt":` + paused + `,"ratePerMinute":0,"scheduledAt":null,"sendAtLocal":null,` + figures[strings.Index(figures, "|")+1:] +
			`"startedAt":` + started + `,"status":"` + status + `","templateKey":"june-news","totalRecipients":`
	}
	one := func(status, skipped, canceled, paused string) string {
		return shown("one", status, `"failedCount":1,|"sentCount":1,"skippedCount":`+skipped+`,`, canceled, "null", paused, `"<ts>"`) + "5}"
	}
	two := shown("two", "sent", `"failedCount":0,|"sentCount":0,"skippedCount":0,`, "null", `"<ts>"`, "null", "null") + "0}"
	three := shown("three", "queued", `"failedCount":0,|"sentCount":0,"skippedCount":0,`, "null", "null", "null", "null") + "0}"
	const audit = `select action || ' ' || resource_id from audit_logs where resource = 'campaigns' and action <> 'campaigns.create' order by created_at, id`
	b.play([]scenario{
		{"newest first", get("/v1/campaigns?limit=2"), 200, `{"campaigns":[` + three + `,` + two + `],"hasMore":true,"limit":2,"offset":0,"total":3}`, "", nil},
		{"the rest", get("/v1/campaigns?limit=2&offset=2"), 200, `{"campaigns":[` + one("sending", "1", "null", "null") + `],"hasMore":false,"limit":2,"offset":2,"total":3}`, "", nil},
		{"by status", get("/v1/campaigns?status=sent,canceled"), 200, `{"campaigns":[` + two + `],"hasMore":false,"limit":50,"offset":0,"total":1}`, "", nil},
		{"unknown status", get("/v1/campaigns?status=done"), 400, wrong("status", "unknown value"), "", nil},
		{"too many", get("/v1/campaigns?limit=201"), 400, "", "", nil},
		{"one", get("/v1/campaigns/" + ids[0]), 200, one("sending", "1", "null", "null"), "", nil},
		{"none", get("/v1/campaigns/00000000-0000-0000-0000-000000000000"), 404, `{"error":"Campaign not found"}`, "", nil},
		{"no uuid", get("/v1/campaigns/x"), 400, "", "", nil},
		{"paused", post("/v1/campaigns/" + ids[0] + "/pause"), 200, one("sending", "1", "null", `"<ts>"`), audit, []string{"campaigns.pause " + ids[0]}},
		{"paused twice", post("/v1/campaigns/" + ids[0] + "/pause"), 200, one("sending", "1", "null", `"<ts>"`), `select count(*)::text from outbox where kind = 'signal'`, []string{"1"}},
		{"resumed", post("/v1/campaigns/" + ids[0] + "/resume"), 200, one("sending", "1", "null", "null"), `select count(*)::text from outbox where kind = 'signal'`, []string{"2"}},
		{"canceled: the figures add up at once", post("/v1/campaigns/" + ids[0] + "/cancel"), 200, one("canceled", "3", `"<ts>"`, "null"), `select count(*)::text from outbox where kind = 'signal'`, []string{"3"}},
		{"canceled twice", post("/v1/campaigns/" + ids[0] + "/cancel"), 409, `{"error":"Campaign is already canceled"}`, "", nil},
		{"resumed after its end", post("/v1/campaigns/" + ids[1] + "/resume"), 409, `{"error":"Campaign is already sent"}`, "", nil},
		{"nobody's", post("/v1/campaigns/00000000-0000-0000-0000-000000000000/cancel"), 404, `{"error":"Campaign not found"}`, "", nil},
		{"with the scope for reading", call{method: "POST", url: "/v1/campaigns/" + ids[2] + "/cancel", key: b.keys[scopeRead]}, 403, "", "", nil},
	})
	a := b.do(get("/v1/campaigns/" + ids[0] + "?outcomes=true"))
	require.Contains(t, a.body, `"outcomes":[{"status":"failed","count":1},{"status":"open","count":2},{"status":"sent","count":1},{"status":"skipped","reason":"bounce","count":1}]`)
}
