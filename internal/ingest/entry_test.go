package ingest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/clock"
	"github.com/hogsend/hogsend/internal/ingest"
)

// step lets a contact be a member, or not, of the bucket "in" at an instant.
type step struct {
	after  time.Duration
	member bool
}

// B-17, B-18: the gate mutes the event and its reaction, never the stay.
func TestTheGateMutesTheEventOnly(t *testing.T) {
	t.Parallel()
	flapping := []step{{0, true}, {time.Hour, false}, {2 * time.Hour, true}, {3 * time.Hour, false}, {5 * time.Hour, true}}
	for name, tt := range map[string]struct {
		limit     hogsend.EntryLimit
		period    time.Duration
		entered   []string // epochs
		decisions []string // of the enter reaction
	}{
		"unlimited":         {"", 0, []string{"1", "2", "3"}, []string{"enrolled", "enrolled", "enrolled"}},
		"once":              {hogsend.Once, 0, []string{"1"}, []string{"enrolled", "already_entered_once", "already_entered_once"}},
		"once, no period":   {hogsend.OncePerPeriod, 0, []string{"1", "2", "3"}, []string{"enrolled", "enrolled", "enrolled"}},
		"equal to a period": {hogsend.OncePerPeriod, 2 * time.Hour, []string{"1", "3"}, []string{"enrolled", "period_not_elapsed", "enrolled"}},
		"a longer period":   {hogsend.OncePerPeriod, 2*time.Hour + time.Millisecond, []string{"1"}, []string{"enrolled", "period_not_elapsed", "period_not_elapsed"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			after := hogsend.After(30 * time.Minute)
			b := dwelling(hogsend.OnEnter(nothing, hogsend.WithOverlap(hogsend.OverlapAllow)), hogsend.OnLeave(nothing, hogsend.WithOverlap(hogsend.OverlapAllow)), hogsend.OnDwell(after, nothing))
			b.EntryLimit, b.EntryPeriod, b.SyncToPostHog = tt.limit, tt.period, true
			generic := journey("generic", hogsend.AnyEntered)
			v := virtualWith(t, ingest.Config{Mirror: true, Journeys: []hogsend.Journey{generic}}, b)
			for _, s := range flapping {
				v.set(s.after)
				v.send(in("ada", s.member))
			}
			require.Equal(t, []string{"1 left", "2 left", "3 active"}, v.texts(`select epoch || ' ' || status from memberships order by epoch`), "B-13")
			require.Equal(t, tt.entered, v.texts(`select properties ->> 'entryCount' from events where name = 'bucket:entered:in' order by seq`))
			require.Equal(t, tt.entered, v.texts(`select properties ->> 'entryCount' from events where name = 'bucket:entered' order by seq`))
			require.Equal(t, tt.decisions, v.outcomes("bucket-in-on-enter"))

			require.Equal(t, []string{"1", "2"}, v.texts(`select properties ->> 'entryCount' from events where name = 'bucket:left:in' order by seq`), "the rest works as for any stay")
			require.Equal(t, []string{"enrolled", "enrolled"}, v.outcomes("bucket-in-on-leave"))
			require.Equal(t, 3, v.count(`select count(*) from outbox where kind = 'dwell'`))
			require.Equal(t, []string{"true", "false", "true", "false", "true"}, v.texts(`select payload ->> 'member' from outbox where kind = 'mirror' order by seq`))
		})
	}
}

// B-18: a stay that a backfill made silently counts as an earlier one.
func TestASilentStayCountsAsAnEarlierOne(t *testing.T) {
	t.Parallel()
	v := virtual(t)
	v.send(in("ada", true))
	once := dwelling(hogsend.OnEnter(nothing))
	once.EntryLimit = hogsend.Once
	v.set(time.Minute)
	v.register("second", once)
	v.settle()
	v.set(time.Hour)
	v.send(in("ada", false))
	v.set(2 * time.Hour)
	v.send(in("ada", true))
	require.Equal(t, []string{"ada #2"}, v.members("in"))
	require.Equal(t, []string{"ada left in #1 event criteria +01:00:00.000001"}, v.transitions())
	require.Equal(t, []string{"already_entered_once"}, v.outcomes("bucket-in-on-enter"))
}

// B-12: what was overdue is applied at its own instant before the event is, though the
// clock has not come by.
func TestAnEventFindsWhatWasOverdueApplied(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*hogsend.Bucket)
		steps  []step
		want   []string
	}{
		"MaxDwell": {
			func(b *hogsend.Bucket) { b.MaxDwell = time.Hour },
			[]step{{0, true}, {3 * time.Hour, true}},
			[]string{"entered in #1 event +00:00:00.000001", "left in #1 reconcile maxDwell +01:00:00.000001"}, // the property was sent again unchanged
		},
		"MaxDwell, then another reason": {
			func(b *hogsend.Bucket) { b.MaxDwell = time.Hour },
			[]step{{0, true}, {3 * time.Hour, false}, {4 * time.Hour, true}},
			[]string{"entered in #1 event +00:00:00.000001", "left in #1 reconcile maxDwell +01:00:00.000001", "entered in #2 event +04:00:00.000001"},
		},
		"MaxDwell, then the event that it is about": {
			func(b *hogsend.Bucket) { b.MaxDwell, b.Criteria = time.Hour, hogsend.Event("move").Exists() },
			[]step{{0, true}, {3 * time.Hour, true}},
			[]string{"entered in #1 event +00:00:00.000001", "left in #1 reconcile maxDwell +01:00:00.000001", "entered in #2 event +03:00:00.000001"}, // B-23
		},
		"deferred leave": {
			func(b *hogsend.Bucket) { b.MinDwell = time.Hour },
			[]step{{0, true}, {10 * time.Minute, false}, {3 * time.Hour, true}},
			[]string{"entered in #1 event +00:00:00.000001", "left in #1 reconcile criteria +01:00:00.000001", "entered in #2 event +03:00:00.000001"},
		},
		"of two instants the first": {
			func(b *hogsend.Bucket) { b.MinDwell, b.MaxDwell = time.Hour, 2*time.Hour },
			[]step{{0, true}, {10 * time.Minute, false}, {3 * time.Hour, false}},
			[]string{"entered in #1 event +00:00:00.000001", "left in #1 reconcile criteria +01:00:00.000001"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := dwelling(hogsend.OnEnter(nothing, hogsend.WithOverlap(hogsend.OverlapAllow)))
			tt.change(&b)
			v := virtual(t, b)
			for _, s := range tt.steps {
				v.set(s.after)
				v.send(in("ada", s.member))
			}
			for i := range tt.want {
				tt.want[i] = "ada " + tt.want[i]
			}
			require.Equal(t, tt.want, v.transitions())
			last := tt.steps[len(tt.steps)-1].after
			v.pass(last)
			require.Equal(t, tt.want, v.transitions(), "the clock finds nothing left to do")
		})
	}
}

// B-26: a generic event follows its own one, once, and only if something listens.
func TestAGenericEventExistsOnlyIfSomethingListens(t *testing.T) {
	t.Parallel()
	names := func(v *timed) []string {
		return v.texts(`select name from events where source = 'bucket' order by seq`)
	}
	flap := func(v *timed) {
		v.send(in("ada", true))
		v.send(in("ada", false))
	}
	for name, tt := range map[string]struct {
		journeys []hogsend.Journey
		want     []string
	}{
		"nothing":   {nil, []string{"bucket:entered:in", "bucket:left:in"}},
		"the other": {[]hogsend.Journey{journey("j", hogsend.AnyDwell)}, []string{"bucket:entered:in", "bucket:left:in"}},
		"a trigger": {[]hogsend.Journey{journey("j", hogsend.AnyEntered)}, []string{"bucket:entered:in", "bucket:entered", "bucket:left:in"}},
		"two":       {[]hogsend.Journey{journey("j", hogsend.AnyEntered), journey("k", hogsend.AnyEntered)}, []string{"bucket:entered:in", "bucket:entered", "bucket:left:in"}},
		"an exit":   {[]hogsend.Journey{journey("j", "x", exitOn(hogsend.AnyLeft))}, []string{"bucket:entered:in", "bucket:left:in", "bucket:left"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := virtualWith(t, ingest.Config{Journeys: tt.journeys}, dwelling())
			flap(v)
			require.Equal(t, tt.want, names(v))
			require.Zero(t, v.count(`select count(*) from events g join events e on e.seq = g.seq - 1 and e.contact_id = g.contact_id
				where g.name in ('bucket:entered', 'bucket:left') and (e.name not like g.name || ':%' or e.properties <> g.properties or e.occurred_at <> g.occurred_at)`), "it is the same but for the name")
		})
	}
	t.Run("a wait of the contact", func(t *testing.T) {
		t.Parallel()
		v := virtualWith(t, ingest.Config{Journeys: []hogsend.Journey{journey("j", "start")}}, dwelling())
		v.send(user("start", "bob"))
		v.waiting(v.enrollment("j"), hogsend.AnyLeft, "", nil)
		flap(v)
		require.Equal(t, []string{"bucket:entered:in", "bucket:left:in"}, names(v), "it is another's")
		v.send(in("bob", true))
		v.send(in("bob", false))
		require.Equal(t, []string{"bucket:entered:in", "bucket:left:in", "bucket:left"}, names(v)[2:])
		require.Equal(t, []string{"matched"}, v.texts(`select status from waits`))
	})
}

// B-27: the events of a second stay are no repeats of the first one's.
func TestASecondStayHasEventsOfItsOwn(t *testing.T) {
	t.Parallel()
	after := hogsend.After(time.Hour)
	v := virtual(t, dwelling(hogsend.OnDwell(after, nothing, hogsend.WithOverlap(hogsend.OverlapAllow))))
	for epoch := range 2 {
		began := time.Duration(epoch) * 3 * time.Hour
		v.set(began)
		v.send(in("ada", true))
		v.set(began + 2*time.Hour)
		require.NotZero(t, v.dwell(v.stayOf("ada", "in"), after).Enrolled)
		v.send(in("ada", false))
	}
	require.Equal(t, []string{
		"ada entered in #1 event +00:00:00.000001", "ada dwell in #1 reconcile k1 +01:00:00.000001", "ada left in #1 event criteria +02:00:00.000001",
		"ada entered in #2 event +03:00:00.000001", "ada dwell in #2 reconcile k1 +04:00:00.000001", "ada left in #2 event criteria +05:00:00.000001",
	}, v.transitions())
	require.Equal(t, 2, v.count(`select count(*) from enrollments`))
}

// B-28: what fails at the very commit leaves neither stay nor event; what is committed
// has both, and the reaction in the outbox. Whether an event, the clock or a dwell
// makes the transition.
func TestATransitionIsWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	after := hogsend.After(30 * time.Minute)
	v := virtual(t, segmentOf("in", hogsend.Event("click").Within(time.Hour).Exists(), func(b *hogsend.Bucket) {
		b.Reactions = []hogsend.Reaction{hogsend.OnEnter(nothing), hogsend.OnLeave(nothing), hogsend.OnDwell(after, nothing)}
	}))
	// A trigger that is deferred to the commit fails behind every statement of it.
	v.exec(`create function fail() returns trigger language plpgsql as 'begin raise exception ''killed''; end'`)
	killed := func(broken bool) {
		if broken {
			for _, table := range []string{"memberships", "events"} {
				v.exec(`create constraint trigger killed after insert or update on ` + table + ` deferrable initially deferred for each row execute function fail()`)
			}
			return
		}
		for _, table := range []string{"memberships", "events"} {
			v.exec(`drop trigger killed on ` + table)
		}
	}
	rows := func() []string {
		return v.texts(`select 'stay ' || status || ' ' || fired from memberships union all select name from events union all select 'run of ' || journey_id from enrollments
			union all select kind || ' ' || coalesce(payload ->> 'workflowType', '') from outbox union all select 'key ' || split_part(key, ':', 4) from event_keys order by 1`)
	}
	before := rows()
	step := func(do func() error, want ...string) {
		t.Helper()
		killed(true)
		err := do()
		require.Equal(t, before, rows())
		killed(false)
		if err == nil { // the clock keeps the contact aside
			v.set(monday.Sub(monday) + v.now().Sub(monday) + time.Second)
		}
		require.NoError(t, do())
		before = rows()
		for _, row := range want {
			require.Contains(t, before, row)
		}
	}
	step(func() error { _, err := v.ingester.Ingest(t.Context(), user("click", "ada")); return err },
		"stay active {}", "bucket:entered:in", "run of bucket-in-on-enter", "start bucket-in-on-enter", "dwell bucket-in-on-dwell-after-1800000")
	v.set(31 * time.Minute)
	step(func() error {
		_, err := v.clock.Dwell(t.Context(), v.stayOf("ada", "in"), after.Label(), false)
		return err
	},
		`stay active {"after-1800000": 1}`, "bucket:dwell:in:after-1800000", "run of bucket-in-on-dwell-after-1800000")
	v.set(2 * time.Hour)
	step(func() error { _, err := v.clock.Round(t.Context()); return err },
		`stay left {"after-1800000": 1}`, "bucket:left:in", "run of bucket-in-on-leave", "start bucket-in-on-leave")
	require.Equal(t, []string{
		"ada entered in #1 event +00:00:00.000001", "ada dwell in #1 reconcile k1 +00:30:00.000001", "ada left in #1 reconcile criteria +01:00:00.000002",
	}, v.transitions(), fmt.Sprint(before))
}

// B-37: however many ask, a dwell makes one event and one run, which each of them is
// told of.
func TestADwellThatManyAskForRunsOnce(t *testing.T) {
	t.Parallel()
	for _, schedule := range []hogsend.DwellSchedule{hogsend.After(time.Hour), hogsend.Every(time.Hour)} {
		t.Run(schedule.Label(), func(t *testing.T) {
			t.Parallel()
			v := virtual(t, dwelling(hogsend.OnDwell(schedule, nothing)))
			v.send(in("ada", true))
			stay := v.stayOf("ada", "in")
			v.set(90 * time.Minute)
			processes := []*bundle{v.bundle, v.another(ingest.Config{})}
			outcomes := make([]clock.Outcome, 20)
			requireNone(t, parallel(len(outcomes), func(i int) (err error) {
				outcomes[i], err = processes[i%2].clock.Dwell(t.Context(), stay, schedule.Label(), i%4 < 2)
				return err
			}))
			require.Equal(t, 1, v.count(`select count(*) from events where name like 'bucket:dwell:%'`))
			require.Equal(t, 1, v.count(`select count(*) from enrollments`))
			require.Equal(t, 1, v.count(`select count(*) from decisions`))
			want := clock.Outcome{Wait: 30*time.Minute + time.Microsecond}
			if schedule.After > 0 {
				want = clock.Outcome{Enrolled: v.enrollment("bucket-in-on-dwell-" + schedule.Label())}
			}
			for _, got := range outcomes {
				require.Equal(t, want, got)
			}
			require.Equal(t, map[bool]int{true: 0, false: 1}[schedule.After > 0], v.count(`select count(*) from outbox where kind = 'start'`), "the timer of an After is the run")
		})
	}
}
