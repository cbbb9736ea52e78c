package ingest_test

import (
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/ingest"
)

func TestTheFirstRegistrationIsSilent(t *testing.T) {
	t.Parallel() // W-19, W-21, W-26, W-27, W-28
	v := virtual(t)
	for i, who := range []string{"ada", "bob", "eve"} {
		v.send(at(user("active", who), monday.Add(-time.Duration(i+1)*hogsend.Day)))
	}
	v.set(time.Hour)
	b := segmentOf("recent", hogsend.Event("active").Within(60*time.Hour).Exists(), func(b *hogsend.Bucket) { b.MaxDwell = 10 * hogsend.Day })
	v.register("second", b)
	v.settle()
	require.Equal(t, []string{"ada #1", "bob #1"}, v.members("recent"))
	require.Empty(t, v.transitions())
	require.Equal(t, 2, v.count(`select count(*) from memberships where source = 'backfill' and entered_at = $1 and max_dwell_at = $1::timestamptz + interval '10 days'`, monday.Add(time.Hour)))
	require.Equal(t, 1, v.count(`select count(*) from memberships where anchor_at = $1`, monday.Add(-hogsend.Day)), "dwell counts from the newest event")
	require.Equal(t, []string{"first-time completed 3 2 0"}, v.backfills())
	v.register("third", b)
	v.settle()
	require.Len(t, v.backfills(), 1, "the same hash is nothing at all")
}

// backfills are the rows of the backfills: mode, status, processed, joined, left.
func (v *timed) backfills() []string {
	v.t.Helper()
	return v.texts(`select mode || ' ' || status || ' ' || processed || ' ' || joined || ' ' || left_count from backfills order by generation`)
}

func TestChangedCriteriaSettleAsThePolicySays(t *testing.T) {
	t.Parallel() // W-23
	const joins, leaves = "bob entered in #1 backfill +01:00:00", "ada left in #1 backfill criteria +01:00:00"
	for policy, want := range map[hogsend.ChangePolicy][]string{
		"": {leaves}, hogsend.Silent: {}, hogsend.React: {leaves, joins}, hogsend.ReactAt(1): {leaves, joins},
	} {
		t.Run(string(policy), func(t *testing.T) {
			t.Parallel()
			plan := func(name string) hogsend.Bucket {
				return segmentOf("in", hogsend.Prop("plan").Eq(name), func(b *hogsend.Bucket) { b.OnChange = policy })
			}
			v := virtual(t, plan("free"))
			v.settle()
			for who, plan := range map[string]string{"ada": `"free"`, "bob": `"pro"`} {
				ev := user("signup", who)
				ev.ContactProperties = map[string]json.RawMessage{"plan": json.RawMessage(plan)}
				v.send(ev)
			}
			v.set(time.Hour)
			v.register("second", plan("pro"))
			v.settle()
			require.Equal(t, []string{"bob #1"}, v.members("in"))
			require.ElementsMatch(t, want, v.transitions()[1:])
			require.Equal(t, "reeval completed 2 1 1", v.backfills()[1])
		})
	}
}

func TestWhoIsTouchedFirstIsSettledFirst(t *testing.T) {
	t.Parallel() // W-20, W-22, W-24
	v := virtual(t)
	v.sendAll(user("buy", "ada"), user("view", "bob"), user("view", "eve"))
	v.set(time.Hour)
	b := segmentOf("buyers", hogsend.Event("buy").Exists())
	definitions, err := bucket.DescribeAll([]hogsend.Bucket{b})
	require.NoError(t, err)
	var racing sync.WaitGroup
	for range 20 {
		racing.Go(func() { _ = v.ingester.Register(t.Context(), "second", "b", definitions) })
	}
	racing.Wait()
	require.Equal(t, []string{"first-time pending 0 0 0"}, v.backfills(), "one backfill, however many workers")
	v.set(2 * time.Hour)
	v.sendAll(user("buy", "ada"), user("buy", "bob"))
	require.Equal(t, []string{"bob entered buyers #1 event +02:00:00.000002"}, v.transitions(), "ada matched before: she joins silently")
	other := v.another(ingest.Config{})
	for range 3 { // repeated, as after a kill
		_, _, err := other.ingester.Backfill(t.Context())
		require.NoError(t, err)
	}
	v.settle()
	require.Equal(t, []string{"ada #1", "bob #1"}, v.members("buyers"))
	require.Len(t, v.transitions(), 1)
	require.Zero(t, v.count(`select count(*) from settled`))
}

func TestTheNewestLiveBuildIsInForce(t *testing.T) {
	t.Parallel() // B-5, W-31
	v := virtual(t)
	register := func(digest, plan string) {
		definitions, err := bucket.DescribeAll([]hogsend.Bucket{segmentOf("in", hogsend.Prop("plan").Eq(plan))})
		require.NoError(t, err)
		require.NoError(t, v.ingester.Register(t.Context(), digest, digest, definitions))
	}
	live := func(digests ...string) {
		v.exec(`delete from worker_heartbeats`)
		for _, digest := range digests {
			v.exec(`insert into worker_heartbeats (id, build_id, registry_digest, task_queue, started_at, last_seen_at) values ($1, $1, $1, 'q', clock_timestamp(), clock_timestamp())`, digest)
		}
	}
	generation := func() int { return v.count(`select generation from buckets where id = 'in'`) }
	v.set(time.Minute)
	register("old", "free")
	live("old")
	v.set(2 * time.Minute)
	register("new", "pro")
	require.Equal(t, 2, generation())
	v.set(3 * time.Minute)
	live("old", "new")
	register("old", "free") // an old worker restarts during the deploy
	require.Equal(t, 2, generation(), "one change, one backfill")
	live("old") // a rollback: the last newer worker is gone
	require.NoError(t, v.ingester.Enforce(t.Context()))
	require.Equal(t, 3, generation())
	require.Equal(t, 1, v.count(`select count(*) from buckets where definition -> 'criteria' ->> 'value' = 'free'`))
	live()
	require.NoError(t, v.ingester.Enforce(t.Context()))
	require.Equal(t, 3, generation(), "while none lives, the last one stays")
}

func TestAFormerIDKeepsItsStays(t *testing.T) {
	t.Parallel() // B-1
	v := virtual(t, segmentOf("old", hogsend.Event("buy").Exists()))
	v.settle()
	v.send(user("buy", "ada"))
	v.register("second", segmentOf("new", hogsend.Event("buy").Exists(), func(b *hogsend.Bucket) { b.Aliases = []string{"old"} }))
	v.settle()
	require.Equal(t, []string{"ada #1"}, v.members("new"))
	require.Len(t, v.transitions(), 1)
	require.Equal(t, 1, v.count(`select count(*) from backfills`), "the same criteria under another name are no change")
}

func TestAHeldContactDelaysOnlyItself(t *testing.T) {
	t.Parallel() // W-8, W-12, W-13
	v := virtual(t, segmentOf("recent", hogsend.Event("click").Within(time.Hour).Exists()))
	v.settle()
	v.sendAll(user("click", "ada"), user("click", "bob"))
	holder, err := v.store.Pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = holder.Exec(t.Context(), `select 1 from contacts where external_id = 'ada' for update`)
	require.NoError(t, err)
	v.set(2 * time.Hour)
	_, err = v.clock.Round(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"ada #1"}, v.members("recent"))
	require.Equal(t, 2, v.count(`select count(*) from clock_retries`))
	require.NoError(t, holder.Rollback(t.Context()))
	v.pass(2*time.Hour + time.Minute)
	require.Empty(t, v.members("recent"))
	require.Zero(t, v.count(`select count(*) from clock_retries`))
	require.Contains(t, v.transitions(), "ada left recent #1 reconcile criteria +01:00:00.000002", "W-6: at its true instant")
}

func TestTwoClocksDoNoHarm(t *testing.T) {
	t.Parallel() // W-10, W-11, W-14
	v := virtual(t, segmentOf("recent", hogsend.Event("click").Within(time.Hour).Exists()))
	v.settle()
	var events []ingest.Event
	for i := range 700 {
		events = append(events, at(user("click", "user-"+string(rune('a'+i%26))+string(rune('a'+i/26))), monday))
	}
	v.sendAll(events...)
	v.set(2 * time.Hour)
	var racing sync.WaitGroup
	for range 4 {
		clock := ingest.NewClock(v.another(ingest.Config{}).ingester)
		racing.Go(func() {
			for range 3 {
				_, _ = clock.Round(t.Context())
			}
		})
	}
	racing.Wait()
	v.pass(2*time.Hour + time.Minute)
	require.Empty(t, v.members("recent"))
	require.Equal(t, 700, v.count(`select count(*) from events where name = 'bucket:left:recent' and occurred_at = $1`, monday.Add(time.Hour+time.Microsecond)))
	require.Equal(t, 700, v.count(`select count(*) from memberships`))
}
