package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/config"
	"github.com/hogsend/hogsend/internal/definition"
	"github.com/hogsend/hogsend/schema"
	"github.com/hogsend/hogsend/worker"
)

// count is how many there are of something.
type count struct {
	n         int
	one, many string // the words for it
}

func (c count) String() string {
	if c.n == 1 {
		return "1 " + c.one
	}
	return fmt.Sprintf("%d %s", c.n, c.many)
}

// counts are how many there are of what authors write, after ENABLED_JOURNEYS and
// ENABLED_BUCKETS, and of the product's own workflows (O-39).
func (p *process) counts() []count {
	buckets, _ := definition.EnabledBuckets(p.registry, p.cfg.EnabledBuckets)
	return []count{
		{len(p.enabled), "journey", "journeys"},
		{len(buckets), "bucket", "buckets"},
		{len(definition.Reactions(hogsend.Registry{Buckets: buckets})), "reaction", "reactions"},
		{len(p.registry.Templates), "template", "templates"},
		{len(p.registry.Lists), "list", "lists"},
		{len(p.registry.Sources), "source", "sources"},
		{len(p.registry.Webhooks) + len(p.registry.Destinations), "destination", "destinations"},
		{worker.BuiltIn(), "built-in workflow", "built-in workflows"},
	}
}

// boot says that a process is ready, and what it runs with: by a record of the log, on a
// terminal by a banner (O-39).
func (p *process) boot(ctx context.Context, what string, own ...any) {
	applied := "unknown"
	if status, err := schema.Check(ctx, p.store.Pool); err == nil {
		applied = status.Applied
	}
	p.report(what, applied, own)
}

// report is boot on a schema.
func (p *process) report(what, applied string, own []any) {
	if p.banner != nil {
		p.printBanner(what, applied)
		return
	}
	facts := append([]any{
		"version", Version, "build_id", p.build, "temporal", p.cfg.TemporalAddress, "namespace", p.cfg.TemporalNamespace, "task_queue", p.cfg.TemporalTaskQueue,
	}, own...)
	for _, c := range p.counts() {
		facts = append(facts, strings.NewReplacer(" ", "_", "-", "_").Replace(c.many), c.n)
	}
	facts = append(facts, "schema_engine", applied, "schema_client", "none", "provider", p.cfg.EmailProvider, "test_mode", p.testMode.String(), "public_url", p.cfg.PublicURL)
	p.log.Info(what, facts...)
}

func (p *process) printBanner(what, applied string) {
	var all []string
	for _, c := range p.counts() {
		all = append(all, c.String())
	}
	fmt.Fprintf(p.banner, "%s · version %s · build %s\n  %s\n  Temporal %s · namespace %s · task queue %s\n  schema %s · mail by %s · test mode %s\n  %s\n",
		what, Version, p.build, strings.Join(all, " · "), p.cfg.TemporalAddress, p.cfg.TemporalNamespace, p.cfg.TemporalTaskQueue,
		applied, p.cfg.EmailProvider, p.testMode.String(), p.cfg.PublicURL)
}

// bannerOf is where a process prints its banner: nowhere, unless somebody reads its log.
func (p *program) bannerOf(cfg config.Config) io.Writer {
	if onTerminal(p.Stderr) && asText(p.Stderr, cfg) && cfg.LogLevel <= slog.LevelInfo {
		return p.Stderr
	}
	return nil
}

// asText reports whether the log is for a reader: as LOG_FORMAT says, or else on a terminal.
func asText(w io.Writer, cfg config.Config) bool {
	return cfg.LogFormat == "text" || cfg.LogFormat == "" && onTerminal(w)
}

// onTerminal reports whether somebody reads what is written.
func onTerminal(w io.Writer) bool {
	if v, ok := w.(*visible); ok {
		w = v.out
	}
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
