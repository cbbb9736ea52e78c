package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"github.com/hogsend/hogsend/internal/config"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/definition"
	"github.com/hogsend/hogsend/internal/replay"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/worker"
)

// notPossible is the exit code of a gate that could not look (T-30).
const notPossible = 2

type replayFlags struct {
	sample       int
	all          bool
	journey      string
	dir, save    string
	strict, json bool
}

func (p *program) replayCommand() *cobra.Command {
	var f replayFlags
	cmd := &cobra.Command{
		Use: "replay", Short: "Say whether people in flight can go on with this binary",
		Long: `Replays people in flight by the code of this binary, before it is deployed: up to
--sample histories of each journey, version and node, reactions and dwell timers
included. It starts, signals and changes nothing. It reads DATABASE_URL,
TEMPORAL_ADDRESS and HOGSEND_SECRET; with --dir nothing but stored histories.

Exit code 0: every sample replays. 1: one does not, or the workflow type of somebody in
flight is not in this binary. 2: it could not be found out.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return codedError{fmt.Errorf("replay takes no arguments, got %q", args[0]), notPossible}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return p.replay(cmd.Context(), f) },
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return codedError{err, notPossible} })
	cmd.Flags().IntVar(&f.sample, "sample", 20, "histories of each journey, version and node")
	cmd.Flags().BoolVar(&f.all, "all", false, "look at everybody in flight")
	cmd.Flags().StringVar(&f.journey, "journey", "", "look at one journey or reaction only")
	cmd.Flags().StringVar(&f.dir, "dir", "", "replay the stored histories below a folder, offline")
	cmd.Flags().StringVar(&f.save, "save", "", "store one history for each journey and wait below a folder, without what people said")
	cmd.Flags().BoolVar(&f.strict, "strict", false, "exit 1 also when a step already taken has another label, template or duration now")
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON")
	p.onInstallation(cmd)
	choose := cmd.PreRunE
	cmd.PreRunE = func(cmd *cobra.Command, args []string) error {
		if err := choose(cmd, args); err != nil {
			return codedError{err, notPossible}
		}
		return nil
	}
	return cmd
}

func (f replayFlags) check() error {
	switch {
	case f.sample < 1:
		return errors.New("--sample: must be at least 1")
	case f.dir != "" && (f.save != "" || f.all):
		return errors.New("--dir: goes neither with --save nor with --all")
	}
	return nil
}

func (p *program) replay(ctx context.Context, f replayFlags) error {
	if err := f.check(); err != nil {
		return codedError{err, notPossible}
	}
	// What validation refuses could not be deployed.
	if err := p.Registry.Validate(); err != nil {
		return codedError{err, notPossible}
	}
	g := &gate{program: p, flags: f, ids: []string{}, kept: map[string]error{}}
	known := true
	if f.journey != "" {
		index := p.index()
		g.ids, known = index.IDs(f.journey), index.Journey(f.journey) != nil
	}
	look := g.live
	if f.dir != "" {
		look = g.stored
	}
	if err := look(ctx); err != nil {
		return codedError{err, notPossible}
	}
	totals := g.report.Totals()
	if !known && totals.Open == 0 {
		return codedError{fmt.Errorf("--journey: there is no journey %s", f.journey), notPossible}
	}
	if err := g.print(totals); err != nil {
		return codedError{err, notPossible}
	}
	switch {
	case totals.Broken > 0, f.strict && totals.Changed > 0:
		return codedError{nil, 1}
	case totals.BlindStrata > 0:
		return codedError{nil, notPossible}
	}
	return nil
}

// gate looks at people in flight and keeps what it finds.
type gate struct {
	program *program
	flags   replayFlags
	ids     []string // of the journey that is asked for; none means all
	types   *replay.Replayer

	store    *store.Store
	temporal client.Client
	queue    string
	pins     bool // people may be pinned to the build that has begun their run

	mu     sync.Mutex
	report replay.Report
	kept   map[string]error // by file: nil once it is written
}

// sample is one history to be replayed.
type sample struct {
	journey, version, node string
	id                     string // of the workflow
	// enrollment is the zero uuid for the timer of a dwell reaction.
	enrollment uuid.UUID
}

func (g *gate) print(totals replay.Totals) error {
	for _, file := range slices.Sorted(maps.Keys(g.kept)) {
		if err := g.kept[file]; err != nil {
			fmt.Fprintf(g.program.Stderr, "hogsend: %s is not written: %s\n", file, err)
		}
	}
	if g.flags.json {
		return g.program.print(true, gateReport{Strata: g.report.Strata(), Totals: totals}, "")
	}
	return g.report.Write(g.program.Stdout)
}

// stored replays stored histories. They are decrypted, but for those that tests of the
// product itself record.
func (g *gate) stored(ctx context.Context) error {
	files, err := replay.Files(g.flags.dir)
	if err != nil {
		return err
	}
	return g.replayAll(ctx, g.secrets(), func(ctx context.Context, send func(sample) error) error {
		for _, file := range files {
			if err := send(sample{id: file}); err != nil {
				return err
			}
		}
		return nil
	}, func(_ context.Context, r *replay.Replayer, s sample) error {
		history, err := replay.ReadFile(s.id)
		if err != nil {
			return err
		}
		journey := replay.TypeOf(history)
		if id, found := strings.CutPrefix(journey, contract.JourneyType("")); found {
			journey = id
		}
		if len(g.ids) > 0 && !slices.Contains(g.ids, journey) {
			return nil
		}
		out := r.Replay(history)
		g.mu.Lock()
		defer g.mu.Unlock()
		stratum := g.report.Stratum(journey, "", strings.TrimSuffix(filepath.Base(s.id), ".json"))
		stratum.Open++
		stratum.Add(s.id, out)
		return nil
	})
}

// secrets are those of the environment, of which --dir needs nothing else.
func (g *gate) secrets() []string {
	secrets := []string{}
	for _, secret := range strings.Split(g.program.env("HOGSEND_SECRET")+","+g.program.env("HOGSEND_SECRET_PREVIOUS"), ",") {
		if secret = strings.TrimSpace(secret); secret != "" {
			secrets = append(secrets, secret)
		}
	}
	return secrets
}

func (g *gate) newReplayer(secrets []string) (*replay.Replayer, error) {
	cfg := replay.Config{Registry: definition.Clone(g.program.Registry)}
	if len(secrets) > 0 {
		var err error
		if cfg.Data, err = worker.NewDataConverter(secrets[0], secrets[1:]); err != nil {
			return nil, err
		}
		if cfg.Failures, err = worker.NewFailureConverter(secrets[0], secrets[1:]); err != nil {
			return nil, err
		}
	}
	return replay.New(cfg)
}

// replayAll gives what find sends to as many replayers as there are processors. A
// history is held by one of them at a time, however many there are (T-35).
func (g *gate) replayAll(ctx context.Context, secrets []string, find func(context.Context, func(sample) error) error,
	one func(context.Context, *replay.Replayer, sample) error,
) error {
	group, ctx := errgroup.WithContext(ctx)
	samples := make(chan sample)
	for range runtime.GOMAXPROCS(0) {
		r, err := g.newReplayer(secrets)
		if err != nil {
			return err
		}
		g.types = r
		group.Go(func() error {
			for s := range samples {
				if err := one(ctx, r, s); err != nil {
					return err
				}
			}
			return nil
		})
	}
	group.Go(func() error {
		defer close(samples)
		return find(ctx, func(s sample) error {
			select {
			case samples <- s:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	})
	return group.Wait()
}

// gateReach is how long the gate tries to reach the database and Temporal.
const gateReach = 15 * time.Second

// live replays people in flight.
func (g *gate) live(ctx context.Context) error {
	cfg, err := g.program.load(config.Needs{Temporal: true})
	if err != nil {
		return err
	}
	if cfg.Secret == "" {
		return errors.New("HOGSEND_SECRET: is required, because histories are encrypted under it")
	}
	if g.store, err = store.Open(ctx, store.Config{URL: cfg.DatabaseURL, MaxConns: 4}); err != nil {
		return err
	}
	defer g.store.Close()
	if g.temporal, err = lazyTemporal(cfg, newLogger(discard{}, cfg)); err != nil {
		return err
	}
	defer g.temporal.Close()
	within, cancel := context.WithTimeout(ctx, gateReach)
	defer cancel()
	if err := g.store.Pool.Ping(within); err != nil {
		return fmt.Errorf("reach database: %w", err)
	}
	if err := checkTemporal(within, g.temporal); err != nil {
		return fmt.Errorf("reach temporal at %s: %w", cfg.TemporalAddress, err)
	}
	g.queue, g.pins = cfg.TemporalTaskQueue, cfg.Deployment != ""
	return g.replayAll(ctx, append([]string{cfg.Secret}, cfg.PreviousSecrets...), g.find, g.look)
}

// look replays one person in flight.
func (g *gate) look(ctx context.Context, r *replay.Replayer, s sample) error {
	out, history, err := g.outcome(ctx, r, s)
	if err != nil {
		return err
	}
	g.mu.Lock()
	g.report.Stratum(s.journey, s.version, s.node).Add(s.id, out)
	g.mu.Unlock()
	if g.flags.save != "" && history != nil && (out.Verdict == replay.OK || out.Verdict == replay.Changed) {
		g.keep(r, s, history)
	}
	return nil
}

func (g *gate) outcome(ctx context.Context, r *replay.Replayer, s sample) (replay.Outcome, *historypb.History, error) {
	if g.pins {
		pinned, err := g.pinned(ctx, s.id)
		if err != nil || pinned {
			return replay.Outcome{Verdict: replay.Pinned}, nil, err
		}
	}
	if kind, _, _ := strings.Cut(s.id, "/"); !r.Knows(kind) {
		return replay.Unknown(kind), nil, nil // whether it has begun or not, it cannot go on
	}
	history := &historypb.History{}
	events := g.temporal.GetWorkflowHistory(ctx, s.id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if missing(err) {
			out, err := g.gone(ctx, s)
			return out, nil, err
		}
		if err != nil {
			return replay.Outcome{}, nil, fmt.Errorf("read history of %s: %w", s.id, err)
		}
		history.Events = append(history.Events, event)
	}
	if replay.Closed(history) { // it ended meanwhile (T-34)
		return replay.Outcome{Verdict: replay.Skipped}, nil, nil
	}
	return r.Replay(history), history, nil
}

// pinned reports whether a workflow goes on with the build that has begun it.
func (g *gate) pinned(ctx context.Context, id string) (bool, error) {
	found, err := g.temporal.DescribeWorkflowExecution(ctx, id, "")
	if missing(err) {
		return false, nil // gone judges it
	}
	if err != nil {
		return false, fmt.Errorf("describe %s: %w", id, err)
	}
	return found.GetWorkflowExecutionInfo().GetVersioningInfo().GetBehavior() == enumspb.VERSIONING_BEHAVIOR_PINNED, nil
}

// gone judges a workflow that Temporal does not know: the enrollment may have ended,
// or its start not be dispatched yet.
func (g *gate) gone(ctx context.Context, s sample) (replay.Outcome, error) {
	if s.enrollment == uuid.Nil {
		return replay.Outcome{Verdict: replay.Skipped}, nil // the stay is over
	}
	rows, err := g.store.GateLive(ctx, s.enrollment)
	if err != nil {
		return replay.Outcome{}, fmt.Errorf("read enrollment: %w", err)
	}
	if len(rows) == 1 && rows[0].Live && rows[0].Begun {
		return replay.Outcome{Verdict: replay.Unreadable, Difference: "Temporal does not know the workflow"}, nil
	}
	return replay.Outcome{Verdict: replay.Skipped}, nil
}

// keep stores a history, one for each journey and wait (T-17).
func (g *gate) keep(r *replay.Replayer, s sample, history *historypb.History) {
	g.mu.Lock()
	defer g.mu.Unlock()
	file := replay.FileName(g.flags.save, s.journey, r.LastWait(history))
	if err, tried := g.kept[file]; tried && err == nil {
		return
	}
	_, g.kept[file] = r.Keep(g.flags.save, s.journey, history)
}
