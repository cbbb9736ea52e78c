package assistant_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/assistant"
)

// O-55, H-16: a route is asked by the key of the client and from its address, as every
// proxy tells it, and by nothing else of the client's.
func TestARouteIsAskedAsTheClient(t *testing.T) {
	t.Parallel()
	client := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/mcp", nil)
	client.RemoteAddr = "10.0.0.1:4711"
	client.Header = http.Header{
		"Authorization": {"Bearer key"}, "X-Forwarded-For": {"203.0.113.9", "198.51.100.7"}, "Cookie": {"session=studio"}, "Origin": {"https://elsewhere.example"},
	}
	var asked *http.Request
	api := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r
		_, _ = w.Write([]byte("{}"))
	})
	raw, err := assistant.Through(api, client)(t.Context(), http.MethodGet, "/v1/health", nil, nil)
	require.NoError(t, err)
	require.JSONEq(t, "{}", string(raw))
	require.Equal(t, "10.0.0.1:4711", asked.RemoteAddr)
	require.Equal(t, http.Header{"Authorization": {"Bearer key"}, "X-Forwarded-For": {"203.0.113.9", "198.51.100.7"}}, asked.Header)
}
