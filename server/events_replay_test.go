package server

import "testing"

// R-79, O-26.
func TestReplayingEvents(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.people()
	ask := func(body string) call {
		return call{method: "POST", url: "/v1/admin/events/replay", key: b.keys[scopeJourneyAdmin], body: body}
	}
	id := b.rows("select id::text from events where name = 'app.active' order by seq limit 1")[0]
	events := "select count(*)::text from events"
	before := b.rows(events)
	refused := func(path, message string) string {
		return `{"error":"Invalid request","details":[{"path":"` + path + `","message":"` + message + `"}]}`
	}
	either := refused("eventIds", "give either eventIds or a filter that is not empty")
	b.play([]scenario{
		{"other scopes", call{method: "POST", url: "/v1/admin/events/replay", key: b.keys[scopeRead], body: `{"eventIds":["` + id + `"]}`}, 403, "", "", nil},
		{"neither", ask(`{}`), 400, either, "", nil},
		{"both", ask(`{"eventIds":["` + id + `"],"filter":{"event":"x"}}`), 400, either, "", nil},
		{"an empty filter", ask(`{"filter":{}}`), 400, either, "", nil},
		{"a filter of nothing", ask(`{"filter":{"event":""}}`), 400, refused("filter", "must name an event, a userId, from or to"), "", nil},
		{"an id that is none", ask(`{"eventIds":["x"]}`), 400, refused("eventIds.0", "must be the id of an event"), "", nil},
		{"a limit", ask(`{"filter":{"event":"x"},"limit":1001}`), 400, refused("limit", "must be from 1 to 1000"), "", nil},
		{
			"by id, and one that there is not", ask(`{"eventIds":["` + id + `","00000000-0000-4000-8000-000000000000"]}`), 202,
			`{"replayed":1,"skipped":0,"errors":[{"eventId":"<uuid>","error":"there is no such event"}]}`, events, before,
		},
		{"by name", ask(`{"filter":{"event":"app.active"}}`), 202, `{"replayed":2,"skipped":0,"errors":[]}`, events, before},
		{
			"of a person", ask(`{"filter":{"userId":"user_1","event":"app.active"}}`), 202, `{"replayed":1,"skipped":0,"errors":[]}`,
			"select distinct actor || ' ' || (detail->'with'->>'skipped') from audit_logs where action = 'events.replay'",
			[]string{"journey-admin 0"},
		},
		{"of nobody", ask(`{"filter":{"userId":"none"}}`), 202, `{"replayed":0,"skipped":0,"errors":[]}`, "", nil},
	})
}
