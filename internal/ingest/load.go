package ingest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// load queues the statements that read what the steps look at, all under the locks
// taken before. The function it returns hands the rows to the contacts.
func (t *transaction) load(ctx context.Context, p *store.Pipeline) func() error {
	var (
		live       []storedb.IngestLiveRow
		overdue    []storedb.BucketsStaysDueRow
		properties []storedb.BucketsPropertiesRow
	)
	ids := t.stored()
	if len(ids) > 0 {
		p.Add(func(q *storedb.Queries) (err error) { live, err = q.IngestLive(ctx, ids); return err })
	}
	if len(ids) > 0 && len(t.catalog.segments.all) > 0 {
		p.Add(func(q *storedb.Queries) (err error) { overdue, err = q.BucketsStaysDue(ctx, ids); return err })
	}
	contacts, buckets := t.looked()
	stays := t.loadStays(ctx, p, contacts, buckets)
	if keys := t.named(); len(ids) > 0 && len(keys) > 0 {
		p.Add(func(q *storedb.Queries) (err error) {
			properties, err = q.BucketsProperties(ctx, keys, ids)
			return err
		})
	}
	settling := t.loadSettling(ctx, p, ids)
	t.heard = map[string]bool{}
	listening := t.loadListening(ctx, p, t.names)
	return func() error {
		for _, c := range t.people {
			c.live, c.waits, c.history, c.optedOut = nil, nil, nil, false
			c.stays, c.pasts, c.known = nil, nil, nil
		}
		t.spread(live)
		for _, row := range properties {
			c := t.plan.people[row.ID]
			if c.known == nil {
				c.known = map[string]json.RawMessage{}
			}
			c.known[row.Key] = row.Value
		}
		settling()
		listening()
		if err := stays(); err != nil {
			return err
		}
		rows := make([]storedb.BucketsStaysRow, len(overdue))
		for i := range overdue {
			rows[i] = storedb.BucketsStaysRow(overdue[i])
		}
		return t.spreadStays(rows)
	}
}

// looked are the pairs of contact and bucket whose stays are needed whatever the
// criteria say: those of merges and of dwells.
func (t *transaction) looked() (contacts []uuid.UUID, buckets []string) {
	l := t.catalog.segments
	type pair struct {
		contactID uuid.UUID
		bucketID  string
	}
	seen := map[pair]bool{}
	look := func(p *person, list []*segment) {
		for _, g := range list {
			if k := (pair{p.id, g.ID}); !seen[k] {
				seen[k] = true
				contacts, buckets = append(contacts, p.id), append(buckets, g.ID)
			}
		}
	}
	for _, it := range t.items {
		if !it.active() || it.verdict.dead {
			continue
		}
		p := it.verdict.person.survivor()
		if it.kind == kindDelete || it.verdict.revived || len(it.verdict.merges) > 0 || p.merging {
			look(p, l.all)
			for _, m := range it.verdict.merges {
				look(m.from, l.all)
			}
			continue
		}
		if it.fire != nil {
			if g := l.byID[it.fire.bucketID]; g != nil {
				look(p, []*segment{g})
			}
		}
	}
	return contacts, buckets
}

// stored are the contacts that have rows to read.
func (t *transaction) stored() []uuid.UUID {
	var ids []uuid.UUID
	for _, c := range t.people {
		if c.inserted && c.into == nil || c.merging {
			ids = append(ids, c.id)
		}
	}
	return ids
}

// named are the properties that buckets name and the transaction writes.
func (t *transaction) named() []string {
	var keys []string
	for _, key := range t.catalog.segments.properties {
		if slices.ContainsFunc(t.items, func(it *item) bool { _, ok := it.event.ContactProperties[key]; return ok }) {
			keys = append(keys, key)
		}
	}
	return keys
}

// loadSettling reads how far the backfills have come, and whom of these contacts
// they need not come to any more.
func (t *transaction) loadSettling(ctx context.Context, p *store.Pipeline, ids []uuid.UUID) func() {
	var (
		backfills []storedb.BucketsBackfillsRow
		settled   []storedb.Settled
	)
	if len(t.catalog.segments.settling) > 0 && len(ids) > 0 {
		p.Add(func(q *storedb.Queries) (err error) { backfills, err = q.BucketsBackfills(ctx); return err })
		p.Add(func(q *storedb.Queries) (err error) { settled, err = q.BucketsSettled(ctx, ids); return err })
	}
	return func() {
		t.positions, t.settled = map[uuid.UUID]uuid.UUID{}, map[settledKey]bool{}
		for i := range backfills {
			t.positions[backfills[i].ID] = backfills[i].Position
		}
		for _, row := range settled {
			t.settled[settledKey{row.ContactID, row.BucketID, int(row.Generation)}] = true
		}
	}
}

// loadMore reads who listens to further events, once they are known to be possible.
func (t *transaction) loadMore(ctx context.Context, p *store.Pipeline, events []string) func() {
	events = slices.DeleteFunc(events, func(name string) bool { return slices.Contains(t.names, name) })
	t.names = append(t.names, events...)
	if len(events) == 0 {
		return func() {}
	}
	return t.loadListening(ctx, p, events)
}

// loadListening reads what listens to the events: waits, and what the guards of the
// journeys they trigger look at.
func (t *transaction) loadListening(ctx context.Context, p *store.Pipeline, events []string) func() {
	var (
		waits    []storedb.IngestWaitsRow
		past     []storedb.IngestHistoryRow
		out      []storedb.IngestOptOutsRow
		off      []storedb.IngestSwitchedOffRow
		journeys []string
	)
	ids := t.stored()
	respects := false
	for _, j := range t.catalog.candidates(events) {
		respects = respects || !j.EnrollUnsubscribed
		for _, id := range append([]string{j.ID}, j.Aliases...) {
			if !t.heard[id] {
				t.heard[id] = true
				journeys = append(journeys, id)
			}
		}
	}
	if len(ids) > 0 {
		p.Add(func(q *storedb.Queries) (err error) { waits, err = q.IngestWaits(ctx, ids, events); return err })
	}
	if len(ids) > 0 && len(journeys) > 0 {
		p.Add(func(q *storedb.Queries) (err error) { past, err = q.IngestHistory(ctx, ids, journeys); return err })
	}
	if respects {
		emails := t.emailKeys()
		p.Add(func(q *storedb.Queries) (err error) { out, err = q.IngestOptOuts(ctx, emails, ids); return err })
	}
	if len(journeys) > 0 {
		p.Add(func(q *storedb.Queries) (err error) { off, err = q.IngestSwitchedOff(ctx); return err })
	}
	return func() {
		t.spreadListening(waits, past)
		if t.wave.optOuts == nil {
			t.wave.optOuts = make(map[string]*uuid.UUID, len(out))
		}
		for _, o := range out {
			t.wave.optOuts[o.EmailKey] = o.ContactID
			if o.ContactID != nil {
				if c := t.plan.people[*o.ContactID]; c != nil {
					c.optedOut = true
				}
			}
		}
		if t.wave.off == nil {
			t.wave.off, t.wave.paused = make(map[string]bool, len(off)), make(map[string]bool, len(off))
		}
		for _, row := range off {
			t.wave.off[row.JourneyID] = !row.Enabled
			if row.Paused {
				t.wave.paused[t.catalog.id(row.JourneyID)] = true
			}
		}
	}
}

// emailKeys are the addresses that contacts have at some point of the batch.
func (t *transaction) emailKeys() []string {
	var keys []string
	for _, it := range t.items {
		if it.active() && it.verdict.emailKey != "" {
			keys = append(keys, it.verdict.emailKey)
		}
	}
	for _, l := range t.plan.left {
		keys = append(keys, l.emailKey)
	}
	return keys
}

func (t *transaction) spread(live []storedb.IngestLiveRow) {
	for i := range live {
		row := &live[i]
		c := t.plan.people[row.ContactID]
		c.enter(&enrollment{
			id: row.ID, journeyID: row.JourneyID, entry: row.Entry, hops: int(row.Hops), retries: int(row.Retries),
			node: row.Node, workflowID: row.WorkflowID, createdAt: row.CreatedAt,
		})
	}
}

func (t *transaction) spreadListening(waits []storedb.IngestWaitsRow, past []storedb.IngestHistoryRow) {
	for _, row := range waits {
		c := t.plan.people[row.ContactID]
		// One for the first of several is read whatever the events are, so perhaps again.
		if !slices.ContainsFunc(c.waits, func(wt *wait) bool { return wt.ID == row.ID }) {
			i, _ := slices.BinarySearchFunc(c.waits, row, func(wt *wait, row storedb.IngestWaitsRow) int {
				return cmp.Or(wt.RegisteredAt.Compare(row.RegisteredAt), bytes.Compare(wt.ID[:], row.ID[:]))
			})
			c.waits = slices.Insert(c.waits, i, &wait{IngestWaitsRow: row})
		}
	}
	for i := range past {
		row := &past[i]
		c := t.plan.people[row.ContactID]
		id := t.catalog.id(row.JourneyID)
		h := c.past(id)
		if h == nil {
			h = &history{journeyID: id}
			c.history = append(c.history, h)
		}
		h.entry = max(h.entry, row.Entry)
		if row.Ended > 0 {
			h.ended, h.newestEnded = true, later(h.newestEnded, row.NewestEndedAt)
		}
	}
}

// merge makes the merges of an item true in the database, so that its own steps and
// those of later items find everything at the survivor. What came before is written
// first: the merge must see it.
func (t *transaction) merge(ctx context.Context, it *item) error {
	for _, m := range it.verdict.merges {
		var p store.Pipeline
		exited, err := t.mergeDoubles(&m, it.id)
		if err != nil {
			return err
		}
		m.into.firstSeen, m.into.lastSeen = earlier(m.into.firstSeen, m.from.firstSeen), later(m.into.lastSeen, m.from.lastSeen)
		moving := slices.Clone(m.from.stays)
		t.flush(ctx, &p)
		t.queueMerge(ctx, &p, &m, it.instant(t.now))
		load := t.load(ctx, &p)
		if err := t.conn.Send(ctx, &p); err != nil {
			return fmt.Errorf("merge contacts: %w", err)
		}
		if err := load(); err != nil {
			return err
		}
		t.wave.mark(m.into)
		if err := t.rearm(&m, moving, it.instant(t.now)); err != nil {
			return err
		}
		t.wave.now = it.instant(t.now)
		cause := &flow{id: it.id, person: m.into, verdict: &it.verdict, root: it}
		for _, n := range exited {
			if err := t.wave.announce(cause, n, mergedEnd); err != nil {
				return err
			}
		}
	}
	return nil
}

// rearm gives the dwell timers of moved stays the survivor's uuid and epoch; the
// anchor stays, and so do the fires that are done (I-27).
func (t *transaction) rearm(m *merge, moved []*bucket.Stay, at time.Time) error {
	if t.wave.watch != nil {
		t.wave.watch.carry(m, at)
		return nil
	}
	for _, old := range moved {
		g := t.catalog.segments.byID[old.BucketID]
		if g == nil {
			continue
		}
		cause := &flow{person: m.from}
		if err := t.wave.disarm(cause, g, old); err != nil {
			return err
		}
		if s := m.into.stay(old.BucketID); s != nil && s.ID == old.ID {
			t.wave.now = at
			if err := t.wave.arm(m.into, g, s); err != nil {
				return err
			}
		}
	}
	return nil
}

var mergedEnd = End{Status: contract.EnrollmentExited, Reason: contract.ExitMerged, StepKey: stepEnd}

// mergeDoubles ends, of the non-terminal enrollments of a journey that two contacts
// have, those that were made later than one of the other contact (J-57), in the order
// of their entry (I-43).
func (t *transaction) mergeDoubles(m *merge, eventID uuid.UUID) ([]*enrollment, error) {
	var kept, exited []*enrollment
	owners := map[*enrollment]*person{}
	for _, p := range []*person{m.into, m.from} { // at one instant the survivor's goes on
		for _, n := range p.live {
			if !n.over {
				owners[n] = p
				kept = append(kept, n)
			}
		}
	}
	slices.SortStableFunc(kept, byEntry)
	earlier := kept[:0]
	for _, n := range kept {
		owner := owners[n]
		if !slices.ContainsFunc(earlier, func(e *enrollment) bool {
			return owners[e] != owner && t.catalog.id(e.journeyID) == t.catalog.id(n.journeyID)
		}) {
			earlier = append(earlier, n)
			continue
		}
		if err := t.wave.close(owner, n, mergedEnd); err != nil {
			return nil, err
		}
		if err := t.wave.changes.tell(m.into.id, eventID, contract.OutboxCancel, contract.CancelKey(n.id.String()),
			contract.CancelPayload{WorkflowID: n.workflowID}); err != nil {
			return nil, err
		}
		exited = append(exited, n)
	}
	return exited, nil
}

func (t *transaction) queueMerge(ctx context.Context, p *store.Pipeline, m *merge, at time.Time) {
	into, from, catalog := m.into.id, m.from.id, t.catalog
	p.Add(func(q *storedb.Queries) error { return q.IngestMergeContacts(ctx, m.fromWins, into, from) })
	p.Add(func(q *storedb.Queries) error { return q.IngestMergeRedirect(ctx, into, at, from) })
	p.Add(func(q *storedb.Queries) error { return q.IngestMergeKeys(ctx, into, from) })
	p.Add(func(q *storedb.Queries) error {
		return q.IngestMergeEnrollments(ctx, storedb.IngestMergeEnrollmentsParams{
			Survivor: into, Merged: from, Aliases: catalog.aliases, Journeys: catalog.aliasOf,
		})
	})
	p.Add(func(q *storedb.Queries) error { return q.IngestMergeRest(ctx, into, from) })
	if len(catalog.segments.all) > 0 {
		p.Add(func(q *storedb.Queries) error { return q.BucketsMergeStays(ctx, into, at, from) })
		p.Add(func(q *storedb.Queries) error { return q.BucketsMergeSettled(ctx, from) })
	}
}
