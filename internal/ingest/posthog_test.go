package ingest_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/ingest"
)

// mirrors are the rows for PostHog, with how long after the beginning each is due.
func (v *timed) mirrors() []string {
	v.t.Helper()
	return v.texts(`select c.external_id || ' ' || (o.payload ->> 'property') || ' ' || (o.payload ->> 'member') || ' +' || round(extract(epoch from o.due_at - $1) * 1000)
		from outbox o join contacts c on c.id = o.ordering_key
		where o.kind = 'mirror' and o.destination = 'posthog' and exists (select from memberships m where m.id = (o.payload ->> 'stayId')::uuid and m.contact_id = c.id)
		order by o.due_at, o.seq`, monday)
}

func (v *timed) people(n int, properties string) {
	v.exec(`insert into contacts (id, external_id, properties, first_seen_at, last_seen_at, created_at, updated_at)
		select ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, 'u' || n, $2, $3, $3, $3, $3 from generate_series(1, $1::int) n`, n, properties, monday.Add(-time.Hour))
}

func mirrored(b *hogsend.Bucket) { b.SyncToPostHog = true }

// B-54, B-18: every join and every leave, muted ones and those by the clock included;
// only with the switch, and only where there is a PostHog.
func TestEveryTransitionIsMirrored(t *testing.T) {
	t.Parallel()
	recent := hogsend.Event("click").Within(time.Hour).Exists()
	buckets := []hogsend.Bucket{
		segmentOf("named", recent, mirrored, func(b *hogsend.Bucket) { b.PostHogPropertyKey, b.EntryLimit = "clicks", hogsend.Once }),
		segmentOf("silent", recent),
	}
	v, without := virtualWith(t, ingest.Config{Mirror: true}, buckets...), virtualWith(t, ingest.Config{}, buckets...)
	for _, w := range []*timed{v, without} {
		w.send(user("click", "ada"))
		w.pass(2 * time.Hour)
		w.send(user("click", "ada"))
	}
	require.Equal(t, 1, v.count(`select count(*) from memberships where bucket_id = 'named' and muted`))
	require.Equal(t, []string{"ada clicks true +0", "ada clicks false +3600000", "ada clicks true +7200000"}, v.mirrors())
	require.Empty(t, without.mirrors())
}

// B-55: what settles is mirrored at the dwell rate, each member once.
func TestSettlingIsMirroredAtTheDwellRate(t *testing.T) {
	t.Parallel()
	v := virtualWith(t, ingest.Config{Mirror: true, DwellRate: 2})
	v.people(1100, `{"plan": "pro"}`)
	pro := func(plan string) hogsend.Bucket { return segmentOf("pro", hogsend.Prop("plan").Eq(plan), mirrored) }
	v.register("second", pro("pro"))
	v.settle()
	mirrors := v.mirrors()
	require.Len(t, mirrors, 1100)
	require.Equal(t, 1100, v.count(`select count(distinct ordering_key) from outbox where kind = 'mirror'`))
	for i, after := range []string{" true +500", " true +1000", " true +1500"} {
		require.Contains(t, mirrors[i], after)
	}
	require.Contains(t, mirrors[1099], " true +550000")

	// Nobody matches any more: all leave, at the same rate.
	v.exec(`delete from outbox`)
	v.set(time.Hour)
	v.register("third", pro("team"))
	v.settle()
	mirrors = v.mirrors()
	require.Len(t, mirrors, 1100)
	require.Contains(t, mirrors[0], " false +3600500")
	require.Contains(t, mirrors[1099], " false +4150000")
}

// W-32: a mirror switched on, or given another property, is told of the members there are.
func TestAMirrorSwitchedOnSendsTheMembers(t *testing.T) {
	t.Parallel()
	v := virtualWith(t, ingest.Config{Mirror: true, DwellRate: 10}, segmentOf("clickers", hogsend.Event("click").Exists()))
	v.sendAll(user("click", "ada"), user("click", "bob"))
	require.Empty(t, v.mirrors())
	arm := func() {
		for done := false; !done; {
			var err error
			done, _, err = v.clock.BackfillTimers(t.Context())
			require.NoError(t, err)
		}
	}
	v.register("second", segmentOf("clickers", hogsend.Event("click").Exists(), mirrored))
	arm()
	require.ElementsMatch(t, []string{"ada hogsend_bucket_clickers true +0", "bob hogsend_bucket_clickers true +100"}, v.mirrors())
	require.Zero(t, v.count(`select count(*) from timer_backfills`))
	require.Equal(t, 1, v.count(`select count(*) from backfills`), "the one of the first registration")

	v.exec(`delete from outbox`)
	v.register("third", segmentOf("clickers", hogsend.Event("click").Exists(), mirrored, func(b *hogsend.Bucket) { b.Name = "People who click" }))
	arm()
	require.Empty(t, v.mirrors(), "nothing that concerns the mirror has changed")
	v.register("fourth", segmentOf("clickers", hogsend.Event("click").Exists(), mirrored, func(b *hogsend.Bucket) { b.PostHogPropertyKey = "clicks" }))
	arm()
	require.ElementsMatch(t, []string{"ada clicks true +0", "bob clicks true +100"}, v.mirrors())
}

// J-137, P-11: what a journey learns is told once, nulls as removals.
func TestWhatAJourneyLearnsIsTold(t *testing.T) {
	t.Parallel()
	for _, mirror := range []bool{true, false} {
		v := virtualWith(t, ingest.Config{Mirror: mirror, Journeys: []hogsend.Journey{journey("j", "signup")}})
		v.send(ingest.Event{Name: "signup", UserID: "ada", ContactProperties: map[string]json.RawMessage{"plan": json.RawMessage(`"free"`)}})
		id := v.enrollment("j")
		for range 2 {
			_, err := v.ingester.Identify(t.Context(), id, "identify#1", "", map[string]json.RawMessage{
				"plan": json.RawMessage(`"pro"`), "seats": json.RawMessage("3"), "old": json.RawMessage("null"),
			})
			require.NoError(t, err)
		}
		got := v.texts(`select (payload ->> 'event') || ' ' || (payload -> 'properties') from outbox where kind = 'capture' and destination = 'posthog'`)
		if !mirror {
			require.Empty(t, got)
			continue
		}
		require.Equal(t, []string{`$set {"$set": {"plan": "pro", "seats": 3}, "$unset": ["old"]}`}, got)
	}
}

// P-11: stored events are told once, as they are; which ones, the configuration says.
func TestStoredEventsAreTold(t *testing.T) {
	t.Parallel()
	v := virtualWith(t, ingest.Config{Captures: func(name, source string) bool { return name != "secret" && source != "posthog" }},
		segmentOf("clickers", hogsend.Event("click").Exists()))
	click := ingest.Event{Name: "click", UserID: "ada", Key: "k", Properties: json.RawMessage(`{"n": 1}`)}
	v.send(click)
	v.send(click)
	v.send(user("secret", "ada"))
	v.send(ingest.Event{Name: "echo", UserID: "ada", Source: "posthog"})
	require.Equal(t, []string{"click {\"n\": 1}", "bucket:entered:clickers"}, v.texts(`select (o.payload ->> 'event') || case when e.source = 'api' then ' ' || (o.payload -> 'properties')::text else '' end
		from outbox o join events e on e.id = (o.payload ->> 'uuid')::uuid and e.id = o.event_id and e.occurred_at = (o.payload ->> 'timestamp')::timestamptz
		where o.kind = 'capture' order by o.seq`))
}
