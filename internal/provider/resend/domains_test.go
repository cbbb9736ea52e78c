package resend_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/provider/resend"
)

// E-42: what Resend says of a domain, page by page.
func TestDomainsAreVerifiedOrNot(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer re_sending" {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"statusCode":401,"name":"restricted_api_key","message":"This API key is restricted to only send emails"}`)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Query().Get("after") == "" {
			fmt.Fprint(w, `{"object":"list","has_more":true,"data":[{"id":"1","name":"a.example","status":"verified"},{"id":"2","name":"b.example","status":"pending"}]}`)
			return
		}
		fmt.Fprint(w, `{"object":"list","has_more":false,"data":[{"id":"3","name":"c.example","status":"verified"}]}`)
	}))
	defer server.Close()
	p, err := resend.New(resend.Config{APIKey: "re_full", BaseURL: server.URL})
	require.NoError(t, err)
	for domain, want := range map[string]bool{"a.example": true, "A.Example": true, "b.example": false, "c.example": true, "mail.a.example": false, "d.example": false} {
		got, err := p.Verified(t.Context(), domain)
		require.NoError(t, err)
		require.Equal(t, want, got, domain)
	}
	p, err = resend.New(resend.Config{APIKey: "re_sending", BaseURL: server.URL})
	require.NoError(t, err)
	_, err = p.Verified(t.Context(), "a.example")
	require.ErrorContains(t, err, "restricted")
}
