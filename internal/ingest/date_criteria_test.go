package ingest_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/rollout"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// B-7, C-31: a changed zone is a changed property.
func TestAMoveMovesDays(t *testing.T) {
	t.Parallel()
	v := virtual(t, segmentOf("old", hogsend.Prop("born").Before(time.Date(2026, 1, 5, 3, 0, 0, 0, time.UTC))), segmentOf("just", hogsend.Prop("born").InLast(3*time.Hour)))
	v.settle()
	ev := user("seen", "ada")
	ev.ContactProperties = map[string]json.RawMessage{"born": json.RawMessage(`"2026-01-05"`)}
	ada := v.send(ev).ContactID
	require.Equal(t, []string{"ada #1"}, v.members("old"))
	zone := "America/Los_Angeles"
	_, err := v.ingester.Update(t.Context(), ada, ingest.Change{Zoned: true}, func(q *storedb.Queries) error { return q.ContactTimezoneSet(t.Context(), &zone, ada) })
	require.NoError(t, err)
	require.Equal(t, []string{zone}, v.texts(`select timezone from contacts`))
	require.Equal(t, []string{"2026-01-05 08:00:00+00"}, v.texts(`select hogsend_date(properties -> 'born', id, properties)::text from contacts`))
	require.Equal(t, []string{"2026-01-05 08:00:00+00"}, v.texts(`select at::text from property_dates`))
	require.Empty(t, v.members("old"))
}

// W-37: another zone for contacts whose own is not known moves them silently, and the clock
// looks out for their days where they begin now.
func TestAnotherDefaultZoneSettlesSilently(t *testing.T) {
	t.Parallel()
	react := func(b *hogsend.Bucket) { b.OnChange = hogsend.React }
	buckets := []hogsend.Bucket{
		segmentOf("soon", hogsend.Prop("renewsAt").InNext(5*time.Hour), react), segmentOf("pro", hogsend.Prop("plan").Eq("pro"), react),
	}
	v := virtual(t, buckets...)
	v.settle()
	for who, where := range map[string]string{"ada": `null`, "bob": `"America/New_York"`} {
		ev := user("seen", who)
		ev.ContactProperties = map[string]json.RawMessage{"renewsAt": json.RawMessage(`"2026-01-06"`), "timezone": json.RawMessage(where)}
		v.send(ev)
	}
	require.Empty(t, v.members("soon"), "midnight is 14 and 19 hours away")
	v.set(time.Minute)
	tokyo := v.another(ingest.Config{Timezone: "Asia/Tokyo"}) // where it is 5 hours away
	definitions, err := bucket.DescribeAll(buckets)
	require.NoError(t, err)
	plan, err := rollout.Plan(t.Context(), v.store, rollout.Build{Buckets: definitions, Timezone: "Asia/Tokyo"}) // B-58
	require.NoError(t, err)
	require.Equal(t, [2]string{"UTC", "Asia/Tokyo"}, [2]string{plan.Was, plan.Timezone})
	for _, p := range plan.Buckets {
		changes, join := []string{}, int64(0)
		if p.ID == "soon" {
			changes, join = []string{"timezone"}, 1
		}
		require.Equal(t, changes, p.Changes, p.ID)
		require.Equal(t, join, p.Join, "as the deploy then does: %s", p.ID)
	}
	v.exec(`update registries set first_seen_at = first_seen_at - interval '1 hour'`)
	r := rollout.New(tokyo.ingester.Engine())
	require.NoError(t, r.Register(t.Context(), "tokyo", "test-build", definitions))
	v.settle()
	require.Equal(t, []string{"ada #1"}, v.members("soon"))
	require.Empty(t, v.transitions())
	require.Len(t, v.backfills(), 3, "who has no dates is not looked at")
	require.Equal(t, []string{"2026-01-05 15:00:00+00", "2026-01-06 05:00:00+00"}, v.texts(`select at::text from property_dates order by at`))
	v.pass(5 * time.Hour)
	require.Empty(t, v.members("soon"))
	require.Equal(t, []string{"ada left"}, v.texts(`select (properties ->> 'userId') || ' ' || (properties ->> 'transition') from events where source = 'bucket'`))
	v.pass(14 * time.Hour)
	require.Equal(t, []string{"bob #1"}, v.members("soon"))
}

// W-4, W-17: the clock finds what is due by an index, whoever else has a date.
func TestTheClockReadsTheDatesThatPass(t *testing.T) {
	t.Parallel()
	v := virtual(t, segmentOf("soon", hogsend.Prop("renewsAt").InNext(hogsend.Day)), segmentOf("was", hogsend.Prop("renewsAt").InLast(hogsend.Day)))
	v.settle()
	v.exec(`insert into property_dates select gen_random_uuid(), 'renewsAt', timestamptz '2026-03-01' + n * interval '1 minute' from generate_series(1, 50000) n`)
	v.exec(`analyze property_dates`)
	for _, sql := range []string{
		`select at from property_dates where property = 'renewsAt' and at >= timestamptz '2026-03-01' order by at limit 1`,
		`select contact_id, at from property_dates where property = 'renewsAt' and at >= timestamptz '2026-03-02' and at < timestamptz '2026-03-02 01:00' order by at limit 2000`,
	} {
		plan := fmt.Sprint(v.texts("explain " + sql))
		require.Contains(t, plan, "property_dates_at", sql)
	}
	ev := user("seen", "ada")
	ev.ContactProperties = map[string]json.RawMessage{"renewsAt": json.RawMessage(`"2026-01-07T10:00:00Z"`)}
	v.send(ev)
	wait, err := v.clock.Round(t.Context())
	require.NoError(t, err)
	require.Equal(t, hogsend.Day, wait, "until the date is a day away")
	v.pass(hogsend.Day)
	require.Equal(t, []string{"ada #1"}, v.members("soon"))
	v.pass(2 * hogsend.Day)
	require.Empty(t, v.members("soon"))
	require.Equal(t, []string{"ada #1"}, v.members("was"))
	v.pass(3 * hogsend.Day)
	require.Equal(t, []string{"ada #1"}, v.members("was"), "to the end, included")
	v.pass(3*hogsend.Day + time.Microsecond)
	require.Empty(t, v.members("was"))
}
