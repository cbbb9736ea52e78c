package server

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// R-51, H-17: nothing of the contact is left, the log says who did it and the erasure why.
func TestErasingAContact(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.people()
	ask := func(key, who, body string) call {
		return call{method: "DELETE", url: "/v1/admin/contacts/" + who + "/erase", key: key, body: body}
	}
	full := b.keys[scopeFullAdmin]
	id := b.rows("select id::text from contacts where external_id = 'user_1'")[0]
	erased := `{"erased":true,"erasureId":"<uuid>","suppressionKept":false}`
	b.play([]scenario{
		{"other scopes", ask(b.keys[scopeJourneyAdmin], "user_1", ""), 403, "", "select count(*)::text from erasures", []string{"0"}},
		{"nobody", ask(full, "none", ""), 404, `{"error":"Contact not found"}`, "", nil},
		{"a reason that is none", ask(full, "user_1", `{"reason":1}`), 400, `{"error":"Invalid request","details":[{"path":"reason","message":"must be a string"}]}`, "", nil},
		{"whom an address names", ask(full, "ADA%40example.com", `{"reason":"asked"}`), 200, erased, "select resource_id || ' ' || (detail->'with'->>'reason') from audit_logs where action = 'contacts.erase'", []string{id + " asked"}},
		{"again", ask(full, "user_1", ""), 404, `{"error":"Contact not found"}`, "select reason from erasures", []string{"asked"}},
		{"nobody is there", call{method: "GET", url: "/v1/admin/contacts/" + id, key: full}, 404, "", "select count(*)::text from events where contact_id = '" + id + "'", []string{"0"}},
		{"an anonymous one that was deleted", call{method: "DELETE", url: "/v1/admin/contacts/100%25", key: full}, 200, "", "", nil},
		{"is erased", ask(full, "100%25", ""), 200, erased, "select count(*)::text from contacts where erased_at is not null", []string{"2"}},
		{"an address that is blocked", call{method: "POST", url: "/v1/events", key: adminKey, body: `{"name":"x","userId":"eve","email":"eve@example.com"}`}, 202, "", "", nil},
		{"so", call{method: "POST", url: "/v1/admin/suppressions", key: full, body: `{"email":"eve@example.com"}`}, 201, "", "", nil},
		{"stays so", ask(full, "eve", ""), 200, `{"erased":true,"erasureId":"<uuid>","suppressionKept":true}`, "select suppressed::text from preferences where email = ''", []string{"true"}},
		{"and is not listed (R-97)", call{method: "GET", url: "/v1/admin/suppressions", key: full}, 200, `{"suppressions":[],"total":0,"limit":50,"offset":0}`, "", nil},
	})
}

// a request that was cut off is taken up again by the next one.
func TestErasingAContactTwiceAfterAFailure(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.people()
	ask := call{method: "DELETE", url: "/v1/admin/contacts/user_1/erase", key: adminKey}
	_, err := b.store.Pool.Exec(t.Context(), "create function refuse() returns trigger language plpgsql as $$ begin raise exception 'died'; end $$; create trigger refuse before delete on decisions for each row execute function refuse()")
	require.NoError(t, err)
	require.Equal(t, 500, b.do(ask).status)
	require.Equal(t, []string{"1"}, b.rows("select count(*)::text from erasures where completed_at is null"))
	_, err = b.store.Pool.Exec(t.Context(), "drop trigger refuse on decisions")
	require.NoError(t, err)
	require.Equal(t, 200, b.do(ask).status)
	require.Equal(t, []string{"1"}, b.rows("select count(*)::text from erasures where completed_at is not null"))
	require.Equal(t, 404, b.do(ask).status)
}
