// Package dbtest gives tests a real Postgres: an empty, migrated database for
// each test that asks. HOGSEND_TEST_DATABASE_URL names a server to use; without it
// all test processes share one that the first of them starts, so that a plain
// `go test ./...` is all that it takes.
//
// Migrations are applied once for each of their names and contents, to a template database
// that stays on the server; each test gets a copy of it, dropped when the test ends.
// Any number of tests and test processes may ask at once. A package that uses this
// one has
//
//	func TestMain(m *testing.M) { dbtest.Main(m) }
package dbtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/schema"
)

// URLVariable names the environment variable with the server's URL.
const URLVariable = "HOGSEND_TEST_DATABASE_URL"

// DB is a store on a migrated database of the test's own, dropped when it ends.
func DB(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{URL: URL(t), MaxConns: 16})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// Clocked is such a store whose database has a clock that stands where set puts it:
// the product's statements say clock_timestamp without a schema.
func Clocked(t testing.TB, now time.Time) (s *store.Store, set func(now time.Time)) {
	t.Helper()
	url := URL(t)
	connection := connect(t, url)
	for _, statement := range []string{
		`create schema virtual`, `create table virtual.clock (at timestamptz not null)`, `insert into virtual.clock values (now())`,
		`create function virtual.clock_timestamp() returns timestamptz language sql stable as 'select at from virtual.clock'`,
		`do $$ begin execute format('alter database %I set search_path = virtual, public, pg_catalog', current_database()); end $$`,
	} {
		_, err := connection.Exec(t.Context(), statement)
		require.NoError(t, err, statement)
	}
	require.NoError(t, connection.Close(t.Context()))
	s, err := store.Open(t.Context(), store.Config{URL: url, MaxConns: 8})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	set = func(now time.Time) {
		t.Helper()
		_, err := s.Pool.Exec(context.WithoutCancel(t.Context()), `update virtual.clock set at = $1`, now)
		require.NoError(t, err)
	}
	set(now)
	return s, set
}

// URL is the address of a migrated database of the test's own, for tests that
// start processes.
func URL(t testing.TB) string {
	t.Helper()
	base, template := server(t)
	return create(t, base, fmt.Sprintf("template %q strategy file_copy", template))
}

// Empty is a pool on an empty database of the test's own, for tests of migrations.
func Empty(t testing.TB) *pgxpool.Pool {
	t.Helper()
	base, _ := server(t)
	pool, err := pgxpool.New(t.Context(), create(t, base, ""))
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// create makes a database that is dropped when the test ends and returns its address.
func create(t testing.TB, base, options string) string {
	t.Helper()
	name := "t_" + uuid.New().String()
	admin := connect(t, base)
	_, err := admin.Exec(t.Context(), fmt.Sprintf("create database %q %s", name, options))
	require.NoError(t, err)
	require.NoError(t, admin.Close(t.Context()))
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		admin, err := pgx.Connect(ctx, base)
		require.NoError(t, err)
		_, err = admin.Exec(ctx, fmt.Sprintf(`drop database if exists %q with (force)`, name))
		require.NoError(t, err)
		require.NoError(t, admin.Close(ctx))
	})
	return withDatabase(t, base, name)
}

// server is the test server and the name of its migrated template database, made
// once per content of the migrations whichever test process comes first.
func server(t testing.TB) (base, template string) {
	t.Helper()
	base = os.Getenv(URLVariable)
	if base == "" {
		var err error
		base, err = shared()
		require.NoError(t, err)
	}
	template = "hogsend_template_" + digest(t)
	templates.Lock()
	defer templates.Unlock()
	if templates.ready[template] {
		return base, template
	}
	admin := connect(t, base)
	defer func() { require.NoError(t, admin.Close(t.Context())) }()
	// Held until the connection closes: other test processes wait for the template.
	_, err := admin.Exec(t.Context(), "select pg_advisory_lock(7001)")
	require.NoError(t, err)
	var exists bool
	require.NoError(t, admin.QueryRow(t.Context(),
		"select exists (select from pg_database where datname = $1 and datistemplate)", template).Scan(&exists))
	if !exists {
		// What a process left behind that was killed while it migrated.
		_, err = admin.Exec(t.Context(), fmt.Sprintf("drop database if exists %q with (force)", template))
		require.NoError(t, err)
		_, err = admin.Exec(t.Context(), fmt.Sprintf("create database %q", template))
		require.NoError(t, err)
		pool, err := pgxpool.New(t.Context(), withDatabase(t, base, template))
		require.NoError(t, err)
		_, err = schema.Migrate(t.Context(), pool)
		require.NoError(t, err)
		pool.Close()
		_, err = admin.Exec(t.Context(), fmt.Sprintf("alter database %q is_template true", template))
		require.NoError(t, err)
	}
	templates.ready[template] = true
	return base, template
}

// templates remembers what this process has seen ready.
var templates = struct {
	sync.Mutex
	ready map[string]bool
}{ready: map[string]bool{}}

func connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	return conn
}

func withDatabase(t testing.TB, base, name string) string {
	t.Helper()
	u, err := url.Parse(base)
	require.NoError(t, err)
	u.Path = "/" + name
	return u.String()
}

func digest(t testing.TB) string {
	t.Helper()
	sum := sha256.New()
	require.NoError(t, fs.WalkDir(schema.Files(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(schema.Files(), path)
		sum.Write([]byte(path)) // a renamed one is another one
		sum.Write(body)
		return err
	}))
	return hex.EncodeToString(sum.Sum(nil)[:8])
}
