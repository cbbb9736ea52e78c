package main

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// painted is bar 6: what a browser with a quarter of the speed sees.
func (b *studioBench) painted(ctx context.Context) ([]line, error) {
	path := ""
	for _, name := range []string{"chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		return nil, errors.New("bar 6 needs Chromium: apt-get install chromium-headless-shell")
	}
	web := httptest.NewServer(b.server)
	defer web.Close()
	allocator, stop := chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path))...)
	defer stop()
	tab, end := chromedp.NewContext(allocator)
	defer end()
	name, value, _ := strings.Cut(b.cookie, "=")
	if err := chromedp.Do(tab); err != nil {
		return nil, fmt.Errorf("start browser: %w", err)
	}
	if _, err := chromedp.Call(tab, emulation.SetCPUThrottlingRate, emulation.SetCPUThrottlingRateParams{Rate: 4}); err != nil {
		return nil, fmt.Errorf("slow browser: %w", err)
	}
	if _, err := chromedp.Call(tab, network.SetCookie, network.SetCookieParams{Name: name, Value: value, URL: web.URL}); err != nil {
		return nil, fmt.Errorf("set cookie: %w", err)
	}
	paths, err := b.paths(ctx)
	if err != nil {
		return nil, err
	}
	var paints []float64
	var slowest, moved, long float64
	where := ""
	for _, path := range paths {
		if err := chromedp.Do(tab, chromedp.Navigate(web.URL+path)); err != nil {
			return nil, fmt.Errorf("open %s: %w", path, err)
		}
		seen, err := chromedp.Run(tab, chromedp.Evaluate[[]float64](`new Promise(done => {
			let moved = 0, long = 0;
			new PerformanceObserver(l => { for (const e of l.getEntries()) moved += e.value; }).observe({type: "layout-shift", buffered: true});
			new PerformanceObserver(l => { for (const e of l.getEntries()) long = Math.max(long, e.duration); }).observe({type: "longtask", buffered: true});
			setTimeout(() => {
				const paint = performance.getEntriesByName("first-contentful-paint")[0], asked = performance.getEntriesByType("navigation")[0];
				done([paint ? paint.startTime : -1, moved, long, asked.responseStart]);
			}, 300);
		})`, chromedp.EvalAwaitPromise))
		if err != nil {
			return nil, fmt.Errorf("look at %s: %w", path, err)
		}
		if seen[0] < 0 {
			return nil, fmt.Errorf("%s was never painted", path)
		}
		paints = append(paints, seen[0])
		if seen[0] > slowest {
			slowest, where = seen[0], path
		}
		if seen[1] > 0 || seen[2] > 50 {
			fmt.Fprintf(os.Stderr, "%s moves by %g, longest task %.0f ms\n", path, seen[1], seen[2])
		}
		moved, long = max(moved, seen[1]), max(long, seen[2])
	}
	slices.Sort(paints)
	return []line{
		{what: "6 first paint at a quarter of the speed, median, ms", ours: fmt.Sprintf("%.0f ms", paints[len(paints)/2]), value: paints[len(paints)/2], atMost: 300},
		{what: "6 first paint at a quarter of the speed, slowest, ms", ours: fmt.Sprintf("%.0f ms", slowest), limit: short(where), value: slowest, atMost: 300},
		{what: "6 layout moves by, + 1", ours: fmt.Sprintf("%.3f", moved), value: moved + 1, atMost: 1},
		{what: "6 longest task, ms", ours: fmt.Sprintf("%.0f ms", long), value: max(long, .01), atMost: 50},
	}, nil
}
