package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

func (t *transaction) run(ctx context.Context) error {
	if err := t.read(ctx); err != nil {
		return err
	}
	if !slices.ContainsFunc(t.changes, (*decide.Change).Active) && t.chunk == nil {
		return nil
	}
	if err := t.open(ctx); err != nil {
		return err
	}
	if err := t.decider.Run(t.identities, t.changes, backend{ctx, t}); err != nil {
		return err
	}
	return t.commit(ctx)
}

// read resolves what the changes name, without any lock, and decides the identities.
func (t *transaction) read(ctx context.Context) error {
	var (
		p       store.Pipeline
		seen    []storedb.IngestSeenRow
		origins []storedb.IngestOriginsRow
	)
	l := newLookup(t.changes)
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
	t.identities = decide.NewIdentities(t.now, found())
	return t.resolve(seen, origins)
}

func (t *transaction) send(ctx context.Context, queue func(p *store.Pipeline)) error {
	var p store.Pipeline
	queue(&p)
	return t.conn.Send(ctx, &p)
}

// keyed is an idempotency key.
type keyed struct{ space, key string }

// resolve sets the repeats aside and decides the identities of the rest, in order.
func (t *transaction) resolve(seen []storedb.IngestSeenRow, origins []storedb.IngestOriginsRow) error {
	taken := make(map[keyed]decide.Result, len(seen))
	for _, row := range seen {
		result := decide.Result{EventID: row.EventID}
		if row.ContactID != nil { // not erased
			identity := decide.Identity{ExternalID: text(row.ExternalID), AnonymousID: text(row.AnonymousID)}
			result.ContactKey, result.ContactID = identity.Key(*row.ContactID), *row.ContactID
		}
		taken[keyed{row.Space, row.Key}] = result
	}
	first := map[keyed]*decide.Change{}
	for _, c := range t.changes {
		if err := origin(c, origins); err != nil {
			return err
		}
		if c.Key != "" {
			k := keyed{c.Space, c.Key}
			if result, ok := taken[k]; ok {
				if contact := t.identities.Contact(result.ContactID).Survivor(); contact != nil { // as the items before made it (I-36)
					result.ContactKey, result.ContactID = contact.Key(), contact.ID
				}
				c.Repeats, c.Result = true, result
				continue
			}
			if earlier := first[k]; earlier != nil {
				contact := earlier.Contact.Survivor()
				c.Repeats, c.Result = true, decide.Result{ContactKey: contact.Key(), ContactID: contact.ID, EventID: earlier.ID}
				continue
			}
			first[k] = c
		}
		if !c.Active() {
			continue
		}
		if err := t.identities.Resolve(c); err != nil {
			return err
		}
	}
	return nil
}

// origin notes of which contact the enrollment of a change is, and answers a change
// whose enrollment is over already.
func origin(c *decide.Change, origins []storedb.IngestOriginsRow) error {
	o := c.Origin()
	if o == nil {
		return nil
	}
	i := slices.IndexFunc(origins, func(row storedb.IngestOriginsRow) bool { return row.ID == o.EnrollmentID })
	if i < 0 {
		return fmt.Errorf("enrollment %s: %w", o.EnrollmentID, store.ErrNotFound)
	}
	row := &origins[i]
	o.JourneyID, o.ContactID = row.JourneyID, row.ContactID
	if !row.Status.Live() {
		if _, ends := c.Body.(*decide.End); ends {
			c.Status = row.Status
		}
		c.Ended = true
	}
	return nil
}

// open begins the transaction: it takes keys and locks, checks that what was decided of
// the identities holds under them, and loads what the decider looks at.
func (t *transaction) open(ctx context.Context) error {
	var (
		p       store.Pipeline
		locked  []storedb.IngestLockRow
		owners  []storedb.IngestAddressOwnersRow
		lockIDs []uuid.UUID
	)
	taken := t.takenKeys()
	t.contacts = t.identities.Concerned()
	for _, c := range t.contacts {
		if c.Stored {
			lockIDs = append(lockIDs, c.ID)
		}
	}
	version := int64(-1)
	p.Begin()
	if !t.engine.cfg.Simulated { // there nothing comes into force, and nobody shall wait for it
		p.Add(func(q *storedb.Queries) error { return q.BucketsShare(ctx) })
	}
	p.Add(func(q *storedb.Queries) (err error) { version, err = q.BucketsVersion(ctx); return err })
	if len(taken.Keys) > 0 {
		p.Add(func(q *storedb.Queries) error {
			n, err := q.IngestEventKeysInsert(ctx, taken)
			return fresh(n, len(taken.Keys), err)
		})
	}
	if created := owned(t.identities.NewKeys()); len(created.Keys) > 0 {
		p.Add(func(q *storedb.Queries) error {
			n, err := q.IngestContactKeysInsert(ctx, created)
			return fresh(n, len(created.Keys), err)
		})
	}
	if adopted := t.identities.Adopted(); len(adopted) > 0 {
		p.Add(func(q *storedb.Queries) (err error) {
			owners, err = q.IngestAddressOwners(ctx, adopted)
			return err
		})
	}
	if len(lockIDs) > 0 {
		p.Add(func(q *storedb.Queries) (err error) { locked, err = q.IngestLock(ctx, lockIDs); return err })
	}
	paused := t.queuePauses(ctx, &p)
	p.Add(func(q *storedb.Queries) (err error) { t.now, err = q.IngestClock(ctx); return err })
	t.prepare()
	choices := t.loadChoices(ctx, &p)
	load := t.load(ctx, &p)
	if err := t.conn.Send(ctx, &p); err != nil {
		return fmt.Errorf("lock contacts: %w", err)
	}
	if version != t.catalog.buckets.Version {
		return ErrChanged
	}
	if err := paused(); err != nil {
		return err
	}
	if err := t.check(locked, len(lockIDs), owners); err != nil {
		return err
	}
	t.decider.Began = t.now
	if err := choices(); err != nil {
		return err
	}
	return load()
}

// takenKeys are the idempotency keys of the changes.
func (t *transaction) takenKeys() (taken storedb.IngestEventKeysInsertParams) {
	for _, c := range t.changes {
		if c.Key != "" && c.Active() {
			taken.Spaces, taken.Keys = append(taken.Spaces, c.Space), append(taken.Keys, c.Key)
			taken.EventIds, taken.ContactIds = append(taken.EventIds, c.ID), append(taken.ContactIds, c.Contact.Survivor().ID)
		}
	}
	return taken
}

// prepare makes the decider.
func (t *transaction) prepare() {
	t.decider = t.catalog.decider(t.engine.cfg.decider(), time.Time{})
	if t.chunk != nil {
		t.decider.Chunk = t.chunk.Chunk
	}
	t.names = t.decider.Occurring(t.identities, t.changes)
}

// check compares what was decided from with what stands under the locks.
func (t *transaction) check(locked []storedb.IngestLockRow, want int, owners []storedb.IngestAddressOwnersRow) error {
	if len(locked) != want {
		return decide.ErrStale
	}
	for i := range locked {
		row := &locked[i]
		now := decide.Identity{
			ExternalID: text(row.ExternalID), AnonymousID: text(row.AnonymousID),
			Email: text(row.Email), EmailKey: text(row.EmailKey), DeletedAt: instant(row.DeletedAt), RevivedAt: instant(row.RevivedAt),
		}
		c := t.identities.Contact(row.ID)
		if row.MergedInto != nil || !c.Unchanged(now, row.WrittenAt) {
			return decide.ErrStale
		}
		c.FirstSeen, c.LastSeen = row.FirstSeenAt, row.LastSeenAt
	}
	for _, c := range t.contacts {
		if !c.Stored {
			c.FirstSeen, c.LastSeen = time.Time{}, time.Time{}
		}
	}
	for _, o := range owners {
		if !t.identities.Knows(o.EmailKey, o.ID) {
			return decide.ErrStale
		}
	}
	return nil
}

// commit writes what is left to write and ends the transaction.
func (t *transaction) commit(ctx context.Context) error {
	var p store.Pipeline
	effects := t.decider.Take()
	checks := checked(effects) || t.chunk != nil
	if err := t.write(ctx, &p, effects); err != nil {
		return err
	}
	if t.chunk != nil {
		t.chunk.Finish(ctx, &p, t.now)
	}
	t.queueKeys(ctx, &p)
	dates := func(*store.Pipeline) error { return nil }
	t.queuePropertyDates(ctx, &p)
	if ids := t.dated(t.triggering()); len(ids) > 0 {
		checks, dates = true, t.queueDates(ctx, &p, ids)
	}
	if !checks {
		p.Commit()
	}
	if err := t.conn.Send(ctx, &p); err != nil {
		return fmt.Errorf("write events: %w", err)
	}
	if !checks {
		return nil
	}
	var last store.Pipeline
	if err := dates(&last); err != nil {
		return err
	}
	last.Commit()
	if err := t.conn.Send(ctx, &last); err != nil {
		return fmt.Errorf("commit events: %w", err)
	}
	return nil
}

// queueKeys writes which keys have changed hands.
func (t *transaction) queueKeys(ctx context.Context, p *store.Pipeline) {
	moved, gone := t.identities.ChangedKeys()
	if len(gone) > 0 {
		kinds, keys := make([]string, len(gone)), make([]string, len(gone))
		for i, k := range gone {
			kinds[i], keys[i] = k.Kind, k.Key
		}
		p.Add(func(q *storedb.Queries) error { return q.IngestContactKeysDelete(ctx, kinds, keys) })
	}
	if k := owned(moved); len(k.Keys) > 0 {
		p.Add(func(q *storedb.Queries) error { return q.IngestContactKeysMove(ctx, k.Kinds, k.Keys, k.ContactIds) })
	}
	if addresses, contacts := t.identities.Left(); len(addresses) > 0 {
		p.Add(func(q *storedb.Queries) error { return q.IngestPreferencesLink(ctx, addresses, contacts) })
	}
}

func owned(all []decide.KeyOwner) (p storedb.IngestContactKeysInsertParams) {
	for _, o := range all {
		p.Kinds, p.Keys, p.ContactIds, p.Instants = append(p.Kinds, o.Kind), append(p.Keys, o.Key), append(p.ContactIds, o.ContactID), append(p.Instants, o.At)
	}
	return p
}

// queuePauses asks whether the journeys that cause changes are paused, in the
// transaction that stores the events: a pause that has committed lets none through
// (J-100, J-108). The function it returns is ErrPaused if so.
func (t *transaction) queuePauses(ctx context.Context, p *store.Pipeline) func() error {
	var ids []string
	for _, c := range t.changes {
		origin := c.Origin()
		if _, ends := c.Body.(*decide.End); origin != nil && !ends && c.Active() {
			ids = t.catalog.index.IDs(origin.JourneyID) // such a change is alone
		}
	}
	if ids == nil {
		return func() error { return nil }
	}
	var found []storedb.PauseFindRow
	p.Add(func(q *storedb.Queries) error { return q.PauseShare(ctx, ids) })
	p.Add(func(q *storedb.Queries) (err error) { found, err = q.PauseFind(ctx, ids); return err })
	return func() error {
		if len(found) > 0 {
			return ErrPaused
		}
		return nil
	}
}
