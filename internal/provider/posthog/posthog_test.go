package posthog_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/provider/posthog"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// stand stands in for PostHog; answer decides what it says to each call.
type stand struct {
	*httptest.Server
	mu    sync.Mutex
	calls [][]map[string]any
}

func standIn(t *testing.T, answer func(w http.ResponseWriter, events []map[string]any)) *stand {
	t.Helper()
	s := &stand{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			APIKey string           `json:"api_key"`
			Batch  []map[string]any `json:"batch"`
		}
		raw, err := io.ReadAll(r.Body)
		if err != nil || json.Unmarshal(raw, &body) != nil || body.APIKey != "phc_test" || r.URL.Path != "/batch/" {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		s.mu.Lock()
		s.calls = append(s.calls, body.Batch)
		s.mu.Unlock()
		if answer != nil {
			answer(w, body.Batch)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func client(t *testing.T, url string) *posthog.Client {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	c, err := posthog.New(posthog.Config{
		APIKey: " phc_test ", Host: url + "/", Version: "1.2.3", Transport: transport, Timeout: 5 * time.Second, Now: func() time.Time { return now },
	})
	require.NoError(t, err)
	return c
}

func event(id string) posthog.Event {
	return posthog.Event{UUID: id, DistinctID: "ada", Name: "trial extended", Timestamp: now, Properties: map[string]any{"days": 7, "$lib": "web"}}
}

// P-10: stable uuid, original timestamp, whose it is; never tried twice by itself.
func TestAnEventIsToldAsItIs(t *testing.T) {
	t.Parallel()
	s := standIn(t, nil)
	c := client(t, s.URL)
	require.NoError(t, c.Send(t.Context(), event("u1")))
	require.NoError(t, c.Send(t.Context(), posthog.Event{
		UUID: "u2", DistinctID: "bob", Name: posthog.SetEvent, Timestamp: now, Properties: posthog.UnsetPerson("hogsend_bucket_x"),
	}))
	require.Len(t, s.calls, 2)
	require.Equal(t, map[string]any{
		"type": "capture", "uuid": "u1", "distinct_id": "ada", "event": "trial extended", "timestamp": "2026-03-01T12:00:00Z",
		"library": "posthog-go", "library_version": "1.0.0", "send_feature_flags": false,
		"properties": map[string]any{"days": 7.0, "$lib": "hogsend", "$lib_version": "1.2.3", "$geoip_disable": true},
	}, s.calls[0][0])
	require.Equal(t, "$set", s.calls[1][0]["event"])
	require.Equal(t, []any{"hogsend_bucket_x"}, s.calls[1][0]["properties"].(map[string]any)["$unset"])
}

// P-10, P-18: what an answer says of the event or of PostHog, and when to come back.
func TestAnswersAreClassified(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status int
		after  string
		kind   posthog.ErrorKind
		wait   time.Duration
	}{
		{200, "", "", 0},
		{201, "", "", 0},
		{302, "", posthog.Unavailable, 0},
		{308, "", posthog.Unavailable, 0},
		{400, "", posthog.Permanent, 0},
		{401, "", posthog.Unavailable, 0},
		{403, "", posthog.Unavailable, 0},
		{404, "", posthog.Unavailable, 0},
		{410, "", posthog.Permanent, 0},
		{413, "", posthog.Permanent, 0},
		{429, "7", posthog.Unavailable, 7 * time.Second},
		{500, "", posthog.Unavailable, 0},
		{503, "Sun, 01 Mar 2026 12:01:00 GMT", posthog.Unavailable, time.Minute},
		{503, "-3", posthog.Unavailable, 0},
		{503, "Sun, 01 Mar 2026 11:00:00 GMT", posthog.Unavailable, 0},
	} {
		t.Run(fmt.Sprint(tt.status, tt.after), func(t *testing.T) {
			t.Parallel()
			s := standIn(t, func(w http.ResponseWriter, _ []map[string]any) {
				w.Header().Set("Location", "/batch/")
				if tt.after != "" {
					w.Header().Set("Retry-After", tt.after)
				}
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, "secret of ada")
			})
			err := client(t, s.URL).Send(t.Context(), event("u"))
			require.Len(t, s.calls, 1, "no redirect is followed, nothing is tried twice")
			if tt.kind == "" {
				require.NoError(t, err)
				return
			}
			var e *posthog.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, tt.kind, e.Kind)
			require.Equal(t, tt.status, e.Status)
			require.Equal(t, tt.wait, e.RetryAfter)
			require.NotContains(t, err.Error(), "ada")
		})
	}
}

func TestWithoutAnAnswerPostHogIsUnavailable(t *testing.T) {
	t.Parallel()
	s := standIn(t, nil)
	s.Close()
	var e *posthog.Error
	require.ErrorAs(t, client(t, s.URL).Send(t.Context(), event("u")), &e)
	require.Equal(t, posthog.Unavailable, e.Kind)

	release := make(chan struct{})
	slow := standIn(t, func(http.ResponseWriter, []map[string]any) { <-release })
	c, err := posthog.New(posthog.Config{
		APIKey: "phc_test", Host: slow.URL, Timeout: 10 * time.Millisecond, Transport: &http.Transport{DisableKeepAlives: true},
	})
	require.NoError(t, err)
	require.ErrorAs(t, c.Send(t.Context(), event("u")), &e)
	require.Equal(t, posthog.Unavailable, e.Kind)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, c.Send(ctx, event("u")), context.Canceled)
	close(release)
}

// P-10: what comes while a call is under way shares the next ones, at most 100 each.
func TestEventsShareCalls(t *testing.T) {
	t.Parallel()
	gate, begun := make(chan struct{}), make(chan struct{}, 10)
	s := standIn(t, func(http.ResponseWriter, []map[string]any) {
		begun <- struct{}{}
		<-gate
	})
	c := client(t, s.URL)
	var all sync.WaitGroup
	all.Go(func() { require.NoError(t, c.Send(t.Context(), event("first"))) })
	<-begun
	for i := range 150 {
		all.Go(func() { require.NoError(t, c.Send(t.Context(), event(fmt.Sprint(i)))) })
	}
	close(gate)
	all.Wait()
	told := map[any]bool{}
	for _, call := range s.calls {
		require.LessOrEqual(t, len(call), 100)
		for _, e := range call {
			told[e["uuid"]] = true
		}
	}
	require.Len(t, told, 151)
	require.Less(t, len(s.calls), 60)
}

// O-17: one that PostHog refuses, or that is too big for it, fails alone.
func TestAPoisonedEventFailsAlone(t *testing.T) {
	t.Parallel()
	gate, begun := make(chan struct{}), make(chan struct{}, 20)
	s := standIn(t, func(w http.ResponseWriter, events []map[string]any) {
		begun <- struct{}{}
		<-gate
		for _, e := range events {
			if e["uuid"] == "poison" {
				w.WriteHeader(http.StatusBadRequest)
			}
		}
	})
	c := client(t, s.URL)
	var all sync.WaitGroup
	all.Go(func() { require.NoError(t, c.Send(t.Context(), event("first"))) })
	<-begun
	for _, id := range []string{"poison", "a", "b", "huge", "nameless"} {
		all.Go(func() {
			e := event(id)
			switch id {
			case "huge":
				e.Properties["text"] = strings.Repeat("x", 600_000)
			case "nameless":
				e.Name = ""
			}
			err := c.Send(t.Context(), e)
			if len(id) == 1 {
				require.NoError(t, err, id)
				return
			}
			var failure *posthog.Error
			require.ErrorAs(t, err, &failure, id)
			require.Equal(t, posthog.Permanent, failure.Kind, id)
		})
	}
	close(gate)
	all.Wait()
}

func TestAConfigurationIsChecked(t *testing.T) {
	t.Parallel()
	_, err := posthog.New(posthog.Config{APIKey: " "})
	require.ErrorContains(t, err, "no API key")
	_, err = posthog.New(posthog.Config{APIKey: "phc", Host: "eu.i.posthog.com"})
	require.ErrorContains(t, err, "not a base URL")
	_, err = posthog.New(posthog.Config{APIKey: "phc"})
	require.NoError(t, err)
}
