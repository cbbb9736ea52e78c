package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend/internal/store/storedb"
)

// EnrollmentTx is a transaction that holds the lock of an enrollment's contact.
type EnrollmentTx struct {
	Tx
	// Enrollment is the row as it stands under the lock.
	Enrollment storedb.Enrollment
}

// WithEnrollment runs fn in a transaction that holds the lock of the enrollment's
// contact, so that it and the ingest of an event come one after the other (I-5). An
// enrollment that does not exist is ErrNotFound. A transaction that Postgres gave
// up on runs fn again. Other contacts that are locked besides are named together with it, in
// the order of their uuids; nil for none.
func (s *Store) WithEnrollment(ctx context.Context, id uuid.UUID, contacts []uuid.UUID, fn func(tx *EnrollmentTx) error) error {
	var err error
	for range maxAttempts {
		err = s.Borrow(ctx, func(c *Conn) error { return c.withEnrollment(ctx, id, contacts, fn) })
		if !isRetryable(err) && !errors.Is(err, errMoved) {
			return err
		}
	}
	return err
}

// errMoved says that a merge moved what a lock was taken for while it was awaited.
var errMoved = errors.New("contact was merged into another one")

func (c *Conn) withEnrollment(ctx context.Context, id uuid.UUID, contacts []uuid.UUID, fn func(tx *EnrollmentTx) error) error {
	var (
		begin  Pipeline
		locked uuid.UUID
		row    storedb.EnrollmentGetRow
	)
	begin.Begin()
	if len(contacts) > 0 {
		begin.Add(func(q *storedb.Queries) error { _, err := q.IngestLock(ctx, contacts); return err })
	}
	begin.Add(func(q *storedb.Queries) (err error) { locked, err = q.EnrollmentContactLock(ctx, id); return err })
	begin.Add(func(q *storedb.Queries) (err error) { row, err = q.EnrollmentGet(ctx, id); return err })
	if err := c.Send(ctx, &begin); errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("enrollment %s: %w", id, ErrNotFound)
	} else if err != nil {
		return fmt.Errorf("lock enrollment: %w", err)
	}
	if row.Enrollment.ContactID != locked {
		return errMoved
	}
	tx := &EnrollmentTx{Tx: Tx{conn: c, Q: storedb.New(c.conn), Now: row.Now.UTC()}, Enrollment: row.Enrollment}
	if err := fn(tx); err != nil {
		return err
	}
	if err := tx.commit(ctx); err != nil {
		return fmt.Errorf("write enrollment: %w", err)
	}
	return nil
}
