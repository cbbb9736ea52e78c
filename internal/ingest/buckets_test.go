package ingest_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/clock"
	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// monday is where virtual time begins.
var monday = time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)

// timed is an ingester whose database has a clock that only the test moves: the
// statements of the product find the test's clock_timestamp before Postgres's own.
type timed struct{ *bundle }

func virtual(t testing.TB, buckets ...hogsend.Bucket) *timed {
	t.Helper()
	return virtualWith(t, ingest.Config{}, buckets...)
}

func virtualWith(t testing.TB, cfg ingest.Config, buckets ...hogsend.Bucket) *timed {
	t.Helper()
	s := dbtest.DB(t)
	for _, sql := range []string{
		`create schema virtual`,
		`create table virtual.clock (at timestamptz not null)`,
		`create function virtual.clock_timestamp() returns timestamptz language sql volatile as 'select at from virtual.clock'`,
	} {
		_, err := s.Pool.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	_, err := s.Pool.Exec(t.Context(), `insert into virtual.clock values ($1)`, monday)
	require.NoError(t, err)
	pc := s.Pool.Config().Copy()
	pc.ConnConfig.RuntimeParams["search_path"] = "virtual, public, pg_catalog"
	pool, err := pgxpool.NewWithConfig(t.Context(), pc)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	v := &timed{bundle: (&bundle{t: t, store: store.New(pool)}).another(cfg)}
	v.register("first", buckets...)
	return v
}

// register brings buckets into force, as the newest build.
func (v *timed) register(digest string, buckets ...hogsend.Bucket) {
	v.t.Helper()
	require.NoError(v.t, hogsend.Registry{Buckets: buckets, Templates: mails()}.Validate())
	definitions, err := bucket.DescribeAll(buckets)
	require.NoError(v.t, err)
	v.exec(`update registries set first_seen_at = first_seen_at - interval '1 hour'`)
	require.NoError(v.t, v.rollout.Register(v.t.Context(), digest, "test-build", definitions))
}

// mails are the templates that the buckets of the tests look at.
func mails() []hogsend.Template {
	return []hogsend.Template{{Key: "welcome", Subject: "Welcome", HTML: "<p>Hello</p>"}}
}

// settle carries on the backfills to their end.
func (v *timed) settle() {
	v.t.Helper()
	for {
		done, _, err := v.rollout.Backfill(v.t.Context())
		require.NoError(v.t, err)
		if done {
			return
		}
	}
}

// at moves the clock to an instant after the beginning, without anything happening.
func (v *timed) set(after time.Duration) {
	v.exec(`update virtual.clock set at = $1`, monday.Add(after))
}

// pass lets time pass up to an instant after the beginning: the clock wakes when it
// asked to be woken.
func (v *timed) pass(after time.Duration) {
	v.t.Helper()
	until := monday.Add(after)
	for {
		wait, err := v.clock.Round(v.t.Context())
		require.NoError(v.t, err)
		next := v.now().Add(wait)
		if wait == clock.Never || next.After(until) {
			break
		}
		if wait > 0 {
			v.exec(`update virtual.clock set at = $1`, next)
		}
	}
	v.set(after)
	for {
		wait, err := v.clock.Round(v.t.Context())
		require.NoError(v.t, err)
		if wait > 0 {
			return
		}
	}
}

// transitions are the bucket events of everybody, in order: who, what, when, why.
func (v *timed) transitions() []string {
	v.t.Helper()
	return v.texts(`select e.properties ->> 'userId' || ' ' || (e.properties ->> 'transition') || ' ' || (e.properties ->> 'bucketId')
		|| ' #' || (e.properties ->> 'entryCount') || ' ' || (e.properties ->> 'source') || coalesce(' ' || (e.properties ->> 'reason'), '')
		|| coalesce(' k' || (e.properties ->> 'dwellCount'), '') || ' +' || (e.occurred_at - $1)
		from events e where e.source = 'bucket' order by e.occurred_at, e.seq`, monday)
}

func (v *timed) members(id string) []string {
	v.t.Helper()
	return v.texts(`select c.external_id || ' #' || m.epoch from memberships m join contacts c on c.id = m.contact_id
		where m.bucket_id = $1 and m.status = 'active' order by 1`, id)
}

func segmentOf(id string, criteria hogsend.Condition, changes ...func(*hogsend.Bucket)) hogsend.Bucket {
	b := hogsend.Bucket{ID: id, Name: "Bucket " + id, Criteria: criteria}
	for _, change := range changes {
		change(&b)
	}
	return b
}

func dormant() hogsend.Bucket {
	return segmentOf("dormant", hogsend.All(hogsend.Event("active").Exists(), hogsend.Event("active").Within(7*hogsend.Day).NotExists()))
}

func TestAnEventEntersAndTheClockLeaves(t *testing.T) {
	t.Parallel() // B-8, B-24, W-1, W-2, W-6
	v := virtual(t, segmentOf("busy", hogsend.Event("click").Within(time.Hour).Count(hogsend.Gte, 2)), dormant())
	v.send(user("click", "ada"))
	v.set(10 * time.Minute)
	v.send(user("click", "ada"))
	v.send(user("active", "ada"))
	require.Equal(t, []string{"ada #1"}, v.members("busy"))
	v.pass(8 * hogsend.Day)
	require.Equal(t, []string{
		"ada entered busy #1 event +00:10:00.000001",
		"ada left busy #1 reconcile criteria +01:00:00.000002",
		"ada entered dormant #1 reconcile +7 days 00:10:00.000002",
	}, v.transitions())
	require.Empty(t, v.members("busy"))
	require.Equal(t, []string{"ada #1"}, v.members("dormant"))
	v.send(user("active", "ada"))
	require.Empty(t, v.members("dormant"))
	require.Equal(t, "ada left dormant #1 event criteria +8 days 00:00:00.000001", v.transitions()[3])
}

func TestAMailThatLeftMovesWhoeverWaitsForIt(t *testing.T) {
	t.Parallel() // B-6, B-7, C-10
	v := virtual(t, segmentOf("unread", hogsend.All(hogsend.Event("signup").Exists(), hogsend.EmailEngagement("welcome").NotOpened())))
	ada := v.send(user("signup", "ada")).ContactID
	for _, template := range []string{"welcome", "nudge"} {
		v.exec(`insert into sends (id, key, contact_id, template_key, status, created_at, updated_at) values (gen_random_uuid(), $1, $2, $1, 'queued', $3, $3)`, template, ada, monday)
	}
	require.Empty(t, v.members("unread"), "it has not left yet")
	for _, template := range []string{"nudge", "welcome"} {
		require.Empty(t, v.members("unread"), "no bucket looks at the other mail")
		require.NoError(t, v.ingester.Mailed(t.Context(), ada, template, func(q *storedb.Queries) error {
			_, err := q.SendAccept(t.Context(), &template, template)
			return err
		}))
		require.Equal(t, 1, v.count(`select count(*) from sends where key = $1 and status = 'sent'`, template))
	}
	require.Equal(t, []string{"ada #1"}, v.members("unread"))
}

func TestWhatAJourneyLearnsMovesTheContact(t *testing.T) {
	t.Parallel() // J-137, B-6, I-33
	v := virtualWith(t, ingest.Config{Journeys: []hogsend.Journey{journey("j", "signup")}}, segmentOf("pro", hogsend.Prop("plan").Eq("pro")))
	v.send(user("signup", "ada"))
	id := v.enrollment("j")
	for range 2 { // repeated after a crash
		ended, err := v.ingester.Identify(t.Context(), id, "identify#1", "here", map[string]json.RawMessage{"plan": json.RawMessage(`"pro"`), "old": json.RawMessage("null")})
		require.NoError(t, err)
		require.False(t, ended)
	}
	require.Equal(t, []string{"ada entered pro #1 event +00:00:00.000001"}, v.transitions())
	require.Equal(t, 1, v.count(`select count(*) from step_logs where action = 'identified' and to_node = 'here'`))
	require.Equal(t, 1, v.count(`select count(*) from contacts where properties = '{"plan": "pro"}' and last_seen_at = first_seen_at`))
	require.Equal(t, 1, v.count(`select count(*) from enrollments where node = 'here'`))
	v.finish(id, "completed")
	ended, err := v.ingester.Identify(t.Context(), id, "identify#2", "", map[string]json.RawMessage{"plan": json.RawMessage(`"free"`)})
	require.NoError(t, err)
	require.True(t, ended)
	require.Equal(t, []string{"ada #1"}, v.members("pro"))
}

func TestEnablingSettlesSilently(t *testing.T) {
	t.Parallel() // B-50, B-51, B-52, I-41
	v := virtual(t, segmentOf("busy", hogsend.Event("click").Within(3*time.Hour).Exists(), func(b *hogsend.Bucket) { b.MaxDwell = time.Hour }))
	v.send(user("click", "ada"))
	v.send(user("view", "bob"))
	v.set(10 * time.Minute)
	require.NoError(t, v.rollout.SwitchBucket(t.Context(), "busy", false))
	v.send(user("click", "bob"))
	v.pass(2 * time.Hour)
	require.Equal(t, []string{"ada #1"}, v.members("busy"), "frozen, whatever happens")
	require.NoError(t, v.rollout.SwitchBucket(t.Context(), "busy", true))
	v.settle()
	v.pass(2*time.Hour + time.Minute)
	require.Equal(t, []string{"ada entered busy #1 event +00:00:00.000001"}, v.transitions(), "nothing is emitted")
	require.Contains(t, v.members("busy"), "bob #1")
	require.Equal(t, 1, v.count(`select count(*) from memberships where left_reason = 'maxDwell'`))
	require.NoError(t, v.rollout.SwitchBucket(t.Context(), "busy", true), "again it does nothing")
	require.Equal(t, 0, v.count(`select count(*) from backfills where status <> 'completed'`))
}

func TestTimersOfABucketThatIsGoneAreCanceled(t *testing.T) {
	t.Parallel() // B-47, W-31
	b := segmentOf("busy", hogsend.Event("click").Exists(), func(b *hogsend.Bucket) {
		b.Reactions = []hogsend.Reaction{hogsend.OnDwell(hogsend.After(time.Hour), nothing)}
	})
	v := virtual(t, b)
	ada := v.send(user("click", "ada")).ContactID
	timer := "bucket-busy-on-dwell-after-3600000/" + ada.String() + "/1"
	require.Equal(t, []string{"dwell " + timer}, v.texts(`select kind || ' ' || (payload ->> 'workflowId') from outbox order by seq`))
	v.register("without")
	for done := false; !done; {
		var err error
		done, _, err = v.clock.BackfillTimers(t.Context())
		require.NoError(t, err)
	}
	require.Equal(t, []string{"dwell " + timer, "cancel " + timer}, v.texts(`select kind || ' ' || (payload ->> 'workflowId') from outbox order by seq`))
	require.Equal(t, []string{"ada #1"}, v.members("busy"), "its members stay, frozen")
}

func TestAStayAfterAMergeIsTheNextOne(t *testing.T) {
	t.Parallel() // I-17, I-27, B-13, B-17
	b := dwelling()
	b.EntryLimit, b.EntryPeriod = hogsend.OncePerPeriod, 3*time.Hour
	v := virtual(t, b)
	device := func(ev ingest.Event) ingest.Event {
		ev.UserID, ev.AnonymousID = "", ev.UserID+"'s phone"
		return ev
	}
	// Both phones were in for an hour, both people still are.
	for _, who := range []string{"ada", "bob"} {
		v.send(device(in(who, true)))
		v.send(in(who, true))
	}
	v.set(time.Hour)
	v.sendAll(device(in("ada", false)), device(in("bob", false)))
	v.set(2 * time.Hour)
	v.send(in("bob", true)) // of two values the one written last stands
	v.set(5 * time.Hour)
	told := len(v.transitions())
	for _, who := range []string{"ada", "bob"} {
		login := user("login", who)
		login.AnonymousID = who + "'s phone"
		v.sendAll(login, in(who, false), in(who, true))
	}
	epochs := func(who string) []string {
		return v.texts(`select m.epoch || ' ' || m.muted || ' ' || m.entered_at - $1 from memberships m join contacts c on c.id = m.contact_id
			where c.external_id = $2 order by m.epoch`, monday, who)
	}
	// The stay of the phone is the second one; the first one goes on and ends.
	require.Equal(t, []string{
		"ada left in #1 event criteria +05:00:00.000001",
		"bob left in #1 event criteria +05:00:00.000002",
	}, v.transitions()[told:])
	require.Equal(t, []string{"1 false 00:00:00.000001", "2 false 00:00:00.000001", "3 true 05:00:00.000003"}, epochs("ada"), "in one transaction")
	require.Equal(t, []string{"1 false 00:00:00.000001", "2 false 00:00:00.000001", "3 true 05:00:00.000003"}, epochs("bob"))

	// The newest leave counts, whichever epoch it has.
	v.send(user("login", "carl"))
	v.send(device(in("carl", true)))
	v.set(6 * time.Hour)
	v.send(device(in("carl", false)))
	v.send(in("carl", true))
	login := user("login", "carl")
	login.AnonymousID = "carl's phone"
	v.send(login)
	v.set(10 * time.Hour)
	v.send(in("carl", false))
	v.set(12 * time.Hour)
	v.send(in("carl", true))
	require.Equal(t, []string{"1 false 06:00:00.000001", "2 false 05:00:00.000001", "3 true 12:00:00.000001"}, epochs("carl"))
}
