package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

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

// SearchPattern is the pattern of what contains a text, whatever its case; "" of none. What
// stands for others in a pattern stands for itself.
func SearchPattern(text string) string {
	if text == "" {
		return ""
	}
	return "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(strings.ToLower(text)) + "%"
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
