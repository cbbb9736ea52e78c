package server

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/users"
)

const password = "correct horse battery"

// own is the origin of the server's own pages.
const own = "http://127.0.0.1:3002"

// user makes a user of a role and signs in; it returns the Cookie header.
func (b *bundle) user(role users.Role) string {
	b.t.Helper()
	email := string(role) + "@example.com"
	_, err := b.server.users.Create(b.t.Context(), store.System("test"), users.NewUser{Name: "Eve", Email: email, Role: role, Password: password})
	require.NoError(b.t, err)
	a := b.do(call{method: "POST", url: "/api/auth/sign-in/email", body: `{"email":"` + email + `","password":"` + password + `"}`, headers: map[string]string{"Origin": own}})
	require.Equal(b.t, 200, a.status, a.body)
	cookie, _, _ := strings.Cut(a.header.Get("Set-Cookie"), ";")
	return cookie
}

const eveJSON = `{"id":"<uuid>","name":"Eve","email":"admin@example.com","emailVerified":false,"image":null,"createdAt":"<ts>","updatedAt":"<ts>"}`

// O-6: the setup link makes the first admin, once.
func TestSetup(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token, err := b.server.users.SetupToken(t.Context())
	require.NoError(t, err)
	status := call{method: "GET", url: "/v1/auth/status"}
	signUp := func(body string, headers ...string) call {
		c := call{method: "POST", url: "/api/auth/sign-up/email", body: body, headers: map[string]string{"Origin": own}}
		for i := 0; i < len(headers); i += 2 {
			c.headers[headers[i]] = headers[i+1]
		}
		return c
	}
	const eve = `{"name":"Eve","email":"admin@example.com","password":"` + password + `"}`
	b.play([]scenario{
		{"nobody yet", status, 200, `{"needsSetup":true}`, "", nil},
		{"without the link", signUp(eve), 403, `{"error":"Setup token required. Open the setup link printed by the server.","code":"SETUP_TOKEN_REQUIRED"}`, "", nil},
		{"from another site", signUp(eve, "Origin", "https://evil.example", "X-Hogsend-Setup-Token", token), 403, `{"error":"Cross-site request rejected"}`, "", nil},
		{"no address", signUp(`{"name":"Eve","email":"eve","password":"`+password+`"}`, "X-Hogsend-Setup-Token", token), 400, `{"error":"Invalid email","code":"INVALID_EMAIL"}`, "", nil},
		{
			"short", signUp(`{"name":"Eve","email":"a@b.example","password":"1234567"}`, "X-Hogsend-Setup-Token", token), 400,
			`{"error":"Password must have at least 8 characters","code":"PASSWORD_TOO_SHORT"}`, "", nil,
		},
	})
	wrong := b.do(call{method: "GET", url: "/v1/auth/setup?token=x"})
	require.Equal(t, 403, wrong.status)
	require.Contains(t, wrong.header.Get("Content-Type"), "text/html")
	link := b.do(call{method: "GET", url: "/v1/auth/setup?token=" + token})
	require.Equal(t, 302, link.status)
	require.Equal(t, "/studio/", link.header.Get("Location"))
	require.Equal(t, "no-store", link.header.Get("Cache-Control"))
	cookie := link.header.Get("Set-Cookie")
	require.Regexp(t, `^hogsend_setup=[\w-]{43}; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax$`, cookie)
	cookie, _, _ = strings.Cut(cookie, ";")
	a := b.do(signUp(eve, "Cookie", cookie))
	require.Equal(t, 200, a.status, a.body)
	require.JSONEq(t, `{"user":`+eveJSON+`}`, a.plain(t))
	require.Regexp(t, `^hogsend_session=[\w-]{43}; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax$`, a.header.Values("Set-Cookie")[0])
	b.play([]scenario{
		{"there is one", status, 200, `{"needsSetup":false}`, "", nil},
		{"closed", signUp(eve, "Cookie", cookie), 403, `{"error":"Sign-ups are closed. An admin already exists.","code":"SIGN_UP_CLOSED"}`, "", nil},
		{"the link is no more", call{method: "GET", url: "/v1/auth/setup?token=" + token}, 404, `{"error":"Not Found"}`, "", nil},
		{"any other path", call{method: "GET", url: "/api/auth/other"}, 404, `{"error":"Not Found"}`, "", nil},
	})
}

// O-7, O-8.
func TestSignInAndOut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cookie := map[string]string{"Cookie": b.user(users.Admin), "Origin": own}
	signIn := func(body string) call { return call{method: "POST", url: "/api/auth/sign-in/email", body: body} }
	session := call{method: "GET", url: "/api/auth/get-session", headers: cookie}
	const refused = `{"error":"Invalid email or password","code":"INVALID_EMAIL_OR_PASSWORD"}`
	b.play([]scenario{
		{"wrong", signIn(`{"email":"admin@example.com","password":"not the password"}`), 401, refused, "", nil},
		{"unknown", signIn(`{"email":"nobody@example.com","password":"` + password + `"}`), 401, refused, "", nil},
		{"no address", signIn(`{}`), 401, refused, "", nil},
		{"right", signIn(`{"email":"admin@example.com","password":"` + password + `"}`), 200, `{"redirect":false,"user":` + eveJSON + `}`, "", nil},
		{"who is it", session, 200, `{"session":{"id":"<uuid>","userId":"<uuid>","expiresAt":"<ts>","createdAt":"<ts>","updatedAt":"<ts>","ipAddress":"192.0.2.1","userAgent":null},"user":` + eveJSON + `}`, "", nil},
		{"nobody", call{method: "POST", url: "/api/auth/get-session"}, 200, `null`, "", nil},
		{"not from elsewhere", call{method: "POST", url: "/api/auth/sign-out", headers: map[string]string{"Cookie": cookie["Cookie"], "Origin": "https://evil.example"}}, 403, "", "", nil},
		{"out", call{method: "POST", url: "/api/auth/sign-out", body: "{}", headers: cookie}, 200, `{"success":true}`, "", nil},
		{"at once", session, 200, `null`, "", nil},
		{"out again", call{method: "POST", url: "/api/auth/sign-out", body: "{}", headers: cookie}, 200, `{"success":true}`, "", nil},
	})
	a := b.do(signIn(`{"email":"admin@example.com","password":"` + password + `","rememberMe":false}`))
	require.NotContains(t, a.header.Get("Set-Cookie"), "Max-Age", "it ends with the browser")
	for range 10 {
		a = b.do(signIn(`{"email":"admin@example.com","password":"not the password"}`))
	}
	require.Equal(t, 429, a.status)
	require.NotEmpty(t, a.header.Get("Retry-After"))
	require.Equal(t, []string{"10", "0"}, []string{a.header.Get("X-RateLimit-Limit"), a.header.Get("X-RateLimit-Remaining")})
	require.Equal(t, 429, b.do(signIn(`{"email":"admin@example.com","password":"`+password+`"}`)).status, "with the right password too (O-10)")
}

// H-2, O-9: a session may what its role may, and writes only from our own pages.
func TestSessionsOnTheAPI(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.people()
	as := func(role users.Role) func(method, url, body string, headers ...string) call {
		cookie := b.user(role)
		return func(method, url, body string, headers ...string) call {
			c := call{method: method, url: url, body: body, headers: map[string]string{"Cookie": cookie, "Origin": own}}
			for i := 0; i < len(headers); i += 2 {
				c.headers[headers[i]] = headers[i+1]
			}
			return c
		}
	}
	admin, operator, viewer := as(users.Admin), as(users.Operator), as(users.Viewer)
	const contact, pause, audit = "/v1/admin/contacts/user_1", "/v1/admin/journeys/trial-nudge/pause", "/v1/admin/audit-logs"
	b.play([]scenario{
		{"a viewer reads", viewer("GET", contact, ""), 200, "", "", nil},
		{"and pauses not", viewer("POST", pause, "{}"), 403, "", "", nil},
		{"an operator pauses", operator("POST", pause, "{}"), 200, "", "select actor_type || ' ' || actor from audit_logs where action = 'journeys.pause'", []string{"user operator@example.com"}},
		{"and writes no contact", operator("PATCH", contact, `{"properties":{"a":1}}`), 403, "", "", nil},
		{"nor sees the log", operator("GET", audit, ""), 403, "", "", nil},
		{"an admin does", admin("GET", audit, ""), 200, "", "", nil},
		{"an admin ingests (§3)", admin("POST", "/v1/events", `{"name":"a","userId":"b"}`), 202, "", "", nil},
		{"from another site", admin("POST", pause, "{}", "Origin", "https://evil.example"), 403, `{"error":"Cross-site request rejected"}`, "", nil},
		{"from nowhere", admin("POST", pause, "{}", "Origin", ""), 403, `{"error":"Cross-site request rejected"}`, "", nil},
		{"the browser says it is ours", admin("POST", pause, "{}", "Origin", "", "Sec-Fetch-Site", "same-origin"), 200, "", "", nil},
		{"the browser says it is not", admin("POST", pause, "{}", "Origin", "", "Sec-Fetch-Site", "same-site"), 403, "", "", nil},
		{"a trusted origin", admin("POST", pause, "{}", "Origin", "https://studio.example.com"), 200, "", "", nil},
		{"the machine's other name", admin("POST", pause, "{}", "Origin", "http://localhost:3002"), 200, "", "", nil},
		{"a key that is wrong is not helped by a cookie", admin("GET", contact, "", "Authorization", "Bearer hsk_wrong"), 401, "", "", nil},
		{"a cookie that is wrong", viewer("GET", contact, "", "Cookie", "hogsend_session=x"), 401, `{"error":"Unauthorized"}`, "", nil},
	})
}

// H-2: on https the cookie is bound to the host and goes nowhere in the clear.
func TestCookiesOnHTTPS(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.PublicURL, c.TrustedOrigins = "https://hogsend.example.com", nil })
	_, err := b.server.users.Create(t.Context(), store.System("test"), users.NewUser{Email: "eve@example.com", Role: users.Admin, Password: password})
	require.NoError(t, err)
	a := b.do(call{method: "POST", url: "/api/auth/sign-in/email", body: `{"email":"eve@example.com","password":"` + password + `"}`})
	require.Equal(t, 200, a.status, a.body)
	require.Regexp(t, `^__Host-hogsend_session=[\w-]{43}; Path=/; Max-Age=604800; HttpOnly; Secure; SameSite=Lax$`, a.header.Get("Set-Cookie"))
}
