package store

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend/internal/address"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// PreferenceChange says what to change of an address's preferences; nil fields stay.
type PreferenceChange struct {
	// ID names the record; without one, Email does.
	ID    *uuid.UUID
	Email string
	// Contact is whose address it is, if anybody's: a record without a contact is linked.
	Contact         *uuid.UUID
	UnsubscribedAll *bool
	Suppressed      *bool
	// Reason is that of a suppression set here.
	Reason string
	// Categories are merged into those that are there, or replace them.
	Categories        map[string]bool
	ReplaceCategories bool
	// OthersOff are switched off if a category brings back who was off everything (E-53).
	OthersOff []string
}

// PreferenceRecord is the record of an address, made if it was missing.
func (s *Store) PreferenceRecord(ctx context.Context, email string, contact *uuid.UUID) (row storedb.Preference, err error) {
	key := address.Key(email)
	if key == "" {
		return row, fmt.Errorf("preferences of an address that is none: %w", ErrNotFound)
	}
	rows, err := s.PreferenceByKey(ctx, key)
	if err == nil && len(rows) == 0 {
		err = s.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error {
			ensure := storedb.PreferenceEnsureParams{
				ID: uuid.Must(uuid.NewV7()), Email: address.Trim(email), EmailKey: key, ContactID: contact, Now: time.Now().UTC().Truncate(time.Microsecond),
			}
			if err := q.PreferenceEnsure(ctx, ensure); err != nil {
				return fmt.Errorf("make: %w", err)
			}
			rows, err = q.PreferenceByKey(ctx, key)
			return err
		})
	}
	if err == nil && len(rows) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return row, fmt.Errorf("preferences of an address: %w", err)
	}
	return rows[0], nil
}

// PreferenceEnsured is the record that a change is about.
func (s *Store) PreferenceEnsured(ctx context.Context, c PreferenceChange) (row storedb.Preference, err error) {
	if c.ID == nil {
		return s.PreferenceRecord(ctx, c.Email, c.Contact)
	}
	rows, err := s.PreferenceGet(ctx, *c.ID)
	if err == nil && len(rows) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return row, fmt.Errorf("preference record: %w", err)
	}
	return rows[0], nil
}

// Apply makes the change in a copy of a record.
func (c PreferenceChange) Apply(row storedb.Preference, now time.Time) (storedb.Preference, error) {
	out := row
	out.UpdatedAt = now
	if out.ContactID == nil {
		out.ContactID = c.Contact
	}
	if c.UnsubscribedAll != nil {
		out.UnsubscribedAll = *c.UnsubscribedAll
	}
	switch {
	case c.Suppressed == nil:
	case *c.Suppressed:
		Suppress(&out, c.Reason, now)
	default: // lifting forgets how often mails came back, not when they last did (E-66)
		out.Suppressed, out.SuppressionReason, out.SuppressedAt, out.BounceCount = false, nil, nil, 0
	}
	if c.Categories == nil {
		return out, nil
	}
	categories := map[string]bool{}
	if !c.ReplaceCategories {
		if err := json.Unmarshal(row.Categories, &categories); err != nil {
			return out, fmt.Errorf("decode categories: %w", err)
		}
	}
	if row.UnsubscribedAll && !out.UnsubscribedAll {
		for _, other := range c.OthersOff {
			categories[other] = false
		}
	}
	maps.Copy(categories, c.Categories)
	raw, err := json.Marshal(categories)
	if err != nil {
		return out, fmt.Errorf("encode categories: %w", err)
	}
	out.Categories = raw
	return out, nil
}

// Suppress suppresses the address of a record. A stronger reason replaces a weaker one and
// its date; otherwise what stands stays (E-65).
func Suppress(row *storedb.Preference, reason string, now time.Time) {
	strength := []string{"import", "manual", "bounce", "complaint"}
	if row.Suppressed && row.SuppressionReason != nil && slices.Index(strength, reason) <= slices.Index(strength, *row.SuppressionReason) {
		return
	}
	row.Suppressed, row.SuppressionReason, row.SuppressedAt = true, &reason, &now
}

// SamePreference reports whether a change leaves a record as it is.
func SamePreference(a, b storedb.Preference) bool {
	return a.UnsubscribedAll == b.UnsubscribedAll && a.Suppressed == b.Suppressed && sameText(a.SuppressionReason, b.SuppressionReason) &&
		a.BounceCount == b.BounceCount &&
		sameJSON(a.Categories, b.Categories)
}

func sameText(a, b *string) bool { return a == b || a != nil && b != nil && *a == *b }

func sameJSON(a, b json.RawMessage) bool {
	var x, y map[string]bool
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return bytes.Equal(a, b)
	}
	return maps.Equal(x, y)
}

// PreferenceWrite writes a record over one that it was made from.
func PreferenceWrite(before, after storedb.Preference) storedb.PreferenceWriteParams {
	return storedb.PreferenceWriteParams{
		ID: before.ID, UnsubscribedAll: after.UnsubscribedAll, Categories: after.Categories, Suppressed: after.Suppressed,
		SuppressionReason: after.SuppressionReason, SuppressedAt: after.SuppressedAt, ContactID: after.ContactID, Now: after.UpdatedAt,
		WasUnsubscribedAll: before.UnsubscribedAll, WasCategories: before.Categories, WasSuppressed: before.Suppressed, BounceCount: after.BounceCount, LastBounceAt: after.LastBounceAt, WasBounceCount: before.BounceCount, WasSuppressionReason: before.SuppressionReason,
	}
}
