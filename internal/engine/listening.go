package engine

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/decide/steps"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

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
		history  []storedb.IngestHistoryRow
		out      []storedb.IngestOptOutsRow
		off      []storedb.IngestSwitchedOffRow
		journeys []string
	)
	ids := t.stored()
	respects := false
	for _, j := range t.catalog.index.Triggered(events...) {
		respects = respects || !j.EnrollUnsubscribed && j.Category != steps.Transactional
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
		p.Add(func(q *storedb.Queries) (err error) { history, err = q.IngestHistory(ctx, ids, journeys); return err })
	}
	if respects {
		emails := t.emailKeys()
		p.Add(func(q *storedb.Queries) (err error) { out, err = q.IngestOptOuts(ctx, emails, ids); return err })
	}
	if len(journeys) > 0 {
		p.Add(func(q *storedb.Queries) (err error) { off, err = q.IngestSwitchedOff(ctx); return err })
	}
	return func() {
		t.spreadWaits(waits)
		t.spreadHistory(history)
		t.spreadOptOuts(out)
		d := &t.decider
		if d.SwitchedOff == nil {
			d.SwitchedOff, d.Paused = make(map[string]bool, len(off)), make(map[string]contract.PauseEntries, len(off))
		}
		for _, row := range off {
			d.SwitchedOff[row.JourneyID] = !row.Enabled
			if row.Paused {
				d.Paused[t.catalog.index.ID(row.JourneyID)] = contract.PauseEntries(row.PauseEntries)
			}
		}
	}
}

// emailKeys are the addresses that contacts have at some point of the batch.
func (t *transaction) emailKeys() []string {
	var keys []string
	for _, c := range t.changes {
		if c.Active() && c.EmailKey != "" {
			keys = append(keys, c.EmailKey)
		}
	}
	left, _ := t.identities.Left()
	return append(keys, left...)
}

func (t *transaction) spreadOptOuts(out []storedb.IngestOptOutsRow) {
	if t.decider.OptOuts == nil {
		t.decider.OptOuts = make(map[string]*uuid.UUID, len(out))
	}
	for _, o := range out {
		t.decider.OptOuts[o.EmailKey] = o.ContactID
		if o.ContactID == nil {
			continue
		}
		if c := t.identities.Contact(*o.ContactID); c != nil {
			c.OptedOut = true
		}
	}
}

func (t *transaction) spreadWaits(waits []storedb.IngestWaitsRow) {
	for i := range waits {
		row := &waits[i]
		c := t.identities.Contact(row.ContactID)
		// One for the first of several is read whatever the events are, so perhaps again.
		c.Await(&decide.Wait{
			ID: row.ID, EnrollmentID: row.EnrollmentID, Label: row.Label, EventName: row.EventName, RegisteredAt: row.RegisteredAt,
			Conditions: row.Conditions, Alternatives: row.Alternatives, Digest: row.Digest, Deadline: row.Deadline,
		})
	}
}

func (t *transaction) spreadHistory(rows []storedb.IngestHistoryRow) {
	for i := range rows {
		row := &rows[i]
		h := t.identities.Contact(row.ContactID).Journey(t.catalog.index.ID(row.JourneyID))
		h.Entry = max(h.Entry, row.Entry)
		if row.Ended > 0 {
			h.Ended, h.NewestEnded = true, decide.Later(h.NewestEnded, row.NewestEndedAt)
		}
	}
}
