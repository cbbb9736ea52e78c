package schema_test

import (
	"context"
	"io/fs"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/schema"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

func migrations(bodies map[string]string) fs.FS {
	files := fstest.MapFS{}
	for name, body := range bodies {
		files["migrations/"+name+".sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + body)}
	}
	return files
}

var (
	one   = migrations(map[string]string{"0001_one": "create table one (n int);"})
	two   = migrations(map[string]string{"0001_one": "create table one (n int);", "0002_two": "create table two (n int);"})
	other = migrations(map[string]string{"0001_one": "create table one (n bigint);"})
	bad   = migrations(map[string]string{"0001_one": "create table one (n int);", "0002_bad": "create table two (n int); select 1/0;"})
)

func check(t *testing.T, pool *pgxpool.Pool, files fs.FS) schema.Status {
	t.Helper()
	status, err := schema.CheckFS(t.Context(), pool, files)
	require.NoError(t, err)
	return status
}

func TestMigrationsApplyInOrderAndOnce(t *testing.T) {
	t.Parallel() // O-35, O-36
	pool := dbtest.Empty(t)
	require.Equal(t, schema.Status{Required: "0002_two", Pending: []string{"0001_one", "0002_two"}}, check(t, pool, two))

	applied, err := schema.MigrateFS(t.Context(), pool, one)
	require.NoError(t, err)
	require.Equal(t, []string{"0001_one"}, applied)
	status := check(t, pool, two)
	require.Equal(t, []string{"0002_two"}, status.Pending)
	require.False(t, status.InSync())

	applied, err = schema.MigrateFS(t.Context(), pool, two)
	require.NoError(t, err)
	require.Equal(t, []string{"0002_two"}, applied)
	applied, err = schema.MigrateFS(t.Context(), pool, two)
	require.NoError(t, err)
	require.Empty(t, applied, "a second run has nothing to do")
	require.True(t, check(t, pool, one).InSync(), "a build can be rolled back: the database knows more than it")
}

func TestAReleasedMigrationThatWasEditedIsRefusedByName(t *testing.T) {
	t.Parallel() // O-36
	pool := dbtest.Empty(t)
	_, err := schema.MigrateFS(t.Context(), pool, one)
	require.NoError(t, err)
	var changed *schema.ChangedError
	_, err = schema.CheckFS(t.Context(), pool, other)
	require.ErrorAs(t, err, &changed)
	require.Equal(t, "0001_one", changed.Name)
	_, err = schema.MigrateFS(t.Context(), pool, other)
	require.ErrorAs(t, err, &changed)
}

func TestAFailedMigrationLeavesNothingAndCanBeRepeated(t *testing.T) {
	t.Parallel() // O-35
	pool := dbtest.Empty(t)
	_, err := schema.MigrateFS(t.Context(), pool, bad)
	require.Error(t, err)
	require.Equal(t, []string{"0002_two"}, check(t, pool, two).Pending, "what came before it is applied")
	_, err = schema.MigrateFS(t.Context(), pool, two)
	require.NoError(t, err)
}

func TestAMigrationAndItsDigestCommitTogether(t *testing.T) {
	t.Parallel() // O-36
	pool := dbtest.Empty(t)
	_, err := schema.MigrateFS(t.Context(), pool, migrations(map[string]string{
		"0001_one": "create table one (n int);",
		"0002_two": "create table two (n int); select pg_terminate_backend(pg_backend_pid());",
	}))
	require.Error(t, err, "the process died within the second")
	require.Equal(t, []string{"0002_two"}, check(t, pool, two).Pending)
	var changed *schema.ChangedError
	_, err = schema.MigrateFS(t.Context(), pool, other)
	require.ErrorAs(t, err, &changed, "the first is known, and what it was")
	_, err = schema.MigrateFS(t.Context(), pool, two)
	require.NoError(t, err, "nothing is left of the second")
}

func TestTwoBuildsThatDisagreeNeverBothSucceed(t *testing.T) {
	t.Parallel() // O-36
	pool := dbtest.Empty(t)
	var group sync.WaitGroup
	errs := make([]error, 2)
	for i, files := range []fs.FS{one, other} {
		group.Go(func() { _, errs[i] = schema.MigrateFS(context.WithoutCancel(t.Context()), pool, files) })
	}
	group.Wait()
	winner := 0
	if errs[0] != nil {
		winner = 1
	}
	require.NoError(t, errs[winner])
	var changed *schema.ChangedError
	require.ErrorAs(t, errs[1-winner], &changed)
}

func TestAnIndexIsBuiltConcurrently(t *testing.T) {
	t.Parallel() // O-37
	pool := dbtest.Empty(t)
	files := fstest.MapFS{
		"migrations/0001_one.sql":   {Data: []byte("-- +goose Up\ncreate table one (n int);")},
		"migrations/0002_index.sql": {Data: []byte("-- +goose NO TRANSACTION\n-- +goose Up\ncreate index concurrently if not exists one_n on one (n);")},
	}
	_, err := schema.MigrateFS(t.Context(), pool, files)
	require.NoError(t, err)
	require.True(t, check(t, pool, files).InSync())
}

func TestNoMigrationHoldsUpTheBuildThatRunsForLong(t *testing.T) {
	t.Parallel() // O-35
	pool := dbtest.Empty(t)
	settings := migrations(map[string]string{
		"0001_settings": "create table settings as select current_setting('lock_timeout') as lock, current_setting('statement_timeout') as statement;",
	})
	_, err := schema.MigrateFS(t.Context(), pool, settings)
	require.NoError(t, err)
	var lock, statement string
	require.NoError(t, pool.QueryRow(t.Context(), "select lock, statement from settings").Scan(&lock, &statement))
	require.Equal(t, []string{"10s", "15min"}, []string{lock, statement})
}

func TestMalformedMigrationsAreRefused(t *testing.T) {
	t.Parallel() // O-35
	pool := dbtest.Empty(t)
	for want, files := range map[string]fs.FS{
		"is not named NNNN_name": migrations(map[string]string{"one": "select 1;"}),
		"only go forward":        migrations(map[string]string{"0001_one": "select 1;\n-- +goose Down\nselect 2;"}),
		"none compiled in":       migrations(nil),
	} {
		_, err := schema.MigrateFS(t.Context(), pool, files)
		require.ErrorContains(t, err, want)
		_, err = schema.CheckFS(t.Context(), pool, files)
		require.ErrorContains(t, err, want)
	}
}

func TestTwoMigrationsAtOnceWaitForEachOther(t *testing.T) {
	t.Parallel() // O-35
	pool := dbtest.Empty(t)
	var group sync.WaitGroup
	total := make(chan int, 4)
	for range 4 {
		group.Go(func() {
			applied, err := schema.MigrateFS(context.WithoutCancel(t.Context()), pool, two)
			if err != nil {
				t.Error(err)
			}
			total <- len(applied)
		})
	}
	group.Wait()
	close(total)
	sum := 0
	for n := range total {
		sum += n
	}
	require.Equal(t, 2, sum, "each migration was applied by one of them")
}

func TestThisBuildsMigrationsReachFromZero(t *testing.T) {
	t.Parallel()
	pool := dbtest.Empty(t)
	_, err := schema.Migrate(t.Context(), pool)
	require.NoError(t, err)
	status, err := schema.Check(t.Context(), pool)
	require.NoError(t, err)
	require.True(t, status.InSync())
	require.Equal(t, status.Required, status.Applied)
}
