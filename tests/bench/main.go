// Command bench measures the product beside its limit: every line runs the bare
// thing (plain inserts, a bare workflow) in the same run on the same servers, and
// prints the ratio, because absolute times say more about the machine.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"strings"

	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/standalone/postgres"
)

func main() {
	binary := flag.String("binary", "", "the built hogsend binary")
	only := flag.String("only", "", "comma list of: ingest, observed, scale, buckets, simulate, journeys, steps, dates, dwell, start, project; large and studio, which take minutes, are run only if named")
	var size installation
	flag.IntVar(&size.contacts, "contacts", 1_000_000, "how many contacts the installation has on which Studio is measured")
	flag.IntVar(&size.events, "events", 10_000_000, "how many events it has")
	flag.IntVar(&size.sends, "sends", 1_000_000, "how many mails it has")
	profile := flag.String("cpuprofile", "", "write a CPU profile of this process to the file")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		if err := pprof.StartCPUProfile(f); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
	}
	err := run(ctx, *binary, *only, size)
	pprof.StopCPUProfile()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func (l line) verdict() string {
	switch {
	case l.atLeast > 0 && l.value >= l.atLeast, l.atMost > 0 && l.value <= l.atMost:
		return "ok"
	case l.atLeast > 0 || l.atMost > 0:
		return "MISSED"
	}
	return ""
}

func (l line) bar() string {
	switch {
	case l.atLeast > 0:
		return fmt.Sprintf(">= %.2f", l.atLeast)
	case l.atMost > 0:
		return fmt.Sprintf("<= %.2f", l.atMost)
	}
	return ""
}

func run(ctx context.Context, binary, only string, size installation) error {
	dir, err := os.MkdirTemp("/var/tmp", "hogsend-bench-")
	if err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // Postgres' own user must reach its folder
		return fmt.Errorf("open folder: %w", err)
	}
	// The server is as durable as in production: fsync and synchronous commit are on.
	// It has a quarter of 24 GiB, as such a server is given, and makes no checkpoint while measured.
	server, err := dbtest.Start(ctx, postgres.Config{
		DataDir:  filepath.Join(dir, "postgres"),
		Settings: []string{"shared_buffers=6GB", "max_wal_size=16GB", "checkpoint_timeout=1h"},
	})
	if err != nil {
		return fmt.Errorf("start postgres: %w", err)
	}
	defer server.Stop() //nolint:errcheck // the run is over
	wanted := func(name string) bool { return only == "" || strings.Contains(","+only+",", ","+name+",") }
	var lines []line
	for _, part := range []struct {
		name string
		run  func(context.Context) ([]line, error)
	}{
		{"ingest", func(ctx context.Context) ([]line, error) { return benchIngest(ctx, server.URL()) }},
		{"observed", func(ctx context.Context) ([]line, error) { return benchObserved(ctx, server.URL()) }},
		{"scale", func(ctx context.Context) ([]line, error) { return benchScale(ctx, server.URL()) }},
		{"buckets", func(ctx context.Context) ([]line, error) { return benchBuckets(ctx, server.URL()) }},
		{"simulate", func(ctx context.Context) ([]line, error) { return benchSimulate(ctx, server.URL()) }},
		{"journeys", func(ctx context.Context) ([]line, error) { return benchJourneys(ctx, server.URL(), binary, dir) }},
		{"steps", func(ctx context.Context) ([]line, error) { return benchSteps(ctx, server.URL(), binary, dir) }},
		{"dates", func(ctx context.Context) ([]line, error) { return benchDates(ctx, server.URL()) }},
		{"dwell", func(ctx context.Context) ([]line, error) { return benchDwell(ctx, server.URL(), binary, dir) }},
		{"large", func(ctx context.Context) ([]line, error) { return benchLarge(ctx, server.URL()) }},
		{"studio", func(ctx context.Context) ([]line, error) { return benchStudio(ctx, server.URL(), binary, size) }},
		{"start", func(ctx context.Context) ([]line, error) { return benchStart(ctx, binary, dir) }},
		{"project", func(ctx context.Context) ([]line, error) { return benchProject(ctx, binary, dir) }},
	} {
		if !wanted(part.name) || only == "" && (part.name == "large" || part.name == "studio") {
			continue
		}
		fmt.Fprintln(os.Stderr, "measuring", part.name)
		got, err := part.run(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		lines = append(lines, got...)
	}
	missed := 0
	fmt.Printf("%-52s %-22s %-28s %9s %9s %s\n", "what", "hogsend", "beside it", "figure", "bar", "")
	for _, l := range lines {
		fmt.Printf("%-52s %-22s %-28s %9.2f %9s %s\n", l.what, l.ours, l.limit, l.value, l.bar(), l.verdict())
		if l.verdict() == "MISSED" {
			missed++
		}
	}
	if missed > 0 {
		return fmt.Errorf("%d bars missed", missed)
	}
	return nil
}
