package dbtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/schema"
	"github.com/hogsend/hogsend/standalone/postgres"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(userVariable); path != "" && os.Getenv(keeperVariable) == "" {
		os.Exit(use(folder(path)))
	}
	if os.Getenv(withoutMainVariable) != "" {
		os.Exit(m.Run())
	}
	Main(m)
}

func TestEachTestHasADatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	first, second := DB(t), DB(t)
	status, err := schema.Check(t.Context(), first.Pool)
	require.NoError(t, err)
	require.True(t, status.InSync())
	_, err = first.Pool.Exec(t.Context(), "create table mine ()")
	require.NoError(t, err)
	var there bool
	require.NoError(t, second.Pool.QueryRow(t.Context(), "select to_regclass('mine') is not null").Scan(&there))
	require.False(t, there)
	require.NoError(t, Empty(t).QueryRow(t.Context(), "select to_regclass('contacts') is not null").Scan(&there))
	require.False(t, there, "an empty one is not migrated")
}

func TestADatabaseIsGoneWhenItsTestIs(t *testing.T) {
	t.Parallel()
	var address string
	t.Run("uses one", func(t *testing.T) { address = URL(t) })
	_, err := pgx.Connect(t.Context(), address)
	require.ErrorContains(t, err, "does not exist")
}

func TestManyTestProcessesMakeOneTemplate(t *testing.T) {
	t.Parallel()
	server, err := Start(t.Context(), postgres.Config{DataDir: filepath.Join(string(passable(t)), "postgres"), Unsafe: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	base := server.URL()
	admin := connect(t, base)
	// As one leaves it that was killed while it migrated, with a connection still open.
	unfinished := "hogsend_template_" + digest(t)
	_, err = admin.Exec(t.Context(), `create database "`+unfinished+`"`)
	require.NoError(t, err)
	connect(t, withDatabase(t, base, unfinished))

	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestEachTestHasADatabaseOfItsOwn$")
			cmd.Env = append(os.Environ(), URLVariable+"="+base)
			if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "PASS") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	group.Wait()
	var templates, rest int
	require.NoError(t, admin.QueryRow(t.Context(),
		"select count(*) filter (where datistemplate and datname like 'hogsend_template_%'), count(*) filter (where datname like 't\\_%') from pg_database").Scan(&templates, &rest))
	require.Equal(t, 1, templates)
	require.Zero(t, rest, "every test dropped its own")
}
