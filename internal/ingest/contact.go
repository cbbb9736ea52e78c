package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/address"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// A key that an operator writes belongs to another contact. Nobody is merged by that
// route (I-30).
var (
	ErrExternalIDTaken = errors.New("external id belongs to another contact")
	ErrEmailTaken      = errors.New("e-mail belongs to another contact")
)

// Change is what an operator writes of a contact. The zero value changes nothing.
type Change struct {
	// ExternalID identifies the contact from now on; "" leaves it. The one it replaces
	// leads to the contact as before (I-20).
	ExternalID string
	// Email replaces the address; "" leaves it. NoEmail takes it away instead.
	Email   string
	NoEmail bool
	// Properties merge into the contact's; a JSON null removes a key (I-32).
	Properties map[string]json.RawMessage
}

// Update changes a contact and makes further writes of it, in one transaction in which
// buckets see the change. No event is stored. Each write makes exactly one generated
// call. found is false, and nothing happens, when the contact is deleted or erased;
// nor does anything with ErrExternalIDTaken and ErrEmailTaken.
func (g *Ingester) Update(ctx context.Context, contactID uuid.UUID, c Change, writes ...Write) (found bool, err error) {
	it := newItem(&Event{UserID: c.ExternalID, Email: c.Email, ContactProperties: c.Properties})
	it.kind, it.contactID, it.noEmail, it.writes = kindTouch, contactID, c.NoEmail, writes
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
		if err := w.close(p, n, End{Status: contract.EnrollmentExited, Reason: contract.ExitDeleted, StepKey: stepEnd}); err != nil {
			return err
		}
		if err := w.changes.tell(p.id, uuid.Nil, contract.OutboxCancel, contract.CancelKey(n.id.String()), contract.CancelPayload{WorkflowID: n.workflowID}); err != nil {
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

// rekey gives a contact the keys that an operator wrote. Unlike those of an event they
// say nothing about anybody else, so that a taken one is refused.
func (p *plan) rekey(v *verdict, ev *Event, noEmail bool) error {
	c := v.person
	if id := ev.UserID; id != "" && id != c.externalID {
		if other := p.byUser(id); other != nil && other != c {
			return ErrExternalIDTaken
		}
		c.externalID = id
		p.give(kindUser, id, c)
		p.free(c.emailKey, c)
		p.note(c.emailKey, c)
		p.wrote(c)
	}
	switch key := EmailKey(ev.Email); {
	case key != "":
		other := p.owner(kindEmail, key)
		if other == nil && !c.identified() {
			other = p.byEmail(key) // only identified contacts share an address (I-19)
		}
		if other != nil && other != c {
			return ErrEmailTaken
		}
		p.adopt(v, c, address.Trim(ev.Email), key, ev)
	case noEmail && c.emailKey != "":
		p.leave(c)
		c.email, c.emailKey = "", ""
		p.wrote(c)
	}
	v.contactKey, v.emailKey = c.key(), c.emailKey
	return nil
}
