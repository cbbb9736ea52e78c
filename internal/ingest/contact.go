package ingest

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// Change is what an operator writes of a contact. The zero value changes nothing.
type Change struct {
	// ExternalID identifies the contact from now on; "" leaves it. The one it replaces
	// is nobody's any more (I-62).
	ExternalID string
	// Email replaces the address; "" leaves it. NoEmail takes it away instead.
	Email   string
	NoEmail bool
	// Properties merge into the contact's; a JSON null removes a key (I-32).
	Properties map[string]json.RawMessage
	// Zoned says that what is written along moves the contact to another time zone.
	Zoned bool
}

// Update changes a contact and makes further writes of it, in one transaction in which
// buckets see the change. No event is stored. Each write makes exactly one generated
// call. An unidentified contact that has one of the
// keys is merged with it. found is false, and nothing happens, when it is deleted or erased;
// nor does anything with a *TakenError.
func (g *Ingester) Update(ctx context.Context, contactID uuid.UUID, c Change, writes ...Write) (found bool, err error) {
	change := g.engine.ChangeOf(contactID, &decide.Update{
		ExternalID: c.ExternalID, Email: c.Email, NoEmail: c.NoEmail, Properties: c.Properties, Zoned: c.Zoned, Attached: attached(writes),
	})
	if err := g.engine.Apply(ctx, change); err != nil {
		return false, fmt.Errorf("update contact: %w", err)
	}
	return !change.Missing, nil
}

// Delete deletes a contact softly, in one transaction: its stays end silently, their
// timers are canceled, its enrollments exit without journey:exited (I-48, J-83). Its
// keys still lead to it: what it does later revives it (I-49). found is false, and
// nothing happens, when it is deleted already. Further writes are made along.
func (g *Ingester) Delete(ctx context.Context, contactID uuid.UUID, also ...Write) (found bool, err error) {
	c := g.engine.ChangeOf(contactID, &decide.Delete{})
	c.Also = attached(also)
	if err := g.engine.Apply(ctx, c); err != nil {
		return false, fmt.Errorf("delete contact: %w", err)
	}
	return !c.Missing, nil
}

// Person is what is written of a contact by its keys, without an event. What
// an event's keys do, these do: make the contact, take or merge an unidentified one, revive
// a deleted one (I-21, I-49).
type Person struct {
	UserID, Email, AnonymousID string
	// Properties merge into the contact's; a JSON null removes a key (I-32).
	Properties map[string]json.RawMessage
	// Lists are choices about lists of its address, by id (E-59).
	Lists map[string]bool
	// Zoned says that what is written along moves the contact to another time zone.
	Zoned bool
}

// Upserted is what became of a Person.
type Upserted struct {
	ContactID uuid.UUID
	// Created: it made the contact. Linked: a contact that was there got a key, or two
	// became one.
	Created, Linked bool
}

// ErrExists says that a contact which is to be made is there already, ErrSame that two
// references lead to one contact.
var (
	ErrExists = decide.ErrExists
	ErrSame   = decide.ErrSame
)

// Upsert writes into the contact that the keys name. It shares its transaction with what
// comes at the same time. The keys and properties must be valid (Validate).
func (g *Ingester) Upsert(ctx context.Context, p Person) (Upserted, error) {
	c := g.engine.Change(p.upsert())
	if err := g.engine.Share(ctx, c); err != nil {
		return Upserted{}, err
	}
	if err := c.Result.Err; err != nil {
		return Upserted{}, err
	}
	return upserted(c), nil
}

// Create makes a contact, or revives a deleted one: it is ErrExists, and nothing happens,
// when a live one has a key of it. Each of writes, made of the contact's id, is written along.
func (g *Ingester) Create(ctx context.Context, p Person, writes ...func(contactID uuid.UUID) Write) (Upserted, error) {
	u := p.upsert()
	u.Create = true
	c := g.engine.Change(u)
	for _, write := range writes {
		c.Also = append(c.Also, func(q *storedb.Queries) error { return write(c.Contact.Survivor().ID)(q) })
	}
	if err := g.engine.Apply(ctx, c); err != nil {
		return Upserted{}, fmt.Errorf("create contact: %w", err)
	}
	return upserted(c), nil
}

func (p *Person) upsert() *decide.Upsert {
	return &decide.Upsert{UserID: p.UserID, Email: p.Email, AnonymousID: p.AnonymousID, Properties: p.Properties, Lists: p.Lists, Zoned: p.Zoned}
}

func upserted(c *decide.Change) Upserted {
	return Upserted{ContactID: c.Contact.Survivor().ID, Created: c.Created, Linked: c.Linked}
}

// Merge makes one contact of two (I-25). survivor is which one is left; found is false, and
// nothing happens, when one of them is deleted or erased. It is ErrSame for one contact.
func (g *Ingester) Merge(ctx context.Context, into, from uuid.UUID, also ...Write) (survivor uuid.UUID, found bool, err error) {
	c := g.engine.ChangeOf(into, &decide.Unite{Other: from})
	c.Also = attached(also)
	if err := g.engine.Apply(ctx, c); err != nil {
		return uuid.UUID{}, false, fmt.Errorf("merge contacts: %w", err)
	}
	if c.Missing {
		return uuid.UUID{}, false, nil
	}
	return c.Contact.Survivor().ID, true, nil
}
