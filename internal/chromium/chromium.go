// Package chromium takes pictures of HTML with the Chromium or Chrome that a machine has. It
// speaks the DevTools protocol over a pipe, which needs no library and opens no port.
package chromium

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// ErrNone says that there is no browser.
var ErrNone = errors.New("there is no Chromium or Chrome on this machine; Debian has one: apt-get install chromium-headless-shell")

// Find is the path of a browser, or ErrNone.
func Find() (string, error) {
	for _, name := range []string{"chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	for _, path := range []string{"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome", "/Applications/Chromium.app/Contents/MacOS/Chromium"} {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", ErrNone
}

// Browser is one that runs without a window. It is not safe for concurrent use.
type Browser struct {
	cmd      *exec.Cmd
	profile  string
	commands io.WriteCloser
	answers  *bufio.Reader
	closing  io.Closer
	last     int
}

// Open starts the browser of a path, which ends with the context.
func Open(ctx context.Context, path string) (*Browser, error) {
	profile, err := os.MkdirTemp("", "hogsend-chromium-")
	if err != nil {
		return nil, fmt.Errorf("make profile: %w", err)
	}
	b := &Browser{profile: profile}
	if err := b.start(ctx, path); err != nil {
		_ = os.RemoveAll(profile)
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	return b, nil
}

func (b *Browser) start(ctx context.Context, path string) error {
	hears, commands, err := os.Pipe()
	if err != nil {
		return err
	}
	answers, speaks, err := os.Pipe()
	if err != nil {
		return errors.Join(err, hears.Close(), commands.Close())
	}
	arguments := []string{
		"--headless", "--remote-debugging-pipe", "--user-data-dir=" + b.profile, "--no-first-run", "--no-default-browser-check", "--disable-gpu", "--disable-extensions",
		"--disable-background-networking", "--disable-sync", "--hide-scrollbars", "--mute-audio", "--disable-dev-shm-usage",
	}
	if os.Geteuid() == 0 {
		arguments = append(arguments, "--no-sandbox") // as root it has none
	}
	b.cmd = exec.CommandContext(ctx, path, arguments...) //nolint:gosec // the browser that was found
	b.cmd.ExtraFiles = []*os.File{hears, speaks}
	b.cmd.WaitDelay = time.Second
	err = b.cmd.Start()
	_, _ = hears.Close(), speaks.Close() // the browser has its own
	if err != nil {
		return errors.Join(err, commands.Close(), answers.Close())
	}
	b.commands, b.answers, b.closing = commands, bufio.NewReaderSize(answers, 1<<16), answers
	return nil
}

// Close ends the browser and removes what it wrote.
func (b *Browser) Close() {
	_ = b.cmd.Process.Kill() // it keeps nothing
	_ = b.cmd.Wait()
	_, _ = b.commands.Close(), b.closing.Close()
	_ = os.RemoveAll(b.profile)
}

// Look is how a page is looked at.
type Look struct {
	// Width is that of the screen in pixels; Dark asks for dark colors.
	Width int
	Dark  bool
	// Scale is how many points a pixel has; 0 means 1.
	Scale float64
}

// maxHeight bounds pictures.
const maxHeight = 12_000

// Picture is a PNG of all of a page. Scripts do not run.
func (b *Browser) Picture(page string, look Look) ([]byte, error) {
	var target struct {
		TargetID string `json:"targetId"`
	}
	if err := b.call("", "Target.createTarget", map[string]any{"url": "about:blank"}, &target); err != nil {
		return nil, err
	}
	defer func() {
		_ = b.call("", "Target.closeTarget", map[string]any{"targetId": target.TargetID}, nil) // the next picture has a page of its own
	}()
	var attached struct {
		SessionID string `json:"sessionId"`
	}
	if err := b.call("", "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached); err != nil {
		return nil, err
	}
	return b.picture(attached.SessionID, page, look)
}

func (b *Browser) picture(session, page string, look Look) ([]byte, error) {
	scheme := "light"
	if look.Dark {
		scheme = "dark"
	}
	if look.Scale == 0 {
		look.Scale = 1
	}
	for _, step := range []command{
		{method: "Page.enable"},
		{method: "Emulation.setScriptExecutionDisabled", with: map[string]any{"value": true}},
		{method: "Emulation.setDeviceMetricsOverride", with: map[string]any{"width": look.Width, "height": 320, "deviceScaleFactor": look.Scale, "mobile": false}},
		{method: "Emulation.setEmulatedMedia", with: map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}},
		{method: "Page.navigate", with: map[string]any{"url": "data:text/html;charset=utf-8;base64," + base64.StdEncoding.EncodeToString([]byte(page))}, until: "Page.loadEventFired"},
	} {
		if err := b.do(session, step, nil); err != nil {
			return nil, err
		}
	}
	var metrics struct {
		Size struct {
			Height float64 `json:"height"`
		} `json:"cssContentSize"`
	}
	if err := b.call(session, "Page.getLayoutMetrics", nil, &metrics); err != nil {
		return nil, err
	}
	var taken struct {
		Data []byte `json:"data"`
	}
	clip := map[string]any{"x": 0, "y": 0, "width": look.Width, "height": min(metrics.Size.Height, maxHeight), "scale": 1}
	err := b.call(session, "Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": true, "clip": clip}, &taken)
	return taken.Data, err
}

// command is one of the protocol.
type command struct {
	method string
	with   any
	// until is an event that must have come as well; "" is none.
	until string
}

func (b *Browser) call(session, method string, with, result any) error {
	return b.do(session, command{method: method, with: with}, result)
}

// do gives a command and waits for its answer.
func (b *Browser) do(session string, c command, result any) error {
	b.last++
	message := map[string]any{"id": b.last, "method": c.method}
	if c.with != nil {
		message["params"] = c.with
	}
	if session != "" {
		message["sessionId"] = session
	}
	raw, err := json.Marshal(message)
	if err != nil {
		return fmt.Errorf("ask browser: %w", err)
	}
	if _, err := b.commands.Write(append(raw, 0)); err != nil {
		return fmt.Errorf("ask browser: %w", err)
	}
	for answered, happened := false, c.until == ""; !answered || !happened; {
		raw, err := b.answers.ReadBytes(0)
		if err != nil {
			return fmt.Errorf("browser ended: %w", err)
		}
		var heard struct {
			ID     int             `json:"id"`
			Method string          `json:"method"`
			Result json.RawMessage `json:"result"`
			Error  *struct {
				Message string `json:"message"`
			} `json:"error"`
		}
		if err := json.Unmarshal(bytes.TrimSuffix(raw, []byte{0}), &heard); err != nil {
			return fmt.Errorf("read browser: %w", err)
		}
		switch {
		case heard.ID == b.last && heard.Error != nil:
			return fmt.Errorf("%s: %s", c.method, heard.Error.Message)
		case heard.ID == b.last:
			answered = true
			if result != nil {
				if err := json.Unmarshal(heard.Result, result); err != nil {
					return fmt.Errorf("read browser: %w", err)
				}
			}
		case heard.Method == c.until && c.until != "":
			happened = true
		}
	}
	return nil
}
