package ingest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/rollout"
)

// plan is what a deploy of the buckets would do.
func (v *timed) plan(buckets ...hogsend.Bucket) map[string]rollout.PlannedBucket {
	v.t.Helper()
	definitions, err := bucket.DescribeAll(buckets)
	require.NoError(v.t, err)
	before := v.texts(`select concat_ws(' ', id, definition, hash, registered, generation, pending) from buckets order by id`)
	plan, err := rollout.Plan(v.t.Context(), v.store, rollout.Build{Buckets: definitions, Timezone: v.ingester.Engine().Config().Timezone})
	list := plan.Buckets
	require.NoError(v.t, err)
	require.Equal(v.t, before, v.texts(`select concat_ws(' ', id, definition, hash, registered, generation, pending) from buckets order by id`), "it changes nothing")
	byID := map[string]rollout.PlannedBucket{}
	for _, p := range list {
		byID[p.ID] = p
	}
	return byID
}

// arm carries on the backfills and the setting of timers to their end.
func (v *timed) arm() {
	v.t.Helper()
	v.settle()
	for done := false; !done; {
		var err error
		done, _, err = v.clock.BackfillTimers(v.t.Context())
		require.NoError(v.t, err)
	}
}

// deployed is what a deploy did, in the terms of a plan.
func (v *timed) deployed(id string, before time.Time, p *rollout.PlannedBucket) {
	v.t.Helper()
	v.arm()
	p.Join = int64(v.count(`select coalesce(sum(joined), 0) from backfills where bucket_id = $1 and created_at >= $2`, id, before))
	p.Leave = int64(v.count(`select coalesce(sum(left_count), 0) from backfills where bucket_id = $1 and created_at >= $2`, id, before))
	p.Held = int64(v.count(`select count(*) from memberships where bucket_id = $1 and status = 'active' and leave_at is not null`, id))
	for i := range p.Dwell {
		// A timer that is set twice, at the join and for the reaction, is one workflow.
		p.Dwell[i].Count = int64(v.count(`select count(distinct payload ->> 'workflowId') from outbox
			where kind = 'dwell' and created_at >= $2 and (payload ->> 'workflowType') = $1 and (payload ->> 'due')::timestamptz <= $2`, p.Dwell[i].JourneyID, before))
	}
	for policy, runs := range p.Runs {
		if policy != p.Settling {
			delete(p.Runs, policy)
			continue
		}
		for i := range runs {
			runs[i].Count = int64(v.count(`select count(*) from enrollments where journey_id = $1 and created_at >= $2`, runs[i].JourneyID, before))
		}
	}
}

// lived is a bucket of people who did a, at different times, with all that decides
// what reactions make of a change.
func lived(t *testing.T) (*timed, hogsend.Bucket) {
	t.Helper()
	was := segmentOf("b", hogsend.Event("a").Within(7*hogsend.Day).Exists(), func(b *hogsend.Bucket) {
		b.MinDwell = 30 * time.Hour
		b.Reactions = []hogsend.Reaction{hogsend.OnLeave(nothing), hogsend.OnDwell(hogsend.After(2*hogsend.Day), nothing)}
	})
	v := virtual(t, was)
	v.arm()
	for d := range 9 {
		v.pass(time.Duration(d) * hogsend.Day)
		for i := range 60 {
			if i%9 == d {
				v.send(user("a", fmt.Sprint("u", i)))
			}
			if d == 3 && i%5 == 0 {
				v.send(user("b", fmt.Sprint("new", i)))
			}
			if i%4 == d%4 && i%3 != 0 && i+d > 9 {
				v.send(user("b", fmt.Sprint("u", i)))
			}
		}
	}
	v.pass(8*hogsend.Day + time.Hour) // who did a on day 0 or 1 has left and is in the leave reaction
	for i := range 60 {
		if i%18 == 0 {
			v.send(user("a", fmt.Sprint("u", i)))
		}
	}
	v.pass(9*hogsend.Day - time.Hour)
	v.exec(`update memberships set fired = '{"after-172800000": 1}' where anchor_at <= clock_timestamp() - interval '2 days'`) // as its timer did
	v.exec(`insert into preferences (id, email, email_key, contact_id, unsubscribed_all, created_at, updated_at)
		select gen_random_uuid(), external_id, external_id, id, true, now(), now() from contacts where external_id like '%7' or external_id = 'new5'`)
	return v, was
}

// B-58: figures equal what the deploy then does on unchanged data.
func TestAPlanIsWhatTheDeployDoes(t *testing.T) {
	t.Parallel()
	for _, policy := range []hogsend.ChangePolicy{"", hogsend.Silent, hogsend.React, hogsend.ReactAt(1000)} {
		t.Run("policy "+string(policy), func(t *testing.T) {
			t.Parallel()
			v, was := lived(t)
			now := was
			now.OnChange = policy
			now.EntryLimit = hogsend.Once
			now.Criteria = hogsend.Event("b").Within(20 * hogsend.Day).Exists()
			now.Reactions = []hogsend.Reaction{
				hogsend.OnEnter(nothing), hogsend.OnLeave(nothing, hogsend.Reasons(hogsend.LeftByCriteria)),
				hogsend.OnDwell(hogsend.After(2*hogsend.Day), nothing), hogsend.OnDwell(hogsend.Every(36*time.Hour), nothing),
			}
			plan := v.plan(now)["b"]
			require.Equal(t, rollout.PlannedChanged, plan.Status)
			require.Subset(t, plan.Changes, []string{"criteria", "entryLimit", "reactions"})
			require.EqualValues(t, v.count(`select count(*) from memberships where status = 'active'`), plan.Members)
			for _, n := range []int64{plan.Join, plan.Leave, plan.Held, plan.Dwell[0].Count, plan.Dwell[1].Count} {
				require.Positive(t, n, "%+v", plan)
			}
			enter, leave := plan.Runs["react"][0].Count, plan.Runs["react"][1].Count
			require.Greater(t, plan.Join, enter, "some were in before, some are unsubscribed")
			require.Greater(t, plan.Leave, leave, "some are in the reaction still")
			require.Positive(t, enter)
			require.Positive(t, leave)
			require.Equal(t, []rollout.PlannedRuns{{JourneyID: "bucket-b-on-enter", Count: 0}, {JourneyID: "bucket-b-on-leave", Count: leave}}, plan.Runs["default"])
			require.Equal(t, []rollout.PlannedRuns{{JourneyID: "bucket-b-on-enter", Count: 0}, {JourneyID: "bucket-b-on-leave", Count: 0}}, plan.Runs["silent"])

			before, did := v.now(), v.plan(now)["b"]
			v.register("second", now)
			if policy == hogsend.ReactAt(1000) {
				plan.Runs[plan.Settling], did.Runs[plan.Settling] = plan.Runs["react"], did.Runs["react"]
			}
			v.deployed("b", before, &did)
			for mode := range plan.Runs {
				if mode != plan.Settling {
					delete(plan.Runs, mode)
				}
			}
			require.Equal(t, plan, did)
			again := v.plan(now)["b"]
			require.Equal(t, rollout.PlannedUnchanged, again.Status)
			require.Empty(t, again.Settling)
			require.Equal(t, plan.Members+plan.Join-plan.Leave, again.Members)
		})
	}
}

// B-58, W-19, W-31, B-52: what is new, gone, back or frozen is told apart, and settled
// silently or not at all.
func TestAPlanTellsBucketsApart(t *testing.T) {
	t.Parallel()
	dwells := func(b *hogsend.Bucket) {
		b.Reactions = []hogsend.Reaction{hogsend.OnEnter(nothing), hogsend.OnDwell(hogsend.After(hogsend.Day), nothing)}
	}
	did := func(name string) hogsend.Condition { return hogsend.Event(name).Within(30 * hogsend.Day).Exists() }
	kept, off, gone := segmentOf("kept", did("a")), segmentOf("off", did("a"), dwells), segmentOf("gone", did("a"), dwells)
	back := segmentOf("back", did("a"), dwells)
	v := virtual(t, kept, off, gone, back)
	v.arm()
	v.send(user("a", "ada"))
	v.register("second", kept, off, gone)
	v.arm()
	require.NoError(t, v.rollout.SwitchBucket(t.Context(), "off", false))
	v.set(2 * hogsend.Day)
	v.send(user("a", "bob"))
	v.set(2*hogsend.Day + time.Second)

	fresh := segmentOf("fresh", did("a"), dwells, func(b *hogsend.Bucket) { b.OnChange = hogsend.React })
	renamed := kept
	renamed.ID, renamed.Aliases = "renamed", []string{"kept"}
	off.Criteria = did("b")
	deploy := []hogsend.Bucket{fresh, renamed, off, back}
	plan := v.plan(deploy...)
	require.Len(t, plan, 5)
	before := v.now()
	v.register("third", deploy...)
	for id, want := range map[string]struct {
		status                rollout.PlannedStatus
		changes               []string
		members, join, due    int64
		enabled, isBeingMoved bool
	}{
		"fresh":   {rollout.PlannedNew, []string{}, 0, 2, 1, true, true},
		"renamed": {rollout.PlannedChanged, []string{"aliases", "id", "postHogPropertyKey"}, 2, 0, 0, true, false},
		"off":     {rollout.PlannedChanged, []string{"criteria"}, 1, 0, 0, false, false},
		"back":    {rollout.PlannedChanged, []string{"registered"}, 1, 1, 1, true, true},
		"gone":    {rollout.PlannedRemoved, []string{}, 2, 0, 0, false, false},
	} {
		got := plan[id]
		require.Equal(t, want.status, got.Status, id)
		require.Equal(t, want.changes, got.Changes, id)
		require.Equal(t, []int64{want.members, want.join, 0}, []int64{got.Members, got.Join, got.Leave}, id)
		require.Equal(t, want.enabled, got.Enabled, id)
		require.Equal(t, want.isBeingMoved, got.Settling == "silent", id)
		require.Nil(t, got.Runs, id)
		var due int64
		for _, r := range got.Dwell {
			due += r.Count
		}
		require.Equal(t, want.due, due, id)
		did := got
		did.Dwell = append([]rollout.PlannedRuns{}, got.Dwell...)
		v.deployed(id, before, &did)
		require.Equal(t, got, did, id)
	}
}

// B-58: a new dwell reaction alone is due for members who have dwelt so long already.
func TestAPlanCountsTheFiresOfANewReaction(t *testing.T) {
	t.Parallel()
	b := segmentOf("b", hogsend.Event("a").Exists())
	v := virtual(t, b)
	v.send(user("a", "ada"))
	v.set(hogsend.Day)
	v.send(user("a", "bob"))
	v.set(hogsend.Day + time.Hour)
	b.Reactions = []hogsend.Reaction{hogsend.OnDwell(hogsend.After(2*time.Hour), nothing)}
	plan := v.plan(b)["b"]
	require.Empty(t, plan.Settling)
	require.Equal(t, []string{"reactions"}, plan.Changes)
	require.Equal(t, []rollout.PlannedRuns{{JourneyID: "bucket-b-on-dwell-after-7200000", Count: 1}}, plan.Dwell)
	before, did := v.now(), v.plan(b)["b"]
	v.register("second", b)
	v.deployed("b", before, &did)
	require.Equal(t, plan, did)
}
