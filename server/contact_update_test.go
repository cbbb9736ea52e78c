package server

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// R-48, S-6.
func TestUpdateContact(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.people()
	patch := func(contact, body string) call {
		return call{method: "PATCH", url: "/v1/admin/contacts/" + contact, key: b.keys[scopeFullAdmin], body: body}
	}
	refused := func(path, message string) string {
		return `{"error":"Invalid request","details":[{"path":"` + path + `","message":"` + message + `"}]}`
	}
	const (
		zones = `select coalesce(timezone, 'none') from contacts where external_id = 'user_1'`
		noTZ  = "must be the name of a time zone such as Europe/Berlin"
		props = `select properties::text from contacts where external_id = 'user_1'`
	)
	b.play([]scenario{
		{"a zone", patch("user_1", `{"timezone":" Europe/Berlin "}`), 200, "", zones, []string{"Europe/Berlin"}},
		{"nothing given", patch("user_1", `{"timezone":""}`), 200, "", zones, []string{"Europe/Berlin"}},
		{"no zone", patch("user_1", `{"timezone":"Local","properties":{"x":1}}`), 400, refused("timezone", noTZ), zones, []string{"Europe/Berlin"}},
		{"another case", patch("user_1", `{"timezone":"europe/berlin"}`), 400, refused("timezone", noTZ), "", nil},
		{"no text", patch("user_1", `{"timezone":7}`), 400, refused("timezone", "must be a string"), "", nil},
		{"before any database access", patch("none", `{"timezone":"+02:00"}`), 400, refused("timezone", noTZ), "", nil},
		{"unknown contact", patch("none", `{"timezone":"UTC"}`), 404, `{"error":"Contact not found"}`, "", nil},
		{"properties", patch("user_1", `{"properties":{"a":{"b":1},"c":2}}`), 200, "", zones, []string{"Europe/Berlin"}},
		{"null clears", patch("user_1", `{"timezone":null,"properties":{"c":null}}`), 200, "", zones, []string{"none"}},
		{"no object", patch("user_1", `{"properties":[]}`), 400, refused("properties", "must be an object"), "", nil},
		{"bad key", patch("user_1", `{"properties":{"":1}}`), 400, refused("properties", "property names must not be empty"), "", nil},
		{"scope", call{method: "PATCH", url: "/v1/admin/contacts/user_1", key: b.keys[scopeRead], body: `{}`}, 403, "", "", nil},
		{"the patch is shallow", patch("user_1", `{"properties":{"a":2}}`), 200, "", props, b.rows(`select (properties || '{"a": 2}')::text from contacts where external_id = 'user_1'`)},
	})
}

// R-49, I-48.
func TestDeleteContact(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.people()
	remove := func(contact string, of scope) call {
		return call{method: "DELETE", url: "/v1/admin/contacts/" + contact, key: b.keys[of]}
	}
	const deleted = `select external_id from contacts where deleted_at is not null`
	b.play([]scenario{
		{"scope", remove("user_1", scopeRead), 403, "", deleted, []string{}},
		{"unknown", remove("none", scopeFullAdmin), 404, `{"error":"Contact not found"}`, deleted, []string{}},
		{"deleted", remove("user_1", scopeFullAdmin), 200, `{"deleted":true}`, deleted, []string{"user_1"}},
		{"once more", remove("user_1", scopeFullAdmin), 404, `{"error":"Contact not found"}`, deleted, []string{"user_1"}},
		{"not shown any more", call{method: "GET", url: "/v1/admin/contacts/user_1", key: b.keys[scopeRead]}, 404, `{"error":"Contact not found"}`, "", nil},
	})
}

// R-48, I-13, I-62: keys are written one by one.
func TestUpdateTheKeysOfAContact(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.do(call{method: "POST", url: "/v1/events/batch", key: adminKey, body: `{"events":[
		{"name":"e","userId":"user_2"}, {"name":"e","anonymousId":"device"}, {"name":"e","email":"free@x.io"}]}`})
	require.Equal(t, 202, a.status, a.body)
	id := b.rows(`select contact_id::text from contact_keys where key = 'device'`)[0]
	patch := func(contact, body string) call {
		return call{method: "PATCH", url: "/v1/admin/contacts/" + contact, key: b.keys[scopeFullAdmin], body: body}
	}
	refused := func(path, message string) string {
		return `{"error":"Invalid request","details":[{"path":"` + path + `","message":"` + message + `"}]}`
	}
	keys := `select concat_ws(' ', external_id, anonymous_id, email) from contacts where id = '` + id + `'`
	taken := func(field, by string) string {
		return `{"error":"` + field + ` belongs to another contact","details":[{"path":"` + field + `","message":"belongs to ` + by + `"}]}`
	}
	b.play([]scenario{
		{"no address in it", patch("device", `{"email":"@"}`), 400, refused("email", "must be an e-mail address"), "", nil},
		{"no text", patch("device", `{"email":1,"externalId":[]}`), 400, `{"error":"Invalid request","details":[{"path":"externalId","message":"must be a string"},{"path":"email","message":"must be a string"}]}`, "", nil},
		{"blank", patch("device", `{"externalId":" "}`), 400, refused("externalId", "must not be empty"), "", nil},
		{"absent", patch("device", `{"externalId":"","email":""}`), 200, "", keys, []string{"device"}},
		{"null is absent", patch("device", `{"externalId":null}`), 200, "", keys, []string{"device"}},
		{"the external id of somebody", patch("device", `{"externalId":"user_2","properties":{"x":1}}`), 409, taken("externalId", "user_2"), keys, []string{"device"}},
		{"an id of nobody", patch("device", `{"externalId":"undefined"}`), 400, `{"error":"Invalid request","code":"JUNK_ID","details":[{"path":"externalId","message":"junk_id: \"undefined\" is no id of a person"}]}`, keys, []string{"device"}}, // I-57
		{"the address of a lead", patch("user_2", `{"email":"Free@X.io"}`), 200, "", `select count(*)::text from contacts where merged_into is null`, []string{"2"}},
		{"an address", patch("device", `{"email":" Dev@X.io "}`), 200, "", keys, []string{"device Dev@X.io"}},
		{"no address", patch("dev@x.io", `{"email":null}`), 200, "", keys, []string{"device"}},
		{"nothing to take away", patch("device", `{"email":null}`), 200, "", keys, []string{"device"}},
		{"an external id", patch("device", `{"externalId":"user_3","email":"d@x.io"}`), 200, "", keys, []string{"user_3 device d@x.io"}},
		{"a shared address", patch("user_2", `{"email":"d@x.io"}`), 200, "", keys, []string{"user_3 device d@x.io"}},
		{"another external id", patch("user_3", `{"externalId":"user_4"}`), 200, "", keys, []string{"user_4 device d@x.io"}},
		{"the former one leads nowhere", patch("user_3", `{"properties":{"a":1}}`), 404, "", keys, []string{"user_4 device d@x.io"}},
		{"and is free", patch("user_4", `{"externalId":"user_3"}`), 200, "", keys, []string{"user_3 device d@x.io"}},
		{"nothing of what was refused", patch("none", `{"externalId":"x"}`), 404, "", `select count(*)::text from contacts where properties ? 'x' or external_id = 'x'`, []string{"0"}},
	})
}
