package postgres

import (
	"archive/tar"
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/ulikunitz/xz"
)

// Where the programs come from: builds of PostgreSQL that need nothing else of a
// machine, published for tests of other languages (io.zonky.test).
const (
	repository     = "https://repo1.maven.org/maven2"
	fetchedVersion = "18.3.0"
	// maxArchive is far above the 30 MB that a build has.
	maxArchive = 256 << 20
)

// fetchedFolder has the version in its name: another one goes beside it.
func fetchedFolder(cache string) string {
	return filepath.Join(cache, "hogsend", "postgres-"+fetchedVersion)
}

// fetch downloads the programs and unpacks them into dir, which appears whole or not at all.
func fetch(ctx context.Context, repository, dir string) error {
	_, err := os.Stat("/etc/alpine-release")
	build, err := buildFor(runtime.GOOS, runtime.GOARCH, err == nil)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	scratch, err := os.MkdirTemp(filepath.Dir(dir), "unfinished-")
	if err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	defer os.RemoveAll(scratch)

	address := fmt.Sprintf("%s/io/zonky/test/postgres/%[2]s/%[3]s/%[2]s-%[3]s.jar", repository, build, fetchedVersion)
	archive := filepath.Join(scratch, "archive")
	if err := download(ctx, address, archive); err != nil {
		return err
	}
	programs := filepath.Join(scratch, "programs")
	if err := unpack(archive, programs); err != nil {
		return fmt.Errorf("unpack %s: %w", address, err)
	}
	if !complete(filepath.Join(programs, "bin")) {
		return fmt.Errorf("unpack %s: it has no bin/initdb or no bin/postgres", address)
	}
	if err := os.Rename(programs, dir); err != nil {
		return fmt.Errorf("put programs in place: %w", err)
	}
	return nil
}

// buildFor is the name of the build for a machine.
func buildFor(system, processor string, alpine bool) (string, error) {
	name, ok := map[string]string{"amd64": "amd64", "arm64": "arm64v8"}[processor]
	if !ok || (system != "linux" && system != "darwin") {
		return "", fmt.Errorf("there is no build for %s on %s", system, processor)
	}
	if alpine {
		name += "-alpine"
	}
	return "embedded-postgres-binaries-" + system + "-" + name, nil
}

// download stores what an address has in a file, if it has the published checksum.
func download(ctx context.Context, address, file string) error {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	// Offline is noticed soon.
	transport.DialContext = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	transport.ResponseHeaderTimeout = 30 * time.Second
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}

	var published strings.Builder
	if err := get(ctx, client, address+".sha256", &published, 1024); err != nil {
		return err
	}
	out, err := os.Create(file) //nolint:gosec // in a folder of ours
	if err != nil {
		return fmt.Errorf("keep download: %w", err)
	}
	sum := sha256.New()
	if err := errors.Join(get(ctx, client, address, io.MultiWriter(out, sum), maxArchive), out.Close()); err != nil {
		return err
	}
	// Some tools write the file's name behind the checksum.
	want, _, _ := strings.Cut(strings.TrimSpace(published.String()), " ")
	if got := hex.EncodeToString(sum.Sum(nil)); !strings.EqualFold(got, want) {
		return fmt.Errorf("download %s: its checksum is %s, published is %q", address, got, want)
	}
	return nil
}

func get(ctx context.Context, client *http.Client, address string, to io.Writer, limit int64) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("download %s: %w", address, err)
	}
	reply, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("download: %w", err) // it names the address
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		return fmt.Errorf("download %s: %s", address, reply.Status)
	}
	n, err := io.Copy(to, io.LimitReader(reply.Body, limit+1))
	if err != nil {
		return fmt.Errorf("download %s: %w", address, err)
	}
	if n > limit {
		return fmt.Errorf("download %s: it has more than %d bytes", address, limit)
	}
	return nil
}

// unpack extracts the one compressed tar that the archive holds into a new folder.
func unpack(archive, dir string) error {
	jar, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer jar.Close()
	for _, entry := range jar.File {
		if path.Ext(entry.Name) != ".txz" {
			continue
		}
		file, err := entry.Open()
		if err != nil {
			return err
		}
		defer file.Close()
		decompressed, err := xz.NewReader(file)
		if err != nil {
			return err
		}
		// The server's user must reach them, whoever fetched.
		if err := os.Mkdir(dir, 0o755); err != nil { //nolint:gosec // see above
			return err
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			return err
		}
		return errors.Join(extract(tar.NewReader(decompressed), root), root.Close())
	}
	return errors.New("it has no .txz")
}

// extract writes the files of a tar below root, which no name or link leads out of.
func extract(from *tar.Reader, root *os.Root) error {
	for {
		header, err := from.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := path.Clean(header.Name)
		if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
			return err
		}
		switch header.Typeflag {
		case tar.TypeDir:
			err = root.MkdirAll(name, 0o755)
		case tar.TypeSymlink:
			err = root.Symlink(header.Linkname, name)
		case tar.TypeReg:
			err = write(root, name, fs.FileMode(header.Mode)&0o111|0o644, from) //nolint:gosec // permission bits
		default:
			err = fmt.Errorf("%s is neither a file nor a folder nor a link", name)
		}
		if err != nil {
			return err
		}
	}
}

func write(root *os.Root, name string, mode fs.FileMode, from io.Reader) error {
	file, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, from)
	// A strict umask would keep the programs from the server's user.
	return errors.Join(err, file.Chmod(mode), file.Close())
}

func complete(dir string) bool {
	for _, name := range []string{"initdb", "postgres"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.IsDir() {
			return false
		}
	}
	return true
}
