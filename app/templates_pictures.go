package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hogsend/hogsend/internal/chromium"
)

// picturesTimeout bounds all pictures of a mail, whose images may come from far.
const picturesTimeout = 2 * time.Minute

// pictures writes what a mail looks like on a phone and on a computer, in light and in dark, into
// a folder, and prints their names.
func (p *program) pictures(ctx context.Context, folder string, t renderedTemplate) error {
	path, err := chromium.Find()
	if err != nil {
		return fmt.Errorf("--screenshot: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, picturesTimeout)
	defer cancel()
	browser, err := chromium.Open(ctx, path)
	if err != nil {
		return fmt.Errorf("--screenshot: %w", err)
	}
	defer browser.Close()
	if !filepath.IsAbs(folder) {
		folder = filepath.Join(p.Dir, folder)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // pictures of made-up people
		return fmt.Errorf("--screenshot: %w", err)
	}
	for _, width := range []int{360, 640} {
		for _, dark := range []bool{false, true} {
			picture, err := browser.Picture(t.HTML, chromium.Look{Width: width, Dark: dark})
			if err != nil {
				return fmt.Errorf("--screenshot: %w", err)
			}
			scheme := "light"
			if dark {
				scheme = "dark"
			}
			file := filepath.Join(folder, fmt.Sprintf("%s-%d-%s.png", strings.ReplaceAll(t.Key, "/", "-"), width, scheme))
			if err := os.WriteFile(file, picture, 0o644); err != nil { //nolint:gosec // see above
				return fmt.Errorf("--screenshot: %w", err)
			}
			printLine(p.Stdout, "%s\n", file)
		}
	}
	return nil
}
