package ingest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// errStale says that what the plan was made from is not so any more; the
// transaction is made again from what is.
var errStale = errors.New("contacts changed while being locked")

// Name spaces of idempotency keys (I-35).
const (
	spaceClient   = "client"
	spaceInternal = "internal"
)

// errChanged says that other buckets are in force than those the plan was made with.
var errChanged = fmt.Errorf("buckets in force changed: %w", errStale)

// item is one event, or another change of one contact, on its way through a transaction.
type item struct {
	event      Event
	id         uuid.UUID // of the event
	contactID  uuid.UUID // of a contact it may create
	space, key string
	// origin is the enrollment that ends or causes the event; end says how it ends.
	origin        uuid.UUID
	end           *End
	stepKey, node string
	journeyID     string // of origin

	kind kind
	// edges are what the clock found to be due; fire is that of a timer or recurrence.
	edges []Edge
	fire  *fire
	// writes are statements of a touch, and the template of the mail they are about.
	writes   []Write
	template string
	noEmail  bool // a touch takes the address away
	wrote    bool // the writes were made ahead, for buckets to see
	gone     bool // the contact is deleted or erased: nothing is done
	// when is the instant of an item of a simulation; zero in life.
	when time.Time
	// stopped is where each bucket that a simulated tick moved, or may have, has come:
	// what is later for it is for the next tick.
	stopped map[string]time.Time

	verdict verdict
	flow    *flow    // the event
	before  []*check // what time has brought until then
	own     []*check // what buckets may make of the item
	source  *person  // the contact of origin
	repeats bool     // the key is taken: nothing is done

	result Result
	status contract.EnrollmentStatus // the terminal status that stands
	ended  bool                      // origin was over
}

// kind says what an item is.
type kind int

const (
	kindEvent  kind = iota
	kindEnd         // the end of an enrollment
	kindTouch       // properties without an event
	kindTick        // what time alone has brought
	kindDwell       // a timer of a stay
	kindDue         // a recurrence, for a member
	kindDelete      // the deletion of the contact
)

// transaction applies items, in order, in one database transaction and three
// round trips: read, lock and load, write and commit.
type transaction struct {
	ingester *Ingester
	catalog  *catalog
	conn     *store.Conn
	items    []*item
	// suspicious looks for keys that are taken before it begins. Repeats are rare, so
	// that at first the transaction finds out by inserting its keys.
	suspicious bool

	now     time.Time
	plan    *plan
	people  []*person // those whose locks are held
	names   []string  // of the events that may occur
	wave    wave
	written bool // outbox rows were written

	chunk     *chunk                  // the backfill whose contacts these are
	positions map[uuid.UUID]uuid.UUID // of the backfills under way
	settled   map[settledKey]bool
	heard     map[string]bool // journeys whose history was read
}

func (t *transaction) run(ctx context.Context) error {
	if err := t.read(ctx); err != nil {
		return err
	}
	if !slices.ContainsFunc(t.items, (*item).active) && t.chunk == nil {
		return nil
	}
	if err := t.open(ctx); err != nil {
		return err
	}
	t.wave.judge = func(e *flow) ([]*check, error) { return t.foresee(ctx, e) }
	var ready []*item
	rest := slices.DeleteFunc(slices.Clone(t.items), func(it *item) bool { return !it.active() })
	for len(rest) > 0 {
		if ready, rest = t.nextWave(rest); len(ready[0].verdict.merges) > 0 {
			if err := t.merge(ctx, ready[0]); err != nil {
				return err
			}
		}
		for _, it := range ready {
			if it.kind == kindEvent {
				it.flow = t.wave.flow(it)
			}
		}
		if err := t.judge(ctx, ready); err != nil {
			return err
		}
		for _, it := range ready {
			if err := t.wave.apply(it); err != nil {
				return fmt.Errorf("apply event: %w", err)
			}
		}
	}
	return t.commit(ctx)
}

// instant is when an item happens.
func (t *transaction) instant(it *item) time.Time { return it.instant(t.now) }

// instant is when an item happens in a transaction that began at an instant.
func (it *item) instant(began time.Time) time.Time {
	if !it.when.IsZero() {
		return it.when
	}
	return instantOf(began, it.verdict.index)
}

// active reports whether the item still has something to do.
func (it *item) active() bool { return !it.repeats && !it.ended && it.status == "" && !it.gone }

// read resolves what the items name, without any lock, and plans.
func (t *transaction) read(ctx context.Context) error {
	var (
		p       store.Pipeline
		seen    []storedb.IngestSeenRow
		origins []storedb.IngestOriginsRow
	)
	l := t.lookups()
	if len(l.origins) > 0 {
		// Their contacts are needed for the next statement: a round trip of their own.
		err := t.send(ctx, func(p *store.Pipeline) {
			p.Add(func(q *storedb.Queries) (err error) { origins, err = q.IngestOrigins(ctx, l.origins); return err })
		})
		if err != nil {
			return fmt.Errorf("read enrollments: %w", err)
		}
		for _, o := range origins {
			l.ids = append(l.ids, o.ContactID)
		}
	}
	p.Add(func(q *storedb.Queries) (err error) { t.now, err = q.IngestClock(ctx); return err })
	if len(l.keys) > 0 && t.suspicious {
		p.Add(func(q *storedb.Queries) (err error) { seen, err = q.IngestSeen(ctx, l.spaces, l.keys); return err })
	}
	found := l.queue(ctx, &p)
	if err := t.conn.Send(ctx, &p); err != nil {
		return fmt.Errorf("resolve contacts: %w", err)
	}
	t.plan = newPlan(t.now, found())
	return t.decide(seen, origins)
}

func (t *transaction) send(ctx context.Context, queue func(p *store.Pipeline)) error {
	var p store.Pipeline
	queue(&p)
	return t.conn.Send(ctx, &p)
}

// decide sets the repeats aside and plans the identities of the rest, in order.
func (t *transaction) decide(seen []storedb.IngestSeenRow, origins []storedb.IngestOriginsRow) error {
	taken := make(map[contactKey]Result, len(seen))
	for _, row := range seen {
		result := Result{EventID: row.EventID}
		if row.ContactID != nil { // not erased
			c := person{id: *row.ContactID, identity: identity{externalID: text(row.ExternalID), anonymousID: text(row.AnonymousID)}}
			result.ContactKey, result.ContactID = c.key(), c.id
		}
		taken[contactKey{row.Space, row.Key}] = result
	}
	first := map[contactKey]*item{}
	for _, it := range t.items {
		if it.origin != uuid.Nil {
			if err := it.over(origins); err != nil {
				return err
			}
		}
		if it.key != "" {
			k := contactKey{it.space, it.key}
			if result, ok := taken[k]; ok {
				it.repeats, it.result = true, result
				continue
			}
			if earlier := first[k]; earlier != nil {
				c := earlier.verdict.person.survivor()
				it.repeats, it.result = true, Result{ContactKey: c.key(), ContactID: c.id, EventID: earlier.id}
				continue
			}
			first[k] = it
		}
		if !it.active() {
			continue
		}
		if err := t.identify(it, origins); err != nil {
			return err
		}
	}
	return nil
}

// over answers an item whose enrollment is over already.
func (it *item) over(origins []storedb.IngestOriginsRow) error {
	for _, o := range origins {
		if o.ID != it.origin {
			continue
		}
		it.journeyID = o.JourneyID
		if over := o.Status == contract.EnrollmentCompleted || o.Status == contract.EnrollmentFailed || o.Status == contract.EnrollmentExited; over {
			if it.end != nil {
				it.status = o.Status
			}
			it.ended = true
		}
		return nil
	}
	return fmt.Errorf("enrollment %s: %w", it.origin, store.ErrNotFound)
}

func (t *transaction) identify(it *item, origins []storedb.IngestOriginsRow) error {
	t.plan.when = it.when
	if it.kind != kindEvent && it.origin == uuid.Nil {
		return t.find(it)
	}
	if it.origin == uuid.Nil {
		it.verdict = t.plan.identify(&it.event, it.contactID)
		return nil
	}
	for _, o := range origins {
		if o.ID == it.origin {
			it.source = t.plan.ids[o.ContactID.String()].survivor()
		}
	}
	if it.source == nil {
		return errStale
	}
	it.source.touched = true
	ev := &it.event
	if it.kind != kindEvent || ev.UserID == "" && ev.Email == "" && ev.AnonymousID == "" {
		it.verdict = t.plan.at(ev, it.source)
	} else {
		it.verdict = t.plan.identify(ev, it.contactID)
	}
	return nil
}

// find plans an item that names its contact by uuid, whose other keys are those to
// write. One that is gone or deleted is left alone (I-50).
func (t *transaction) find(it *item) error {
	p := t.plan.ids[it.contactID.String()].survivor()
	if p == nil || !p.deletedAt.IsZero() {
		it.gone = true
		return nil
	}
	p.touched = true
	it.verdict = t.plan.at(&it.event, p)
	return t.plan.rekey(&it.verdict, &it.event, it.noEmail)
}

// open begins the transaction: it takes keys and locks, checks that the plan holds
// under them, and loads what the steps look at.
func (t *transaction) open(ctx context.Context) error {
	var (
		p       store.Pipeline
		locked  []storedb.IngestLockRow
		owners  []storedb.IngestAddressOwnersRow
		lockIDs []uuid.UUID
		taken   storedb.IngestEventKeysInsertParams
	)
	for _, it := range t.items {
		if it.key != "" && it.active() {
			taken.Spaces, taken.Keys = append(taken.Spaces, it.space), append(taken.Keys, it.key)
			taken.EventIds, taken.ContactIds = append(taken.EventIds, it.id), append(taken.ContactIds, it.verdict.person.survivor().id)
		}
	}
	for _, c := range t.plan.order {
		if c.touched {
			t.people = append(t.people, c)
			if c.inserted {
				lockIDs = append(lockIDs, c.id)
			}
		}
	}
	version := int64(-1)
	p.Begin()
	if t.ingester.watch == nil { // in a simulation nothing comes into force
		p.Add(func(q *storedb.Queries) error { return q.BucketsShare(ctx) })
	}
	p.Add(func(q *storedb.Queries) (err error) { version, err = q.BucketsVersion(ctx); return err })
	if len(taken.Keys) > 0 {
		p.Add(func(q *storedb.Queries) error {
			n, err := q.IngestEventKeysInsert(ctx, taken)
			return fresh(n, len(taken.Keys), err)
		})
	}
	if kinds, keys, holders := t.plan.newKeys(); len(keys) > 0 {
		p.Add(func(q *storedb.Queries) error {
			n, err := q.IngestContactKeysInsert(ctx, kinds, keys, holders)
			return fresh(n, len(keys), err)
		})
	}
	if len(t.plan.adopted) > 0 {
		p.Add(func(q *storedb.Queries) (err error) {
			owners, err = q.IngestAddressOwners(ctx, t.plan.adopted)
			return err
		})
	}
	if len(lockIDs) > 0 {
		p.Add(func(q *storedb.Queries) (err error) { locked, err = q.IngestLock(ctx, lockIDs); return err })
	}
	paused := t.queuePauses(ctx, &p)
	p.Add(func(q *storedb.Queries) (err error) { t.now, err = q.IngestClock(ctx); return err })
	t.begin()
	load := t.load(ctx, &p)
	if err := t.conn.Send(ctx, &p); err != nil {
		return fmt.Errorf("lock contacts: %w", err)
	}
	if version != t.catalog.segments.version {
		return errChanged
	}
	if err := paused(); err != nil {
		return err
	}
	if err := t.check(locked, len(lockIDs), owners); err != nil {
		return err
	}
	t.wave.began = t.now
	return load()
}

// fresh reports as stale when some of the rows to insert were there.
func fresh(n int64, want int, err error) error {
	if err == nil && n != int64(want) {
		return errStale
	}
	return err
}

// check compares what the plan was made from with what stands under the locks.
func (t *transaction) check(locked []storedb.IngestLockRow, want int, owners []storedb.IngestAddressOwnersRow) error {
	if len(locked) != want {
		return errStale
	}
	for i := range locked {
		row := &locked[i]
		c := t.plan.people[row.ID]
		if !c.unchanged(row) {
			return errStale
		}
		c.firstSeen, c.lastSeen = row.FirstSeenAt, row.LastSeenAt
	}
	for _, c := range t.people {
		if !c.inserted {
			c.firstSeen, c.lastSeen = time.Time{}, time.Time{}
		}
	}
	for _, o := range owners {
		if !t.plan.knows(o.EmailKey, o.ID) {
			return errStale
		}
	}
	return nil
}

// begin prepares the steps: what may happen in this transaction, and to whom.
func (t *transaction) begin() {
	g := t.ingester
	t.wave = wave{cfg: &g.cfg, catalog: t.catalog, left: t.plan.left, watch: g.watch}
	t.wave.changes.virtual = g.watch != nil
	if t.chunk != nil {
		t.wave.chunk, t.wave.moved = t.chunk.backfill, t.chunk.moved
	}
	occurring := map[string]bool{}
	for _, it := range t.items {
		switch {
		case !it.active():
		case it.kind == kindEvent:
			occurring[it.event.Name] = true
		case it.kind == kindEnd:
			occurring["journey:"+string(it.end.Status)] = true
		case it.kind == kindDwell:
			occurring[hogsend.Dwell(it.fire.bucketID, it.fire.label)], occurring[hogsend.AnyDwell] = true, true
		case it.kind == kindDue:
			occurring[hogsend.Due(it.fire.bucketID, it.fire.label)] = true
		}
	}
	if len(t.catalog.exits) > 0 || t.merges() {
		occurring[journeyExited] = true
	}
	t.names = slices.Sorted(maps.Keys(occurring))
}

func (t *transaction) merges() bool {
	return slices.ContainsFunc(t.people, func(c *person) bool { return c.merging })
}

// commit writes what is left to write and ends the transaction.
func (t *transaction) commit(ctx context.Context) error {
	var p store.Pipeline
	for _, c := range t.people {
		if c.into == nil && (!c.inserted || c.wroteAs > 0) {
			t.wave.mark(c)
		}
	}
	checked := t.wave.changes.checked() || t.chunk != nil
	t.flush(ctx, &p)
	t.finishChunk(ctx, &p)
	moved, gone, owners := t.plan.changedKeys()
	if len(gone) > 0 {
		kinds, keys := columns(gone)
		p.Add(func(q *storedb.Queries) error {
			return q.IngestContactKeysDelete(ctx, kinds, keys)
		})
	}
	if len(moved) > 0 {
		kinds, keys := columns(moved)
		p.Add(func(q *storedb.Queries) error {
			return q.IngestContactKeysMove(ctx, kinds, keys, owners)
		})
	}
	if len(t.plan.left) > 0 {
		var addresses []string
		var ids []uuid.UUID
		for _, l := range t.plan.left {
			addresses, ids = append(addresses, l.emailKey), append(ids, l.person.survivor().id)
		}
		p.Add(func(q *storedb.Queries) error { return q.IngestPreferencesLink(ctx, addresses, ids) })
	}
	if !checked {
		p.Commit()
	}
	if err := t.conn.Send(ctx, &p); err != nil {
		return fmt.Errorf("write events: %w", err)
	}
	if checked {
		if err := t.send(ctx, (*store.Pipeline).Commit); err != nil {
			return fmt.Errorf("commit events: %w", err)
		}
	}
	return nil
}

// flush queues what the wave has decided so far and starts a new one.
func (t *transaction) flush(ctx context.Context, p *store.Pipeline) {
	t.written = t.written || len(t.wave.changes.outbox.Ids) > 0
	done := t.wave.changes
	done.queue(ctx, p, t.now, t.ingester.cfg.BuildID)
	t.wave.changes = changes{virtual: done.virtual}
}

func columns(keys []contactKey) (kinds, names []string) {
	for _, k := range keys {
		kinds, names = append(kinds, k.kind), append(names, k.key)
	}
	return kinds, names
}
