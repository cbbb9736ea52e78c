package postgres

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/ulikunitz/xz"
)

// published is what a repository serves: a build of a server that does nothing.
func published(t *testing.T, entries ...tar.Header) []byte {
	t.Helper()
	var packed bytes.Buffer
	compressor, err := xz.NewWriter(&packed)
	require.NoError(t, err)
	archive := tar.NewWriter(compressor)
	for _, entry := range entries {
		if entry.Typeflag == tar.TypeReg {
			entry.Size = int64(len(entry.Name))
		}
		require.NoError(t, archive.WriteHeader(&entry))
		if entry.Typeflag == tar.TypeReg {
			_, err := archive.Write([]byte(entry.Name))
			require.NoError(t, err)
		}
	}
	require.NoError(t, archive.Close())
	require.NoError(t, compressor.Close())
	return jar(t, "postgres-linux-x86_64.txz", packed.Bytes())
}

func jar(t *testing.T, name string, body []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, file := range []struct {
		name string
		body []byte
	}{{"META-INF/MANIFEST.MF", []byte("Manifest-Version: 1.0\n")}, {name, body}} {
		entry, err := w.Create(file.name)
		require.NoError(t, err)
		_, err = entry.Write(file.body)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return out.Bytes()
}

func file(name string, mode int64) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode}
}

// whole has what a build has, links between libraries included.
func whole() []tar.Header {
	return []tar.Header{
		{Typeflag: tar.TypeDir, Name: "./bin/", Mode: 0o700},
		file("./bin/initdb", 0o700), file("./bin/postgres", 0o755), file("./lib/libpq.so.5.18", 0o600),
		{Typeflag: tar.TypeSymlink, Name: "./lib/libpq.so.5", Linkname: "libpq.so.5.18"},
	}
}

func sum(body []byte) []byte {
	digest := sha256.Sum256(body)
	return []byte(hex.EncodeToString(digest[:]))
}

// serve is a repository whose every build is body, and how often one was asked for.
func serve(t *testing.T, body, checksum []byte) (address string, asked *atomic.Int32) {
	t.Helper()
	asked = &atomic.Int32{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, ".jar.sha256") && checksum != nil:
			w.Write(checksum)
		case strings.HasSuffix(r.URL.Path, ".jar"):
			asked.Add(1)
			w.Write(body)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, asked
}

func TestFetchedProgramsAreInPlaceForEveryUser(t *testing.T) {
	t.Parallel()
	body := published(t, whole()...)
	address, _ := serve(t, body, append(sum(body), "  embedded.jar\n"...))
	dir := filepath.Join(t.TempDir(), "programs")
	require.NoError(t, fetch(t.Context(), address, dir))
	for name, mode := range map[string]os.FileMode{"": 0o755, "bin": 0o755, "bin/initdb": 0o744, "bin/postgres": 0o755, "lib/libpq.so.5": 0o644} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode().Perm(), name)
	}
	linked, err := os.ReadFile(filepath.Join(dir, "lib/libpq.so.5"))
	require.NoError(t, err)
	require.Equal(t, "./lib/libpq.so.5.18", string(linked))
	left, err := os.ReadDir(filepath.Dir(dir))
	require.NoError(t, err)
	require.Len(t, left, 1, "nothing else is left")
}

func TestWhatCannotBeFetchedLeavesNothing(t *testing.T) {
	t.Parallel()
	good := published(t, whole()...)
	outside := filepath.Join(t.TempDir(), "outside")
	for _, c := range []struct {
		name           string
		body, checksum []byte
		says           string
	}{
		{"nothing published", good, nil, "404"},
		{"another checksum", good, sum([]byte("other")), "checksum"},
		{"cut off", good[:len(good)/2], sum(good[:len(good)/2]), "zip"},
		{"no programs in it", jar(t, "readme.txt", nil), sum(jar(t, "readme.txt", nil)), "no .txz"},
		{"not compressed", jar(t, "a.txz", []byte("plain")), sum(jar(t, "a.txz", []byte("plain"))), "unpack"},
		{"half of the programs", published(t, file("bin/initdb", 0o755)), sum(published(t, file("bin/initdb", 0o755))), "no bin/initdb or no bin/postgres"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			address, _ := serve(t, c.body, c.checksum)
			requireNothing(t, address, c.says)
		})
	}
	for _, evil := range []tar.Header{
		file("../outside", 0o755), file(outside, 0o755),
		{Typeflag: tar.TypeLink, Name: "bin/initdb", Linkname: outside},
	} {
		t.Run("a name that leads out: "+evil.Name, func(t *testing.T) {
			t.Parallel()
			body := published(t, append([]tar.Header{evil}, whole()...)...)
			address, _ := serve(t, body, sum(body))
			requireNothing(t, address, "unpack")
			require.NoFileExists(t, outside)
		})
	}
	t.Run("a link that leads out", func(t *testing.T) {
		t.Parallel()
		body := published(t, tar.Header{Typeflag: tar.TypeSymlink, Name: "bin", Linkname: filepath.Dir(outside)}, file("bin/outside", 0o755))
		address, _ := serve(t, body, sum(body))
		requireNothing(t, address, "unpack")
		require.NoFileExists(t, outside)
	})
	t.Run("nobody there", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(http.NotFoundHandler())
		server.Close()
		requireNothing(t, server.URL, "refused")
	})
}

func requireNothing(t *testing.T, address, says string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "programs")
	require.ErrorContains(t, fetch(t.Context(), address, dir), says)
	left, err := os.ReadDir(filepath.Dir(dir))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestEveryMachineHasItsBuild(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		system, processor string
		alpine            bool
		name              string
	}{
		{"linux", "amd64", false, "linux-amd64"},
		{"linux", "arm64", true, "linux-arm64v8-alpine"},
		{"darwin", "arm64", false, "darwin-arm64v8"},
	} {
		name, err := buildFor(c.system, c.processor, c.alpine)
		require.NoError(t, err)
		require.Equal(t, "embedded-postgres-binaries-"+c.name, name)
	}
	for _, c := range []struct{ system, processor string }{{"freebsd", "amd64"}, {"linux", "riscv64"}} {
		_, err := buildFor(c.system, c.processor, false)
		require.ErrorContains(t, err, "no build for "+c.system)
	}
}
