package app

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// watcher keeps the author's program running on the infrastructure of dev, and builds and
// starts it again when its source is saved.
type watcher struct {
	program *program
	infra   *infra
	// target is the package of the program, as go build takes it.
	target string
	files  *sources

	number  int    // of the next build
	sum     string // of the build that runs
	defines description
	running *child // nil before the first build that starts
}

// watch builds and runs the program until ctx ends.
func (p *program) watch(ctx context.Context, i *infra, f devFlags, began time.Time) (err error) {
	w := &watcher{program: p, infra: i, target: f.watch}
	if err := os.MkdirAll(w.binaries(), 0o755); err != nil { //nolint:gosec // like the data folder
		return fmt.Errorf("--watch: %w", err)
	}
	if w.files, err = watchSources(); err != nil {
		return fmt.Errorf("--watch: %w", err)
	}
	defer func() { err = errors.Join(err, w.files.close(), w.stop()) }()
	if err := w.look(ctx); err != nil {
		return err
	}
	w.round(ctx, began)
	if w.running != nil {
		studio, err := p.devStudio(ctx, i.DatabaseURL, i.API)
		if err != nil {
			return err
		}
		p.watchBanner(f, &i.installation, studio, w.defines)
	}
	for {
		var ended <-chan struct{}
		if w.running != nil {
			ended = w.running.done
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ended:
			p.progress(fmt.Sprintf("watch     the program ended by itself (%v); it is started again when its source is saved", w.running.err))
			w.running, w.sum = nil, ""
		case saved, ok := <-w.files.saved:
			if !ok {
				return errors.New("--watch: the files are not watched any more")
			}
			w.round(ctx, saved)
			if err := w.look(ctx); err != nil && ctx.Err() == nil {
				p.progress("watch     " + err.Error())
			}
		}
	}
}

func (w *watcher) binaries() string { return filepath.Join(w.infra.data.path, "bin") }

// look finds the folders whose files the program is built from.
func (w *watcher) look(ctx context.Context) error {
	folders, err := sourceFolders(ctx, w.program.Dir, w.target)
	if err != nil {
		return fmt.Errorf("--watch: %w", err)
	}
	return w.files.follow(folders)
}

// round builds the program and, if it changed and can be started, starts it in place of
// the one that runs. Whatever goes wrong is said, and waits for the next save.
func (w *watcher) round(ctx context.Context, saved time.Time) {
	p := w.program
	if w.running != nil {
		p.progress("watch     building")
	}
	path, sum, err := w.build(ctx)
	switch {
	case ctx.Err() != nil:
		return
	case err != nil:
		p.progress("watch     does not build; " + w.stays() + "\n" + err.Error())
		return
	case sum == w.sum:
		p.progress("watch     the program is as before")
		return
	}
	defines, err := w.ask(ctx, path)
	if err != nil {
		p.progress("watch     would not start; " + w.stays() + "\n" + err.Error())
		return
	}
	gate := w.gate(ctx, path)
	if err := w.stop(); err != nil {
		p.progress("watch     " + err.Error())
	}
	started, err := w.start(ctx, path)
	if err != nil {
		p.progress("watch     did not start: " + err.Error())
		return
	}
	first, before := w.sum == "" && w.defines.Journeys == nil, w.defines
	w.running, w.sum, w.defines = started, sum, defines
	w.infra.Program = path
	if err := w.infra.data.announce(w.infra.installation); err != nil {
		p.progress("watch     " + err.Error())
	}
	what := defines.changes(before)
	if first {
		what = defines.counts()
	}
	printLine(p.Stdout, "running after %.1f s  %s  gate: %s\n", time.Since(saved).Seconds(), what, gate)
}

// stays says what becomes of the program that runs when a new one is no good.
func (w *watcher) stays() string {
	if w.running == nil {
		return "nothing runs yet"
	}
	return "the program from before goes on"
}

// build makes the program. Two paths take turns, because one of them runs.
func (w *watcher) build(ctx context.Context) (path, sum string, err error) {
	path = filepath.Join(w.binaries(), "program-"+strconv.Itoa(w.number%2))
	// Without symbols it links faster; without the commit each build has an id of its own.
	cmd := exec.CommandContext(ctx, "go", "build", "-ldflags=-s -w", "-buildvcs=false", "-o", path, w.target) //nolint:gosec // the package that the command names
	cmd.Dir, cmd.Env = w.program.Dir, w.program.Environ
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", "", fmt.Errorf("go build %s: %w\n%s", w.target, err, bytes.TrimSpace(out))
	}
	f, err := os.Open(path) //nolint:gosec // built a moment ago
	if err != nil {
		return "", "", fmt.Errorf("read program: %w", err)
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return "", "", fmt.Errorf("read program: %w", err)
	}
	return path, string(hash.Sum(nil)), nil
}

// ask lets the program describe itself, which it refuses if its registry is not valid.
func (w *watcher) ask(ctx context.Context, path string) (description, error) {
	out, errs, err := w.call(ctx, path, w.program.Environ, "describe")
	if err != nil {
		return description{}, errors.New(strings.TrimPrefix(strings.TrimSpace(errs), "hogsend: "))
	}
	var d description
	if err := json.Unmarshal(out, &d); err != nil {
		return d, fmt.Errorf("%s is no program of app.Main: %w", w.target, err)
	}
	return d, nil
}

func (w *watcher) call(ctx context.Context, path string, environ []string, args ...string) (out []byte, errs string, err error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, path, args...) //nolint:gosec // the program that was built
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = w.program.Dir, environ, &stdout, &stderr
	err = cmd.Run()
	return stdout.Bytes(), stderr.String(), err
}

// gate says what the replay gate thinks of who sleeps now, if the new program takes over.
// The program is told by its environment where to look: one that looks for a dev would find
// this one, and let the program answer that runs, for which everybody can go on.
func (w *watcher) gate(ctx context.Context, path string) string {
	out, errs, err := w.call(ctx, path, w.infra.environ(w.program.Environ), "replay", "--json")
	var got gateReport
	if json.Unmarshal(out, &got) != nil || len(out) == 0 {
		return fmt.Sprintf("could not look (%v %s)", err, strings.TrimSpace(errs))
	}
	return got.line()
}

// child is the author's program while it runs.
type child struct {
	cmd   *exec.Cmd
	stdin io.Closer
	done  chan struct{} // closed when it has ended
	err   error         // why; read after done
}

// startPatience is how long the program may take until it says that it is ready.
const startPatience = 90 * time.Second

// start runs API and worker in one process, which ends with this one, because its input
// does. It returns when both are ready.
func (w *watcher) start(ctx context.Context, path string) (*child, error) {
	p := w.program
	cmd := exec.Command(path, "serve", "--worker", "--ends-with-input", "--data", w.infra.data.path) //nolint:gosec,noctx // the program that was built; stop ends it
	cmd.Dir, cmd.Stderr = p.Dir, p.Stderr
	cmd.Env = append(append([]string(nil), p.Environ...), "SHUTDOWN_TIMEOUT=3s")
	ready := &readiness{out: p.Stdout, seen: make(chan struct{})}
	cmd.Stdout = ready
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start program: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start program: %w", err)
	}
	c := &child{cmd: cmd, stdin: stdin, done: make(chan struct{})}
	go func() {
		c.err = cmd.Wait()
		close(c.done)
	}()
	w.number++
	late := time.NewTimer(startPatience)
	defer late.Stop()
	select {
	case <-ready.seen:
		return c, nil
	case <-c.done:
		return nil, fmt.Errorf("it ended: %w", c.err)
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), c.stop())
	case <-late.C:
		return nil, errors.Join(fmt.Errorf("it is not ready after %s", startPatience), c.stop())
	}
}

// readiness passes on what the program prints and sees it say that it is ready.
type readiness struct {
	out  io.Writer
	seen chan struct{}
	was  bool
}

func (r *readiness) Write(b []byte) (int, error) {
	if !r.was && bytes.Contains(b, []byte(readyLine)) {
		r.was = true
		close(r.seen)
		return len(b), nil
	}
	return r.out.Write(b)
}

// stop ends the program that runs, if one does.
func (w *watcher) stop() error {
	if w.running == nil {
		return nil
	}
	c := w.running
	w.running = nil
	return c.stop()
}

// stopPatience is how long a program may take to let go of what it does. What it did not
// finish, the next one does.
const stopPatience = 6 * time.Second

func (c *child) stop() error {
	_ = c.stdin.Close() // it may have ended already
	late := time.NewTimer(stopPatience)
	defer late.Stop()
	select {
	case <-c.done:
		return nil
	case <-late.C:
	}
	if err := c.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end program: %w", err)
	}
	<-c.done
	return nil
}
