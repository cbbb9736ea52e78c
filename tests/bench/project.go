package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/hogsend/hogsend/internal/ports"
)

// benchProject measures the way from hogsend init to the first mail, and from a save to
// the program that runs, both the second time: what the first one compiles is there then.
func benchProject(ctx context.Context, binary, dir string) ([]line, error) {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return nil, err
	}
	var first, save time.Duration
	for i := range 2 {
		if first, save, err = oneProject(ctx, binary, filepath.Join(dir, "project-"+strconv.Itoa(i), "shop")); err != nil {
			return nil, err
		}
	}
	return []line{
		{what: "hogsend init to the first mail, seconds", ours: fmt.Sprintf("%.1f s", first.Seconds()), limit: "-", value: first.Seconds(), atMost: 60},
		{what: "dev --watch, a save to running, seconds", ours: fmt.Sprintf("%.1f s", save.Seconds()), limit: "-", value: save.Seconds(), atMost: 15},
	}, nil
}

func oneProject(ctx context.Context, binary, dir string) (first, save time.Duration, err error) {
	checkout, err := filepath.Abs(".")
	if err != nil {
		return 0, 0, err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return 0, 0, err
	}
	began := time.Now()
	if out, err := exec.CommandContext(ctx, binary, "init", dir, "--replace", checkout).CombinedOutput(); err != nil {
		return 0, 0, fmt.Errorf("init: %w\n%s", err, out)
	}
	args := []string{"dev", "--watch", "./cmd/shop"}
	for _, flag := range []string{"--port", "--temporal-port", "--ui-port"} {
		port, err := ports.Free()
		if err != nil {
			return 0, 0, err
		}
		args = append(args, flag, strconv.Itoa(port))
	}
	dev := exec.CommandContext(ctx, binary, args...)
	dev.Dir, dev.Stderr = dir, os.Stderr
	out, err := dev.StdoutPipe()
	if err != nil {
		return 0, 0, err
	}
	if err := dev.Start(); err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, dev.Process.Signal(os.Interrupt), dev.Wait()) }()
	lines := bufio.NewScanner(out)
	says := func(part string) error {
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), part) {
				return nil
			}
		}
		return fmt.Errorf("dev ended without saying %q", part)
	}
	if err := says("running after"); err != nil {
		return 0, 0, err
	}
	send := exec.CommandContext(ctx, binary, "events", "send", "user.created", "--user", "ada", "--email", "ada@example.com")
	send.Dir = dir
	if out, err := send.CombinedOutput(); err != nil {
		return 0, 0, fmt.Errorf("events send: %w\n%s", err, out)
	}
	if err := says("mail  welcome"); err != nil {
		return 0, 0, err
	}
	first = time.Since(began)

	source := filepath.Join(dir, "welcome.go")
	body, err := os.ReadFile(source)
	if err != nil {
		return 0, 0, err
	}
	began = time.Now()
	if err := os.WriteFile(source, []byte(strings.Replace(string(body), "2 * hogsend.Day", "3 * hogsend.Day", 1)), 0o600); err != nil {
		return 0, 0, err
	}
	err = says("running after")
	return first, time.Since(began), err
}
