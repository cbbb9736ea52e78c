package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/address"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// ErasureFind resolves whom a reference names to erase: as ContactFind does, and deleted
// contacts too. If it is nobody, begun is the erasure of whom it named, unless that is done.
func (s *Store) ErasureFind(ctx context.Context, reference string) (c *storedb.Contact, begun *storedb.Erasure, err error) {
	var id *uuid.UUID
	if parsed, err := uuid.Parse(reference); err == nil && len(reference) == 36 {
		id = &parsed
	}
	var email *string
	if strings.Contains(reference, "@") {
		key := address.Key(reference)
		email = &key
	}
	found, err := s.ErasureContact(ctx, id, reference, email)
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("resolve contact: %w", err)
	case len(found) > 0:
		return &found[0], nil, nil
	}
	open, err := s.ErasureUnfinished(ctx, id, reference, email)
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("find erasure: %w", err)
	case len(open) > 0:
		return nil, &open[0], nil
	}
	return nil, nil, nil
}

// ErasureWrites are the statements that begin an erasure, to be made under the lock of the
// contact, which must be deleted or on the way to it (I-52).
func ErasureWrites(ctx context.Context, id, contactID uuid.UUID, reason string) []Write {
	return []Write{
		func(q *storedb.Queries) error { return q.ErasureInsert(ctx, id, reason, contactID) },
		func(q *storedb.Queries) error { return q.ErasureForget(ctx, contactID, id) },
		func(q *storedb.Queries) error { return q.ErasureMails(ctx, contactID) },
		func(q *storedb.Queries) error { return q.ErasureAudit(ctx, contactID) },
		func(q *storedb.Queries) error { return q.ErasurePreferences(ctx, contactID) },
		func(q *storedb.Queries) error { return q.ErasureInbox(ctx, contactID) },
		func(q *storedb.Queries) error { return q.ErasureEmpty(ctx, contactID) },
	}
}

// EraseOutcome is what became of the begin of an erasure.
type EraseOutcome int

// The outcomes of EraseDeleted.
const (
	EraseBegun EraseOutcome = iota
	// EraseRevived: the contact is not deleted any more. EraseGone: it is erased already, or
	// was never there.
	EraseRevived
	EraseGone
)

// EraseDeleted begins the erasure of a contact that is deleted, by the given writes.
func (s *Store) EraseDeleted(ctx context.Context, contactID uuid.UUID, writes []Write) (outcome EraseOutcome, err error) {
	err = s.WithContact(ctx, &contactID, func(tx *ContactTx) error {
		switch {
		case tx.Contact.ErasedAt != nil:
			outcome = EraseGone
		case tx.Contact.DeletedAt == nil:
			outcome = EraseRevived
		default:
			outcome = EraseBegun
			for _, write := range writes {
				tx.Add(write)
			}
		}
		return nil
	})
	if errors.Is(err, ErrNotFound) {
		return EraseGone, nil
	}
	return outcome, err
}

// erasePiece removes rows of one table, at most limit of them.
type erasePiece struct {
	table string
	erase func(q *storedb.Queries, ctx context.Context, ids []uuid.UUID, limit int32) (int64, error)
}

// erasePieces are in an order in which what leads to rows goes after them.
var erasePieces = [...]erasePiece{
	{"event_keys", (*storedb.Queries).ErasePieceKeys},
	{"events", (*storedb.Queries).ErasePieceEvents},
	{"decisions", (*storedb.Queries).ErasePieceDecisions},
	{"outbox", (*storedb.Queries).ErasePieceTimers},
	{"memberships", (*storedb.Queries).ErasePieceStays},
	{"step_logs", (*storedb.Queries).ErasePieceSteps},
	{"once_values", (*storedb.Queries).ErasePieceValues},
	{"digested", (*storedb.Queries).ErasePieceDigested},
	{"digests", (*storedb.Queries).ErasePieceDigests},
	{"waits", (*storedb.Queries).ErasePieceWaits},
	{"paused_effects", (*storedb.Queries).ErasePieceHeld},
	{"enrollment_issues", (*storedb.Queries).ErasePieceIssues},
	{"enrollments", (*storedb.Queries).ErasePieceEnrollments},
	{"hits", (*storedb.Queries).ErasePieceHits},
	{"tracked_links", (*storedb.Queries).ErasePieceLinks},
	{"answers", (*storedb.Queries).ErasePieceAnswers},
	{"mailbox", (*storedb.Queries).ErasePieceMailbox},
	{"send_files", (*storedb.Queries).ErasePieceFiles},
	{"sends", (*storedb.Queries).ErasePieceSends},
	{"campaign_recipients", (*storedb.Queries).ErasePieceRecipients},
	{"dead_letters", (*storedb.Queries).ErasePieceLetters},
	{"outbox", (*storedb.Queries).ErasePieceOutbox},
	{"date_dues", (*storedb.Queries).ErasePieceDates},
	{"property_dates", (*storedb.Queries).ErasePiecePropertyDates},
	{"clock_retries", (*storedb.Queries).ErasePieceRetries},
	{"backfilled_contacts", (*storedb.Queries).ErasePieceBackfilled},
	{"audit_logs", (*storedb.Queries).ErasePieceAudit},
}

// FinishErasure removes what is left of an erased contact, piece by piece, until there is
// nothing, and returns the erasure. It may be stopped at any time and run by several at once.
func (s *Store) FinishErasure(ctx context.Context, id uuid.UUID) (e storedb.Erasure, err error) {
	if e, err = s.erasure(ctx, id); err != nil {
		return e, err
	}
	for removed := true; removed; { // what was written meanwhile goes with the next round
		removed = false
		for _, piece := range erasePieces {
			n, err := s.erasePiece(ctx, e, piece)
			if err != nil {
				return e, fmt.Errorf("erase from %s: %w", piece.table, err)
			}
			removed = removed || n > 0
		}
	}
	if err := s.pruneOfLate(ctx); err != nil {
		return e, err
	}
	if err := s.ErasureComplete(ctx, id); err != nil {
		return e, fmt.Errorf("complete erasure: %w", err)
	}
	return s.erasure(ctx, id)
}

func (s *Store) erasure(ctx context.Context, id uuid.UUID) (e storedb.Erasure, err error) {
	rows, err := s.ErasureGet(ctx, id)
	if err == nil && len(rows) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return e, fmt.Errorf("read erasure: %w", err)
	}
	return rows[0], nil
}

// erasePiece empties one table, each step with the count of it in one transaction.
func (s *Store) erasePiece(ctx context.Context, e storedb.Erasure, piece erasePiece) (total int64, err error) {
	for {
		var n int64
		err := s.Change(ctx, func(q *storedb.Queries) (err error) {
			if n, err = piece.erase(q, ctx, e.ContactIds, cleanRows); err != nil || n == 0 {
				return err
			}
			return q.ErasureNote(ctx, piece.table, n, e.ID)
		})
		if total += n; err != nil || n < cleanRows {
			return total, err
		}
	}
}

// FinishErasures takes up the erasures whose process has died, and returns how many.
func (s *Store) FinishErasures(ctx context.Context) (n int, err error) {
	open, err := s.ErasuresOpen(ctx)
	if err != nil {
		return 0, fmt.Errorf("list erasures: %w", err)
	}
	for _, id := range open {
		if _, err := s.FinishErasure(ctx, id); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// Remains is how many rows of an erased contact a table still has.
type Remains struct {
	Of   string
	Rows int64
}

// errLooked ends a transaction in which nothing is to change.
var errLooked = errors.New("looked")

// VerifyErasure asks every statement of an erasure what it would still remove, and removes
// nothing. All of an erasure that is done is 0.
func (s *Store) VerifyErasure(ctx context.Context, e storedb.Erasure) (found []Remains, err error) {
	err = s.Change(ctx, func(q *storedb.Queries) error {
		found = nil // the transaction may be tried again
		for _, piece := range erasePieces {
			n, err := piece.erase(q, ctx, e.ContactIds, cleanRows)
			if err != nil {
				return fmt.Errorf("look at %s: %w", piece.table, err)
			}
			found = append(found, Remains{piece.table, n})
		}
		return errLooked
	})
	if errors.Is(err, errLooked) {
		err = nil
	}
	return found, err
}
