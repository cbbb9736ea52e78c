package ingest_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/clock"
	"github.com/hogsend/hogsend/internal/ingest"
)

// stayOf is the id of a contact's active stay.
func (v *timed) stayOf(who, bucketID string) (id uuid.UUID) {
	v.t.Helper()
	require.NoError(v.t, v.store.Pool.QueryRow(v.t.Context(), `select m.id from memberships m join contacts c on c.id = m.contact_id
		where c.external_id = $1 and m.bucket_id = $2 order by m.epoch desc limit 1`, who, bucketID).Scan(&id))
	return id
}

func (v *timed) dwell(stay uuid.UUID, schedule hogsend.DwellSchedule) clock.Outcome {
	v.t.Helper()
	outcome, err := v.clock.Dwell(v.t.Context(), stay, schedule.Label(), false)
	require.NoError(v.t, err)
	return outcome
}

func dwelling(reactions ...hogsend.Reaction) hogsend.Bucket {
	return segmentOf("in", hogsend.Prop("in").Eq(true), func(b *hogsend.Bucket) { b.Reactions = reactions })
}

func in(who string, member bool) ingest.Event {
	ev := user("move", who)
	ev.ContactProperties = map[string]json.RawMessage{"in": json.RawMessage(strconv.FormatBool(member))}
	return ev
}

func TestADwellFiresOnceAtItsInstant(t *testing.T) {
	t.Parallel() // B-38 to B-44
	after := hogsend.After(7 * time.Hour)
	v := virtual(t, dwelling(hogsend.OnDwell(after, nothing)))
	v.send(in("ada", true))
	stay := v.stayOf("ada", "in")
	require.Equal(t, 7*time.Hour+time.Microsecond, v.dwell(stay, after).Wait, "asked too early, it says how long")
	v.set(7*time.Hour + time.Microsecond)
	first := v.dwell(stay, after)
	require.NotEqual(t, uuid.Nil, first.Enrolled)
	require.Equal(t, first, v.dwell(stay, after), "B-42: asked again it answers with what it did")
	v.exec(`update memberships set fired = '{}'`)
	require.Equal(t, first, v.dwell(stay, after), "B-42: the key prevents a second event though the mark is lost")
	v.exec(`update memberships set fired = '{"after-25200000": 1}'`)
	require.Equal(t, []string{
		"ada entered in #1 event +00:00:00.000001",
		"ada dwell in #1 reconcile k1 +07:00:00.000001",
	}, v.transitions())
	require.Equal(t, []string{"bucket-in-on-dwell-after-25200000/" + v.contact("ada") + "/1"}, v.texts(`select workflow_id from enrollments`))
	require.Equal(t, []string{"reaction enrolled"}, v.texts(`select type || ' ' || outcome from decisions`))

	v.set(8 * time.Hour)
	v.send(in("ada", false))
	require.Zero(t, v.count(`select count(*) from outbox where kind = 'cancel'`), "B-36: a run that has started goes on")
	v.set(9 * time.Hour)
	v.send(in("ada", true))
	again := v.stayOf("ada", "in")
	v.set(15 * time.Hour)
	require.Equal(t, time.Hour+time.Microsecond, v.dwell(again, after).Wait, "B-44: a returned contact has a clock of its own")
	v.send(in("ada", false))
	require.Equal(t, clock.Outcome{Over: true}, v.dwell(again, after), "B-43: who has left does not dwell")
	require.Equal(t, 1, v.count(`select count(*) from outbox where kind = 'cancel' and payload ->> 'workflowId' like '%/2'`))
}

func TestADwellThatRepeatsKeepsToItsGrid(t *testing.T) {
	t.Parallel() // B-45
	every := hogsend.Every(time.Hour)
	for _, tt := range []struct {
		name      string
		asked     []time.Duration // after the join
		fired     string
		remaining time.Duration
	}{
		{"anchor 2 h ago, none fired", []time.Duration{2 * time.Hour}, "[2]", time.Hour},
		{"after an outage", []time.Duration{3*time.Hour + 30*time.Minute}, "[3]", 30 * time.Minute},
		{"on time, asked again", []time.Duration{2 * time.Hour, 150 * time.Minute}, "[2]", 30 * time.Minute},
		{"fired late", []time.Duration{90 * time.Minute, 3 * time.Hour}, "[1 3]", time.Hour},
		{"fired late, then on the grid", []time.Duration{175 * time.Minute, 3 * time.Hour}, "[2 3]", time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := virtual(t, dwelling(hogsend.OnDwell(every, nothing, hogsend.WithOverlap(hogsend.OverlapAllow))))
			v.send(in("ada", true))
			stay := v.stayOf("ada", "in")
			var last clock.Outcome
			for _, asked := range tt.asked {
				v.set(asked + time.Microsecond)
				last = v.dwell(stay, every)
			}
			require.Equal(t, tt.fired, fmt.Sprint(v.texts(`select properties ->> 'dwellCount' from events where name like 'bucket:dwell:%' order by seq`)))
			require.Equal(t, tt.remaining, last.Wait)
			require.Zero(t, v.count(`select count(*) from events where name like 'bucket:dwell:%' and extract(epoch from occurred_at - $1)::numeric % 3600 <> 0.000001`, monday))
			require.Equal(t, v.count(`select count(*) from events where name like 'bucket:dwell:%'`), v.count(`select count(*) from outbox where kind = 'start'`))
		})
	}
}

func TestWhoIsTooOldLeavesAndDoesNotDwell(t *testing.T) {
	t.Parallel() // B-40, B-43
	after := hogsend.After(2 * time.Hour)
	b := dwelling(hogsend.OnDwell(after, nothing))
	b.MaxDwell = 2 * time.Hour
	v := virtual(t, b)
	v.send(in("ada", true))
	stay := v.stayOf("ada", "in")
	v.set(3 * time.Hour)
	require.Equal(t, clock.Outcome{Over: true}, v.dwell(stay, after))
	require.Equal(t, []string{"ada entered in #1 event +00:00:00.000001", "ada left in #1 reconcile maxDwell +02:00:00.000001"}, v.transitions())
}

func TestReactionsAreGuarded(t *testing.T) {
	t.Parallel() // B-32 to B-34, J-39, J-42
	for name, tt := range map[string]struct {
		reaction  hogsend.Reaction
		decisions []string
		statuses  []string
	}{
		"skip": {hogsend.OnEnter(nothing), []string{"enrolled", "overlap_skip"}, []string{"active"}},
		"allow": {
			hogsend.OnEnter(nothing, hogsend.WithOverlap(hogsend.OverlapAllow)),
			[]string{"enrolled", "enrolled"},
			[]string{"active", "active"},
		},
		"cancel the previous one": {
			hogsend.OnEnter(nothing, hogsend.WithOverlap(hogsend.OverlapCancelPrevious)),
			[]string{"enrolled", "enrolled"},
			[]string{"exited superseded", "active"},
		},
		"first entry only": {hogsend.OnEnter(nothing, hogsend.FirstEntryOnly()), []string{"enrolled", "first_entry_only"}, []string{"active"}},
		"reasons":          {hogsend.OnLeave(nothing, hogsend.Reasons(hogsend.LeftByMaxDwell)), []string{"reason_filter"}, []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := virtual(t, dwelling(tt.reaction))
			for i, member := range []bool{true, false, true} {
				v.set(time.Duration(i) * time.Minute)
				v.send(in("ada", member))
			}
			id := tt.reaction.JourneyID("in")
			require.Equal(t, tt.decisions, v.outcomes(id))
			require.Equal(t, tt.statuses, v.statuses(id))
			require.Equal(t, len(tt.decisions), v.count(`select count(*) from decisions where type = 'reaction'`))
			require.Equal(t, []string{
				"ada entered in #1 event +00:00:00.000001", "ada left in #1 event criteria +00:01:00.000001", "ada entered in #2 event +00:02:00.000001",
			}, v.transitions(), "B-33, B-48: the transition exists all the same")
			for i, workflowID := range v.texts(`select workflow_id from enrollments order by entry`) {
				require.Equal(t, fmt.Sprintf("%s/%s/%d", id, v.contact("ada"), i+1), workflowID)
			}
		})
	}
}

func TestStaysMoveWithAMerge(t *testing.T) {
	t.Parallel() // I-27
	after := hogsend.After(7 * time.Hour)
	v := virtual(t, dwelling(hogsend.OnDwell(after, nothing)))
	v.send(in("ada", true))
	v.send(in("ada", false)) // the survivor has had a stay
	anonymous := in("", true)
	anonymous.AnonymousID = "cookie"
	v.set(time.Hour)
	other := v.send(anonymous).ContactID
	both := user("move", "ada")
	both.AnonymousID = "cookie"
	v.set(2 * time.Hour)
	v.send(both)
	require.Equal(t, []string{"ada #2"}, v.members("in"))
	require.Equal(t, []string{
		"cancel bucket-in-on-dwell-after-25200000/" + other.String() + "/1",
		"dwell bucket-in-on-dwell-after-25200000/" + v.contact("ada") + "/2",
	}, v.texts(`select kind || ' ' || (payload ->> 'workflowId') from outbox where created_at >= $1 order by seq`, monday.Add(2*time.Hour)))
	stay := v.stayOf("ada", "in")
	require.Equal(t, 6*time.Hour+time.Microsecond, v.dwell(stay, after).Wait, "the anchor stays")
}

func (v *timed) contact(who string) string {
	v.t.Helper()
	return v.texts(`select id::text from contacts where external_id = $1`, who)[0]
}
