package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hogsend/hogsend/internal/store/storedb"
)

// Pipeline collects statements that are sent in one round trip. A step makes
// exactly one generated call; it is run twice, first to queue its statement, then
// to read its result, so it may keep results in variables but must not count
// anything. The zero value is ready for use, once.
type Pipeline struct {
	batch   pgx.Batch
	steps   []func(*storedb.Queries) error
	results pgx.BatchResults
}

// errQueued is what a step sees of its statement before it was sent.
var errQueued = errors.New("statement is queued")

// Add queues the statement of step.
func (p *Pipeline) Add(step func(q *storedb.Queries) error) {
	_ = step(storedb.New(p)) // the statement is queued whatever the step makes of having no result yet
	p.steps = append(p.steps, step)
}

// Begin and Commit queue the bounds of a transaction.
func (p *Pipeline) Begin() { p.addText("begin") }

// Commit queues the end of the transaction; it is not reached when a statement
// before it fails.
func (p *Pipeline) Commit() { p.addText("commit") }

func (p *Pipeline) addText(sql string) {
	p.batch.Queue(sql)
	p.steps = append(p.steps, func(*storedb.Queries) error {
		_, err := p.results.Exec()
		return err
	})
}

// Exec, Query and QueryRow are what the generated code calls.
func (p *Pipeline) Exec(_ context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	if p.results != nil {
		return p.results.Exec()
	}
	p.queue(sql, args)
	return pgconn.CommandTag{}, nil
}

// Query queues a statement, or returns its rows.
func (p *Pipeline) Query(_ context.Context, sql string, args ...any) (pgx.Rows, error) {
	if p.results != nil {
		return p.results.Query()
	}
	p.queue(sql, args)
	return nil, errQueued
}

// QueryRow queues a statement, or returns its row.
func (p *Pipeline) QueryRow(_ context.Context, sql string, args ...any) pgx.Row {
	if p.results != nil {
		return p.results.QueryRow()
	}
	p.queue(sql, args)
	return queuedRow{}
}

// queue spells uuid arrays itself: by way of driver.Valuer they would take most of
// the time of a statement.
func (p *Pipeline) queue(sql string, args []any) {
	for i, arg := range args {
		if ids, ok := arg.([]uuid.UUID); ok {
			args[i] = uuidArray(ids)
		}
	}
	p.batch.Queue(sql, args...)
}

func uuidArray(ids []uuid.UUID) string {
	text := make([]byte, 0, 2+33*len(ids))
	text = append(text, '{')
	for i := range ids {
		if i > 0 {
			text = append(text, ',')
		}
		text = hex.AppendEncode(text, ids[i][:])
	}
	return string(append(text, '}'))
}

type queuedRow struct{}

func (queuedRow) Scan(...any) error { return errQueued }

// Conn is one borrowed connection, on which pipelines run one after another.
type Conn struct{ conn *pgxpool.Conn }

// Send runs the queued statements in one round trip and returns the first error;
// statements after a failed one are not run.
func (c *Conn) Send(ctx context.Context, p *Pipeline) error {
	if len(p.steps) == 0 {
		return nil
	}
	p.results = c.conn.SendBatch(ctx, &p.batch)
	q := storedb.New(p)
	for _, step := range p.steps {
		if err := step(q); err != nil {
			return errors.Join(err, p.closed())
		}
	}
	return p.closed()
}

// closed ends the reading of results. A failed statement was reported already.
func (p *Pipeline) closed() error {
	err := p.results.Close()
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return nil
	}
	return err
}

// Borrow lends fn a connection of the pool. A transaction that fn leaves open is
// rolled back.
func (s *Store) Borrow(ctx context.Context, fn func(c *Conn) error) error {
	conn, err := s.Pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("acquire connection: %w", err)
	}
	defer conn.Release()
	err = fn(&Conn{conn: conn})
	if conn.Conn().PgConn().TxStatus() != 'I' && !conn.Conn().IsClosed() {
		// A connection on which this fails is discarded by the pool.
		_, _ = conn.Exec(context.WithoutCancel(ctx), "rollback")
	}
	return err
}

// IsConflict reports whether Postgres gave up on a transaction that may be run again.
func IsConflict(err error) bool { return isRetryable(err) }

// AddRows queues a statement that is made at run time; read gets its rows and must
// read them all.
func (p *Pipeline) AddRows(ctx context.Context, sql string, args []any, read func(rows pgx.Rows) error) {
	p.queue(sql, args)
	p.steps = append(p.steps, func(*storedb.Queries) error {
		rows, err := p.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		return read(rows)
	})
}
