package server

import (
	"testing"
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
		{"keys are not changed here", patch("user_1", `{"externalId":"other"}`), 400, refused("externalId", "cannot be changed by this route"), "", nil},
		{"nor taken away", patch("user_1", `{"email":null}`), 400, refused("email", "cannot be changed by this route"), "", nil},
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
