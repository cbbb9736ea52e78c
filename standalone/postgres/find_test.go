package postgres

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheProgramsOfTheClustersVersionAreChosen(t *testing.T) {
	t.Parallel()
	old, recent, inPath := "/usr/lib/postgresql/9/bin", "/usr/lib/postgresql/17/bin", "/opt/homebrew/opt/postgresql@15/bin"
	for _, c := range []struct {
		name           string
		found          []string
		want           int
		firstPreferred bool
		chosen         string
	}{
		{"none", nil, 0, false, ""},
		{"the newest by number, not by spelling", []string{old, recent}, 0, false, recent},
		{"the one in PATH before a newer one", []string{inPath, recent}, 0, true, inPath},
		{"the cluster's before the one in PATH", []string{inPath, recent, old}, 9, true, old},
		{"another if the cluster's is not there", []string{old, recent}, 16, false, recent},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.chosen, choose(c.found, c.want, c.firstPreferred))
		})
	}
}

func TestAVersionIsTheLastNumberOfAPath(t *testing.T) {
	t.Parallel()
	for path, major := range map[string]int{
		"/usr/lib/postgresql/17/bin": 17, "/usr/pgsql-16/bin": 16, "/usr/libexec/postgresql18": 18, "/opt/homebrew/opt/postgresql@15/bin": 15,
		"/home/user7/.cache/hogsend/postgres-18.3.0/bin": 18, "/usr/local/bin": 0,
	} {
		require.Equal(t, major, version(path), path)
	}
}

// bare is a machine without Postgres whose repository has a build.
func bare(t *testing.T) machine {
	t.Helper()
	body := published(t, whole()...)
	address, _ := serve(t, body, sum(body))
	dir := t.TempDir()
	return machine{places: []string{filepath.Join(dir, "lib", "*", "bin")}, cache: filepath.Join(dir, "cache"), repository: address}
}

// installer puts the programs where the machine looks for them, and counts.
func (m machine) installer(t *testing.T, calls *int) func(context.Context, func(string)) error {
	t.Helper()
	return func(context.Context, func(string)) error {
		*calls++
		bin := strings.Replace(m.places[0], "*", "15", 1)
		for _, name := range []string{"initdb", "postgres"} {
			require.NoError(t, os.MkdirAll(bin, 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(bin, name), nil, 0o755))
		}
		return nil
	}
}

// O-47
func TestNothingIsInstalledUnasked(t *testing.T) {
	t.Parallel()
	m := bare(t)
	var installs int
	m.install = m.installer(t, &installs)
	var said []string
	bin, err := m.find(t.Context(), Config{Progress: func(line string) { said = append(said, line) }}, 0)
	require.NoError(t, err)
	require.Zero(t, installs)
	require.Equal(t, filepath.Join(fetchedFolder(m.cache), "bin"), bin)
	require.Len(t, said, 1)
	require.Contains(t, said[0], "nothing is installed")

	m.repository = "http://127.0.0.1:1" // what was fetched is found
	again, err := m.find(t.Context(), Config{Progress: func(string) { t.Error("nothing to say") }}, 0)
	require.NoError(t, err)
	require.Equal(t, bin, again)
}

func TestAskedForItIsInstalledAndWhereThatFailsFetched(t *testing.T) {
	t.Parallel()
	silent := func(string) {}
	m := bare(t)
	var installs int
	m.install = m.installer(t, &installs)
	bin, err := m.find(t.Context(), Config{Install: true, Progress: silent}, 0)
	require.NoError(t, err)
	require.Equal(t, strings.Replace(m.places[0], "*", "15", 1), bin)
	bin, err = m.find(t.Context(), Config{Install: true, Progress: silent}, 0)
	require.NoError(t, err)
	require.Equal(t, 1, installs, "it is there")
	require.NotEmpty(t, bin)

	for name, install := range map[string]func(context.Context, func(string)) error{
		"not root":           nil,
		"no package manager": func(context.Context, func(string)) error { return errors.New("none") },
		"a package without":  func(context.Context, func(string)) error { return nil },
	} {
		m := bare(t)
		m.install = install
		bin, err := m.find(t.Context(), Config{Install: true, Progress: silent}, 0)
		require.NoError(t, err, name)
		require.Equal(t, filepath.Join(fetchedFolder(m.cache), "bin"), bin, name)
	}
}

func TestWhereThereIsNoneAndNoneToBeHadTheErrorSaysSo(t *testing.T) {
	t.Parallel()
	m := bare(t)
	m.repository, _ = serve(t, nil, nil)
	_, err := m.find(t.Context(), Config{Progress: func(string) {}}, 0)
	require.ErrorIs(t, err, ErrNoPrograms)
	require.ErrorContains(t, err, "404")
}

func TestOfManyProcessesOneFetches(t *testing.T) {
	t.Parallel()
	body := published(t, whole()...)
	address, asked := serve(t, body, sum(body))
	m := machine{cache: t.TempDir(), repository: address}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if _, err := m.find(t.Context(), Config{Progress: func(string) {}}, 0); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	require.EqualValues(t, 1, asked.Load())
}
