package ingest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/ingest"
)

// timers are the timers handed over since an instant, in the order in which they are
// delivered: who, which, when it is due and when it is delivered.
func (v *timed) timers(since time.Duration) []string {
	v.t.Helper()
	return v.texts(`select o.kind || ' ' || c.external_id || ' ' || substring(o.payload ->> 'workflowId' from '(?:after|every)-\d+/.*/\d+$')
			|| coalesce(' due +' || ((o.payload ->> 'due')::timestamptz - $1), '') || ' at +' || (o.due_at - $1)
		from outbox o join contacts c on o.payload ->> 'workflowId' like '%/' || c.id || '/%'
		where o.kind in ('dwell', 'cancel') and o.created_at >= $2 order by o.due_at, o.seq`, monday, monday.Add(since))
}

// B-46: a reaction that is new on an existing bucket is armed for all active stays with
// their anchors, soonest due first; what is due already is delivered at the dwell rate
// of the bucket, behind what is not.
func TestANewReactionIsArmedForWhoIsThere(t *testing.T) {
	t.Parallel()
	v := virtualWith(t, ingest.Config{DwellRate: 2}, dwelling())
	for i, who := range []string{"ada", "bob", "cleo", "dan", "eve"} {
		v.set(time.Duration(i) * time.Hour)
		v.send(in(who, true))
	}
	v.set(4*time.Hour + time.Minute)
	v.send(in("bob", false)) // who has left is not armed
	id := func(who string) string { return v.contact(who) + "/1" }
	v.set(5 * time.Hour)
	v.register("second", dwelling(hogsend.OnDwell(hogsend.After(210*time.Minute), nothing), hogsend.OnDwell(hogsend.Every(2*time.Hour), nothing)))
	v.arm()
	require.Equal(t, []string{
		"dwell cleo after-12600000/" + id("cleo") + " due +05:30:00.000001 at +05:00:00",
		"dwell dan after-12600000/" + id("dan") + " due +06:30:00.000001 at +05:00:00",
		"dwell eve after-12600000/" + id("eve") + " due +07:30:00.000001 at +05:00:00",
		"dwell ada after-12600000/" + id("ada") + " due +03:30:00.000001 at +05:00:00",
		"dwell dan every-7200000/" + id("dan") + " due +05:00:00.000001 at +05:00:00", // in a microsecond
		"dwell eve every-7200000/" + id("eve") + " due +06:00:00.000001 at +05:00:00",
		"dwell ada every-7200000/" + id("ada") + " due +04:00:00.000001 at +05:00:00.5", // the current ordinal, 2
		"dwell cleo every-7200000/" + id("cleo") + " due +04:00:00.000001 at +05:00:01",
	}, v.timers(5*time.Hour))

	// Due at once, Ada's after fires for her once, her every with its ordinal.
	stay := v.stayOf("ada", "in")
	outcome, err := v.clock.Dwell(t.Context(), stay, hogsend.After(210*time.Minute).Label(), true)
	require.NoError(t, err)
	require.NotZero(t, outcome.Enrolled)
	v.dwell(stay, hogsend.Every(2*time.Hour))
	require.Equal(t, []string{"ada dwell in #1 reconcile k2 +04:00:00.000001", "ada dwell in #1 reconcile k1 +05:00:00"},
		v.texts(`select 'ada dwell in #1 reconcile k' || (properties ->> 'dwellCount') || ' +' || (occurred_at - $1) from events where name like 'bucket:dwell:%' order by occurred_at`, monday), "B-41")

	// A changed duration is a new reaction; the old one's timers go (B-47). Ada's fire of
	// the old one is done: there is nothing to cancel.
	v.set(6 * time.Hour)
	v.register("third", dwelling(hogsend.OnDwell(hogsend.After(5*time.Hour), nothing), hogsend.OnDwell(hogsend.Every(2*time.Hour), nothing)))
	v.arm()
	kinds := map[string]int{}
	for _, timer := range v.timers(6 * time.Hour) {
		var kind, who, rest string
		_, err := fmt.Sscan(timer, &kind, &who, &rest)
		require.NoError(t, err)
		kinds[kind+" "+who+" "+rest[:14]]++
	}
	require.Equal(t, map[string]int{
		"dwell ada after-18000000": 1, "dwell cleo after-18000000": 1, "dwell dan after-18000000": 1, "dwell eve after-18000000": 1,
		"cancel cleo after-12600000": 1, "cancel dan after-12600000": 1, "cancel eve after-12600000": 1,
	}, kinds, "every is the same still")
}

// B-46, W-26: of a backfill they are armed who joined by it; members who stay have
// their timers.
func TestABackfillArmsWhoJoinsByIt(t *testing.T) {
	t.Parallel()
	for _, policy := range []hogsend.ChangePolicy{"", hogsend.React} {
		t.Run("policy "+string(policy), func(t *testing.T) {
			t.Parallel()
			criteria := func(c hogsend.Condition) hogsend.Bucket {
				return segmentOf("b", c, func(b *hogsend.Bucket) {
					b.OnChange, b.Reactions = policy, []hogsend.Reaction{hogsend.OnDwell(hogsend.After(2*time.Hour), nothing)}
				})
			}
			v := virtualWith(t, ingest.Config{DwellRate: 1}, criteria(hogsend.Event("a").Exists()))
			v.arm()
			v.sendAll(user("a", "ada"), user("c", "bob"), user("c", "cleo"), user("d", "dan"))
			v.set(time.Hour)
			v.send(user("b", "dan"))
			v.set(3 * time.Hour)
			v.register("second", criteria(hogsend.Any(hogsend.Event("a").Exists(), hogsend.Event("b").Exists(), hogsend.Event("c").Exists())))
			v.arm()
			require.Equal(t, []string{"ada #1", "bob #1", "cleo #1", "dan #1"}, v.members("b"))
			require.ElementsMatch(t, []string{
				"dwell bob after-7200000/" + v.contact("bob") + "/1 due +05:00:00 at +03:00:00",
				"dwell cleo after-7200000/" + v.contact("cleo") + "/1 due +05:00:00 at +03:00:00",
				"dwell dan after-7200000/" + v.contact("dan") + "/1 due +05:00:00 at +03:00:00",
			}, v.timers(time.Minute))
			v.set(4 * time.Hour)
			anchored := hogsend.Event("c").Within(10 * time.Hour).Exists()
			v.register("third", criteria(anchored))
			v.arm()
			require.Equal(t, []string{"bob #1", "cleo #1"}, v.members("b"))
			require.Empty(t, slicesOf(v.timers(4*time.Hour), "dwell"))
			v.register("fourth", criteria(hogsend.Event("x").Exists()))
			v.arm()
			v.set(5 * time.Hour)
			v.register("fifth", criteria(anchored)) // with anchors of long ago
			v.arm()
			require.Equal(t, []string{
				"dwell bob after-7200000/" + v.contact("bob") + "/2 due +02:00:00.000002 at +05:00:00",
				"dwell cleo after-7200000/" + v.contact("cleo") + "/2 due +02:00:00.000003 at +05:00:01",
			}, v.timers(5*time.Hour), "what is due already goes by the dwell rate")
		})
	}
}

// slicesOf are the lines that begin with a word.
func slicesOf(lines []string, word string) (found []string) {
	for _, line := range lines {
		if len(line) > len(word) && line[:len(word)+1] == word+" " {
			found = append(found, line)
		}
	}
	return found
}

// B-52: on enabling, timers that ended while the bucket was off are armed again with
// the old anchors.
func TestEnablingArmsAgain(t *testing.T) {
	t.Parallel()
	v := virtualWith(t, ingest.Config{DwellRate: 1}, dwelling(hogsend.OnDwell(hogsend.Every(time.Hour), nothing), hogsend.OnDwell(hogsend.After(time.Hour), nothing)))
	v.arm()
	v.sendAll(in("ada", true), in("bob", true))
	require.NotZero(t, func() any {
		v.set(61 * time.Minute)
		return v.dwell(v.stayOf("ada", "in"), hogsend.After(time.Hour)).Enrolled
	}())
	require.NoError(t, v.rollout.SwitchBucket(t.Context(), "in", false))
	v.set(150 * time.Minute)
	require.True(t, v.dwell(v.stayOf("bob", "in"), hogsend.Every(time.Hour)).Over, "B-40: the timer of a bucket that is off ends")
	require.NoError(t, v.rollout.SwitchBucket(t.Context(), "in", true))
	v.arm()
	require.Equal(t, []string{
		"dwell ada every-3600000/" + v.contact("ada") + "/1 due +02:00:00.000001 at +02:30:00",
		"dwell bob every-3600000/" + v.contact("bob") + "/1 due +02:00:00.000002 at +02:30:01",
		"dwell bob after-3600000/" + v.contact("bob") + "/1 due +01:00:00.000002 at +02:30:02",
	}, v.timers(2*time.Hour), "one rate for the bucket")
}

// B-49: with a horizon a timer is handed over when it is due within it; instants,
// ordinals and events are the same.
func TestADwellHorizonOnlyDelaysTheHandingOver(t *testing.T) {
	t.Parallel()
	for horizon, delivered := range map[time.Duration][2]string{0: {"00:00:00", "03:00:00"}, 2 * time.Hour: {"05:00:00.000001", "05:00:00.000001"}, 10 * time.Hour: {"00:00:00", "03:00:00"}} {
		t.Run(horizon.String(), func(t *testing.T) {
			t.Parallel()
			after, second := hogsend.After(7*time.Hour), hogsend.Every(7*time.Hour)
			v := virtualWith(t, ingest.Config{DwellHorizon: horizon}, dwelling(hogsend.OnDwell(after, nothing)))
			v.arm()
			v.send(in("ada", true))
			v.set(3 * time.Hour)
			v.register("second", dwelling(hogsend.OnDwell(after, nothing), hogsend.OnDwell(second, nothing)))
			v.arm()
			require.Equal(t, delivered[:], v.texts(`select (due_at - $1)::text from outbox where kind = 'dwell' order by seq`, monday))
			require.Equal(t, 2, v.count(`select count(*) from outbox where kind = 'dwell' and (payload ->> 'due')::timestamptz = $1`, monday.Add(7*time.Hour+time.Microsecond)))
			stay := v.stayOf("ada", "in")
			v.set(7*time.Hour + time.Microsecond)
			require.NotZero(t, v.dwell(stay, after).Enrolled)
			require.Equal(t, 7*time.Hour, v.dwell(stay, second).Wait)
			require.Equal(t, []string{
				"ada entered in #1 event +00:00:00.000001", "ada dwell in #1 reconcile k1 +07:00:00.000001", "ada dwell in #1 reconcile k1 +07:00:00.000001",
			}, v.transitions())
		})
	}
}

// B-48, B-53: the event of a dwell, or of any transition, is stored even if its
// reaction is switched off, paused or skipped; only what B-40 refuses stores nothing.
func TestADwellIsStoredThoughItsReactionDoesNotRun(t *testing.T) {
	t.Parallel()
	every := hogsend.Every(time.Hour)
	id := "bucket-in-on-dwell-" + every.Label()
	for name, tt := range map[string]struct {
		change    func(v *timed, r *hogsend.Reaction)
		decisions []string
	}{
		"disabled in code": {func(_ *timed, r *hogsend.Reaction) { r.Disabled = true }, []string{"journey_disabled", "journey_disabled"}},
		"switched off": {func(v *timed, _ *hogsend.Reaction) {
			v.exec(`insert into journey_configs (journey_id, enabled, updated_at) values ($1, false, now())`, id)
		}, []string{"journey_disabled_by_admin", "journey_disabled_by_admin"}},
		"unsubscribed": {func(v *timed, _ *hogsend.Reaction) {
			v.exec(`insert into preferences (id, email, email_key, contact_id, unsubscribed_all, created_at, updated_at) values (gen_random_uuid(), 'a', 'a', $1, true, now(), now())`, v.contact("ada"))
		}, []string{"user_unsubscribed", "user_unsubscribed"}},
		"skipped": {func(*timed, *hogsend.Reaction) {}, []string{"enrolled", "overlap_skip"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := virtual(t)
			v.send(user("view", "ada"))
			reaction := hogsend.OnDwell(every, nothing)
			tt.change(v, &reaction)
			v.register("second", dwelling(reaction))
			v.set(time.Minute)
			v.send(in("ada", true))
			stay := v.stayOf("ada", "in")
			for k := range 2 {
				v.set(time.Duration(k+1)*time.Hour + 2*time.Minute)
				require.Equal(t, 59*time.Minute+time.Microsecond, v.dwell(stay, every).Wait, "the timer goes on")
			}
			require.Equal(t, []string{
				"ada entered in #1 event +00:01:00.000001", "ada dwell in #1 reconcile k1 +01:01:00.000001", "ada dwell in #1 reconcile k2 +02:01:00.000001",
			}, v.transitions())
			require.Equal(t, tt.decisions, v.outcomes(id))
			require.NoError(t, v.rollout.SwitchBucket(t.Context(), "in", false))
			v.set(5 * time.Hour)
			require.True(t, v.dwell(stay, every).Over)
			require.Len(t, v.transitions(), 3, "B-40")
		})
	}
}
