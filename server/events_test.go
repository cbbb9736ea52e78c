package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	countEvents   = "select count(*)::text from events"
	countContacts = "select count(*)::text from contacts"
	countOutbox   = "select kind from outbox order by seq"
)

// R-1, I-10, I-11, I-15, I-36.
func TestPostEvent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	key := b.keys[scopeIngest]
	post := func(body string, headers ...string) call {
		c := call{method: "POST", url: "/v1/events", key: key, body: body, headers: map[string]string{}}
		for i := 0; i < len(headers); i += 2 {
			c.headers[headers[i]] = headers[i+1]
		}
		return c
	}
	b.play([]scenario{
		{
			"an event nobody listens to is stored and writes no outbox row",
			post(`{"name":"app.active","userId":"user_1","eventProperties":{"n":12345678901234567890},"value":2.5,"currency":"eur"}`), 202,
			`{"stored":true,"exits":[],"contactKey":"user_1"}`,
			"select name || ' ' || (properties->>'n') || ' ' || value || ' ' || currency || ' ' || source from events",
			[]string{"app.active 12345678901234567890 2.5 EUR api"},
		},
		{
			"a trigger whose condition holds enrolls",
			post(`{"name":"trial.started","userId":"user_1","email":"ada@example.com","eventProperties":{"plan":"pro"},"contactProperties":{"plan":"pro"}}`), 202,
			`{"stored":true,"exits":[],"contactKey":"user_1"}`, countOutbox,
			[]string{"start"},
		},
		{
			"exits are told",
			post(`{"name":"other","userId":"user_1"}`), 202,
			`{"stored":true,"exits":[{"journeyId":"trial-nudge","stateId":"<uuid>","exited":false}],"contactKey":"user_1"}`, "", nil,
		},
		{
			"an exit rule that matches ends the enrollment",
			post(`{"name":"subscription.created","userId":"user_1"}`), 202,
			`{"stored":true,"exits":[{"journeyId":"trial-nudge","stateId":"<uuid>","exited":true}],"contactKey":"user_1"}`,
			"select status from enrollments",
			[]string{"exited"},
		},
		{
			"a key is remembered",
			post(`{"name":"a","userId":"user_2","idempotencyKey":"k1"}`), 202, `{"stored":true,"exits":[],"contactKey":"user_2"}`,
			"select key from event_keys where space = 'client'",
			[]string{"k1"},
		},
		{
			"a repeat has no effect, whatever its body (I-36)",
			post(`{"name":"b","userId":"user_3","contactProperties":{"x":1},"idempotencyKey":"k1"}`), 202,
			`{"stored":false,"exits":[],"contactKey":"user_2"}`, countContacts,
			[]string{"2"},
		},
		{
			"the header wins over the body (H-11)",
			post(`{"name":"b","userId":"user_2","idempotencyKey":"k1"}`, "Idempotency-Key", "k2"), 202,
			`{"stored":true,"exits":[],"contactKey":"user_2"}`, "select key from event_keys where space = 'client' order by key",
			[]string{"k1", "k2"},
		},
		{
			"an invalid body is 400 also with a known key (I-37)",
			post(`{"name":"","userId":"user_2","idempotencyKey":"k1"}`), 400,
			`{"error":"Invalid request","details":[{"path":"name","message":"must not be empty"}]}`, "", nil,
		},
		{
			"and does not consume an unknown one",
			post(`{"name":"","userId":"user_2","idempotencyKey":"k3"}`), 400,
			`{"error":"Invalid request","details":[{"path":"name","message":"must not be empty"}]}`,
			"select count(*)::text from event_keys where key = 'k3'",
			[]string{"0"},
		},
		{
			"an anonymous id is enough",
			post(`{"name":"a","anonymousId":"anon-1"}`), 202, `{"stored":true,"exits":[],"contactKey":"<uuid>"}`, "", nil,
		},
		{
			"a late event says so (I-40)",
			post(`{"name":"a","userId":"user_2","timestamp":"2020-01-01T00:00:00Z"}`), 202,
			`{"stored":true,"exits":[],"contactKey":"user_2","late":true}`, "", nil,
		},
		{
			"nobody", post(`{"name":"a"}`), 400,
			`{"error":"email or userId required","details":[{"path":"userId","message":"email or userId required"}]}`, "", nil,
		},
		{
			"a reserved name (H-18)", post(`{"name":"journey:completed","userId":"user_2"}`), 400,
			`{"error":"Reserved event name","details":[{"path":"name","message":"Reserved event name"}]}`, "", nil,
		},
		{
			"an empty body", post(``), 400,
			`{"error":"email or userId required","details":[{"path":"name","message":"must not be empty"},{"path":"userId","message":"email or userId required"}]}`,
			countEvents,
			[]string{"9"}, // eight of the client and journey:exited
		},
	})
}

// R-3, I-33, I-34, Q-8.
func TestPostIngest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	post := func(body string) call {
		return call{method: "POST", url: "/v1/ingest", key: b.keys[scopeFullAdmin], body: body}
	}
	const properties = "select properties::text from contacts"
	b.play([]scenario{
		{
			"scalars merge into the contact", post(`{"event":"trial.started","userId":"test_1","userEmail":"","properties":{"plan":"free","tags":["a"],"n":1}}`), 202,
			`{"stored":true,"exits":[],"contactKey":"test_1"}`, properties,
			[]string{`{"n": 1, "plan": "free"}`},
		},
		{
			"null removes, contactProperties alone count when given", post(`{"event":"x","userId":"test_1","properties":{"n":null}}`), 202,
			`{"stored":true,"exits":[],"contactKey":"test_1"}`, properties,
			[]string{`{"plan": "free"}`},
		},
		{
			"contactProperties win", post(`{"event":"x","userId":"test_1","properties":{"a":1},"contactProperties":{"tags":["b"]}}`), 202,
			`{"stored":true,"exits":[],"contactKey":"test_1"}`, properties,
			[]string{`{"plan": "free", "tags": ["b"]}`},
		},
		{
			"userId is required", post(`{"event":"x","userEmail":"ada@example.com","properties":{}}`), 400,
			`{"error":"Invalid request","details":[{"path":"userId","message":"must not be empty"}]}`, countEvents,
			[]string{"3"},
		},
	})
}

// R-2, I-16, I-18.
func TestPostBatch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	post := func(body string) call {
		return call{
			method: "POST", url: "/v1/events/batch", key: b.keys[scopeIngest], body: body,
			headers: map[string]string{"Idempotency-Key": "ignored"},
		}
	}
	b.play([]scenario{
		{
			"good items are stored in order, bad ones told", post(`{"events":[
				{"name":"a","userId":"user_1","idempotencyKey":"k"},
				{"name":"","userId":"user_2","idempotencyKey":"r"},
				{"name":"b","userId":"user_2","idempotencyKey":"k"},
				{"name":"c","userId":"user_2","idempotencyKey":"r"},
				{"name":"bucket:x","userId":"user_2"}]}`), 202,
			`{"accepted":2,"duplicates":1,"rejected":2,"results":[
				{"index":0,"status":"stored","contactKey":"user_1","exits":[]},
				{"index":1,"status":"rejected","error":"Invalid request","details":[{"path":"events.1.name","message":"must not be empty"}]},
				{"index":2,"status":"duplicate","contactKey":"user_1"},
				{"index":3,"status":"stored","contactKey":"user_2","exits":[]},
				{"index":4,"status":"rejected","error":"Reserved event name","details":[{"path":"events.4.name","message":"Reserved event name"}]}]}`,
			"select name from events order by seq",
			[]string{"a", "c"},
		},
		{
			"all bad", post(`{"events":[{"name":""}]}`), 400,
			`{"error":"All events were rejected","accepted":0,"duplicates":0,"rejected":1,"results":[{"index":0,"status":"rejected","error":"email or userId required",
				"details":[{"path":"events.0.name","message":"must not be empty"},{"path":"events.0.userId","message":"email or userId required"}]}]}`,
			countEvents,
			[]string{"2"},
		},
		{
			"no item", post(`{"events":[]}`), 400,
			`{"error":"Invalid request","details":[{"path":"events","message":"must have 1 to 1000 items"}]}`, "", nil,
		},
		{
			"1,001 items", post(`{"events":[` + strings.TrimSuffix(strings.Repeat(`{"name":"a","userId":"u"},`, 1001), ",") + `]}`), 400,
			`{"error":"Invalid request","details":[{"path":"events","message":"must have 1 to 1000 items"}]}`,
			"select key from event_keys where space = 'client' order by key",
			[]string{"k", "r"},
		},
	})
	a := b.do(post(`{"events":[` + strings.TrimSuffix(strings.Repeat(`{"name":"a","userId":"u"},`, 1000), ",") + `]}`))
	require.Equal(t, 202, a.status)
	require.Equal(t, []string{"1002"}, b.rows(countEvents))
}

// H-12, I-13: exactly the limit is accepted.
func TestBodyLimits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	event := func(size int) string {
		const head, tail = `{"name":"n","userId":"u","eventProperties":{"a":"`, `"}}`
		return head + repeat(size-len(head)-len(tail)) + tail
	}
	batch := func(size int) string {
		third := event(1 << 20)
		rest := size - len(`{"events":[,,,]}`) - 3*len(third)
		return `{"events":[` + third + "," + third + "," + third + "," + event(rest) + `]}`
	}
	for _, c := range []struct {
		url, body string
		status    int
	}{
		{"/v1/events", event(1 << 20), 202},
		{"/v1/events", event(1<<20 + 1), 413},
		{"/v1/events/batch", batch(4 << 20), 202},
		{"/v1/events/batch", batch(4<<20 + 1), 413},
	} {
		a := b.do(call{method: "POST", url: c.url, key: b.keys[scopeIngest], body: c.body})
		require.Equal(t, c.status, a.status, "%s of %d bytes: %s", c.url, len(c.body), a.body)
		if c.status == 413 {
			require.JSONEq(t, `{"error":"Request body too large"}`, a.plain(t))
		}
	}
	require.Equal(t, []string{"5"}, b.rows(countEvents))
}

// I-9: without a right key the body is not read.
func TestBodyIsNotReadWithoutKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for key, want := range map[string]string{
		"":                `{"error":"Unauthorized"}`,
		"hsk_no":          `{"error":"Unauthorized"}`,
		b.keys[scopeRead]: `{"error":"Forbidden: insufficient scope","details":[{"path":"scope","message":"requires ingest"}]}`,
	} {
		a := b.do(call{method: "POST", url: "/v1/events", key: key, body: "\xff{"})
		require.JSONEq(t, want, a.plain(t))
	}
}

// H-4.
func TestContentTypes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for kind, status := range map[string]int{
		"application/json": 202, "application/json; charset=utf-8": 202, "Application/JSON;charset=UTF-8": 202,
		"application/json; charset=latin1": 415, "text/plain": 415, "application/x-www-form-urlencoded": 415,
	} {
		a := b.do(call{
			method: "POST", url: "/v1/events", key: b.keys[scopeIngest], body: `{"name":"n","userId":"u"}`,
			headers: map[string]string{"Content-Type": kind},
		})
		require.Equal(t, status, a.status, kind)
		require.Equal(t, "application/json; charset=utf-8", a.header.Get("Content-Type"))
		if status == 415 {
			require.JSONEq(t, `{"error":"Unsupported Media Type"}`, a.plain(t))
		}
	}
}

// I-37: of two simultaneous requests with one key exactly one is stored.
func TestSimultaneousRequestsWithOneKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var stored atomic.Int64
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			a := b.do(call{method: "POST", url: "/v1/events", key: b.keys[scopeIngest], body: fmt.Sprintf(`{"name":"n","userId":"u%d","idempotencyKey":"k"}`, i)})
			var reply accepted
			if a.status != http.StatusAccepted || json.Unmarshal([]byte(a.body), &reply) != nil {
				t.Errorf("answer %d: %s", a.status, a.body)
			}
			if reply.Stored {
				stored.Add(1)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, stored.Load())
	require.Equal(t, []string{"1"}, b.rows(countEvents))
}
