package ingest

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/workflows/names"
)

// Update merges properties into a contact and makes further writes of it, in one
// transaction in which buckets see the change; a JSON null removes a key. No
// event is stored. Each write makes exactly one generated call. found is false, and
// nothing happens, when the contact is deleted or erased.
func (g *Ingester) Update(ctx context.Context, contactID uuid.UUID, properties map[string]json.RawMessage, writes ...Write) (found bool, err error) {
	it := newItem(&Event{ContactProperties: properties})
	it.kind, it.contactID, it.writes = kindTouch, contactID, writes
	if err := g.transact(ctx, []*item{it}, nil); err != nil {
		return false, fmt.Errorf("update contact: %w", err)
	}
	return !it.gone, nil
}

// Delete deletes a contact softly, in one transaction: its stays end silently, their
// timers are canceled, its enrollments exit without journey:exited (I-48, J-83). Its
// keys still lead to it: what it does later revives it (I-49). found is false, and
// nothing happens, when it is deleted already.
func (g *Ingester) Delete(ctx context.Context, contactID uuid.UUID) (found bool, err error) {
	it := newItem(&Event{})
	it.kind, it.contactID = kindDelete, contactID
	it.writes = []Write{
		func(q *storedb.Queries) error { return q.ContactStaysEnd(ctx, contactID) },
		func(q *storedb.Queries) error { return q.ContactDelete(ctx, contactID) },
	}
	if err := g.transact(ctx, []*item{it}, nil); err != nil {
		return false, fmt.Errorf("delete contact: %w", err)
	}
	return !it.gone, nil
}

// delete ends what a contact is in, without a word to anybody but workflows, timers
// and the mirror.
func (w *wave) delete(it *item) error {
	p := it.verdict.person
	cause := &flow{id: it.id, person: p, verdict: &it.verdict, root: it}
	for _, n := range p.live {
		if n.over {
			continue
		}
		if err := w.close(p, n, End{Status: statusExited, Reason: bucket.LeftDeleted, StepKey: stepEnd}); err != nil {
			return err
		}
		if err := w.changes.tell(p.id, uuid.Nil, store.OutboxCancel, names.CancelKey(n.id.String()), store.CancelPayload{WorkflowID: n.workflowID}); err != nil {
			return err
		}
	}
	for _, s := range p.stays {
		g := w.catalog.segments.byID[s.BucketID]
		if g == nil {
			continue // its timers were canceled when it went
		}
		if err := w.disarm(cause, g, s); err != nil {
			return err
		}
		if err := w.mirror(p, g, s, false, time.Time{}); err != nil {
			return err
		}
	}
	p.stays, p.deletedAt = nil, w.now
	w.changes.writes = append(w.changes.writes, it.writes...)
	return nil
}
