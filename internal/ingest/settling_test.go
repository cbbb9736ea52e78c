package ingest_test

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/clock"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/definition"
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

// W-37: a build that reads criteria otherwise than the one before moves people silently,
// whatever the policy for changes says, and a hash that was of a rounded number is the same
// criteria.
func TestAChangedMeaningSettlesSilently(t *testing.T) {
	t.Parallel()
	react := func(b *hogsend.Bucket) { b.OnChange = hogsend.React }
	buckets := []hogsend.Bucket{
		segmentOf("known", hogsend.Prop("tags").Exists(), react), segmentOf("big", hogsend.Prop("n").Eq(int64(1234567890123456789)), react),
		segmentOf("pro", hogsend.Prop("plan").Eq("pro"), react), segmentOf("active", hogsend.Event("active").Exists(), react),
	}
	v := virtual(t, buckets...)
	v.settle()
	for who, properties := range map[string]map[string]json.RawMessage{
		"ada": {"tags": json.RawMessage(`["vip"]`), "plan": json.RawMessage(`"pro"`)}, "bob": {"n": json.RawMessage(`1234567890123456789`)}, "eve": {"n": json.RawMessage(`1234567890123456700`)},
	} {
		ev := user("active", who)
		ev.ContactProperties = properties
		v.send(ev)
	}
	told := v.transitions()
	// As the build before stored it: it saw no arrays, and no difference between bob and eve.
	v.exec(`update buckets set definition = definition - 'revision'`)
	v.exec(`update buckets set hash = $1 where id = 'big'`, criteria.RoundedHash(json.RawMessage(`{"type":"property","property":"n","operator":"eq","value":1234567890123456789}`)))
	v.exec(`update memberships set status = 'left', left_at = entered_at where bucket_id = 'known'`)
	v.exec(`insert into memberships (id, bucket_id, contact_id, epoch, status, source, entered_at, anchor_at, last_evaluated_at, created_at, updated_at)
		select gen_random_uuid(), 'big', id, 1, 'active', 'event', $1, $1, $1, $1, $1 from contacts where external_id = 'eve'`, v.now())
	v.set(time.Hour)
	v.register("the next build", buckets...)
	v.settle()
	require.Equal(t, []string{"ada #2"}, v.members("known"))
	require.Equal(t, []string{"bob #1"}, v.members("big"))
	require.Equal(t, told, v.transitions(), "nothing is told")
	require.Equal(t, []string{"big", "known"}, v.texts(`select distinct bucket_id from backfills where mode = 'reeval' order by 1`), "only those whose meaning has changed")
	v.register("the one after", buckets...)
	v.settle()
	require.Equal(t, 2, v.count(`select count(*) from backfills where mode = 'reeval'`), "once")
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
		racing.Go(func() { _ = v.rollout.Register(t.Context(), "second", "b", definitions) })
	}
	racing.Wait()
	require.Equal(t, []string{"first-time pending 0 0 0"}, v.backfills(), "one backfill, however many workers")
	v.set(2 * time.Hour)
	v.sendAll(user("buy", "ada"), user("buy", "bob"))
	require.Equal(t, []string{"bob entered buyers #1 event +02:00:00.000002"}, v.transitions(), "ada matched before: she joins silently")
	other := v.another(ingest.Config{})
	for range 3 { // repeated, as after a kill
		_, _, err := other.rollout.Backfill(t.Context())
		require.NoError(t, err)
	}
	v.settle()
	require.Equal(t, []string{"ada #1", "bob #1"}, v.members("buyers"))
	require.Len(t, v.transitions(), 1)
	require.Zero(t, v.count(`select count(*) from backfilled_contacts`))
}

func TestTheNewestLiveBuildIsInForce(t *testing.T) {
	t.Parallel() // B-5, W-31
	v := virtual(t)
	register := func(digest, plan string) {
		definitions, err := bucket.DescribeAll([]hogsend.Bucket{segmentOf("in", hogsend.Prop("plan").Eq(plan))})
		require.NoError(t, err)
		require.NoError(t, v.rollout.Register(t.Context(), digest, digest, definitions))
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
	require.NoError(t, v.rollout.Enforce(t.Context()))
	require.Equal(t, 3, generation())
	require.Equal(t, 1, v.count(`select count(*) from buckets where definition -> 'criteria' ->> 'value' = 'free'`))
	live()
	require.NoError(t, v.rollout.Enforce(t.Context()))
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
		clock := clock.New(v.another(ingest.Config{}).ingester.Engine())
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

// W-21, W-24: a backfill of several chunks, killed and raced, settles every contact
// who existed then exactly once, and nobody who came later.
func TestABackfillGoesOnFromItsLastChunk(t *testing.T) {
	t.Parallel()
	const n = 1300
	v := virtual(t)
	v.crowd(n, "click", monday)
	v.set(time.Hour)
	v.register("second", segmentOf("clickers", hogsend.Event("click").Exists(), func(b *hogsend.Bucket) { b.MinDwell = time.Hour }))
	v.set(2 * time.Hour)
	v.send(user("view", "later"))
	other := v.another(ingest.Config{})
	killed, kill := context.WithCancel(t.Context())
	kill()
	for i := 0; ; i++ {
		process := []*bundle{v.bundle, other}[i%2]
		_, _, err := process.rollout.Backfill(killed)
		require.Error(t, err)
		requireNone(t, parallel(2, func(int) error { _, _, err := process.rollout.Backfill(t.Context()); return err }))
		processed := v.count(`select processed from backfills`)
		require.LessOrEqual(t, processed, 1000*(i+1))
		require.Equal(t, processed, v.count(`select count(*) from memberships`))
		if processed == n {
			break
		}
	}
	v.settle()
	require.Equal(t, []string{"first-time completed 1300 1300 0"}, v.backfills())
	require.Equal(t, n, v.count(`select count(*) from memberships where epoch = 1 and source = 'backfill' and entered_at = $1`, monday.Add(time.Hour)))
	require.Empty(t, v.transitions())
}

// J-165, W-22: who is asked whether somebody is a member gets the answer of the definition in
// force, also where its backfill has not come yet; of somebody who is deleted nothing holds.
func TestWhoAsksSettlesFirst(t *testing.T) {
	t.Parallel()
	v := virtual(t)
	ada, bob := v.send(user("active", "ada")).ContactID, v.send(user("active", "bob")).ContactID
	active := hogsend.Event("active").Exists()
	v.set(time.Hour)
	v.register("second", segmentOf("recent", active))
	require.Empty(t, v.members("recent"), "the backfill has not begun")
	ask := func(who uuid.UUID, tree hogsend.Condition) bool {
		holds, err := v.ingester.Matches(t.Context(), who, tree)
		require.NoError(t, err)
		return holds
	}
	require.True(t, ask(ada, active))
	require.Empty(t, v.members("recent"), "nobody asked for members")
	require.True(t, ask(ada, hogsend.All(active, hogsend.InBucket("recent"))))
	require.Equal(t, []string{"ada #1"}, v.members("recent"))
	require.False(t, ask(ada, hogsend.Not(hogsend.InBucket("recent"))))
	_, err := v.ingester.Delete(t.Context(), bob)
	require.NoError(t, err)
	require.False(t, ask(bob, active))
	require.False(t, ask(uuid.New(), hogsend.Not(active)))
}

// W-22: a timer, the clock or a property settles whom it touches first, and nobody
// dwells before being settled.
func TestWhateverTouchesFirstSettlesFirst(t *testing.T) {
	t.Parallel()
	after := hogsend.After(time.Hour)
	was := segmentOf("b", hogsend.Event("a").Exists(), func(b *hogsend.Bucket) { b.Reactions = []hogsend.Reaction{hogsend.OnDwell(after, nothing)} })
	v := virtual(t, was)
	v.settle()
	v.sendAll(user("a", "ada"), user("a", "bob"), user("a", "cleo"), user("a", "dan"))
	now := was
	now.Criteria = hogsend.All(hogsend.Event("a").Exists(), hogsend.Event("b").Within(10*time.Hour).NotExists(), hogsend.Prop("in").Neq(true))
	for _, who := range []string{"ada", "cleo"} {
		v.send(at(user("b", who), monday.Add(-time.Hour)))
	}
	v.set(30 * time.Minute)
	v.register("second", now) // and nothing is settled by the backfill
	v.set(2 * time.Hour)
	require.Equal(t, clock.Outcome{Over: true}, v.dwell(v.stayOf("ada", "b"), after), "a timer: she left when the criteria changed")
	require.NotZero(t, v.dwell(v.stayOf("bob", "b"), after).Enrolled)
	v.send(in("dan", true))
	v.pass(9*time.Hour + time.Minute) // the clock lets cleo in again, and ada
	require.Equal(t, []string{
		"ada left b #1 backfill criteria +00:30:00", "bob dwell b #1 reconcile k1 +01:00:00.000002", "dan left b #1 event criteria +02:00:00.000001",
		"ada entered b #2 reconcile +09:00:00.000001", "cleo entered b #2 reconcile +09:00:00.000001",
	}, slices.DeleteFunc(v.transitions()[4:], func(line string) bool { return line == "cleo left b #1 backfill criteria +00:30:00" }))
	before := v.transitions()
	v.settle()
	require.Equal(t, before, v.transitions(), "the backfill finds nothing left to do")
	require.Equal(t, []string{"ada #2", "bob #1", "cleo #2"}, v.members("b"))
}

// W-25: criteria that change again take over at the next chunk; who was settled for
// the older ones is settled again. Going back is a change too.
func TestCriteriaThatChangeAgainTakeOver(t *testing.T) {
	t.Parallel()
	const n = 1100
	v := virtual(t, segmentOf("b", hogsend.Event("none").Exists()))
	v.settle()
	v.crowd(n, "click", monday)
	v.exec(`insert into events (id, contact_id, name, properties, source, occurred_at, received_at)
		select gen_random_uuid(), contact_id, 'view', '{}', 'api', occurred_at, received_at from events where (('x' || right(contact_id::text, 1))::bit(4)::int) % 2 = 0`)
	even := v.count(`select count(*) from events where name = 'view'`)
	v.set(time.Hour)
	v.register("second", segmentOf("b", hogsend.Event("click").Exists()))
	_, _, err := v.rollout.Backfill(t.Context())
	require.NoError(t, err)
	require.Len(t, v.members("b"), 500)
	v.set(2 * time.Hour)
	v.register("third", segmentOf("b", hogsend.Event("view").Exists()))
	require.Equal(t, []string{"reeval completed 500 500 0", "reeval pending 0 0 0"}, v.backfills()[1:])
	v.settle()
	require.Len(t, v.members("b"), even)
	v.set(3 * time.Hour)
	v.register("fourth", segmentOf("b", hogsend.Event("click").Exists()))
	v.settle()
	require.Len(t, v.members("b"), n)
	require.Equal(t, "reeval completed "+strconv.Itoa(n)+" "+strconv.Itoa(n-even)+" 0", v.backfills()[3])
	require.Zero(t, v.count(`select count(*) from (select 1 from memberships where status = 'active' group by contact_id having count(*) > 1) x`))
	require.Zero(t, v.count(`select count(*) from backfilled_contacts`))
}

// W-29, B-19, B-21: a leave of changed criteria waits for MinDwell and keeps its mode;
// who is out by MaxDwell and still matches joins again.
func TestMinDwellHoldsBackWhatChangedCriteriaPutOut(t *testing.T) {
	t.Parallel()
	for policy, left := range map[hogsend.ChangePolicy][]string{"": {"ada left b #1 reconcile criteria +03:00:00.000001"}, hogsend.Silent: {}} {
		t.Run("policy "+string(policy), func(t *testing.T) {
			t.Parallel()
			criteria := func(name string) hogsend.Bucket {
				return segmentOf("b", hogsend.Event(name).Exists(), func(b *hogsend.Bucket) { b.MinDwell, b.OnChange = 3*time.Hour, policy })
			}
			v := virtual(t, criteria("a"))
			v.settle()
			v.send(user("a", "ada"))
			v.set(time.Hour)
			v.register("second", criteria("b"))
			v.settle()
			require.Equal(t, []string{"ada #1"}, v.members("b"))
			require.Len(t, v.transitions(), 1)
			v.pass(4 * time.Hour)
			require.Equal(t, left, append([]string{}, v.transitions()[1:]...))
			require.Equal(t, []string{"criteria 03:00:00.000001"}, v.texts(`select left_reason || ' ' || (left_at - $1) from memberships`, monday))
		})
	}
	t.Run("MaxDwell", func(t *testing.T) {
		t.Parallel()
		criteria := func(c hogsend.Condition) hogsend.Bucket {
			return segmentOf("b", c, func(b *hogsend.Bucket) { b.MaxDwell = time.Hour })
		}
		v := virtual(t, criteria(hogsend.Event("a").Exists()))
		v.settle()
		v.send(user("a", "ada"))
		v.pass(2 * time.Hour)
		require.Empty(t, v.members("b"))
		v.register("second", criteria(hogsend.Event("a").AtLeast(1)))
		v.settle()
		require.Equal(t, []string{"ada #2"}, v.members("b"))
		v.pass(4 * time.Hour)
		require.Equal(t, "ada left b #2 reconcile maxDwell +03:00:00", v.transitions()[2], "counted from the change")
	})
}

// W-33: the clock applies an edge that passes before the backfill has come by.
func TestAnEdgeDuringABackfillIsNotLost(t *testing.T) {
	t.Parallel()
	v := virtual(t)
	v.sendAll(user("active", "ada"), user("active", "bob"), user("active", "cleo"))
	b := dormant()
	b.Reactions = []hogsend.Reaction{hogsend.OnEnter(nothing)}
	v.set(7*hogsend.Day - time.Second)
	v.register("second", b)
	v.send(user("active", "cleo"))
	v.pass(7*hogsend.Day + time.Second)
	want := []string{"ada entered dormant #1 reconcile +7 days 00:00:00.000002", "bob entered dormant #1 reconcile +7 days 00:00:00.000003"}
	require.Equal(t, want, v.transitions())
	v.settle()
	v.pass(8 * hogsend.Day)
	require.Equal(t, want, v.transitions())
	require.Equal(t, []string{"enrolled", "enrolled"}, v.outcomes("bucket-dormant-on-enter"))
	require.Equal(t, []string{"first-time completed 3 0 0"}, v.backfills())
}

// B-3: a bucket that ENABLED_BUCKETS leaves out behaves as one that is not compiled
// in: it is frozen, with its members and its reactions. ENABLED_JOURNEYS says nothing
// about reactions.
func TestABucketThatIsLeftOutIsFrozen(t *testing.T) {
	t.Parallel()
	b := dwelling(hogsend.OnEnter(nothing))
	other := segmentOf("other", hogsend.Prop("in").Eq(true), func(b *hogsend.Bucket) { b.Reactions = []hogsend.Reaction{hogsend.OnEnter(nothing)} })
	both := hogsend.Registry{Buckets: []hogsend.Bucket{b, other}}
	v := virtualWith(t, ingest.Config{Journeys: []hogsend.Journey{}}, both.Buckets...)
	v.send(in("ada", true))
	left, unknown := definition.EnabledBuckets(both, "other, another")
	require.Equal(t, []string{"another"}, unknown)
	v.set(time.Minute)
	v.register("second", left...)
	v.settle()
	v.sendAll(in("ada", false), in("bob", true))
	require.Equal(t, []string{"ada #1"}, v.members("in"))
	require.Equal(t, []string{"bob #1"}, v.members("other"))
	require.Equal(t, []string{"enrolled"}, v.outcomes("bucket-in-on-enter"))
	require.Equal(t, []string{"enrolled", "enrolled"}, v.outcomes("bucket-other-on-enter"))
	v.set(2 * time.Minute)
	v.register("third", both.Buckets...)
	v.settle()
	require.Equal(t, []string{"bob #1"}, v.members("in"), "W-31: registered again it is settled silently")
}
