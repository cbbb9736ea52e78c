package ingest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/clock"
	"github.com/hogsend/hogsend/internal/ingest"
)

// chaos fires events for a few contacts through two processes, and runs a clock in
// each, while connections are cut and callers give up.
type chaos struct {
	*timed
	processes []*bundle
	fired     atomic.Int64
	killed    atomic.Int64
}

// fire lets one caller fire events, each tried until it is known to be stored.
func (c *chaos) fire(caller, events int) error {
	random := rand.New(rand.NewPCG(11, uint64(caller)))
	for i := range events {
		name, who := []string{"a", "b", "c"}[random.IntN(3)], random.IntN(4)
		ev := user(name, fmt.Sprint("u", who))
		ev.Key = fmt.Sprint(caller, "-", i)
		if name != "c" { // its edge passes while the callers are at it, or much later
			ago := time.Hour - time.Duration(random.IntN(900))*time.Millisecond
			if who > 1 && random.IntN(40) == 0 {
				ago = 10 * time.Minute
			}
			ev = at(ev, time.Now().Add(-ago))
		}
		if random.IntN(3) == 0 {
			ev.ContactProperties = map[string]json.RawMessage{"p": json.RawMessage(fmt.Sprint(random.IntN(2)))}
		}
		if err := c.insist(ev, random); err != nil {
			return err
		}
		if c.fired.Add(1)%40 == 0 {
			c.kill()
		}
	}
	return nil
}

// insist tries an event until it is stored. Some tries are given up half-way: what
// became of them is not known, as of a caller that died.
func (c *chaos) insist(ev ingest.Event, random *rand.Rand) error {
	var err error
	for range 100 {
		ctx, cancel := context.WithCancel(c.t.Context())
		if random.IntN(5) == 0 {
			go cancel()
		}
		_, err = c.processes[random.IntN(2)].ingester.Ingest(ctx, ev)
		cancel()
		if err == nil {
			return nil
		}
	}
	return fmt.Errorf("store event: %w", err)
}

// kill cuts a connection in the middle of whatever it does, as a process that dies.
func (c *chaos) kill() {
	var cut bool
	err := c.store.Pool.QueryRow(c.t.Context(), `select pg_terminate_backend(pid) from pg_stat_activity
		where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle' order by random() limit 1`).Scan(&cut)
	if err == nil && cut {
		c.killed.Add(1)
	}
}

// watch looks for a stay that shows without its event, until done is closed (B-28).
func (c *chaos) watch(done <-chan struct{}) (torn int) {
	for {
		var n int
		if err := c.store.Pool.QueryRow(c.t.Context(), strays).Scan(&n); err == nil {
			torn += n
		}
		select {
		case <-done:
			return torn
		default:
		}
	}
}

// strays counts what is not one event of each transition of each stay.
const strays = `with told as (
	select properties ->> 'bucketId' as bucket_id, contact_id, (properties ->> 'entryCount')::int as epoch, properties ->> 'transition' as kind, count(*) as n
	from events where source = 'bucket' group by 1, 2, 3, 4
), due as (
	select bucket_id, contact_id, epoch, 'entered' as kind from memberships
	union all select bucket_id, contact_id, epoch, 'left' from memberships where status = 'left'
)
select count(*) from told full join due using (bucket_id, contact_id, epoch, kind) where told.n is null or due.kind is null or told.n <> 1`

// B-10, B-28, B-37, I-4, W-11, W-12, W-14, proof 8b: whoever dies when, members are
// who the oracle says, and each transition and each run exists exactly once.
func TestChaosLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	a, b := hogsend.Event("a").Within(time.Hour), hogsend.Event("b").Within(time.Hour)
	reactions := func(s *hogsend.Bucket) {
		s.Reactions = []hogsend.Reaction{hogsend.OnEnter(nothing, hogsend.WithOverlap(hogsend.OverlapAllow)), hogsend.OnLeave(nothing, hogsend.WithOverlap(hogsend.OverlapAllow))}
	}
	buckets := []hogsend.Bucket{
		segmentOf("odd", hogsend.Any(a.Exactly(1), a.Exactly(3)), reactions),
		segmentOf("absent", hogsend.All(hogsend.Event("c").Exists(), a.NotExists()), reactions),
		segmentOf("flag", hogsend.All(hogsend.Prop("p").Eq(float64(1)), b.Exists()), reactions),
		segmentOf("few", hogsend.All(hogsend.Event("c").Exists(), b.AtMost(2)), reactions),
	}
	first := setup(t)
	c := &chaos{timed: &timed{bundle: first}, processes: []*bundle{first, first.another(ingest.Config{})}}
	c.register("first", buckets...)
	c.settle()
	done := make(chan struct{})
	var running sync.WaitGroup
	var torn int
	running.Go(func() { torn = c.watch(done) })
	for _, process := range c.processes {
		clock := clock.New(process.ingester.Engine())
		running.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					_, _ = clock.Round(t.Context()) // it may be cut off, too
				}
			}
		})
	}
	const callers, events = 8, 60
	requireNone(t, parallel(callers, func(i int) error { return c.fire(i, events) }))
	close(done)
	running.Wait()

	c.clock = clock.New(c.processes[0].ingester.Engine())
	behind := time.Now().Add(time.Second)
	for wait := time.Duration(0); wait <= time.Second || time.Now().Before(behind); { // until the last edge has passed
		var err error
		wait, err = c.clock.Round(t.Context())
		require.NoError(t, err)
		require.Less(t, time.Since(behind), 10*time.Minute)
	}
	require.Positive(t, c.killed.Load())
	require.Zero(t, torn, "no stay shows without its event")
	require.Equal(t, callers*events, c.count(`select count(*) from events where source = 'api'`), "every event is stored once")
	require.Zero(t, c.count(strays))
	require.Zero(t, c.count(`select count(*) from memberships m join memberships n using (bucket_id, contact_id) where n.epoch = m.epoch + 1 and (m.left_at is null or m.left_at > n.entered_at)`), "stays follow each other")
	require.Zero(t, c.count(`select count(*) from (select 1 from memberships group by bucket_id, contact_id having max(epoch) <> count(*)) gaps`), "epochs have no gaps")
	for transition, status := range map[string]string{"enter": "active,left", "leave": "left"} {
		stays := c.count(`select count(*) from memberships where status = any(string_to_array($1, ','))`, status)
		require.Equal(t, stays, c.count(`select count(distinct workflow_id) from enrollments where journey_id like '%-on-' || $1`, transition))
		require.Equal(t, stays, c.count(`select count(*) from outbox where kind = 'start' and payload ->> 'workflowType' like '%-on-' || $1`, transition))
	}
	require.Greater(t, c.count(`select count(*) from memberships where source = 'reconcile' or left_reason = 'criteria'`), 10, "the clock had its part")
	for _, bucket := range buckets {
		require.ElementsMatch(t, c.whoMatches(bucket.Criteria), c.texts(`select c.external_id from memberships m join contacts c on c.id = m.contact_id
			where m.bucket_id = $1 and m.status = 'active'`, bucket.ID), bucket.ID)
	}
}

// whoMatches asks the oracle about what is stored.
func (v *timed) whoMatches(criteria hogsend.Condition) (names []string) {
	v.t.Helper()
	o := &oracle{people: map[string]*oraclePerson{}}
	rows, err := v.store.Pool.Query(v.t.Context(), `select c.external_id, c.properties, e.name, e.occurred_at from events e join contacts c on c.id = e.contact_id`)
	require.NoError(v.t, err)
	defer rows.Close()
	for rows.Next() {
		var who string
		var e oracleEvent
		var properties map[string]any
		require.NoError(v.t, rows.Scan(&who, &properties, &e.name, &e.at))
		p := o.person(who)
		p.properties, p.events = properties, append(p.events, e)
	}
	require.NoError(v.t, rows.Err())
	now := v.now()
	for _, p := range o.people {
		if p.matches(criteria, now) {
			names = append(names, p.name)
		}
	}
	slices.Sort(names)
	return names
}
