package server

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
)

func (b *bundle) figures(url string) call {
	return call{method: "GET", url: "/v1/admin" + url, key: b.keys[scopeRead]}
}

// mails are sends of two templates, one without, and what is in no figure: one not sent and a
// test.
func (b *bundle) mails() {
	b.t.Helper()
	b.rows(`insert into sends (id, key, contact_id, journey_id, template_key, category, status, to_email, subject, sent_at, delivered_at, opened_at, clicked_at, bounced_at, complained_at, bounce_type, test, created_at, updated_at)
		select gen_random_uuid(), v.key, c.id, v.journey, v.template, 'journey', v.status, 'Ada@example.com', 'Hi', v.sent::timestamptz, v.delivered::timestamptz, v.opened::timestamptz, v.clicked::timestamptz, v.bounced::timestamptz, v.complained::timestamptz, v.type, v.test, '2026-01-01', now()
		from (values
			('a', 'trial-nudge', 'welcome', 'clicked', '2026-01-05T10:00Z', null, null, '2026-01-05T11:00Z', null, null, null, false),
			('b', 'trial-nudge', 'welcome', 'opened', '2026-01-07T23:30Z', '2026-01-07T23:31Z', '2026-01-08T09:00Z', null, null, null, null, false),
			('c', 'trial-nudge', 'welcome', 'bounced', '2026-01-07T10:00Z', null, null, null, '2026-01-09T10:00Z', null, 'hard', false),
			('d', null, 'news', 'complained', '2026-01-12T10:00Z', '2026-01-12T10:00Z', null, null, null, '2026-01-12T10:00Z', null, false),
			('e', null, '', 'sent', '2026-01-12T10:00Z', null, null, null, null, null, null, false),
			('f', 'trial-nudge', 'welcome', 'failed', null, null, null, null, null, null, null, false),
			('g', 'trial-nudge', 'welcome', 'delivered', '2026-01-05T10:00Z', '2026-01-05T10:00Z', null, null, null, null, null, true)
		) v (key, journey, template, status, sent, delivered, opened, clicked, bounced, complained, type, test)
		left join contacts c on c.external_id = 'user_1' and v.key <> 'd' returning key`)
}

// O-27, O-28, O-29, Q-6, Q-9, Q-11, Q-14, H-10.
func TestFiguresOfMails(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.people()
	b.mails()
	b.rows(`update sends set contact_id = null, claimed_at = now() where key = 'd' returning key`)
	get := b.figures
	item := func(key, counts, rates string) string {
		return `{"templateKey":"` + key + `",` + counts + `,` + rates + `}`
	}
	const (
		welcome = `"sent":3,"delivered":2,"opened":2,"clicked":1,"bounced":1`
		rates   = `"deliveryRate":0.6667,"openRate":1,"clickRate":0.5,"clickToDeliveryRate":0.5`
		news    = `"sent":1,"delivered":1,"opened":0,"clicked":0,"bounced":0`
		only    = `"deliveryRate":1,"openRate":0,"clickRate":0,"clickToDeliveryRate":0`
		none    = `"sent":1,"delivered":0,"opened":0,"clicked":0,"bounced":0`
		zero    = `"deliveryRate":0,"openRate":0,"clickRate":0,"clickToDeliveryRate":0`
	)
	point := func(total, delivered, bounced, complained, rate string) string {
		return `{"date":"<ts>","total":` + total + `,"delivered":` + delivered + `,"bounced":` + bounced + `,"complained":` + complained + `,"deliveryRate":` + rate + `}`
	}
	send := func(template, status, type_ string, set ...string) string {
		at := func(name string) string {
			for _, one := range set {
				if one == name {
					return `"<ts>"`
				}
			}
			return "null"
		}
		return `{"id":"<uuid>","templateKey":` + template + `,"subject":"Hi","status":"` + status + `","sentAt":` + at("sent") + `,"deliveredAt":` + at("delivered") + `,"openedAt":` + at("opened") +
			`,"clickedAt":` + at("clicked") + `,"bouncedAt":` + at("bounced") + `,"complainedAt":` + at("complained") + `,"bounceType":` + type_ + `,"createdAt":"<ts>"}`
	}
	b.rows(`update sends set created_at = '2026-01-01'::timestamptz + (ascii(key) - 96) * interval '1 second' returning key`)
	b.play([]scenario{
		{"no key", call{method: "GET", url: "/v1/admin/metrics/emails"}, 401, "", "", nil},
		{"another scope", call{method: "GET", url: "/v1/admin/metrics/emails", key: b.keys[scopeIngest]}, 403, "", "", nil},
		{"by template", get("/metrics/emails"), 200, `{"templates":[` + item("(none)", none, zero) + `,` + item("news", news, only) + `,` + item("welcome", welcome, rates) + `]}`, "", nil},
		{"without those of none", get("/metrics/emails?includeUntemplated=false&from=2026-01-12"), 200, `{"templates":[` + item("news", news, only) + `]}`, "", nil},
		{"with them", get("/metrics/emails?includeUntemplated=true&from=2026-01-12&to=2026-01-12"), 200, `{"templates":[` + item("(none)", none, zero) + `,` + item("news", news, only) + `]}`, "", nil},
		{"no bool", get("/metrics/emails?includeUntemplated=no"), 400, wrong("includeUntemplated", "must be true or false"), "", nil},
		{"an empty range", get("/metrics/emails?from=2025-01-01&to=2025-01-02"), 200, `{"templates":[]}`, "", nil},
		{"a wrong range", get("/metrics/emails?from=2026-01-02&to=2026-01-01"), 400, wrong("from", "must not be after to"), "", nil},
		{
			"weeks, gap-free", get("/metrics/emails/deliverability?period=week&from=2026-01-05&to=2026-01-25"), 200,
			`{"period":"week","points":[` + point("3", "2", "1", "0", "0.6667") + `,` + point("2", "1", "0", "1", "0.5") + `,` + point("0", "0", "0", "0", "0") + `]}`, "", nil,
		},
		{"an unknown period", get("/metrics/emails/deliverability?period=hour"), 400, wrong("period", "unknown value"), "", nil},
		{"an unknown zone", get("/metrics/emails/deliverability?tz=Mars"), 400, wrong("tz", "must be the name of a time zone such as Europe/Berlin"), "", nil},
		{"never sent", get("/reporting/templates/trial%2Fnudge"), 404, `{"error":"Template has never been sent"}`, "", nil},
		{
			"not in the window", get("/reporting/templates/welcome?from=2025-01-01&to=2025-01-01"), 200,
			`{"templateKey":"welcome","window":{"from":"<ts>","to":"<ts>"},"totals":{"sent":0,"delivered":0,"opened":0,"clicked":0,"bounced":0,"complained":0,` + zero + `},
			"series":[{"date":"<ts>","sent":0,"delivered":0,"opened":0,"clicked":0,"bounced":0}]}`, "", nil,
		},
		{
			"from the first to the last day", get("/reporting/templates/welcome"), 200,
			`{"templateKey":"welcome","window":{"from":null,"to":null},"totals":{` + welcome + `,"complained":0,` + rates + `},"series":[
			{"date":"<ts>","sent":1,"delivered":1,"opened":1,"clicked":1,"bounced":0},{"date":"<ts>","sent":0,"delivered":0,"opened":0,"clicked":0,"bounced":0},
			{"date":"<ts>","sent":2,"delivered":1,"opened":1,"clicked":0,"bounced":1}]}`, "", nil,
		},
		{
			"days of a zone", get("/reporting/templates/welcome?tz=Europe/Berlin&from=2026-01-07T12:00:00Z"), 200,
			`{"templateKey":"welcome","window":{"from":"<ts>","to":null},"totals":{"sent":1,"delivered":1,"opened":1,"clicked":0,"bounced":0,"complained":0,"deliveryRate":1,"openRate":1,"clickRate":0,"clickToDeliveryRate":0},"series":[
			{"date":"<ts>","sent":0,"delivered":0,"opened":0,"clicked":0,"bounced":0},{"date":"<ts>","sent":1,"delivered":1,"opened":1,"clicked":0,"bounced":0}]}`, "", nil,
		},
		{"an unknown granularity", get("/reporting/templates/welcome?granularity=year"), 400, wrong("granularity", "unknown value"), "", nil},
		{"activity of nobody", get("/reporting/contacts/zzz/activity"), 404, `{"error":"Contact not found"}`, "", nil},
		{"of a contact", get("/reporting/contacts/user_1/activity?limit=2&offset=3"), 200, `{"contact":{"externalId":"user_1","email":"Ada@example.com"},"sends":[` +
			send(`"news"`, "complained", "null", "sent", "delivered", "complained") + `,` + send(`"welcome"`, "bounced", `"hard"`, "sent", "bounced") + `],"total":7,"limit":2,"offset":3}`, "", nil},
	})
	for _, c := range []struct{ url, date string }{
		{"/reporting/templates/welcome?tz=Europe/Berlin&granularity=month", `"date":"2025-12-31T23:00:00.000Z"`},
		{"/reporting/templates/welcome?granularity=week", `"date":"2026-01-05T00:00:00.000Z"`},
		{"/metrics/emails/deliverability?tz=America/Sao_Paulo&from=2018-11-04&to=2018-11-05", `"date":"2018-11-04T03:00:00.000Z"`}, // no midnight there that day
	} {
		require.Contains(t, b.do(get(c.url)).body, c.date)
	}
}

// O-27, O-29, Q-14, Q-18: what is kept as rows change is what
// counting them would say.
func TestFigures(t *testing.T) {
	t.Parallel()
	b := segments(t, hogsend.Bucket{ID: "pros", Name: "Pros", Criteria: hogsend.Prop("plan").Eq("pro")}, hogsend.Bucket{ID: "none", Name: "None", Criteria: hogsend.Prop("x").Eq("y")})
	b.people()
	b.mails()
	now := b.clock()
	b.exec(`update sends set sent_at = $1::timestamptz - interval '1 hour' where key in ('a', 'g')`, now)
	b.exec(`update sends set sent_at = $1::timestamptz - interval '3 days' where key = 'b'`, now)
	b.exec(`update sends set sent_at = $1::timestamptz - interval '20 days' where key = 'c'`, now)
	b.exec(`update sends set sent_at = $1::timestamptz - interval '31 days' where key = 'd'`, now)
	b.event("trial.started", "user_5", `"eventProperties":{"plan":"pro"},"contactProperties":{"plan":"pro"}`)
	b.event("trial.started", "user_6", `"eventProperties":{"plan":"pro"}`)
	b.event("leave", "user_5", `"contactProperties":{"plan":"free"}`)
	b.exec(`update enrollments set status = 'completed', completed_at = created_at + interval '90.25 s' where contact_id = (select id from contacts where external_id = 'user_5')`)
	b.exec(`update enrollments set status = 'waiting' where contact_id = (select id from contacts where external_id = 'user_6')`)
	b.exec(`update memberships set left_at = entered_at + interval '1 hour' where status = 'left'`)
	b.exec(`insert into preferences (id, email, email_key, unsubscribed_all, created_at, updated_at) select gen_random_uuid(), n::text, n::text, false, now(), now() from generate_series(1, 3) n`)
	b.exec(`update preferences set unsubscribed_all = true where email = '1'`)
	require.Equal(t, 200, b.do(call{method: "DELETE", url: "/v1/admin/contacts/user_6", key: adminKey}).status)
	get := b.figures
	const overview = `{"totalContacts":4,"activeJourneys":1,"activeBuckets":1,"bucketMembers":1,"emailsSent24h":1,"emailsSent7d":2,"emailsSent30d":3,"bounceRate30d":0.3333,"unsubscribeRate":0.3333}`
	nudge := `{"journeyId":"trial-nudge","name":"Trial nudge","enrolled":3,"completed":1,"failed":0,"exited":1,"active":1,"completionRate":0.3333,"avgDurationSecs":90.3}`
	zero := func(id, name string) string {
		return `{"journeyId":"` + id + `","name":"` + name + `","enrolled":0,"completed":0,"failed":0,"exited":0,"active":0,"completionRate":0,"avgDurationSecs":null}`
	}
	b.play([]scenario{
		{"no key", call{method: "GET", url: "/v1/admin/metrics/overview"}, 401, "", "", nil},
		{"another scope", call{method: "GET", url: "/v1/admin/metrics/overview", key: b.keys[scopeIngest]}, 403, "", "", nil},
		{"overview", get("/metrics/overview"), 200, overview, "", nil},
		{"added up", call{method: "GET", url: "/v1/health/live"}, 200, "", `select (count(*) > 0)::text from count_changes`, []string{"true"}},
	})
	for {
		n, err := b.store.CountsFold(t.Context(), 3)
		require.NoError(t, err)
		if n == 0 {
			break
		}
	}
	b.play([]scenario{
		{"as before", get("/metrics/overview"), 200, overview, `select count(*)::text from count_changes`, []string{"0"}},
		{"journeys", get("/metrics/journeys"), 200, `{"journeys":[` + zero("a-dwell", "Dwell") + `,` + zero("old", "Old") + `,` + zero("other", "Other") + `,` + nudge + `,` + zero("z-any", "Any") + `]}`, "", nil},
		{"one", get("/metrics/journeys/trial-nudge"), 200, `{"journeyId":"trial-nudge","enrolled":3,"emailSent":3,"emailOpened":2,"emailClicked":1,"completed":1,"failed":0,"exited":1}`, "", nil},
		{"unknown", get("/metrics/journeys/zzz"), 404, `{"error":"Journey not found"}`, "", nil},
		{"buckets", get("/metrics/buckets"), 200, `{"buckets":[{"bucketId":"none","name":"None","size":0,"entered":0,"left":0,"avgDwellSecs":null},{"bucketId":"pros","name":"Pros","size":1,"entered":2,"left":1,"avgDwellSecs":3600}]}`, "", nil},
		{"unknown bucket", get("/metrics/buckets/zzz"), 404, `{"error":"Bucket not found"}`, "", nil},
		{"events of a name", get("/metrics/events?event=leave&granularity=week"), 200, `{"granularity":"week","events":[{"event":"leave","date":"<ts>","count":1}]}`, "", nil},
		{"an unknown unit", get("/metrics/events?granularity=month"), 400, wrong("granularity", "unknown value"), "", nil},
		{"events of a day", get("/metrics/events?from=2026-01-05&to=2026-01-05&granularity=hour"), 200, `{"granularity":"hour","events":[{"event":"app.active","date":"<ts>","count":1}]}`, "", nil},
	})
	a := b.do(get("/metrics/buckets/pros?period=month"))
	require.Equal(t, 200, a.status, a.body)
	require.Contains(t, a.body, `"size":1,"points":[`)
	require.Regexp(t, `"entered":2,"left":[01]`, a.body)
}

// O-29: counts that are kept are those of the rows, whoever changes them at the same time,
// and while they are added up.
func TestKeptCountsAreThoseOfTheRows(t *testing.T) {
	t.Parallel()
	b := segments(t, hogsend.Bucket{ID: "pros", Name: "Pros", Criteria: hogsend.Prop("plan").Eq("pro")})
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for n := range 10 {
				user := string(rune('a'+n)) + "-user"
				plan := []string{"pro", "free"}[(i+n)%2]
				b.do(call{method: "POST", url: "/v1/events", key: adminKey, body: `{"name":"trial.started","userId":"` + user + `","eventProperties":{"plan":"pro"},"contactProperties":{"plan":"` + plan + `"}}`})
				if (i+n)%5 == 0 {
					b.do(call{method: "DELETE", url: "/v1/contacts", key: adminKey, body: `{"userId":"` + user + `"}`})
				}
				_, _ = b.store.CountsFold(t.Context(), 2) // errors show in what is compared
			}
		})
	}
	all.Wait()
	b.do(call{method: "POST", url: "/v1/admin/contacts/merge", key: adminKey, body: `{"into":"a-user","from":"b-user"}`})
	kept := func(kind string) []string {
		return b.rows(`select key || ' ' || state || ' ' || sum(n) from (select * from counts union all select kind, key, state, n, seconds from count_changes) c
			where kind = $1 group by key, state having sum(n) <> 0 order by 1`, kind)
	}
	require.Equal(t, b.rows(`select ' live ' || count(*) from contacts where deleted_at is null and merged_into is null`), kept("contacts"))
	require.Equal(t, b.rows(`select bucket_id || ' ' || status || ' ' || count(*) from memberships group by bucket_id, status order by 1`), kept("memberships"))
	require.Equal(t, b.rows(`select journey_id || ' ' || hogsend_enrollment_state(status) || ' ' || count(*) from enrollments group by journey_id, hogsend_enrollment_state(status) order by 1`), kept("enrollments"))
}

// H-10: distinct dates, at most the latest 400.
func TestSeries(t *testing.T) {
	t.Parallel()
	at := func(text string) *time.Time {
		v, err := time.Parse(time.RFC3339, text)
		require.NoError(t, err)
		return &v
	}
	for _, zone := range []string{"UTC", "America/Sao_Paulo", "Africa/Cairo", "Pacific/Apia"} {
		where, err := time.LoadLocation(zone)
		require.NoError(t, err)
		p := periods{unit: "day", zone: where, since: at("1000-01-01T00:00:00Z"), until: at("2019-03-01T00:00:00Z")}
		dates, err := p.dates(nil)
		require.NoError(t, err)
		require.Len(t, dates, maxPoints)
		for i := 1; i < len(dates); i++ {
			require.True(t, p.instant(dates[i]).After(p.instant(dates[i-1])), "%s %s", zone, dates[i])
		}
	}
}
