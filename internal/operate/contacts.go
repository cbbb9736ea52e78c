package operate

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// ZoneChange is a zone that is written into a contact; a nil Zone takes it away.
type ZoneChange struct{ Zone *string }

// UpdateContact writes into a contact, and its zone unless that is nil. found is
// false when it is deleted or erased. Of a change of nothing there is no entry.
func (d *Desk) UpdateContact(ctx context.Context, by store.Actor, c storedb.Contact, change ingest.Change, zone *ZoneChange) (found bool, err error) {
	if zone == nil && change.ExternalID == "" && change.Email == "" && !change.NoEmail && len(change.Properties) == 0 {
		return true, nil
	}
	var writes []ingest.Write
	if zone != nil {
		change.Zoned = true
		writes = append(writes, func(q *storedb.Queries) error { return q.ContactTimezoneSet(ctx, zone.Zone, c.ID) })
	}
	writes = append(writes, updateEntry(by, c, change, zone).Write(ctx))
	return d.Ingest.Update(ctx, c.ID, change, writes...)
}

// updateEntry tells old and new values. The old ones are those that the caller read: of
// two who write at the same moment, one may have seen them just before the other.
func updateEntry(by store.Actor, c storedb.Contact, change ingest.Change, zone *ZoneChange) store.Entry {
	e := entry(by, "contacts.update", c.ID.String())
	e.ContactID = &c.ID
	if change.ExternalID != "" {
		e.Detail.Changed("externalId", textOrNull(c.ExternalID), change.ExternalID)
	}
	if change.Email != "" {
		e.Detail.Changed("email", textOrNull(c.Email), change.Email)
	} else if change.NoEmail {
		e.Detail.Changed("email", textOrNull(c.Email), nil)
	}
	if zone != nil {
		e.Detail.Changed("timezone", textOrNull(c.Timezone), textOrNull(zone.Zone))
	}
	var had map[string]json.RawMessage
	if err := json.Unmarshal(c.Properties, &had); err != nil {
		return e // it says less
	}
	for name, value := range change.Properties {
		before := had[name]
		if before == nil {
			before = json.RawMessage("null")
		}
		if string(before) != string(value) {
			e.Detail.Changed("properties."+name, before, value)
		}
	}
	return e
}

func textOrNull(s *string) any {
	if s == nil {
		return nil
	}
	return *s
}

// DeleteContact deletes a contact softly; found is false when it is deleted already.
func (d *Desk) DeleteContact(ctx context.Context, by store.Actor, c storedb.Contact) (found bool, err error) {
	e := entry(by, "contacts.delete", c.ID.String())
	e.ContactID = &c.ID
	return d.Ingest.Delete(ctx, c.ID, e.Write(ctx))
}

// What is done to the record of an address, as the log calls it.
const (
	PreferencesUpdate = "preferences.update"
	Suppress          = "suppressions.create"
	Lift              = "suppressions.delete"
)

// Choose changes the record of an address; action is one of those above.
func (d *Desk) Choose(ctx context.Context, by store.Actor, action string, change store.PreferenceChange, note string) (before, after storedb.Preference, err error) {
	return d.Ingest.Choose(ctx, ingest.Choice{PreferenceChange: change, Via: "admin", Record: func(before, after storedb.Preference) ingest.Write {
		e := entry(by, action, after.ID.String())
		e.ContactID = after.ContactID
		t := &e.Detail
		t.Changed("unsubscribedAll", before.UnsubscribedAll, after.UnsubscribedAll)
		t.Changed("suppressed", before.Suppressed, after.Suppressed)
		t.Changed("suppressionReason", textOrNull(before.SuppressionReason), textOrNull(after.SuppressionReason))
		t.Changed("bounceCount", before.BounceCount, after.BounceCount)
		if string(before.Categories) != string(after.Categories) {
			t.Changed("categories", before.Categories, after.Categories)
		}
		t.Given("note", note)
		return e.Write(ctx)
	}})
}

// CreateContact makes a contact; it is ingest.ErrExists when there is one already.
func (d *Desk) CreateContact(ctx context.Context, by store.Actor, p ingest.Person, zone *ZoneChange) (uuid.UUID, error) {
	record := func(id uuid.UUID) ingest.Write {
		e := entry(by, "contacts.create", id.String())
		e.ContactID = &id
		e.Detail.Changed("externalId", nil, textOrNil(p.UserID))
		e.Detail.Changed("email", nil, textOrNil(p.Email))
		e.Detail.Changed("anonymousId", nil, textOrNil(p.AnonymousID))
		for name, value := range p.Properties {
			e.Detail.Changed("properties."+name, nil, value)
		}
		if zone != nil {
			e.Detail.Changed("timezone", nil, textOrNull(zone.Zone))
		}
		return e.Write(ctx)
	}
	writes := []func(uuid.UUID) ingest.Write{record}
	if zone != nil {
		p.Zoned = true
		writes = append(writes, func(id uuid.UUID) ingest.Write {
			return func(q *storedb.Queries) error { return q.ContactTimezoneSet(ctx, zone.Zone, id) }
		})
	}
	done, err := d.Ingest.Create(ctx, p, writes...)
	return done.ContactID, err
}

func textOrNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// MergeContacts makes one contact of two. Both are named, so that the log tells
// which uuids lead to the survivor.
func (d *Desk) MergeContacts(ctx context.Context, by store.Actor, into, from storedb.Contact) (survivor uuid.UUID, found bool, err error) {
	e := entry(by, "contacts.merge", into.ID.String())
	e.ContactID = &into.ID
	e.Detail.Given("into", into.ID)
	e.Detail.Given("from", from.ID)
	return d.Ingest.Merge(ctx, into.ID, from.ID, e.Write(ctx))
}

// EraseContact erases a contact, live or deleted, and returns when nothing of it is
// left. found is false when it is erased already. If it is cut off, a worker goes on.
func (d *Desk) EraseContact(ctx context.Context, by store.Actor, c storedb.Contact, reason string) (done storedb.Erasure, found bool, err error) {
	id := uuid.Must(uuid.NewV7())
	e := entry(by, "contacts.erase", c.ID.String())
	e.ContactID = &c.ID
	e.Detail.Given("erasureId", id)
	e.Detail.Given("reason", reason)
	if found, err = d.Ingest.Erase(ctx, id, c.ID, reason, e.Write(ctx)); err != nil || !found {
		return done, false, err
	}
	done, err = d.Store.FinishErasure(ctx, id)
	return done, true, err
}

// VerifyErasure looks again for rows of an erased contact, and notes who looked (U-42).
func (d *Desk) VerifyErasure(ctx context.Context, by store.Actor, e storedb.Erasure) ([]store.Remains, error) {
	found, err := d.Store.VerifyErasure(ctx, e)
	if err != nil {
		return nil, err
	}
	return found, d.Store.Change(ctx, entry(by, "erasures.verify", e.ID.String()).Write(ctx))
}
