package server

import (
	"context"
	"encoding/json"
	"net/url"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/internal/users"
)

type welcomeProps struct {
	N int `json:"n"`
}

func mailing(c *Config) {
	c.Registry.Templates = []hogsend.Template{{Key: "welcome", Subject: "Hi {{.Name}}", HTML: `<p>Hello <img src="x.png"></p>`, Props: welcomeProps{}, Examples: map[string]any{"one": welcomeProps{N: 1}}}}
	c.Registry.Lists = []hogsend.List{{ID: "newsletter", Name: "Newsletter", DefaultOptIn: true}}
	c.Registry.Buckets = []hogsend.Bucket{{ID: "pros", Name: "Pros"}}
	var err error
	if c.Renderer, err = email.Compile(c.Registry); err != nil {
		panic(err)
	}
	c.Submit = func(_ context.Context, s contract.DirectSend, also ...ingest.Write) (storedb.Send, error) {
		return storedb.Send{ID: s.ID}, c.Store.Change(context.Background(), func(q *storedb.Queries) error {
			for _, write := range also {
				if err := write(q); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// A campaign is made after a look, once for two clicks, and paused, resumed and canceled with
// an entry each; what is wrong with the form is said beside the field.
func TestStudioCampaigns(t *testing.T) {
	t.Parallel()
	b := setup(t, mailing)
	viewer, admin := b.user(users.Viewer), b.user(users.Admin)
	require.Contains(t, b.open("/studio/campaigns", viewer).words(t), "No campaign was made")
	require.Equal(t, 403, b.open("/studio/campaigns/new", viewer).status)
	form := func(change ...string) url.Values {
		f := url.Values{"template": {"welcome"}, "audience": {"list:newsletter"}, "name": {"Spring"}}
		for i := 0; i < len(change); i += 2 {
			f.Set(change[i], change[i+1])
		}
		return f
	}
	require.Equal(t, 403, b.submit("/studio/campaigns", viewer, form()).status)
	for _, wrong := range [][]string{{"template", "zzz"}, {"audience", "list:zzz"}, {"audience", "bucket:newsletter"}, {"rate", "0"}, {"sample", "x"}, {"at", "2020-01-01T10:00"}, {"props", "[]"}} {
		a := b.submit("/studio/campaigns", admin, form(wrong...))
		require.Equal(t, 422, a.status, wrong)
		require.Contains(t, a.body, `aria-invalid="true"`, wrong)
	}
	a := b.submit("/studio/campaigns", admin, form("sample", "10"))
	require.Contains(t, a.words(t), "The mail “welcome” goes to everybody who is on the list newsletter, once to each address.")
	require.Contains(t, a.words(t), "After the first 10 it pauses")
	require.Equal(t, []string{"0"}, b.rows("select count(*)::text from campaigns"))
	key := uuid.NewString()
	first, second := b.submit("/studio/campaigns", admin, form("key", key)), b.submit("/studio/campaigns", admin, form("key", key))
	require.Equal(t, 303, first.status)
	require.Equal(t, first.header.Get("Location"), second.header.Get("Location"), "two clicks are one campaign")
	require.Equal(t, []string{"1"}, b.rows("select count(*)::text from campaigns"))
	page := "/studio/campaigns/" + b.rows("select id::text from campaigns")[0]
	require.Contains(t, b.open(page, viewer).words(t), "Spring ◔ about to begin")
	for _, step := range []string{"pause", "resume", "cancel"} {
		require.Equal(t, 403, b.submit(page+"/"+step, viewer, nil).status)
		require.Equal(t, 200, b.open(page+"/"+step, admin).status)
		require.Equal(t, 303, b.submit(page+"/"+step, admin, nil).status)
	}
	require.Equal(t, 409, b.submit(page+"/pause", admin, nil).status)
	require.Equal(t, []string{"campaigns.cancel", "campaigns.create", "campaigns.pause", "campaigns.resume"}, b.rows("select action from audit_logs where action like 'campaigns.%' order by 1"))
	b.people()
	id := b.rows(`update campaigns set status = 'sending', total_recipients = 2, started_at = now() - interval '10 minutes' returning id::text`)[0]
	b.rows(`insert into campaign_recipients (campaign_id, contact_id, email_key, due_at, status, reason)
		select '` + id + `', id, id::text, now(), case when external_id = 'user_1' then 'skipped' else 'open' end, case when external_id = 'user_1' then 'frequency_capped' end from contacts where external_id is not null returning status`)
	words := b.open(page, viewer).words(t)
	require.Contains(t, words, "⊘ left out frequency capped 1 50.0 %")
	require.Contains(t, b.open(page+"?outcome=skipped&reason=frequency_capped", viewer).words(t), "left out: frequency capped × Recipients Who Outcome Why Mail Ada@example.com")
}

// A template is shown in a frame that runs nothing, with what readers would trip over; a test
// goes to one address with an entry, and not to what is none.
func TestStudioTemplates(t *testing.T) {
	t.Parallel()
	b := setup(t, mailing)
	viewer, operator := b.user(users.Viewer), b.user(users.Operator)
	require.Contains(t, b.open("/studio/templates", viewer).words(t), "welcome Hi {{.Name}}")
	a := b.open("/studio/templates/welcome?scheme=dark&example=one", viewer)
	require.Contains(t, a.words(t), "1 image has no text for who does not see it.")
	require.Contains(t, a.words(t), "This needs the role operator.")
	body := b.open("/studio/template-body?key=welcome", viewer)
	require.Contains(t, body.header.Get("Content-Security-Policy"), "sandbox; default-src 'none'")
	require.Contains(t, body.body, "Hello")
	require.Equal(t, 404, b.open("/studio/templates/zzz", viewer).status)
	require.Equal(t, 403, b.submit("/studio/template-test", viewer, url.Values{"template": {"welcome"}, "to": {"a@example.com"}}).status)
	a = b.submit("/studio/template-test", operator, url.Values{"template": {"welcome"}, "to": {"nobody"}})
	require.Equal(t, 422, a.status)
	require.Contains(t, a.body, `aria-invalid="true"`)
	require.Equal(t, 303, b.submit("/studio/template-test", operator, url.Values{"template": {"welcome"}, "to": {"a@example.com"}}).status)
	require.Equal(t, []string{"welcome"}, b.rows("select resource_id from audit_logs where action = 'templates.send_test'"))
}

// A mail that failed is sent again once while the new one waits; one that arrived is not.
func TestStudioResend(t *testing.T) {
	t.Parallel()
	b := setup(t, mailing)
	b.people()
	viewer, operator := b.user(users.Viewer), b.user(users.Operator)
	failed := "/studio/mails/" + b.sent("user_1", "welcome", ", reason, claimed_at, props", "'failed', 'ada@example.com', 'Hi', now(), now(), 'unknown_outcome', now(), '{}'")
	arrived := "/studio/mails/" + b.sent("user_1", "welcome", "", "'delivered', 'ada@example.com', 'Hi', now(), now()")
	require.Contains(t, b.open(failed+"/resend", operator).words(t), "The first mail may have arrived")
	require.Equal(t, 409, b.open(arrived+"/resend", operator).status)
	require.Equal(t, 403, b.submit(failed+"/resend", viewer, nil).status)
	require.Equal(t, 409, b.submit(arrived+"/resend", operator, nil).status)
	require.Equal(t, 303, b.submit(failed+"/resend", operator, nil).status)
	require.Equal(t, []string{"1"}, b.rows("select count(*)::text from audit_logs where action = 'emails.resend'"))
	b.rows(`insert into preferences (id, email, email_key, suppressed, suppression_reason, created_at, updated_at) values (gen_random_uuid(), 'ada@example.com', 'ada@example.com', true, 'bounce', now(), now()) returning id::text`)
	require.Contains(t, b.submit(failed+"/resend", operator, nil).words(t), "Address is suppressed. Nothing was done.")
}

// Criteria are tried out against everybody, and nothing changes; what is wrong is said with
// its path, and the code to copy is the author's.
func TestStudioWhatIf(t *testing.T) {
	t.Parallel()
	b := segments(t, hogsend.Bucket{ID: "pros", Name: "Pros", Criteria: hogsend.Prop("plan").Eq("pro")})
	b.people()
	viewer := b.user(users.Viewer)
	page := "/studio/buckets/pros/what-if"
	require.Contains(t, b.open(page, viewer).words(t), `plan is &#34;pro&#34;`)
	require.Contains(t, b.open("/studio/buckets/pros", viewer).body, `hogsend.Prop(&#34;plan&#34;).Eq(&#34;pro&#34;)`)
	check := func(text string) answer { return b.submit(page, viewer, url.Values{"criteria": {text}}) }
	require.Equal(t, 422, check("{").status)
	a := check(`{"type":"property","property":"plan","operator":"gt","value":"pro"}`)
	require.Equal(t, 422, a.status)
	require.Contains(t, a.words(t), "criteria.value must be a number")
	before := b.rows("select md5(string_agg(m::text, '')) from memberships m")
	a = check(`{"type":"event","eventName":"app.active","check":"exists"}`)
	require.Equal(t, 200, a.status)
	require.Contains(t, a.words(t), "2 match now 1 would join 0 would leave 3 contacts")
	require.Contains(t, a.words(t), "did app.active 2 66.7 %")
	require.Contains(t, a.body, `Criteria: hogsend.Event(&#34;app.active&#34;).Exists(),`)
	require.Equal(t, before, b.rows("select md5(string_agg(m::text, '')) from memberships m"))
	for range cap(b.server.previews) {
		b.server.previews <- struct{}{}
	}
	require.Equal(t, 503, check(`{"type":"event","eventName":"app.active","check":"exists"}`).status)
}

// A file is taken with an entry in the log, and one that is none is refused with a word.
func TestStudioImports(t *testing.T) {
	t.Parallel()
	b := setup(t)
	viewer, admin := b.user(users.Viewer), b.user(users.Admin)
	send := func(cookie, kind, name, data string) answer {
		body := "--x\r\nContent-Disposition: form-data; name=\"kind\"\r\n\r\n" + kind + "\r\n--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + name + "\"\r\nContent-Type: text/csv\r\n\r\n" + data + "\r\n--x--\r\n"
		return b.do(call{method: "POST", url: "/studio/imports", body: body, headers: map[string]string{"Cookie": cookie, "Origin": own, "Content-Type": "multipart/form-data; boundary=x"}})
	}
	require.Equal(t, 403, send(viewer, "contacts", "a.csv", "email\na@example.com").status)
	for _, wrong := range [][2]string{{"contacts", ""}, {"contacts", "nothing\nx"}, {"zzz", "email\na@example.com"}} {
		require.Equal(t, 422, send(admin, wrong[0], "a.csv", wrong[1]).status, wrong)
	}
	require.Equal(t, 422, b.submit("/studio/imports", admin, nil).status)
	a := send(admin, "contacts", `files/<b>a.csv`, "email\na@example.com")
	require.Equal(t, 303, a.status, a.body)
	require.Equal(t, []string{"contacts <b>a.csv pending"}, b.rows("select kind || ' ' || file_name || ' ' || status from imports"))
	require.Equal(t, []string{"1"}, b.rows("select count(*)::text from audit_logs where action = 'contacts.import'"))
	words := b.open("/studio/imports", viewer)
	require.Contains(t, words.body, "&lt;b&gt;a.csv")
	require.NotContains(t, words.body, "Bring a file in")
	b.rows(`update imports set status = 'completed', total_rows = 3, processed_rows = 3, failed_rows = 1, errors = '[{"row":2,"error":"email: no"}]' returning status`)
	require.Contains(t, b.open(a.header.Get("Location"), viewer).words(t), "✓ done")
}

// The certificate says what was removed; looking again finds nothing, says so, and is noted.
func TestStudioErasures(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.people()
	admin := b.user(users.Admin)
	require.Contains(t, b.open("/studio/erasures", admin).words(t), "Nobody was erased")
	a := b.do(call{method: "DELETE", url: "/v1/admin/contacts/user_1/erase", key: adminKey, body: `{"reason":"by letter"}`})
	require.Equal(t, 200, a.status)
	var done struct{ ErasureID string }
	require.NoError(t, json.Unmarshal([]byte(a.body), &done))
	page := "/studio/erasures/" + done.ErasureID
	words := b.open(page, admin).words(t)
	require.Contains(t, words, "Why by letter")
	require.Contains(t, words, "events 2")
	require.Equal(t, 403, b.open(page, b.user(users.Operator)).status)
	count := b.rows("select count(*)::text from events")
	require.Contains(t, b.submit(page+"/verify", admin, nil).words(t), "Nothing of this person was found.")
	require.Equal(t, []string{"1"}, b.rows("select count(*)::text from audit_logs where action = 'erasures.verify'"))
	require.Equal(t, count, b.rows("select count(*)::text from events"))
	b.rows(`update erasures set contact_ids = (select array_agg(id) from contacts where external_id = '100%') returning id::text`)
	require.Contains(t, b.submit(page+"/verify", admin, nil).words(t), "Something was found")
	require.Equal(t, []string{"1"}, b.rows("select count(*)::text from contacts where external_id = '100%'"), "and nothing was removed")
}
