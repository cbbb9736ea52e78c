// Package schema is the database's shape and how to reach it: forward-only
// migrations, compiled in, applied in order under one lock (O-35).
package schema

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var files embed.FS

// Status compares the database with this build (O-36).
type Status struct {
	// Applied is the newest applied migration, "" on an empty database.
	Applied string
	// Required is the newest one this build knows.
	Required string
	// Pending are the names not yet applied, in order.
	Pending []string
}

// InSync reports that nothing is pending. A database with more migrations than
// this build knows is in sync, so that a build can be rolled back.
func (s Status) InSync() bool { return len(s.Pending) == 0 }

// ChangedError says that an applied migration differs from the one in this build.
type ChangedError struct{ Name string }

func (e *ChangedError) Error() string {
	return fmt.Sprintf("migration %s was changed after it was applied", e.Name)
}

// ledger keeps the digest of what was applied beside goose's own version table.
const ledger = `create table if not exists hogsend_migrations (
	name text primary key, digest text not null, applied_at timestamptz not null default now())`

// Migrate applies what is pending and returns the names it applied; two at once
// wait for each other (O-35). It refuses a *ChangedError before changing anything.
func Migrate(ctx context.Context, pool *pgxpool.Pool) ([]string, error) {
	return migrate(ctx, pool, files)
}

func migrate(ctx context.Context, pool *pgxpool.Pool, dir fs.FS) ([]string, error) {
	if _, err := check(ctx, pool, dir); err != nil {
		return nil, err
	}
	// No migration holds up the running build for long (O-35).
	conn := pool.Config().ConnConfig.Copy()
	conn.RuntimeParams["lock_timeout"], conn.RuntimeParams["statement_timeout"] = "10s", "15min"
	db := stdlib.OpenDB(*conn)
	defer db.Close()
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 900))
	if err != nil {
		return nil, fmt.Errorf("create migration lock: %w", err)
	}
	sub, err := fs.Sub(dir, "migrations")
	if err != nil {
		return nil, fmt.Errorf("open migrations: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, sealed{sub},
		goose.WithSessionLocker(locker), goose.WithTableName("hogsend_versions"))
	if err != nil {
		return nil, fmt.Errorf("prepare migrations: %w", err)
	}
	if err := createLedger(ctx, pool); err != nil {
		return nil, err
	}
	results, err := provider.Up(ctx)
	if err != nil {
		return nil, fmt.Errorf("apply migrations: %w", err)
	}
	// Another build may have applied others of the same names meanwhile.
	if _, err := check(ctx, pool, dir); err != nil {
		return nil, err
	}
	var names []string
	for _, r := range results {
		names = append(names, name(r.Source.Path))
	}
	return names, nil
}

// createLedger makes the ledger once: "if not exists" alone fails when two create it
// at the same moment.
func createLedger(ctx context.Context, pool *pgxpool.Pool) error {
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "select pg_advisory_xact_lock(hashtext('hogsend_migrations'))"); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, ledger)
		return err
	})
	if err != nil {
		return fmt.Errorf("create migration ledger: %w", err)
	}
	return nil
}

// sealed adds to each migration the statement that records its digest. They commit
// together: whenever a process dies, what was applied is known, and cannot be edited.
type sealed struct{ fs.FS }

// Open adds to what goose reads.
func (s sealed) Open(file string) (fs.File, error) {
	f, err := s.FS.Open(file)
	if err != nil || path.Ext(file) != ".sql" {
		return f, err
	}
	body, err := io.ReadAll(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return sealedFile{f, strings.NewReader(fmt.Sprintf(
		"%s\ninsert into hogsend_migrations (name, digest) values ('%s', '%s') on conflict do nothing;\n", body, name(file), digest(body),
	))}, nil
}

type sealedFile struct {
	fs.File
	content io.Reader
}

func (f sealedFile) Read(b []byte) (int, error) { return f.content.Read(b) }

// name is a migration's name, NNNN_name, of its file.
func name(file string) string { return strings.TrimSuffix(path.Base(file), ".sql") }

// Check compares the database with this build without changing it.
func Check(ctx context.Context, pool *pgxpool.Pool) (Status, error) {
	return check(ctx, pool, files)
}

func check(ctx context.Context, pool *pgxpool.Pool, dir fs.FS) (Status, error) {
	migrations, err := list(dir)
	if err != nil {
		return Status{}, err
	}
	applied, err := digests(ctx, pool)
	if err != nil {
		return Status{}, err
	}
	status := Status{Required: migrations[len(migrations)-1].name}
	for name := range applied {
		status.Applied = max(status.Applied, name)
	}
	for _, m := range migrations {
		digest, ok := applied[m.name]
		switch {
		case !ok:
			status.Pending = append(status.Pending, m.name)
		case digest != m.digest:
			return Status{}, &ChangedError{Name: m.name}
		}
	}
	return status, nil
}

type migration struct{ name, digest string }

// namePattern is NNNN_name (O-35); goose passes over a file without a number.
var namePattern = regexp.MustCompile(`^\d{4}_[a-z0-9_]+$`)

func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// list names the migrations of dir in order.
func list(dir fs.FS) ([]migration, error) {
	paths, err := fs.Glob(dir, "migrations/*.sql")
	if err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	slices.Sort(paths)
	var migrations []migration
	for _, p := range paths {
		body, err := fs.ReadFile(dir, p)
		if err != nil {
			return nil, fmt.Errorf("read migration: %w", err)
		}
		m := migration{name: name(p), digest: digest(body)}
		if !namePattern.MatchString(m.name) {
			return nil, fmt.Errorf("list migrations: %s is not named NNNN_name", p)
		}
		if bytes.Contains(body, []byte("+goose Down")) {
			return nil, fmt.Errorf("list migrations: %s has a way back, but migrations only go forward", m.name)
		}
		migrations = append(migrations, m)
	}
	if len(migrations) == 0 {
		return nil, errors.New("list migrations: none compiled in")
	}
	return migrations, nil
}

func digests(ctx context.Context, pool *pgxpool.Pool) (map[string]string, error) {
	rows, _ := pool.Query(ctx, "select name, digest from hogsend_migrations") // the error is in rows
	applied := map[string]string{}
	var applying, digest string
	_, err := pgx.ForEachRow(rows, []any{&applying, &digest}, func() error {
		applied[applying] = digest
		return nil
	})
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == undefinedTable {
		return applied, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read migration ledger: %w", err)
	}
	return applied, nil
}

const undefinedTable = "42P01"

// Files are the migrations of this build, below "migrations".
func Files() fs.FS { return files }
