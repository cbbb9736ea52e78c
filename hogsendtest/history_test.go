package hogsendtest_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/examples/saas"
	"github.com/hogsend/hogsend/hogsendtest"
)

// stored plays the example and stores its histories in a folder of the test's own.
// The flag is the process's, hence no parallel test.
func stored(t *testing.T, dir string) {
	t.Helper()
	s := hogsendtest.New(t, saas.Registry())
	s.Quick()
	person := s.Contact(ada())
	person.At(0, "user.created")
	person.At(time.Hour, "trial.started", hogsend.Properties{"trialDays": 14})
	got := s.Run()
	hogsendtest.Store(t, got, dir)
}

func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path) // it is below dir
		found[filepath.ToSlash(name)] = string(raw)
		return err
	}))
	return found
}

//nolint:paralleltest // it sets a flag of the process
func TestHistoriesAreStoredAndReplayed(t *testing.T) {
	dir, again := t.TempDir(), t.TempDir()
	stored(t, dir)
	require.Empty(t, files(t, dir), "without -update nothing is written")

	was := flag.Lookup("update").Value.String()
	require.NoError(t, flag.Set("update", "true"))
	defer func() { require.NoError(t, flag.Set("update", was)) }()
	stored(t, dir)
	stored(t, again)
	require.Equal(t, files(t, again), files(t, dir), "the same script stores the same bytes")
	var names []string
	for name := range files(t, dir) {
		names = append(names, name)
	}
	slices.Sort(names) // T-17: one for each wait
	require.Equal(t, []string{"activation-welcome/wait-event-feature.used.json", "trial-ending/until-end.json", "trial-ending/until-reminder.json"}, names)

	hogsendtest.Replay(t, saas.Registry(), dir) // T-18

	changed := saas.Registry()
	for i := range changed.Journeys {
		if changed.Journeys[i].ID == saas.TrialEnding.ID {
			changed.Journeys[i].Run = mailsAtOnce
		}
	}
	got := failure(t, func(t hogsendtest.T) { hogsendtest.Replay(t, changed, dir) })
	require.Contains(t, got, filepath.Join("trial-ending", "until-reminder.json")+" does not replay")
	require.Contains(t, got, filepath.Join("trial-ending", "until-end.json")+" does not replay")
	require.NotContains(t, got, "activation-welcome")
}

func mailsAtOnce(ctx workflow.Context, run hogsend.Run) error { return send(ctx, run, "trial-ending") }

func TestAFolderWithoutHistoriesFails(t *testing.T) {
	t.Parallel() // T-18
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), "missing")} {
		got := failure(t, func(t hogsendtest.T) { hogsendtest.Replay(t, saas.Registry(), dir) })
		require.True(t, strings.HasPrefix(got, "hogsendtest: find stored histories in "+dir), got)
	}
}
