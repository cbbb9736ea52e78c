package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// load queues the statements that read what the decider looks at, all under the locks
// taken before. The function it returns hands the rows to the contacts.
func (t *transaction) load(ctx context.Context, p *store.Pipeline) func() error {
	var (
		live       []storedb.IngestLiveRow
		overdue    []storedb.BucketsStaysDueRow
		properties []storedb.BucketsPropertiesRow
	)
	ids := t.stored()
	if len(ids) > 0 {
		p.Add(func(q *storedb.Queries) (err error) {
			live, err = q.IngestLive(ctx, t.catalog.index.Related(), ids)
			return err
		})
	}
	if len(ids) > 0 && len(t.catalog.buckets.All) > 0 {
		p.Add(func(q *storedb.Queries) (err error) { overdue, err = q.BucketsStaysDue(ctx, ids); return err })
	}
	contacts, buckets := t.needed()
	memberships := t.loadMemberships(ctx, p, contacts, buckets)
	if keys := t.named(); len(ids) > 0 && len(keys) > 0 {
		p.Add(func(q *storedb.Queries) (err error) {
			properties, err = q.BucketsProperties(ctx, keys, ids)
			return err
		})
	}
	progress := t.loadProgress(ctx, p, ids)
	t.heard = map[string]bool{}
	listening := t.loadListening(ctx, p, t.names)
	return func() error {
		for _, c := range t.contacts {
			c.State = decide.State{}
		}
		t.spreadLive(live)
		for _, row := range properties {
			c := t.identities.Contact(row.ID)
			if c.Known == nil {
				c.Known = map[string]json.RawMessage{}
			}
			c.Known[row.Key] = row.Value
		}
		progress()
		listening()
		if err := memberships(); err != nil {
			return err
		}
		rows := make([]storedb.BucketsStaysRow, len(overdue))
		for i := range overdue {
			rows[i] = storedb.BucketsStaysRow(overdue[i])
		}
		return t.spreadMemberships(rows)
	}
}

// needed are the pairs of contact and bucket whose memberships are needed whatever the
// criteria say: those of merges, deletions and dwells.
func (t *transaction) needed() (contacts []uuid.UUID, buckets []string) {
	inForce := t.catalog.buckets
	type pair struct {
		contactID uuid.UUID
		bucketID  string
	}
	seen := map[pair]bool{}
	add := func(c *decide.Contact, list ...*decide.CompiledBucket) {
		for _, b := range list {
			if k := (pair{c.ID, b.ID}); !seen[k] {
				seen[k] = true
				contacts, buckets = append(contacts, c.ID), append(buckets, b.ID)
			}
		}
	}
	for _, c := range t.changes {
		if !c.Active() || c.Deleted {
			continue
		}
		contact := c.Contact.Survivor()
		id := ""
		all := c.Revived || len(c.Merges) > 0 || contact.Merging
		switch b := c.Body.(type) {
		case *decide.Delete:
			all = true
		case *decide.Dwell:
			id = b.BucketID
		case *decide.Due:
			id = b.BucketID
		}
		switch {
		case all:
			add(contact, inForce.All...)
			for _, m := range c.Merges {
				add(m.From, inForce.All...)
			}
		case id != "":
			if b := inForce.ByID(id); b != nil {
				add(contact, b)
			}
		}
	}
	return contacts, buckets
}

// named are the properties that buckets name and the transaction writes.
func (t *transaction) named() []string {
	var keys []string
	for _, key := range t.catalog.buckets.Properties {
		if slices.ContainsFunc(t.changes, func(c *decide.Change) bool { _, ok := c.ContactProperties()[key]; return ok }) {
			keys = append(keys, key)
		}
	}
	return keys
}

// loadProgress reads how far the backfills have come, and whom of these contacts they
// need not come to any more.
func (t *transaction) loadProgress(ctx context.Context, p *store.Pipeline, ids []uuid.UUID) func() {
	var (
		backfills []storedb.BucketsBackfillsRow
		done      []storedb.BackfilledContact
	)
	if len(t.catalog.buckets.Backfilling) > 0 && len(ids) > 0 {
		p.Add(func(q *storedb.Queries) (err error) { backfills, err = q.BucketsBackfills(ctx); return err })
		p.Add(func(q *storedb.Queries) (err error) { done, err = q.BucketsBackfilled(ctx, ids); return err })
	}
	return func() {
		progress := decide.Progress{Positions: map[uuid.UUID]uuid.UUID{}, Done: map[decide.Backfilled]bool{}}
		for i := range backfills {
			progress.Positions[backfills[i].ID] = backfills[i].Position
		}
		for _, row := range done {
			progress.Done[decide.Backfilled{BucketID: row.BucketID, Generation: int(row.Generation), ContactID: row.ContactID}] = true
		}
		t.decider.Progress = progress
	}
}

// loadPasts reads what is left of the ended memberships of each contact in each bucket.
func (t *transaction) loadPasts(ctx context.Context, p *store.Pipeline, contacts []uuid.UUID, buckets []string) func() {
	var rows []storedb.BucketsPastRow
	if len(contacts) > 0 {
		p.Add(func(q *storedb.Queries) (err error) { rows, err = q.BucketsPast(ctx, contacts, buckets); return err })
	}
	return func() {
		for _, row := range rows {
			c := t.identities.Contact(row.ContactID)
			if _, known := c.Pasts[row.BucketID]; known {
				continue // changed in this transaction
			}
			c.Remember(row.BucketID, bucket.Past{Epoch: int(row.Epoch), Left: row.LeftAt, Evaluated: row.EvaluatedAt})
		}
	}
}

// loadMemberships reads the active memberships of contacts in buckets.
func (t *transaction) loadMemberships(ctx context.Context, p *store.Pipeline, contacts []uuid.UUID, buckets []string) func() error {
	var rows []storedb.BucketsStaysRow
	if len(contacts) > 0 {
		p.Add(func(q *storedb.Queries) (err error) { rows, err = q.BucketsStays(ctx, contacts, buckets); return err })
	}
	return func() error { return t.spreadMemberships(rows) }
}

// spreadMemberships hands active memberships to their contacts.
func (t *transaction) spreadMemberships(rows []storedb.BucketsStaysRow) error {
	for i := range rows {
		row := &rows[i]
		c := t.identities.Contact(row.ContactID)
		if c.Membership(row.BucketID) != nil {
			continue // read before, because it may be overdue and because it is needed
		}
		m := &bucket.Membership{
			ID: row.ID, BucketID: row.BucketID, Epoch: int(row.Epoch), Entered: row.EnteredAt, Anchor: row.AnchorAt,
			MaxDwellAt: instant(row.MaxDwellAt), Evaluated: row.LastEvaluatedAt, Muted: row.Muted,
		}
		if !bytes.Equal(row.Fired, []byte("{}")) {
			if err := json.Unmarshal(row.Fired, &m.Fired); err != nil {
				return fmt.Errorf("read fired ordinals of membership %s: %w", row.ID, err)
			}
		}
		if row.LeaveAt != nil {
			m.Leave = &bucket.Deferred{At: *row.LeaveAt, Silent: row.LeaveSilent, Reason: text(row.LeaveReason)}
		}
		c.Join(m)
	}
	return nil
}

func (t *transaction) spreadLive(live []storedb.IngestLiveRow) {
	for i := range live {
		row := &live[i]
		c := t.identities.Contact(row.ContactID)
		c.Enter(&decide.Enrollment{
			ID: row.ID, JourneyID: row.JourneyID, Key: row.Key, Entry: row.Entry, Hops: int(row.Hops), Retries: int(row.Retries),
			Node: row.Node, WorkflowID: row.WorkflowID, CreatedAt: row.CreatedAt, Context: row.Context,
		})
	}
}
