package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// endPrevious ends what an earlier process left running on the cluster, and only
// that: a pid that a kill left in a file may by now be anyone's, also that of the
// Postgres of somebody else.
func endPrevious(ctx context.Context, cluster string) error {
	file := filepath.Join(cluster, "postmaster.pid")
	body, err := os.ReadFile(file) //nolint:gosec // a file of ours
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read postmaster.pid: %w", err)
	}
	line, _, _ := strings.Cut(string(body), "\n")
	postmaster, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		return nil //nolint:nilerr // Postgres itself judges a file it did not finish
	}
	for ended := false; ; ended = true {
		pids, certain, err := servers(ctx, postmaster, cluster)
		if err != nil {
			return fmt.Errorf("look for a postgres left on %s: %w", cluster, err)
		}
		if len(pids) == 0 {
			return forget(file, certain)
		}
		if !ended {
			if err := end(pids, postmaster); err != nil {
				return fmt.Errorf("end the postgres left on %s: %w", cluster, err)
			}
		}
		if err := wait(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("end the postgres left on %s: %w", cluster, err)
		}
	}
}

// end asks the postmaster for a fast shutdown. Without one, what is left are
// backends that have not noticed yet.
func end(pids []int, postmaster int) error {
	for _, pid := range pids {
		if pid == postmaster {
			return ignoreGone(syscall.Kill(pid, syscall.SIGINT))
		}
	}
	for _, pid := range pids {
		if err := ignoreGone(syscall.Kill(pid, syscall.SIGQUIT)); err != nil {
			return err
		}
	}
	return nil
}

func ignoreGone(err error) error {
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}

// forget deletes the file when it is certain that nothing runs on the cluster:
// Postgres would take any living process with that pid for the server.
func forget(file string, certain bool) error {
	if !certain {
		return nil
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove stale postmaster.pid: %w", err)
	}
	return nil
}

// servers are the processes of the cluster's server; all of them work in its folder.
// Without /proc only the postmaster can be judged, by its command line, and the
// answer is not certain.
func servers(ctx context.Context, postmaster int, cluster string) (pids []int, certain bool, err error) {
	if _, err := os.Stat("/proc/self/cwd"); err != nil {
		out, err := exec.CommandContext(ctx, "ps", "-o", "command=", "-p", strconv.Itoa(postmaster)).Output() //nolint:gosec // a number
		if err == nil && strings.Contains(string(out), cluster) {
			pids = append(pids, postmaster)
		}
		return pids, false, ctx.Err()
	}
	target, err := filepath.EvalSymlinks(cluster)
	if err != nil {
		return nil, false, err
	}
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, false, err
	}
	for _, process := range processes {
		// What cannot be read is gone, or not ours.
		if cwd, err := os.Readlink(filepath.Join(process, "cwd")); err != nil || cwd != target {
			continue
		}
		name, err := os.ReadFile(filepath.Join(process, "comm")) //nolint:gosec // the kernel's file
		if err != nil || !strings.HasPrefix(string(name), "postgres") {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(process))
		if err != nil {
			return nil, false, err
		}
		pids = append(pids, pid)
	}
	return pids, true, nil
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
