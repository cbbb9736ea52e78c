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

// Tx is a transaction that holds the lock of a contact. What is read in it and what is
// written are sent in round trips of their own.
type Tx struct {
	// Q runs statements in the transaction at once.
	Q *storedb.Queries
	// Now is the one instant of the transaction, read under the lock.
	Now time.Time

	conn   *Conn
	writes Pipeline
}

// Read sends the queued statements in one round trip, inside the transaction.
func (tx *Tx) Read(ctx context.Context, queue func(p *Pipeline)) error {
	var p Pipeline
	queue(&p)
	return tx.conn.Send(ctx, &p)
}

// Add queues a write that is sent together with the commit.
func (tx *Tx) Add(step func(q *storedb.Queries) error) { tx.writes.Add(step) }

func (tx *Tx) commit(ctx context.Context) error {
	tx.writes.Commit()
	return tx.conn.Send(ctx, &tx.writes)
}

// ContactTx is a transaction about one contact, or about nobody.
type ContactTx struct {
	Tx
	// Contact is the row as it stands under the lock, the survivor of a merge; nil for
	// nobody.
	Contact *storedb.Contact
}

// WithContact runs fn in a transaction that holds the lock of the contact, so that it and
// all else that changes the contact come one after the other (I-5). nil is nobody: then
// nothing is locked. A contact that does not exist is ErrNotFound. A transaction that
// Postgres gave up on runs fn again.
func (s *Store) WithContact(ctx context.Context, id *uuid.UUID, fn func(tx *ContactTx) error) error {
	var err error
	for range maxAttempts {
		err = s.Borrow(ctx, func(c *Conn) error { return c.withContact(ctx, id, fn) })
		if !isRetryable(err) && !errors.Is(err, errMoved) {
			return err
		}
	}
	return err
}

func (c *Conn) withContact(ctx context.Context, id *uuid.UUID, fn func(tx *ContactTx) error) error {
	var (
		begin Pipeline
		row   storedb.Contact
		now   time.Time
	)
	begin.Begin()
	if id != nil {
		begin.Add(func(q *storedb.Queries) (err error) { row, err = q.ContactLock(ctx, *id); return err })
	}
	begin.Add(func(q *storedb.Queries) (err error) { now, err = q.IngestClock(ctx); return err })
	if err := c.Send(ctx, &begin); errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("contact: %w", ErrNotFound)
	} else if err != nil {
		return fmt.Errorf("lock contact: %w", err)
	}
	if row.MergedInto != nil { // while it was awaited
		return errMoved
	}
	tx := &ContactTx{Tx: Tx{conn: c, Q: storedb.New(c.conn), Now: now.UTC()}}
	if id != nil {
		tx.Contact = &row
	}
	if err := fn(tx); err != nil {
		return err
	}
	if err := tx.commit(ctx); err != nil {
		return fmt.Errorf("write contact: %w", err)
	}
	return nil
}
