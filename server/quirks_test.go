package server

import (
	"net/http"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// errors are texts under both names, as JSON; who is to wait is told whole
// seconds; the routes are at the origin.
func TestErrorsAsClientsReadThem(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.RateLimitIngest = 1 })
	event := call{method: "POST", url: "/v1/events", key: b.keys[scopeIngest], body: `{"name":"e","userId":"u"}`}
	require.Equal(t, 202, b.do(event).status)
	for _, c := range []struct {
		call
		status int
		text   string
	}{
		{event, 429, "Rate limit exceeded"},
		{call{method: "GET", url: "/v1/nothing"}, 404, "Not Found"},
		{call{method: "GET", url: "/api/v1/health"}, 404, "Not Found"},
		{call{method: "GET", url: "/v1/admin/contacts"}, 401, "Unauthorized"},
	} {
		a := b.do(c.call)
		require.Equal(t, c.status, a.status, a.body)
		require.Contains(t, a.header.Get("Content-Type"), "application/json")
		require.Contains(t, a.body, `"error":"`+c.text+`"`)
		require.Contains(t, a.body, `"message":"`+c.text+`"`)
		if c.status == http.StatusTooManyRequests {
			require.Regexp(t, regexp.MustCompile(`^[1-9]\d*$`), a.header.Get("Retry-After"))
		}
	}
}

// what Studio's keys can do; frozen spelling; a state has a text for an address.
func TestWhatClientsDependOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.do(call{method: "POST", url: "/v1/events", key: b.key("full-admin"), body: `{"name":"trial.started","userId":"u","eventProperties":{"plan":"pro"}}`})
	require.Equal(t, 202, a.status, a.body)
	a = b.do(call{method: "GET", url: "/v1/admin/journeys/old", key: b.keys[scopeRead]})
	require.NotContains(t, a.body, `"description"`)
	require.NotContains(t, a.body, `"exitOn"`)
	a = b.do(call{method: "GET", url: "/v1/admin/journeys/trial-nudge/states", key: b.keys[scopeRead]})
	require.Contains(t, a.body, `"userEmail":""`)
	id := b.rows(`select id::text from enrollments`)[0]
	a = b.do(call{method: "DELETE", url: "/v1/admin/journeys/trial-nudge/states/" + id, key: b.keys[scopeJourneyAdmin]})
	require.Contains(t, a.body, `"cancelled":`)
}
