package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend/internal/address"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// ContactFind resolves what a path or a query names: contact uuid, external id,
// e-mail, anonymous id (H-7). Deleted contacts are not found.
func (s *Store) ContactFind(ctx context.Context, reference string) (c storedb.Contact, ok bool, err error) {
	var id *uuid.UUID
	if parsed, err := uuid.Parse(reference); err == nil && len(reference) == 36 {
		id = &parsed
	}
	var email *string
	if strings.Contains(reference, "@") {
		key := address.Key(reference)
		email = &key
	}
	c, err = s.ContactResolve(ctx, id, reference, email)
	if errors.Is(err, pgx.ErrNoRows) {
		return c, false, nil
	}
	if err != nil {
		return c, false, fmt.Errorf("resolve contact: %w", err)
	}
	return c, true, nil
}

// PreferenceFind returns the preferences of an address, or of a contact.
func (s *Store) PreferenceFind(ctx context.Context, email *string, contact *uuid.UUID) (p storedb.Preference, ok bool, err error) {
	if email != nil {
		key := address.Key(*email)
		email = &key
	}
	p, err = s.AdminPreferenceFind(ctx, email, contact)
	if errors.Is(err, pgx.ErrNoRows) {
		return p, false, nil
	}
	if err != nil {
		return p, false, fmt.Errorf("find preferences: %w", err)
	}
	return p, true, nil
}

// PreferenceChange says what to change of an address's preferences; nil fields stay.
type PreferenceChange struct {
	Email string
	// Contact is whose address it is, if anybody's; it is locked first (E-12).
	Contact         *uuid.UUID
	UnsubscribedAll *bool
	Suppressed      *bool
	// Reason is that of a suppression set here.
	Reason string
	// Categories are merged into those that are there, or replace them.
	Categories        map[string]bool
	ReplaceCategories bool
	// KeepSuppression leaves an address that is suppressed already as it is.
	KeepSuppression bool
}

// PreferenceUpdate applies a change and returns the row, made if it was missing.
// was says whether the address was suppressed before.
func (s *Store) PreferenceUpdate(ctx context.Context, change PreferenceChange, now time.Time) (row storedb.Preference, was bool, err error) {
	key := address.Key(change.Email)
	err = s.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error {
		if change.Contact != nil {
			if _, err := q.ContactLock(ctx, *change.Contact); err != nil {
				return fmt.Errorf("lock contact: %w", err)
			}
		}
		ensure := storedb.PreferenceEnsureParams{
			ID: uuid.New(), Email: strings.TrimSpace(change.Email), EmailKey: key, ContactID: change.Contact, Now: now,
		}
		if err := q.PreferenceEnsure(ctx, ensure); err != nil {
			return fmt.Errorf("make preferences: %w", err)
		}
		rows, err := q.PreferenceLock(ctx, key, change.Contact)
		if err != nil {
			return fmt.Errorf("lock preferences: %w", err)
		}
		for _, locked := range rows {
			if locked.EmailKey == key {
				row = locked
			}
		}
		was = row.Suppressed
		params, err := change.apply(row, now)
		if err != nil {
			return err
		}
		if row, err = q.AdminPreferenceUpdate(ctx, params); err != nil {
			return fmt.Errorf("update preferences: %w", err)
		}
		return nil
	})
	return row, was, err
}

func (c PreferenceChange) apply(row storedb.Preference, now time.Time) (storedb.AdminPreferenceUpdateParams, error) {
	p := storedb.AdminPreferenceUpdateParams{
		ID: row.ID, UnsubscribedAll: row.UnsubscribedAll, Categories: row.Categories, Suppressed: row.Suppressed,
		SuppressionReason: row.SuppressionReason, SuppressedAt: row.SuppressedAt, ContactID: c.Contact, Now: now,
	}
	if c.UnsubscribedAll != nil {
		p.UnsubscribedAll = *c.UnsubscribedAll
	}
	switch {
	case c.Suppressed == nil, c.KeepSuppression && row.Suppressed:
	case *c.Suppressed:
		p.Suppressed, p.SuppressionReason = true, &c.Reason
		if p.SuppressedAt == nil {
			p.SuppressedAt = &now
		}
	default:
		p.Suppressed, p.SuppressionReason, p.SuppressedAt = false, nil, nil
	}
	if c.Categories == nil {
		return p, nil
	}
	categories := map[string]bool{}
	if !c.ReplaceCategories {
		if err := json.Unmarshal(row.Categories, &categories); err != nil {
			return p, fmt.Errorf("decode categories: %w", err)
		}
	}
	maps.Copy(categories, c.Categories)
	raw, err := json.Marshal(categories)
	if err != nil {
		return p, fmt.Errorf("encode categories: %w", err)
	}
	p.Categories = raw
	return p, nil
}

// StateGet returns an enrollment with its contact, or ErrNotFound.
func (s *Store) StateGet(ctx context.Context, id uuid.UUID) (storedb.AdminStateGetRow, error) {
	row, err := s.AdminStateGet(ctx, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return row, ErrNotFound
	}
	if err != nil {
		return row, fmt.Errorf("get enrollment: %w", err)
	}
	return row, nil
}

// EventGetWithContact returns an event with its contact, or ErrNotFound.
func (s *Store) EventGetWithContact(ctx context.Context, id uuid.UUID) (storedb.AdminEventGetRow, error) {
	row, err := s.AdminEventGet(ctx, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return row, ErrNotFound
	}
	if err != nil {
		return row, fmt.Errorf("get event: %w", err)
	}
	return row, nil
}
