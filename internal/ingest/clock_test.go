package ingest_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/clock"
	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/internal/decide/cascade"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/store"
)

// round is one round of the clock.
func (v *timed) round() time.Duration {
	v.t.Helper()
	wait, err := v.clock.Round(v.t.Context())
	require.NoError(v.t, err)
	return wait
}

// crowd are contacts who all did an event at one instant, stored at once. Their ids
// are in the order of their names.
func (v *timed) crowd(n int, event string, at time.Time) {
	v.t.Helper()
	v.exec(`insert into contacts (id, external_id, properties, first_seen_at, last_seen_at, created_at, updated_at)
		select lpad(to_hex(i), 32, '0')::uuid, 'p' || lpad(i::text, 7, '0'), '{}', $2, $2, $2, $2 from generate_series(1, $1::int) i`, n, at)
	v.exec(`insert into contact_keys (kind, key, contact_id, created_at) select 'user', external_id, id, created_at from contacts where external_id like 'p%'`)
	v.exec(`insert into events (id, contact_id, name, properties, source, occurred_at, received_at)
		select gen_random_uuid(), id, $1, '{}', 'api', $2, $2 from contacts where external_id like 'p%'`, event, at)
}

// W-2, W-3: every edge of any leaf evaluates the whole tree; two windows on one event
// and two buckets with one window are all served, and edges at one instant are one
// evaluation.
func TestEveryEdgeOfAnyLeafCounts(t *testing.T) {
	t.Parallel()
	a, b := hogsend.Event("a"), hogsend.Event("b")
	v := virtual(
		t,
		segmentOf("either-absent", hogsend.Any(a.Within(time.Hour).NotExists(), b.Within(2*time.Hour).NotExists())),
		segmentOf("nested", hogsend.All(hogsend.Prop("plan").Neq("free"), hogsend.Any(a.Within(time.Hour).Exists(), hogsend.All(b.Exists(), b.Within(3*time.Hour).NotExists())))),
		segmentOf("same-window", a.Within(time.Hour).Exists()),
		segmentOf("two-windows", hogsend.All(a.Within(time.Hour).NotExists(), a.Within(3*time.Hour).Exists())),
		segmentOf("not", hogsend.Not(hogsend.Any(a.Within(time.Hour).Exists(), b.Within(time.Hour).Exists()))),
	)
	v.sendAll(at(user("a", "ada"), monday), at(user("b", "ada"), monday))
	v.pass(4 * time.Hour)
	require.Equal(t, []string{
		"ada entered either-absent #1 event +00:00:00.000001", // C-16: she did a, and b never
		"ada entered nested #1 event +00:00:00.000001", "ada entered same-window #1 event +00:00:00.000001",
		"ada left either-absent #1 event criteria +00:00:00.000002",
		"ada left nested #1 reconcile criteria +01:00:00.000001", "ada left same-window #1 reconcile criteria +01:00:00.000001", // W-5: leaves first
		"ada entered either-absent #2 reconcile +01:00:00.000001", "ada entered not #1 reconcile +01:00:00.000001", "ada entered two-windows #1 reconcile +01:00:00.000001",
		"ada left two-windows #1 reconcile criteria +03:00:00.000001", "ada entered nested #2 reconcile +03:00:00.000001",
	}, v.transitions())
}

// W-7: edges that fell due during an outage are made up in order, at their instants,
// however often they move one contact.
func TestAnOutageIsMadeUpInOrder(t *testing.T) {
	t.Parallel()
	a := hogsend.Event("a").Within(time.Hour)
	v := virtual(t, segmentOf("odd", hogsend.Any(a.Exactly(1), a.Exactly(3)), func(b *hogsend.Bucket) {
		b.Reactions = []hogsend.Reaction{hogsend.OnDwell(hogsend.After(time.Hour), nothing)}
	}))
	for i := range 5 {
		v.set(time.Duration(i) * 10 * time.Minute)
		v.send(user("a", "ada"))
	}
	v.set(40 * hogsend.Day) // the edges are older than the late-event horizon
	v.pass(40 * hogsend.Day)
	require.Equal(t, []string{
		"ada entered odd #1 event +00:00:00.000001", "ada left odd #1 event criteria +00:10:00.000001",
		"ada entered odd #2 event +00:20:00.000001", "ada left odd #2 event criteria +00:30:00.000001",
		"ada entered odd #3 reconcile +01:10:00.000002", "ada left odd #3 reconcile criteria +01:20:00.000002",
		"ada entered odd #4 reconcile +01:30:00.000002", "ada left odd #4 reconcile criteria +01:40:00.000002",
	}, v.transitions())
	require.Equal(t, []string{"1 left", "2 left", "3 left", "4 left"}, v.texts(`select epoch || ' ' || status from memberships order by epoch`))
	require.Zero(t, v.count(`select count(*) from clock_retries`))
	require.Equal(t, 4, v.count(`select count(*) from outbox where kind = 'cancel'`), "no timer is left")
}

// W-8: no edge is lost to a transaction that is open while it passes. The event of one
// contact is held up by another contact of its batch until the clock has been by.
func TestAnEdgeIsNotLostToAnOpenTransaction(t *testing.T) {
	t.Parallel()
	v := &timed{bundle: setup(t)} // in real time, as Postgres tells how long a transaction is open
	v.clock = clock.New(v.ingester.Engine())
	const window = time.Minute
	v.register("first", segmentOf("absent", hogsend.All(hogsend.Event("click").Exists(), hogsend.Event("click").Within(window).NotExists())))
	v.settle()
	v.send(user("view", "ada"))
	opened := v.now()
	edge := opened.Add(300 * time.Millisecond)
	open, err := v.store.Pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = open.Rollback(context.WithoutCancel(t.Context())) }()
	_, err = open.Exec(t.Context(), `insert into events (id, contact_id, name, properties, source, occurred_at, received_at)
		select gen_random_uuid(), id, 'click', '{}', 'api', $1, clock_timestamp() from contacts where external_id = 'ada'`, edge.Add(-window-time.Microsecond))
	require.NoError(t, err)
	v.exec(`insert into contacts (id, external_id, first_seen_at, last_seen_at, created_at, updated_at) select gen_random_uuid(), 'bob', $1, $1, $1, $1`, opened)
	v.exec(`insert into events (id, contact_id, name, properties, source, occurred_at, received_at)
		select gen_random_uuid(), id, 'click', '{}', 'api', $1, $2 from contacts where external_id = 'bob'`, edge.Add(-window-time.Microsecond), opened)
	for v.now().Before(edge) || len(v.members("absent")) == 0 { // bob's edge, which is known, makes the clock go by
		v.round()
		require.Less(t, v.now().Sub(edge), 10*time.Second)
	}
	require.Equal(t, []string{"bob #1"}, v.members("absent"), "one that nothing holds back is not late")
	require.Zero(t, v.count(`select count(*) from clock_cursors where cursor_at >= $1`, edge), "progress waits")
	require.NoError(t, open.Commit(t.Context()))
	for range 3 {
		v.round()
	}
	require.Equal(t, []string{"ada #1", "bob #1"}, v.members("absent"))
	require.Equal(t, 2, v.count(`select count(*) from events where name = 'bucket:entered:absent' and occurred_at = $1`, edge), "both at their instant")
	require.Equal(t, 1, v.count(`select count(*) from clock_cursors where cursor_at >= $1`, edge), "progress goes on")
}

// W-10: of many edges at one instant all are applied in one round, in whatever order
// the ids of those come who have an edge and those who have none.
func TestManyEdgesAtOneInstantAreOneRound(t *testing.T) {
	t.Parallel()
	const n = 2600 // more than are taken at once
	v := virtual(t)
	v.crowd(n, "click", monday)
	v.set(time.Second)
	v.register("second", segmentOf("recent", hogsend.Event("click").Within(time.Hour).Exists()), segmentOf("absent", hogsend.Event("click").Within(time.Hour).NotExists()))
	v.settle()
	require.Len(t, v.members("recent"), n)
	active := v.texts(`select external_id from contacts where external_id not in ('p0000001', 'p0001300', 'p0002600') order by 1`)
	v.set(30 * time.Minute)
	v.exec(`insert into events (id, contact_id, name, properties, source, occurred_at, received_at)
		select gen_random_uuid(), id, 'click', '{}', 'api', $2, $2 from contacts where external_id = any($1) and external_id <= 'p0000501'`, active, v.now())
	v.send(user("view", "never"))
	v.set(time.Hour + time.Microsecond)
	require.Zero(t, v.round())
	want := n - 500 // those who clicked once more
	require.Equal(t, want, v.count(`select count(*) from memberships where bucket_id = 'recent' and left_at = $1`, v.now()))
	require.Equal(t, want, v.count(`select count(*) from memberships where bucket_id = 'absent' and status = 'active' and entered_at = $1`, v.now()))
	require.Equal(t, 3, v.count(`select count(*) from memberships m join contacts c on c.id = m.contact_id
		where m.bucket_id = 'absent' and external_id in ('p0000001', 'p0001300', 'p0002600')`))
	require.Equal(t, 2*want, v.count(`select count(*) from events where source = 'bucket'`))
	require.Positive(t, v.round())
}

// W-11: killed between two chunks, one is wholly done and the others are repeated.
func TestARoundThatIsKilledIsRepeatedWithoutHarm(t *testing.T) {
	t.Parallel()
	const n = 1200
	v := virtual(t)
	v.crowd(n, "click", monday)
	v.set(time.Second)
	v.register("second", segmentOf("recent", hogsend.Event("click").Within(time.Hour).Exists()))
	v.settle()
	v.set(2 * time.Hour)
	cursors := func() []string { return v.texts(`select cursor_at::text from clock_cursors`) }
	before := cursors()
	for range 2 { // the second one repeats the chunk that was done, and finds nothing to do
		killed, kill := context.WithCancel(t.Context())
		clock := clock.New(v.another(ingest.Config{}).ingester.Engine())
		clock.Flipped = func(int, time.Duration) { kill() }
		_, err := clock.Round(killed)
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, before, cursors(), "progress is with the work")
		require.Equal(t, 500, v.count(`select count(*) from memberships where status = 'left'`))
	}
	v.round()
	require.Empty(t, v.members("recent"))
	require.Equal(t, n, v.count(`select count(*) from events where name = 'bucket:left:recent' and occurred_at = $1`, monday.Add(time.Hour+time.Microsecond)))
	require.NotEqual(t, before, cursors())
}

// W-13: a contact that cannot be evaluated is kept aside, tried again with growing
// pauses and logged; the others of its chunk and later edges go on.
func TestAContactThatFailsDelaysOnlyItself(t *testing.T) {
	t.Parallel()
	var logged atomic.Int64
	v := virtualWith(t, ingest.Config{Logger: slog.New(counting{&logged})}, segmentOf("recent", hogsend.Event("click").Within(time.Hour).Exists()))
	v.sendAll(user("click", "ada"), user("click", "bob"), user("click", "cleo"))
	v.exec(`create function fail() returns trigger language plpgsql as 'begin raise exception ''no''; end'`)
	v.exec(`create trigger bad before update on memberships for each row when (new.contact_id = '` + v.contact("bob") + `') execute function fail()`)
	v.set(30 * time.Minute)
	v.send(user("click", "dan"))
	v.pass(2 * time.Hour)
	require.Equal(t, []string{"bob #1"}, v.members("recent"))
	require.Equal(t, []string{
		"ada left recent #1 reconcile criteria +01:00:00.000002", "cleo left recent #1 reconcile criteria +01:00:00.000004", "dan left recent #1 reconcile criteria +01:30:00.000002",
	}, v.transitions()[4:])
	require.Equal(t, 1, v.count(`select count(distinct contact_id) from clock_retries where error like '%no%'`))

	var pauses []time.Duration
	tries := func() int { return v.count(`select max(attempts) from clock_retries`) }
	v.exec(`update clock_retries set attempts = 1, due_at = clock_timestamp()`)
	for range 8 {
		tried := tries()
		began := v.now()
		v.exec(`update virtual.clock set at = (select min(due_at) from clock_retries)`)
		pauses = append(pauses, v.now().Sub(began))
		v.round()
		require.Equal(t, tried+1, tries())
	}
	require.Equal(t, []time.Duration{0, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second, time.Minute, time.Minute}, pauses)
	require.GreaterOrEqual(t, logged.Load(), int64(8))
	v.exec(`drop trigger bad on memberships`)
	v.pass(3 * time.Hour)
	require.Empty(t, v.members("recent"))
	require.Contains(t, v.transitions(), "bob left recent #1 reconcile criteria +01:00:00.000003", "W-6: at its instant")
	require.Zero(t, v.count(`select count(*) from clock_retries`))
}

// counting is a handler that counts warnings.
type counting struct{ n *atomic.Int64 }

func (counting) Enabled(context.Context, slog.Level) bool { return true }

func (c counting) Handle(context.Context, slog.Record) error { c.n.Add(1); return nil }

func (c counting) WithAttrs([]slog.Attr) slog.Handler { return c }

func (c counting) WithGroup(string) slog.Handler { return c }

// W-12: an edge and an event of one contact at the same moment, in either order.
func TestAnEdgeAndAnEventMeet(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]string{
		"event first": {"ada entered recent #1 event +00:00:00.000001"},
		"edge first": {
			"ada entered recent #1 event +00:00:00.000001", "ada left recent #1 reconcile criteria +01:00:00.000002", "ada entered recent #2 event +01:00:00.000003",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := virtual(t, segmentOf("recent", hogsend.Event("click").Within(time.Hour).Exists()))
			v.send(user("click", "ada"))
			v.set(time.Hour + 2*time.Microsecond)
			if name == "edge first" {
				v.round()
			}
			v.send(user("click", "ada"))
			v.pass(time.Hour + time.Minute)
			require.Equal(t, want, v.transitions())
			require.Len(t, v.members("recent"), 1)
		})
	}
}

// W-15: with ReconcileJoins false the clock makes nobody join, whatever the tree; it
// makes leave, and the next evaluation lets join.
func TestTheClockMayBeKeptFromLettingJoin(t *testing.T) {
	t.Parallel()
	for name, joins := range map[string]*bool{"unset": nil, "true": new(true), "false": new(false)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			click := hogsend.Event("click").Within(time.Hour)
			shape := func(id string, criteria hogsend.Condition) hogsend.Bucket {
				return segmentOf(id, criteria, func(b *hogsend.Bucket) { b.ReconcileJoins = joins })
			}
			v := virtual(t,
				shape("absent", click.NotExists()), shape("either", hogsend.Any(click.NotExists(), hogsend.Prop("vip").Eq(true))),
				shape("falls", hogsend.All(hogsend.Event("click").Exists(), click.AtMost(1))), shape("recent", click.Exists()),
			)
			v.sendAll(user("click", "ada"), user("click", "ada"))
			v.pass(2 * time.Hour)
			require.Empty(t, v.members("recent"), "it makes leave")
			want := []string{"ada #1"}
			if name == "false" {
				for _, id := range []string{"absent", "either"} {
					require.Empty(t, v.members(id))
				}
				require.Equal(t, []string{"ada left falls #1 event criteria +00:00:00.000002"}, v.texts(`select 'ada left falls #1 event criteria +' || (occurred_at - $1) from events where name = 'bucket:left:falls'`, monday))
				require.Empty(t, v.members("falls"))
				ev := user("view", "ada")
				ev.ContactProperties = in("ada", true).ContactProperties
				v.send(ev)
				require.Empty(t, v.members("either"), "no candidate")
				v.register("second", shape("either", hogsend.Any(click.NotExists(), hogsend.Prop("in").Eq(true))))
				v.settle() // settling lets join
			} else {
				require.Equal(t, []string{"ada #2"}, v.members("falls"))
			}
			require.Equal(t, want, v.members("either"))
		})
	}
}

// W-16: what is off, gone or deleted is passed over, and is in nobody's way.
func TestWhatIsFrozenHoldsNothingUp(t *testing.T) {
	t.Parallel()
	recent := func(id string) hogsend.Bucket {
		return segmentOf(id, hogsend.Event("click").Within(time.Hour).Exists(), func(b *hogsend.Bucket) { b.MaxDwell = 3 * time.Hour })
	}
	other := segmentOf("other", hogsend.Event("view").Within(time.Hour).Exists())
	v := virtual(t, recent("on"), recent("off"), recent("gone"), other)
	v.sendAll(user("click", "ada"), user("click", "bob"), user("click", "cleo"), user("view", "ada"))
	require.NoError(t, v.rollout.SwitchBucket(t.Context(), "off", false))
	v.register("second", recent("on"), recent("off"))
	v.exec(`update contacts set deleted_at = $1 where external_id = 'cleo'`, v.now())
	v.exec(`update memberships set status = 'left', left_reason = 'deleted', left_at = $1 where contact_id = $2`, v.now(), v.contact("cleo"))
	v.pass(5 * time.Hour)
	require.Empty(t, v.members("on"))
	require.Equal(t, []string{"deleted"}, v.texts(`select left_reason from memberships where bucket_id = 'on' and contact_id = $1`, v.contact("cleo")), "I-50: its edge moves nobody")
	for _, id := range []string{"off", "gone"} {
		require.Equal(t, []string{"ada #1", "bob #1"}, v.members(id), id)
	}
	require.Len(t, v.members("other"), 1)
	require.GreaterOrEqual(t, v.round(), time.Second, "and the clock may sleep")
	require.Equal(t, []string{"click"}, v.texts(`select event_name from clock_cursors`))
	require.Equal(t, 1, v.count(`select count(*) from clock_cursors where cursor_at >= $1`, monday.Add(time.Hour)))
}

// W-17: an idle installation sees one query a second.
func TestAnIdleClockAsksOnceASecond(t *testing.T) {
	t.Parallel()
	s := dbtest.DB(t)
	seen := &asked{at: make(chan time.Time, 100)}
	pc := s.Pool.Config().Copy()
	pc.ConnConfig.Tracer = seen
	pool, err := pgxpool.NewWithConfig(t.Context(), pc)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	b := (&bundle{t: t, store: store.New(pool)}).another(ingest.Config{})
	v := &timed{bundle: b}
	v.register("first", dormant())
	v.settle()
	v.send(user("active", "ada"))
	for len(seen.at) > 0 {
		<-seen.at
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.rollout.Clock().Run(ctx) }()
	var instants []time.Time
	for len(instants) == 0 || instants[len(instants)-1].Sub(instants[0]) < 2500*time.Millisecond {
		instants = append(instants, <-seen.at)
	}
	stop()
	require.ErrorIs(t, <-ended, context.Canceled)
	began := instants[0].Add(500 * time.Millisecond) // what a start looks at is behind it
	late := 0
	for _, at := range instants {
		if at.After(began) {
			late++
		}
	}
	require.Contains(t, []int{2, 3}, late, "%v", instants)
}

// asked traces when queries begin.
type asked struct{ at chan time.Time }

func (a *asked) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	a.at <- time.Now()
	return ctx
}

func (*asked) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// W-18: all instants come from the database. Its clock is years away from the
// process's here, and nothing that is written knows of the latter.
func TestAllInstantsAreOfTheDatabase(t *testing.T) {
	t.Parallel()
	after := hogsend.After(10 * time.Minute)
	b := segmentOf("recent", hogsend.Event("click").Within(time.Hour).Exists(), func(b *hogsend.Bucket) {
		b.MinDwell, b.MaxDwell = time.Minute, hogsend.Day
		b.Reactions = []hogsend.Reaction{hogsend.OnEnter(nothing), hogsend.OnDwell(after, nothing), hogsend.OnLeave(nothing)}
	})
	v := virtual(t, b)
	v.sendAll(user("click", "ada"), user("click", "bob"))
	v.set(11 * time.Minute)
	v.dwell(v.stayOf("ada", "recent"), after)
	v.pass(2 * time.Hour)
	require.NoError(t, v.rollout.SwitchBucket(t.Context(), "recent", false))
	require.NoError(t, v.rollout.SwitchBucket(t.Context(), "recent", true))
	v.exec(`update backfills set status = 'failed' where status = 'pending'`)
	require.NoError(t, v.store.BackfillsResume(t.Context()))
	v.exec(`create function fail() returns trigger language plpgsql as 'begin raise exception ''no''; end'`)
	v.exec(`create trigger bad before update on backfills for each row when (new.position <> old.position) execute function fail()`)
	_, _, err := v.rollout.Backfill(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, v.count(`select count(*) from backfills where status = 'failed' and error like '%no%'`), "W-30")
	v.exec(`drop trigger bad on backfills`)
	require.NoError(t, v.store.BackfillsResume(t.Context()))
	v.register("second", dormant())
	v.arm()
	require.EqualValues(t, 0, v.retire("recent"))
	for _, column := range v.texts(`select table_name || '.' || column_name from information_schema.columns
		where table_schema = 'public' and data_type = 'timestamp with time zone' and table_name <> 'hogsend_migrations' order by 1`) {
		table, name, _ := strings.Cut(column, ".")
		require.Zero(t, v.count(fmt.Sprintf(`select count(*) from %s where %s > $1`, table, name), monday.Add(3*hogsend.Day)), column)
	}
}

// W-18: how late the clock is, and what it did, by bucket and transition.
func TestTheClockTellsWhatItDid(t *testing.T) {
	t.Parallel()
	v := virtual(t, dormant(), segmentOf("recent", hogsend.Event("active").Within(time.Hour).Exists(), func(b *hogsend.Bucket) { b.MaxDwell = 30 * time.Minute }))
	v.sendAll(user("active", "ada"), user("active", "bob"))
	require.Positive(t, v.round())
	require.Zero(t, v.clock.Stats(), "what events do is no flip")
	v.set(40*time.Minute + 2*time.Microsecond)
	v.send(user("view", "bob")) // comes across what is due of his
	require.Equal(t, map[cascade.Flip]int64{{BucketID: "recent", Transition: "left"}: 1}, v.clock.Stats().Flips)
	v.round()
	require.Equal(t, 10*time.Minute+time.Microsecond, v.clock.Stats().Lag, "Ada was due so long ago")
	v.pass(8 * hogsend.Day)
	require.Equal(t, clock.Stats{Flips: map[cascade.Flip]int64{
		{BucketID: "recent", Transition: "left"}: 2, {BucketID: "dormant", Transition: "entered"}: 2,
	}}, v.clock.Stats())
}

// W-9, I-42: a late event has an edge if it was in the window when it came, and counts
// in no window that it had left.
func TestALateEventHasAnEdgeIfItWasInTheWindow(t *testing.T) {
	t.Parallel()
	v := virtual(t, segmentOf("week", hogsend.Event("active").Within(7*hogsend.Day).Exists()))
	v.sendAll(at(user("active", "ada"), monday.Add(-6*hogsend.Day)), at(user("active", "bob"), monday.Add(-8*hogsend.Day)), at(user("active", "cleo"), monday.Add(time.Hour)))
	v.pass(8 * hogsend.Day)
	require.Equal(t, []string{
		"ada entered week #1 event +00:00:00.000001", "cleo entered week #1 event +00:00:00.000003",
		"ada left week #1 reconcile criteria +1 day 00:00:00.000001", "cleo left week #1 reconcile criteria +7 days 01:00:00.000001",
	}, v.transitions())
}
