package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend/internal/store/storedb"
)

// Write is one statement that is made in a transaction of somebody else's.
type Write = func(q *storedb.Queries) error

// ActorKind says what an actor is.
type ActorKind string

// The kinds of actors: an API key, a user of Studio, and the product itself or whoever has
// its command line.
const (
	ActorKey    ActorKind = "key"
	ActorUser   ActorKind = "user"
	ActorSystem ActorKind = "system"
)

// Actor is who changes something, and by which request.
type Actor struct {
	Kind ActorKind
	// ID is that of the key or user; nil for the system and the key of the environment.
	ID *uuid.UUID
	// Name is the key's name, the user's e-mail address, or what of the system it is.
	Name string
	// Address is where the request came from, RequestID names it; "" for none.
	Address, RequestID string
}

// System is the actor of what no person asked for by HTTP, such as a command.
func System(name string) Actor { return Actor{Kind: ActorSystem, Name: name} }

// Entry is one entry of the audit log (O-11).
type Entry struct {
	Actor
	// Action is "<resource>.<verb>", such as "journeys.pause".
	Action string
	// ResourceID is the real id of what was changed; "" for what has none.
	ResourceID string
	// ContactID is the contact that Detail tells something of; nil for none.
	ContactID *uuid.UUID
	// Detail tells what changed; the zero value tells nothing. Secrets are not in it.
	Detail Detail
}

// Detail is what an entry tells besides who and what.
type Detail struct {
	// Old and New are the fields that changed, as they were and as they are.
	Old map[string]any `json:"old,omitempty"`
	New map[string]any `json:"new,omitempty"`
	// With is what else was asked for, such as a reason.
	With map[string]any `json:"with,omitempty"`
}

// Changed notes a field that may have changed; equal values are no change.
func (d *Detail) Changed(name string, before, after any) {
	if fmt.Sprint(before) == fmt.Sprint(after) {
		return
	}
	if d.Old == nil {
		d.Old, d.New = map[string]any{}, map[string]any{}
	}
	d.Old[name], d.New[name] = before, after
}

// Given notes what was asked for besides; an empty text is nothing.
func (d *Detail) Given(name string, value any) {
	if text, ok := value.(string); ok && text == "" {
		return
	}
	if d.With == nil {
		d.With = map[string]any{}
	}
	d.With[name] = value
}

// Write is the statement that writes the entry: exactly one generated call.
func (e Entry) Write(ctx context.Context) Write {
	p := storedb.AuditInsertParams{
		ID: uuid.Must(uuid.NewV7()), ActorType: string(e.Kind), ActorID: e.ID, Actor: e.Name, Action: e.Action,
		ContactID: e.ContactID, RequestID: e.RequestID,
	}
	p.Resource, _, _ = strings.Cut(e.Action, ".")
	if e.ResourceID != "" {
		p.ResourceID = &e.ResourceID
	}
	if e.Address != "" {
		p.IpAddress = &e.Address
	}
	var err error
	if p.Detail, err = json.Marshal(e.Detail); err != nil {
		return func(*storedb.Queries) error { return fmt.Errorf("encode audit entry: %w", err) }
	}
	return func(q *storedb.Queries) error { return q.AuditInsert(ctx, p) }
}

// LastChange is the newest change of a switch or a pause, which every role sees (§2).
type LastChange struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Action string    `json:"action"` // enabled, disabled, paused or resumed
	Reason *string   `json:"reason"`
}

// JourneySwitch switches a journey on or off (J-33), notes the change beside it and makes
// the writes that record makes of the state it had, in one transaction. Switching to the
// state it has is recorded too, but is no change.
func (s *Store) JourneySwitch(ctx context.Context, id string, change LastChange, record func(was bool) Write) (row storedb.JourneyConfig, err error) {
	enabled := change.Action == "enabled"
	err = s.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error {
		before, err := q.JourneyConfigLock(ctx, id, change.At)
		if err != nil {
			return err
		}
		if row, err = q.AdminJourneySwitch(ctx, id, enabled, change.At); err != nil {
			return err
		}
		if before.Enabled != enabled {
			if err := JourneyChanged(ctx, q, id, change); err != nil {
				return err
			}
		}
		return record(before.Enabled)(q)
	})
	if err != nil {
		return row, fmt.Errorf("switch journey: %w", err)
	}
	return row, nil
}

// JourneyChanged notes the newest change beside a journey's switch.
func JourneyChanged(ctx context.Context, q *storedb.Queries, id string, change LastChange) error {
	note, err := json.Marshal(change)
	if err != nil {
		return fmt.Errorf("encode change: %w", err)
	}
	return q.JourneyChanged(ctx, note, id)
}

// BucketChanged notes the newest change beside a bucket's switch.
func BucketChanged(ctx context.Context, q *storedb.Queries, id string, change LastChange) error {
	note, err := json.Marshal(change)
	if err != nil {
		return fmt.Errorf("encode change: %w", err)
	}
	return q.BucketChanged(ctx, note, id)
}
