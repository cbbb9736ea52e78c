package dbtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/hogsend/hogsend/standalone/postgres"
)

// linger is how long the server stays without users while the go command that ran
// some of them lives: the next package may still be compiling.
const linger = time.Minute

// keep runs the server of the folder until nobody needs it. ready hears its URL or
// what went wrong. It returns the exit code of the process.
func keep(f folder, ready *os.File) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := f.keep(ctx, ready); err != nil {
		fmt.Fprintln(ready, err)
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func (f folder) keep(ctx context.Context, ready *os.File) (err error) {
	// Closed in this order: whoever finds no keeper must find no server either, and
	// whoever is let in as a user must find no keeper that ends.
	var users *os.File
	defer func() {
		if users != nil {
			err = errors.Join(err, users.Close())
		}
	}()
	keeper, err := f.lock("keeper", syscall.LOCK_EX|syscall.LOCK_NB)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, keeper.Close()) }()
	if err := errors.Join(keeper.Truncate(0), writePID(keeper)); err != nil {
		return fmt.Errorf("write keeper's pid: %w", err)
	}

	// What is left of a keeper that was killed. Nothing of it is used: it did not
	// care for durability.
	data := filepath.Join(string(f), "postgres")
	if err := postgres.Reset(ctx, data); err != nil {
		return err
	}
	server, err := Start(ctx, postgres.Config{
		DataDir: data, Unsafe: true, Settings: []string{"max_connections=1000"},
		Progress: func(line string) { fmt.Fprintln(os.Stderr, line) },
	})
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, server.Stop(), os.RemoveAll(filepath.Join(string(f), "url")), postgres.Reset(context.WithoutCancel(ctx), data))
	}()
	if err := os.WriteFile(filepath.Join(string(f), "url"), []byte(server.URL()), 0o600); err != nil {
		return fmt.Errorf("write URL: %w", err)
	}
	if _, err := fmt.Fprint(ready, "ready ", server.URL()); err != nil {
		return fmt.Errorf("say that the server is ready: %w", err)
	}
	if err := ready.Close(); err != nil {
		return fmt.Errorf("say that the server is ready: %w", err)
	}
	users, err = f.awaitEnd(ctx, server)
	return err
}

// awaitEnd returns when nobody needs the server, with the lock that keeps others from
// becoming users.
func (f folder) awaitEnd(ctx context.Context, server *postgres.Postgres) (users *os.File, err error) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	used := time.Now()
	for {
		select {
		case <-ctx.Done():
			return nil, nil //nolint:nilnil // ended by a signal, with users or without
		case <-server.Done():
			return nil, errors.New("the test server ended by itself")
		case now := <-tick.C:
			users, err := f.lock("users", syscall.LOCK_EX|syscall.LOCK_NB)
			if errors.Is(err, syscall.EWOULDBLOCK) {
				used = now
				continue
			}
			if err != nil {
				return nil, err
			}
			alive, err := f.parentAlive()
			if err != nil || !alive || now.Sub(used) > linger {
				return users, err
			}
			if err := users.Close(); err != nil {
				return nil, fmt.Errorf("let users in: %w", err)
			}
		}
	}
}

// parentAlive reports whether a process lives that ran a user, and forgets the others.
func (f folder) parentAlive() (bool, error) {
	entries, err := os.ReadDir(filepath.Join(string(f), "parents"))
	if err != nil {
		return false, fmt.Errorf("look for parent processes: %w", err)
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err == nil && pid > 1 && !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			return true, nil
		}
		if err := os.Remove(filepath.Join(string(f), "parents", entry.Name())); err != nil {
			return false, fmt.Errorf("forget parent process: %w", err)
		}
	}
	return false, nil
}

func writePID(file *os.File) error {
	_, err := file.WriteString(strconv.Itoa(os.Getpid()))
	return err
}
