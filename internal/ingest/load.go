package ingest

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/workflows/names"
)

// load queues the statements that read what the steps look at, all under the locks
// taken before. The function it returns hands the rows to the contacts.
func (t *transaction) load(ctx context.Context, p *store.Pipeline) func() {
	var (
		ids      []uuid.UUID
		live     []storedb.IngestLiveRow
		waits    []storedb.IngestWaitsRow
		past     []storedb.IngestHistoryRow
		out      []storedb.IngestOptOutsRow
		off      []storedb.IngestSwitchedOffRow
		journeys []string
	)
	for _, c := range t.people {
		if c.inserted && c.into == nil || c.merging {
			ids = append(ids, c.id)
		}
	}
	candidates := t.ingester.catalog.candidates(t.names)
	respects := false
	for _, j := range candidates {
		journeys = append(append(journeys, j.ID), j.Aliases...)
		respects = respects || !j.EnrollUnsubscribed
	}
	if len(ids) > 0 {
		p.Add(func(q *storedb.Queries) (err error) { live, err = q.IngestLive(ctx, ids); return err })
		p.Add(func(q *storedb.Queries) (err error) { waits, err = q.IngestWaits(ctx, ids, t.names); return err })
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
		for _, c := range t.people {
			c.live, c.waits, c.history, c.optedOut = nil, nil, nil, false
		}
		t.spread(live, waits, past)
		t.wave.optOuts = make(map[string]*uuid.UUID, len(out))
		for _, o := range out {
			t.wave.optOuts[o.EmailKey] = o.ContactID
			if o.ContactID != nil {
				if c := t.plan.people[*o.ContactID]; c != nil {
					c.optedOut = true
				}
			}
		}
		t.wave.off, t.wave.paused = make(map[string]bool, len(off)), make(map[string]bool, len(off))
		for _, row := range off {
			t.wave.off[row.JourneyID] = !row.Enabled
			if row.Paused {
				t.wave.paused[t.ingester.catalog.id(row.JourneyID)] = true
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

func (t *transaction) spread(live []storedb.IngestLiveRow, waits []storedb.IngestWaitsRow, past []storedb.IngestHistoryRow) {
	for i := range live {
		row := &live[i]
		c := t.plan.people[row.ContactID]
		c.live = append(c.live, &enrollment{
			id: row.ID, journeyID: row.JourneyID, entry: row.Entry, hops: int(row.Hops), retries: int(row.Retries),
			node: row.Node, workflowID: row.WorkflowID, createdAt: row.CreatedAt,
		})
	}
	for _, row := range waits {
		c := t.plan.people[row.ContactID]
		c.waits = append(c.waits, &wait{IngestWaitsRow: row})
	}
	for i := range past {
		row := &past[i]
		c := t.plan.people[row.ContactID]
		id := t.ingester.catalog.id(row.JourneyID)
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
		t.flush(ctx, &p)
		t.queueMerge(ctx, &p, &m)
		load := t.load(ctx, &p)
		if err := t.conn.Send(ctx, &p); err != nil {
			return fmt.Errorf("merge contacts: %w", err)
		}
		load()
		t.wave.mark(m.into)
		t.wave.now = instantOf(t.now, it.verdict.index)
		cause := &flow{id: it.id, person: m.into, verdict: &it.verdict, root: it}
		for _, n := range exited {
			if err := t.wave.announce(cause, n, mergedEnd); err != nil {
				return err
			}
		}
	}
	return nil
}

var mergedEnd = End{Status: statusExited, Reason: "merged", StepKey: stepEnd}

// mergeDoubles ends the later-made of two non-terminal enrollments of a journey (J-57).
func (t *transaction) mergeDoubles(m *merge, eventID uuid.UUID) ([]*enrollment, error) {
	var exited []*enrollment
	catalog := t.ingester.catalog
	for _, a := range m.into.live {
		for _, b := range m.from.live {
			if a.over || b.over || catalog.id(a.journeyID) != catalog.id(b.journeyID) {
				continue
			}
			n, owner := b, m.from
			if b.createdAt.Before(a.createdAt) || b.createdAt.Equal(a.createdAt) && less(b.id, a.id) {
				n, owner = a, m.into
			}
			if err := t.wave.close(owner, n, mergedEnd); err != nil {
				return nil, err
			}
			if err := t.wave.changes.tell(m.into.id, eventID, store.OutboxCancel, names.CancelKey(n.id.String()),
				store.CancelPayload{WorkflowID: n.workflowID}); err != nil {
				return nil, err
			}
			exited = append(exited, n)
		}
	}
	return exited, nil
}

func (t *transaction) queueMerge(ctx context.Context, p *store.Pipeline, m *merge) {
	into, from, catalog := m.into.id, m.from.id, t.ingester.catalog
	p.Add(func(q *storedb.Queries) error { return q.IngestMergeContacts(ctx, m.fromWins, into, from) })
	p.Add(func(q *storedb.Queries) error { return q.IngestMergeRedirect(ctx, into, t.now, from) })
	p.Add(func(q *storedb.Queries) error { return q.IngestMergeKeys(ctx, into, from) })
	p.Add(func(q *storedb.Queries) error {
		return q.IngestMergeEnrollments(ctx, storedb.IngestMergeEnrollmentsParams{
			Survivor: into, Merged: from, Aliases: catalog.aliases, Journeys: catalog.aliasOf,
		})
	})
	p.Add(func(q *storedb.Queries) error { return q.IngestMergeRest(ctx, into, from) })
}
