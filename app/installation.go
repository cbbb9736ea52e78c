package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hogsend/hogsend/internal/config"
	"github.com/hogsend/hogsend/internal/registry"
	"github.com/hogsend/hogsend/internal/store"
)

// defaultData is the data folder of dev that names none, below the current folder.
const defaultData = ".hogsend"

// installationFile is there while dev runs, and after it was killed: only with the lock
// on the folder does it tell of somebody.
const installationFile = "running.json"

// announce lets other commands find this dev until unannounced.
func (d *dataFolder) announce(i installation) error {
	body, err := json.Marshal(i) //nolint:gosec // that is what the file, which only its owner reads, is for
	if err != nil {
		return fmt.Errorf("announce dev: %w", err)
	}
	return d.write(installationFile, body)
}

func (d *dataFolder) unannounce() error {
	if err := os.Remove(filepath.Join(d.path, installationFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("leave data folder: %w", err)
	}
	return nil
}

// findInstallation is the dev that runs on a data folder; nil if none does.
func findInstallation(folder string) (*installation, error) {
	lock, err := os.Open(filepath.Join(folder, marker)) //nolint:gosec // in the folder that the command names
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // nobody is there, which is no error
	}
	if err != nil {
		return nil, fmt.Errorf("look for a dev: %w", err)
	}
	defer lock.Close()
	if free, err := lockFree(lock); err != nil || free {
		return nil, err
	}
	body, err := os.ReadFile(filepath.Join(folder, installationFile)) //nolint:gosec // as above
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // it is starting or stopping
	}
	if err != nil {
		return nil, fmt.Errorf("look for a dev: %w", err)
	}
	found := installation{folder: folder}
	if err := json.Unmarshal(body, &found); err != nil {
		return nil, fmt.Errorf("look for a dev: read %s: %w", installationFile, err)
	}
	return &found, nil
}

// environ is the environment of a shell with what commands of such an installation read
// in place of what it had. A Temporal that a shell names is another one than dev's own.
func (i *installation) environ(shell []string) []string {
	pairs := slices.DeleteFunc(slices.Clone(shell), func(pair string) bool { return strings.HasPrefix(pair, "TEMPORAL_") })
	pairs = append(pairs, "HOGSEND_ENV=development", "DATABASE_URL="+i.DatabaseURL, "TEMPORAL_ADDRESS="+i.Temporal,
		"HOGSEND_SECRET="+i.Secret, "ADMIN_API_KEY="+i.APIKey)
	if u, err := url.Parse(i.API); err == nil {
		pairs = append(pairs, "PORT="+u.Port())
	}
	return pairs
}

const dataUsage = "data folder of the running hogsend dev to work on (default: " + defaultData + ", where one runs there and the environment names no other)"

// onInstallation lets a command that reads the environment work on a dev beside it
// instead: on the one of --data, or on the one it finds if DATABASE_URL is not set.
func (p *program) onInstallation(cmd *cobra.Command) {
	data := cmd.Flags().String("data", "", dataUsage)
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) (err error) {
		if *data != "" {
			p.here, err = p.named(*data)
		} else if strings.TrimSpace(p.env("DATABASE_URL")) == "" {
			p.here, err = findInstallation(filepath.Join(p.Dir, defaultData))
		}
		if err == nil && p.passesOn(p.here) {
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return p.passOn(cmd.Context(), p.here.Program) }
		}
		return err
	}
}

// passesOn reports whether the program that a dev has built and runs answers in place of this
// one, which has no definitions of the author's. An author's own program may be another build
// than the one that runs, and answers for itself (T-29).
func (p *program) passesOn(here *installation) bool {
	return here != nil && here.Program != "" && isStock() && !isProgram(here.Program)
}

// isProgram reports whether this process runs from that file.
func isProgram(path string) bool {
	self, err := os.Executable()
	if err != nil {
		return false
	}
	own, err := os.Stat(self)
	if err != nil {
		return false
	}
	other, err := os.Stat(path)
	return err == nil && os.SameFile(own, other)
}

// passOn lets another program run this command and ends as it does.
func (p *program) passOn(ctx context.Context, path string) error {
	other := exec.CommandContext(ctx, path, p.Args...) //nolint:gosec // the program that dev built
	other.Dir, other.Env, other.Stdin, other.Stdout, other.Stderr = p.Dir, p.Environ, p.Stdin, p.Stdout, p.Stderr
	err := other.Run()
	var ended *exec.ExitError
	if errors.As(err, &ended) && ended.Exited() {
		return codedError{nil, ended.ExitCode()}
	}
	if err != nil {
		return fmt.Errorf("run %s: %w", path, err)
	}
	return nil
}

// named is the installation of --data, which must be running.
func (p *program) named(folder string) (*installation, error) {
	path := folder
	if !filepath.IsAbs(path) {
		path = filepath.Join(p.Dir, path)
	}
	found, err := findInstallation(path)
	if err == nil && found == nil {
		err = fmt.Errorf("--data: no hogsend dev runs on %s", folder)
	}
	return found, err
}

// load reads the environment, or that of the dev that the command works on.
func (p *program) load(needs config.Needs) (config.Config, error) {
	needs.OwnProvider = p.EmailProvider != nil
	environ := p.Environ
	if p.here != nil {
		environ = p.here.environ(environ)
	}
	return config.Load(environ, needs)
}

// index is what this binary defines.
func (p *program) index() *registry.Index { return registry.New(p.Registry) }

// database opens the database for a command that works on it directly.
func (p *program) database(ctx context.Context) (*store.Store, config.Config, error) {
	cfg, err := p.load(config.Needs{})
	if err != nil {
		return nil, cfg, err
	}
	s, err := store.Open(ctx, store.Config{URL: cfg.DatabaseURL, MaxConns: 4})
	return s, cfg, err
}
