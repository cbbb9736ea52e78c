package posthog_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/provider/posthog"
)

// P-13: asked once in 300 s, of people whom PostHog does not know, too; a failure is asked
// again. Bounded, and no error names the person.
func TestPeopleAreLookedUp(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	var status atomic.Int32
	status.Store(200)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		if r.URL.Path != "/api/projects/7/persons/" || r.Header.Get("Authorization") != "Bearer phx" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.WriteHeader(int(status.Load()))
		switch r.URL.Query().Get("distinct_id") {
		case "ada & co":
			_, _ = io.WriteString(w, `{"results":[{"properties":{"$timezone":"Europe/Berlin","email":"ada@example.com"}}]}`)
		case "odd":
			_, _ = io.WriteString(w, `[`)
		case "huge":
			_, _ = io.WriteString(w, `{"results":[{"properties":{"x":"`+strings.Repeat("x", 2<<20)+`"}}]}`)
		default:
			_, _ = io.WriteString(w, `{"results":[]}`)
		}
	}))
	t.Cleanup(server.Close)
	now := time.Now()
	p, err := posthog.NewPeople(posthog.PeopleConfig{APIKey: "phx", Project: "7", Host: server.URL, Now: func() time.Time { return now }})
	require.NoError(t, err)
	require.Nil(t, p.Known("ada & co"))
	for range 3 {
		got, err := p.Find(t.Context(), "ada & co", "ada & co")
		require.NoError(t, err)
		require.Equal(t, "Europe/Berlin", got["$timezone"])
		got, err = p.Find(t.Context(), "nobody", "nobody")
		require.NoError(t, err)
		require.Empty(t, got)
	}
	require.Equal(t, int32(2), calls.Load())
	require.Equal(t, map[string]any{"$timezone": "Europe/Berlin"}, p.Known("ada & co"), "nothing else is remembered")
	now = now.Add(300 * time.Second)
	require.Nil(t, p.Known("ada & co"))
	_, err = p.Find(t.Context(), "ada & co", "ada & co")
	require.NoError(t, err)
	require.Equal(t, int32(3), calls.Load())
	for _, id := range []string{"odd", "huge"} {
		_, err = p.Find(t.Context(), id, id)
		require.Error(t, err)
	}
	status.Store(302)
	for i := range 2 {
		_, err = p.Find(t.Context(), "eve@example.com", "eve@example.com")
		require.ErrorContains(t, err, "answers 302")
		require.Equal(t, int32(6+i), calls.Load(), "failures are asked again")
	}
	status.Store(200)
	for i := range 10_001 {
		_, err = p.Find(t.Context(), fmt.Sprint(i), fmt.Sprint(i))
		require.NoError(t, err)
	}
	require.Nil(t, p.Known("ada & co"), "of too many the oldest goes")
	server.Close()
	_, err = p.Find(t.Context(), "eve@example.com", "eve@example.com")
	require.Error(t, err)
	require.NotContains(t, err.Error(), "eve")
	_, err = posthog.NewPeople(posthog.PeopleConfig{APIKey: "phx"})
	require.Error(t, err)
}

// P-13: PostHog being slow costs 2 s at most.
func TestALookUpIsBounded(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(server.Close)
	defer close(release)
	p, err := posthog.NewPeople(posthog.PeopleConfig{APIKey: "phx", Project: "7", Host: server.URL, Timeout: 20 * time.Millisecond})
	require.NoError(t, err)
	_, err = p.Find(t.Context(), "ada", "ada")
	require.Error(t, err)
}
