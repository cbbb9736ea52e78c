package server

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/users"
)

// Who somebody is is changed as the form shows it: what others wrote meanwhile stays, what is
// wrong is said beside its field, and somebody else's id is not taken.
func TestStudioContactEdit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.people()
	operator, admin := b.user(users.Operator), b.user(users.Admin)
	page := "/studio/contacts/" + b.rows("select id::text from contacts where external_id = 'user_1'")[0]
	require.Equal(t, 403, b.open(page+"/edit", operator).status)
	require.Contains(t, b.open(page+"/edit", admin).body, "&#34;plan&#34;: &#34;pro&#34;")
	form := func(change ...string) url.Values {
		f := url.Values{"user": {"user_1"}, "email": {"Ada@example.com"}, "zone": {""}, "properties": {`{"plan": "team", "seats": 4}`}, "before": {`{"plan": "pro", "old": 1}`}}
		for i := 0; i < len(change); i += 2 {
			f.Set(change[i], change[i+1])
		}
		return f
	}
	for _, wrong := range [][]string{{"user", ""}, {"user", "100%"}, {"email", "nobody"}, {"zone", "Mars/Base"}, {"properties", "[]"}, {"properties", "{"}} {
		a := b.submit(page+"/edit", admin, form(wrong...))
		require.Equal(t, 422, a.status, wrong)
		require.Contains(t, a.body, `aria-invalid="true"`, wrong)
	}
	b.rows(`update contacts set properties = properties || '{"meanwhile": true}' where external_id = 'user_1' returning id::text`)
	require.Equal(t, 403, b.submit(page+"/edit", operator, form()).status)
	require.Equal(t, page+"?done=saved", b.submit(page+"/edit", admin, form("zone", "Europe/Berlin")).header.Get("Location"))
	require.Equal(t, []string{`Europe/Berlin {"plan": "team", "seats": 4, "meanwhile": true}`}, b.rows("select timezone || ' ' || properties::text from contacts where external_id = 'user_1'"))
	require.Equal(t, []string{"1"}, b.rows("select count(*)::text from audit_logs where action = 'contacts.update'"))
}

// U-47: two are merged and one is erased only by who may, with the id typed, the password
// given lately or again, and an entry each.
func TestStudioMergeAndErase(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.people()
	operator, admin := b.user(users.Operator), b.user(users.Admin)
	id := b.rows("select id::text from contacts where external_id = 'user_1'")[0]
	other := b.rows("select id::text from contacts where anonymous_id = 'anon/2'")[0]
	page := "/studio/contacts/" + id
	require.Equal(t, 403, b.open(page+"/merge?with=anon/2", operator).status)
	require.Equal(t, 422, b.open(page+"/merge?with=nobody", admin).status)
	require.Equal(t, 409, b.open(page+"/merge?with=user_1", admin).status)
	require.Contains(t, b.open(page+"/merge?with=anon/2", admin).words(t), "Make one of Ada@example.com and anonymous anon/2?")
	require.Equal(t, 422, b.submit(page+"/merge", admin, url.Values{"with": {other}, "typed": {"x"}, "password": {password}}).status)
	require.Equal(t, page+"?done=merged", b.submit(page+"/merge", admin, url.Values{"with": {other}, "typed": {other[:8]}, "password": {password}}).header.Get("Location"))
	require.Equal(t, []string{id}, b.rows("select merged_into::text from contacts where id = '"+other+"'"))

	require.Equal(t, 403, b.submit(page+"/erase", operator, url.Values{"typed": {id[:8]}}).status)
	require.Equal(t, 422, b.submit(page+"/erase", admin, url.Values{"typed": {"x"}}).status)
	b.advance(users.ProofLife)
	require.Contains(t, b.open(page+"/erase", admin).words(t), "Your password")
	for _, secret := range []string{"", "not the password"} {
		require.NotEqual(t, 303, b.submit(page+"/erase", admin, url.Values{"typed": {id[:8]}, "password": {secret}}).status)
		require.Equal(t, 200, b.open(page, admin).status)
	}
	a := b.submit(page+"/erase", admin, url.Values{"typed": {id[:8]}, "reason": {"by letter"}, "password": {password}})
	require.Equal(t, 303, a.status)
	require.Contains(t, b.open(a.header.Get("Location"), admin).words(t), "Certificate of an erasure ✓ erased")
	require.Equal(t, []string{"contacts.erase", "contacts.merge"}, b.rows("select action from audit_logs where action in ('contacts.erase', 'contacts.merge') order by 1"))
	require.Equal(t, 404, b.open(page, admin).status)
}

// A stored event runs again with an entry; what hogsend tells itself does not.
func TestStudioRunAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.people()
	viewer, operator := b.user(users.Viewer), b.user(users.Operator)
	page := "/studio/events/" + b.rows("select id::text from events where name = 'trial.started' limit 1")[0]
	require.Equal(t, 403, b.submit(page+"/again", viewer, nil).status)
	require.Contains(t, b.open(page+"/again", operator).words(t), "It enrolls nobody where it enrolled before")
	before := b.rows("select count(*)::text from enrollments")
	require.Equal(t, page+"?done=again", b.submit(page+"/again", operator, nil).header.Get("Location"))
	require.Equal(t, before, b.rows("select count(*)::text from enrollments"))
	require.Equal(t, []string{"1"}, b.rows("select count(*)::text from audit_logs where action = 'events.replay'"))
}
