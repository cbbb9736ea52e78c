package dbtest

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/standalone/postgres"
)

// own is the server this process started for itself. It ends with the process,
// however that ends; its folder is deleted by Main, which is why start insists on it.
var own struct {
	sync.Once
	main   bool
	server *postgres.Postgres
	dir    string
	err    error
}

// start runs a server for this test process, the first time it is asked.
func start(t testing.TB) string {
	t.Helper()
	require.True(t, own.main, "a package whose tests need a database calls dbtest.Main from its TestMain")
	own.Do(func() {
		if own.dir, own.err = os.MkdirTemp("/var/tmp", "hogsend-test-"); own.err != nil {
			return
		}
		// The server's user must reach its folder below this one.
		if own.err = os.Chmod(own.dir, 0o755); own.err != nil { //nolint:gosec // see above
			return
		}
		own.server, own.err = postgres.Start(t.Context(), postgres.Config{DataDir: filepath.Join(own.dir, "postgres"), Unsafe: true})
	})
	require.NoError(t, own.err)
	return own.server.URL()
}

// Main runs a package's tests and then ends the server they may have started. Every
// package that uses this one calls it from TestMain.
func Main(m *testing.M) {
	own.main = true
	code := m.Run()
	if own.server != nil {
		if err := own.server.Stop(); err != nil {
			panic(err)
		}
	}
	if own.dir != "" {
		if err := os.RemoveAll(own.dir); err != nil {
			panic(err)
		}
	}
	os.Exit(code)
}
