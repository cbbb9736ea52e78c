package server

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
)

// R-120, U-44: the engine answers over the API what it answers on a page, for each thing of
// a name, of everybody's person alone.
func TestWhy(t *testing.T) {
	t.Parallel()
	b := segments(t, hogsend.Bucket{ID: "pros", Name: "Pros", Criteria: hogsend.All(hogsend.Prop("plan").Eq("pro"), hogsend.Event("app.active").AtLeast(2))})
	b.server.cfg.Registry.Templates = []hogsend.Template{{Key: "welcome"}}
	b.people()
	why := func(query string) call {
		return call{method: "GET", url: "/v1/admin/contacts/" + query, key: b.keys[scopeRead]}
	}
	b.sent("user_1", "welcome", ", reason", "'suppressed', 'ada@example.com', '', timestamptz '2026-01-05 10:00Z', now(), 'bounce'")
	b.play([]scenario{
		{"another scope", call{method: "GET", url: "/v1/admin/contacts/user_1/why?about=welcome", key: b.keys[scopeIngest]}, 403, "", "", nil},
		{"nobody", why("none/why?about=welcome"), 404, `{"error":"Contact not found"}`, "", nil},
		{"about nothing", why("user_1/why"), 400, wrong("about", "is required: a template, a journey or a bucket"), "", nil},
		{"of an unknown kind", why("user_1/why?about=welcome&kind=mail"), 400, wrong("kind", "unknown value"), "", nil},
		{"not there", why("user_1/why?about=welcom"), 404, `{"error":"No template, journey or bucket is called welcom, did you mean \"welcome\"?"}`, "", nil},
		{"not of that kind", why("user_1/why?about=welcome&kind=bucket"), 404, "", "", nil},
		{"a mail", why("user_1/why?about=welcome"), 200, `{"answers":[{"kind":"template","id":"welcome","question":"Did Ada@example.com get the mail “welcome”?","verdict":"no",
			"sentence":"Not sent on 5 Jan 2026, 10:00:00 UTC. ada@example.com is blocked: an earlier mail to it came back for good.",
			"facts":[{"text":"The mail","at":"<ts>","kind":"mail","id":"<uuid>"}]}]}`, "", nil},
		{"a bucket", why("user_1/why?about=pros"), 200, `{"answers":[{"kind":"bucket","id":"pros","question":"Is Ada@example.com in Pros?","verdict":"no",
			"sentence":"Ada@example.com is not in Pros: “did app.active at least 2 times” does not hold.",
			"facts":[{"text":"holds: plan is \"pro\"","at":null,"kind":null,"id":null},{"text":"does not hold: did app.active at least 2 times","at":null,"kind":null,"id":null}]}]}`, "", nil},
	})
	b.people()
	require.Contains(t, b.do(why("user_1/why?about=pros")).body, "Ada@example.com is in Pros since")
}

// U-45: the mail of a campaign, and an event under another name.
func TestWhyNamesWhatWasMeant(t *testing.T) {
	t.Parallel()
	b := setup(t, welcome)
	b.people()
	id := b.rows(`insert into campaigns (id, name, status, audience_kind, audience_id, template_key, props, from_email, subject, rate_per_minute, sample, sample_to, total_recipients, started_at, created_at, updated_at)
		values (gen_random_uuid(), 'Spring', 'sent', 'bucket', 'pros', 'never', '{}', '', '', 0, 0, '{}', 1, now(), now(), now()) returning id::text`)[0]
	why := func(about string) string {
		a := b.do(call{method: "GET", url: "/v1/admin/contacts/user_1/why?about=" + about, key: b.keys[scopeRead]})
		require.Equal(t, 200, a.status, a.body)
		return a.body
	}
	require.Contains(t, why("never"), "The campaign Spring went to bucket pros as it was on")
	b.rows(`insert into campaign_recipients (campaign_id, contact_id, email_key, due_at, status, reason)
		select '` + id + `', id, 'ada@example.com', now(), 'skipped', 'category_opt_out' from contacts where external_id = 'user_1' returning status`)
	require.Contains(t, why("never"), "The campaign Spring left Ada@example.com out. Ada@example.com wants no mail of this kind.")
	b.server.cfg.Enabled[0].Trigger.Event = "trial.startet"
	b.rows("delete from enrollments where false returning node")
	b.do(call{method: "POST", url: "/v1/events", key: adminKey, body: `{"name":"app.active","userId":"user_9"}`})
	a := b.do(call{method: "GET", url: "/v1/admin/contacts/user_9/why?about=trial-nudge", key: b.keys[scopeRead]})
	require.Contains(t, a.body, "No trial.startet of user_9 is stored, and that is what starts Trial nudge. What looks like it is trial.started.")
}
