package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend/internal/store/storedb"
)

// EnrollmentTx is a transaction that holds the lock of an enrollment's contact.
type EnrollmentTx struct {
	// Q runs statements in the transaction at once.
	Q *storedb.Queries
	// Enrollment is the row as it stands under the lock.
	Enrollment storedb.Enrollment
	// Now is the one instant of the transaction, read under the lock.
	Now time.Time

	conn   *Conn
	writes Pipeline
}

// Read sends the queued statements in one round trip, inside the transaction.
func (tx *EnrollmentTx) Read(ctx context.Context, queue func(p *Pipeline)) error {
	var p Pipeline
	queue(&p)
	return tx.conn.Send(ctx, &p)
}

// Add queues a write that is sent together with the commit.
func (tx *EnrollmentTx) Add(step func(q *storedb.Queries) error) { tx.writes.Add(step) }

// WithEnrollment runs fn in a transaction that holds the lock of the enrollment's
// contact, so that it and the ingest of an event come one after the other (I-5). An
// enrollment that does not exist is ErrNotFound. A transaction that Postgres gave
// up on runs fn again.
func (s *Store) WithEnrollment(ctx context.Context, id uuid.UUID, fn func(tx *EnrollmentTx) error) error {
	var err error
	for range maxAttempts {
		err = s.Borrow(ctx, func(c *Conn) error { return c.withEnrollment(ctx, id, fn) })
		if !isRetryable(err) && !errors.Is(err, errMoved) {
			return err
		}
	}
	return err
}

// errMoved says that a merge moved the enrollment while its contact was awaited.
var errMoved = errors.New("enrollment was moved to another contact")

func (c *Conn) withEnrollment(ctx context.Context, id uuid.UUID, fn func(tx *EnrollmentTx) error) error {
	var (
		begin  Pipeline
		locked uuid.UUID
		row    storedb.EnrollmentGetRow
	)
	begin.Begin()
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
	tx := &EnrollmentTx{conn: c, Q: storedb.New(c.conn), Enrollment: row.Enrollment, Now: row.Now.UTC()}
	if err := fn(tx); err != nil {
		return err
	}
	tx.writes.Commit()
	if err := c.Send(ctx, &tx.writes); err != nil {
		return fmt.Errorf("write enrollment: %w", err)
	}
	return nil
}
