package app

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
)

// O-50: saves that come together are one, and one that comes while a
// build is under way makes another.
func TestSavesThatComeTogetherAreOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := watchSources()
	require.NoError(t, err)
	require.NoError(t, s.follow([]string{dir}))
	save := func(name string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(time.Now().String()), 0o600))
	}
	save("a_test.go") // not of the program
	save(".a.go.swp")
	save("a.go")
	save("b.html")
	before := time.Now()
	saved := <-s.saved
	require.False(t, saved.After(time.Now()))
	require.WithinDuration(t, before, saved, time.Minute)
	save("c.go") // nobody listens now
	save("d.go")
	<-s.saved
	require.NoError(t, s.close())
	for range s.saved { //nolint:revive // whatever was still to be told
	}
}

func TestWhatIsNoSourceIsLeftOut(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{"a.go": true, "go.mod": true, "mail.html": true, "a_test.go": false, ".a.go": false, "#a.go": false, "a.go~": false, "4913": false} {
		require.Equal(t, want, isSource(fsnotify.Event{Name: filepath.Join("x", name), Op: fsnotify.Write}), name)
	}
	require.False(t, isSource(fsnotify.Event{Name: "a.go", Op: fsnotify.Chmod}))
	require.True(t, isSource(fsnotify.Event{Name: "a.go", Op: fsnotify.Remove}))
}

// The folders of a program are those of its packages, of what they embed and of its
// module, and none of the module cache.
func TestTheFoldersOfAProgram(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	folders, err := sourceFolders(t.Context(), root, "./examples/saas")
	require.NoError(t, err)
	for _, name := range []string{"", "examples/saas", "examples/saas/templates", "internal/condition"} {
		require.Contains(t, folders, filepath.Join(root, name))
	}
	require.NotContains(t, folders, filepath.Join(root, "server"))
	for _, folder := range folders {
		require.Contains(t, folder, root)
	}
	_, err = sourceFolders(t.Context(), root, "./examples/none")
	require.Error(t, err)
}

// A build that defines something else says what, by id.
func TestABuildSaysWhatItDefinesOtherwise(t *testing.T) {
	t.Parallel()
	journey := func(id string, limit hogsend.EntryLimit) hogsend.Journey {
		return hogsend.Journey{ID: id, Name: id, Trigger: hogsend.On("user.created"), EntryLimit: limit, Run: nothing}
	}
	bucket := hogsend.Bucket{ID: "active", Name: "Active", Criteria: hogsend.Event("seen").Exists()}
	before := describe(hogsend.Registry{Journeys: []hogsend.Journey{journey("a", hogsend.Once), journey("b", hogsend.Once)}, Buckets: []hogsend.Bucket{bucket}}, "")
	require.Equal(t, "journeys 2, buckets 1, templates 0", before.counts())
	require.Equal(t, "definitions as before", before.changes(before))
	require.Equal(t, "a", before.ExampleJourney)

	bucket.Criteria = hogsend.Event("seen").NotExists()
	after := describe(hogsend.Registry{
		Journeys: []hogsend.Journey{journey("b", hogsend.Unlimited), journey("c", hogsend.Once)}, Buckets: []hogsend.Bucket{bucket},
		Templates: []hogsend.Template{{Key: "hello", Subject: "Hi"}}, Defaults: hogsend.Defaults{OnBlocked: hogsend.Defer},
	}, "")
	require.Equal(t, "journeys -a ~b +c, buckets ~active, templates +hello, defaults ~", after.changes(before))
}

// A program that ends while it is looked for is no reason to wait for it.
func TestWatchNeedsAProgramThatExists(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = sourceFolders(ctx, root, "./examples/saas")
	require.ErrorIs(t, err, context.Canceled)
}
