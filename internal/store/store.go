// Package store holds all SQL of the product: the generated queries of storedb
// and the few methods that open transactions around them.
package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hogsend/hogsend/internal/store/storedb"
)

// ErrNotFound is returned by Get methods when there is no such row.
var ErrNotFound = errors.New("not found")

// Store is the product's database. It is safe for concurrent use; one pool per
// process is shared by everything in it (O-38).
type Store struct {
	*storedb.Queries
	Pool *pgxpool.Pool
}

// Config says how to reach the database.
type Config struct {
	// URL is a Postgres connection string; required.
	URL string
	// MaxConns bounds the pool; 0 means 20.
	MaxConns int32
}

// Open connects lazily: it fails only on a malformed URL, so that a process can
// start and wait for its database (O-41).
func Open(ctx context.Context, cfg Config) (*Store, error) {
	pc, err := pgxpool.ParseConfig(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("parse database url: %w", err)
	}
	// Every statement is short. Compiling one because its estimate is high, as those of
	// lateral joins are, would take longer than running it.
	if _, set := pc.ConnConfig.RuntimeParams["jit"]; !set {
		pc.ConnConfig.RuntimeParams["jit"] = "off"
	}
	pc.MaxConns = cfg.MaxConns
	if pc.MaxConns == 0 {
		pc.MaxConns = 20
	}
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	return New(pool), nil
}

// New wraps an existing pool.
func New(pool *pgxpool.Pool) *Store {
	return &Store{Queries: storedb.New(pool), Pool: pool}
}

// Close waits for borrowed connections and closes the pool.
func (s *Store) Close() { s.Pool.Close() }

// maxAttempts bounds the repeats of a transaction that Postgres gave up on.
const maxAttempts = 5

// Change runs the statements of fn in one transaction, as InTx does.
func (s *Store) Change(ctx context.Context, fn func(q *storedb.Queries) error) error {
	return s.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error { return fn(q) })
}

// InTx runs fn in one read-committed transaction and commits it. A deadlock or a
// serialization failure runs fn again, so fn must keep no effect outside the
// transaction until InTx has returned nil.
func (s *Store) InTx(ctx context.Context, fn func(tx pgx.Tx, q *storedb.Queries) error) error {
	var err error
	for range maxAttempts {
		err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
			return fn(tx, s.WithTx(tx))
		})
		if !isRetryable(err) {
			return err
		}
	}
	return err
}

func isRetryable(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01")
}

// IsUnavailable reports whether err says that the database could not be reached
// or is going away, as opposed to refusing a statement: the caller answers 503
// and the client tries again.
func IsUnavailable(err error) bool {
	if err == nil {
		return false
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		// Class 08 connection, 53 resources, 57P0x shutdown and crash.
		return pg.Code[:2] == "08" || pg.Code[:2] == "53" || pg.Code[:4] == "57P0"
	}
	var connect *pgconn.ConnectError
	return errors.As(err, &connect) || pgconn.Timeout(err) || pgconn.SafeToRetry(err) ||
		errors.Is(err, context.DeadlineExceeded) || isNetError(err)
}
