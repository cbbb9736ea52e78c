package app

import (
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/ingest"
)

// J-13, J-110, J-112: people in flight by version, build and node, under all ids of a
// journey; a build that has drained shows 0.
func TestInflightCountsPeople(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	enroll := func(id, version, build string, users ...string) {
		j := hogsend.Journey{ID: id, Name: "Checkout", Version: version, Trigger: hogsend.On("started"), EntryLimit: hogsend.Unlimited, Run: nothing}
		g := ingest.New(d.store, ingest.Config{Journeys: []hogsend.Journey{j}, BuildID: build, Logger: slog.New(slog.DiscardHandler)})
		defer g.Close()
		for _, u := range users {
			_, err := g.Ingest(t.Context(), ingest.Event{Name: "started", UserID: u})
			require.NoError(t, err)
		}
	}
	enroll("cart", "1", "a", "ada")
	enroll("checkout", "1", "b", "bob", "cleo", "dan")
	enroll("checkout", "2", "b", "eve")
	enroll("checkout", "", "drained", "fay")
	enroll("other", "1", "a", "gus")
	for _, sql := range []string{
		`update enrollments set status = 'completed' where build_id = 'drained'`,
		`update enrollments set status = 'waiting', node = 'wait:paid' where contact_id in (select id from contacts where external_id in ('bob', 'cleo', 'eve'))`,
		`insert into waits (id, enrollment_id, contact_id, step_key, label, event_name, deadline, status, registered_at)
			select gen_random_uuid(), e.id, e.contact_id, 'k', 'wait:paid', 'paid', timestamptz '2026-01-05 10:00Z' + (case c.external_id when 'bob' then '3 days' else '1 day' end)::interval, 'open', now()
			from enrollments e join contacts c on c.id = e.contact_id where c.external_id in ('bob', 'cleo')`,
		// Eve waits for ever; what Cleo waited for before is over.
		`insert into waits (id, enrollment_id, contact_id, step_key, label, event_name, deadline, status, registered_at)
			select gen_random_uuid(), e.id, e.contact_id, 'before', 'wait:cart', 'paid', timestamptz '2026-01-01 10:00Z', 'timed_out', now()
			from enrollments e join contacts c on c.id = e.contact_id where c.external_id = 'cleo'`,
		`insert into waits (id, enrollment_id, contact_id, step_key, label, event_name, status, registered_at)
			select gen_random_uuid(), e.id, e.contact_id, 'k', 'wait:paid', 'paid', 'open', now()
			from enrollments e join contacts c on c.id = e.contact_id where c.external_id = 'eve'`,
	} {
		_, err := d.store.Pool.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	d.registry.Journeys = []hogsend.Journey{{ID: "checkout", Aliases: []string{"cart"}}}
	want := []string{
		"VERSION BUILD NODE PEOPLE EARLIEST WAKE LATEST WAKE",
		"- drained - 0 - -",
		"1 a start 1 - -",
		"1 b start 1 - -",
		"1 b wait:paid 2 2026-01-06T10:00:00Z 2026-01-08T10:00:00Z",
		"2 b wait:paid 1 - -",
	}
	require.Equal(t, want, d.lines("journeys", "inflight", "checkout"))
	require.Equal(t, want, d.lines("journeys", "inflight", "cart"))
	require.Equal(t, want[:1], d.lines("journeys", "inflight", "none"))

	code, out := d.run("journeys", "inflight", "checkout", "--json")
	require.Equal(t, 0, code)
	var got struct{ Inflight []map[string]any }
	require.NoError(t, json.Unmarshal([]byte(out), &got))
	require.Equal(t, map[string]any{
		"version": "1", "buildId": "b", "node": "wait:paid", "count": 2.0, "earliestWake": "2026-01-06T10:00:00Z", "latestWake": "2026-01-08T10:00:00Z",
	}, got.Inflight[3])
	require.Nil(t, got.Inflight[4]["latestWake"])
}
