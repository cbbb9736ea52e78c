package outbox

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// Config tunes a Dispatcher; its zero value is what production uses.
type Config struct {
	// Destination is whose rows are delivered; "" means store.ToTemporal. Each
	// destination has dispatchers of its own, so that none waits for another (P-14).
	Destination string
	// Retries are the pauses before the second attempt and the later ones, each with a
	// tenth more or less; after the last one the row becomes a dead letter (P-18). nil
	// means 1 s, doubling to 1 min, without limit (O-17).
	Retries []time.Duration
	// Name identifies the holder of a lease; "" means a fresh uuid. Two dispatchers
	// must never share one.
	Name string
	// Concurrency bounds the deliveries under way; 0 means 32.
	Concurrency int
	// Poll is how often the outbox is looked at without a notification; 0 means 1 s.
	Poll time.Duration
	// Lease is how long a claimed row is left alone by others; 0 means 30 s.
	Lease time.Duration
	// Timeout bounds one delivery; 0 means a third of the lease. It should stay well
	// below the lease, or another dispatcher delivers the row as well.
	Timeout time.Duration
	// Grace is how long deliveries under way may go on after Run was asked to stop;
	// 0 means 5 s.
	Grace time.Duration
	// Now is the clock of leases and backoff; nil means the database's own.
	Now func() time.Time
	// Measure is told of each attempt, from several goroutines at once; nil for nobody.
	Measure func(Attempt)
	// Trace begins what is told of an attempt to who traces: it gives the context for it, and
	// is told how it ended. nil is for nobody.
	Trace func(ctx context.Context, row Row) (context.Context, func(error))
	// Logger may be nil for silence.
	Logger *slog.Logger
}

// Attempt is one attempt at a row.
type Attempt struct {
	Destination string
	Kind        contract.OutboxKind
	// Result is delivered, failed, dead or released.
	Result string
	// Waited is how long the row was due before, Took how long the attempt took.
	Waited, Took time.Duration
}

// WithDefaults is c with every zero field given its default.
func (c Config) WithDefaults() Config {
	if c.Destination == "" {
		c.Destination = contract.ToTemporal
	}
	if c.Name == "" {
		c.Name = uuid.NewString()
	}
	if c.Concurrency <= 0 {
		c.Concurrency = 32
	}
	if c.Poll <= 0 {
		c.Poll = time.Second
	}
	if c.Lease <= 0 {
		c.Lease = 30 * time.Second
	}
	if c.Timeout <= 0 {
		c.Timeout = c.Lease / 3
	}
	if c.Grace <= 0 {
		c.Grace = 5 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Dispatcher delivers outbox rows until it is stopped. Any number of them, in any
// number of processes, share one outbox.
type Dispatcher struct {
	Store     *store.Store
	Deliverer Deliverer
	Config    Config
}

// Run delivers until ctx is done. Then it claims nothing more, lets deliveries under
// way finish within Config.Grace, records what they achieved, gives every other
// lease back and returns nil (O-40). It outlives any outage of the database and of
// the destination.
func (d Dispatcher) Run(ctx context.Context) error {
	r := &run{
		store:     d.Store,
		deliverer: d.Deliverer,
		cfg:       d.Config.WithDefaults(),
		due:       make(chan struct{}, 1),
		freed:     make(chan struct{}, 1),
	}
	r.outcomes = make(chan outcome, 2*r.cfg.Concurrency)

	// What was begun outlives ctx by Grace, and its recording by twice that.
	work, cancelWork := context.WithCancel(context.WithoutCancel(ctx))
	defer cancelWork()
	recording, cancelRecording := context.WithCancel(context.WithoutCancel(ctx))
	defer cancelRecording()
	stopGrace := context.AfterFunc(ctx, func() {
		time.AfterFunc(r.cfg.Grace, cancelWork)
		time.AfterFunc(2*r.cfg.Grace, cancelRecording)
	})
	defer stopGrace()

	var helpers sync.WaitGroup
	helpers.Go(func() { r.listen(ctx) })
	helpers.Go(func() { r.recordOutcomes(recording) })
	r.claimAll(ctx, work, recording)
	r.deliveries.Wait()
	close(r.outcomes)
	helpers.Wait()
	return nil
}

// run is the state of one Run.
type run struct {
	store     *store.Store
	deliverer Deliverer
	cfg       Config

	due        chan struct{} // something may be due
	freed      chan struct{} // a delivery has ended
	outcomes   chan outcome
	deliveries sync.WaitGroup
	underway   atomic.Int64
	down       atomic.Bool // the last delivery found the destination unavailable
}

// The pause between two probes of an unavailable destination.
const (
	minProbe = 50 * time.Millisecond
	maxProbe = time.Second
)

// claimAll claims and starts deliveries until ctx is done. Only while nothing is due
// does it wait for a notification or the poll.
func (r *run) claimAll(ctx, work, recording context.Context) {
	poll := time.NewTicker(r.cfg.Poll)
	defer poll.Stop()
	probe, failing := minProbe, false
	for ctx.Err() == nil {
		slots := r.cfg.Concurrency - int(r.underway.Load())
		if r.down.Load() {
			if !pause(ctx, probe) {
				return
			}
			probe = min(2*probe, maxProbe)
			slots = min(slots, 1)
		} else {
			probe = minProbe
		}
		if slots <= 0 {
			select {
			case <-ctx.Done():
			case <-r.freed:
			}
			continue
		}
		looked, err := r.claim(ctx, work, recording, slots)
		if err != nil && !failing {
			r.cfg.Logger.Error("claim outbox rows", "error", err)
		}
		failing = err != nil
		if looked > 0 {
			continue
		}
		select {
		case <-ctx.Done():
		case <-r.due:
		case <-poll.C:
		}
	}
}

// claim looks at up to slots due rows and starts the delivery of those that were
// leased. It returns how many it looked at. The statement itself is not bound to
// ctx: cut in the middle, it could leave leases nobody knows of.
func (r *run) claim(ctx, work, recording context.Context, slots int) (int, error) {
	statement, cancel := context.WithTimeout(recording, r.cfg.Lease/3)
	defer cancel()
	claimed, err := r.store.OutboxClaim(statement, storedb.OutboxClaimParams{
		Destination: r.cfg.Destination, Now: r.now(), Worker: r.cfg.Name, LeaseSeconds: r.cfg.Lease.Seconds(), Slots: int32(slots), //nolint:gosec // bounded by Concurrency
	})
	if err != nil {
		return 0, fmt.Errorf("claim outbox rows: %w", err)
	}
	for _, row := range claimed {
		if row.Blocked {
			continue
		}
		lease := lease{id: row.ID, until: row.LeasedUntil}
		if ctx.Err() != nil {
			r.outcomes <- outcome{lease: lease, result: released}
			continue
		}
		r.underway.Add(1)
		r.deliveries.Go(func() {
			began := time.Now() // a duration, not an instant of the product
			done := r.deliver(work, row, lease)
			if r.cfg.Measure != nil {
				r.cfg.Measure(Attempt{
					Destination: r.cfg.Destination, Kind: row.Kind, Result: done.result.String(),
					Waited: time.Duration(row.WaitedSeconds * float64(time.Second)), Took: time.Since(began),
				})
			}
			r.outcomes <- done
		})
	}
	return len(claimed), nil
}

// deliver makes one attempt and frees its slot.
func (r *run) deliver(work context.Context, row storedb.OutboxClaimRow, lease lease) outcome {
	defer func() {
		r.underway.Add(-1)
		wake(r.freed)
	}()
	ctx, cancel := context.WithTimeout(work, r.cfg.Timeout)
	defer cancel()
	what := Row{
		ID: row.ID, OrderingKey: row.OrderingKey, Sequence: row.Seq, Kind: row.Kind,
		Payload: row.Payload, Attempts: int(row.Attempts), CreatedAt: row.CreatedAt, Trace: row.Trace,
	}
	traced := func(error) {}
	if r.cfg.Trace != nil {
		ctx, traced = r.cfg.Trace(ctx, what)
	}
	err := r.deliverer.Deliver(ctx, what)
	traced(err)
	r.noteState(err)
	delay, again := r.cfg.backoff(row.ID, int(row.Attempts), err)
	switch {
	case err == nil:
		return outcome{lease: lease, result: delivered}
	case errors.Is(err, ErrPermanent), !again && work.Err() == nil:
		r.cfg.Logger.Error("outbox row is dead", "outbox_id", row.ID, "kind", row.Kind, "ordering_key", row.OrderingKey, "error", err)
		return outcome{lease: lease, result: dead, err: err}
	case work.Err() != nil:
		return outcome{lease: lease, result: released}
	}
	r.cfg.Logger.Debug("outbox row is retried", "outbox_id", row.ID, "kind", row.Kind, "attempts", row.Attempts+1, "error", err)
	return outcome{lease: lease, result: failed, err: err, delay: delay}
}

// noteState notes whether the destination is there, and says so when that changes.
func (r *run) noteState(err error) {
	down := errors.Is(err, ErrUnavailable)
	if r.down.Swap(down) == down {
		return
	}
	if down {
		r.cfg.Logger.Warn("outbox destination is unavailable", "destination", r.cfg.Destination, "error", err)
	} else {
		r.cfg.Logger.Info("outbox destination is back", "destination", r.cfg.Destination)
	}
}

// backoff is how long a row waits that failed once more, and whether it is tried again.
func (c *Config) backoff(id uuid.UUID, failures int, err error) (time.Duration, bool) {
	if c.Retries == nil {
		return min(time.Second<<min(failures, 6), time.Minute), true
	}
	if failures >= len(c.Retries) {
		return 0, false
	}
	// Spread by the row's random bits: as good as chance, and the same in every process.
	spread := 0.9 + 0.2*float64(binary.BigEndian.Uint16(id[14:]))/math.MaxUint16
	delay := time.Duration(float64(c.Retries[failures]) * spread)
	var later *RetryAfterError
	if errors.As(err, &later) {
		delay = max(delay, min(later.After, maxRetryAfter))
	}
	return delay, true
}

// maxRetryAfter bounds what a destination may ask for (P-18).
const maxRetryAfter = 24 * time.Hour

func (r *run) now() *time.Time {
	if r.cfg.Now == nil {
		return nil
	}
	now := r.cfg.Now()
	return &now
}

// wake sets a flag that a receiver clears; it never blocks.
func wake(flag chan struct{}) {
	select {
	case flag <- struct{}{}:
	default:
	}
}

// pause waits and reports whether ctx is still alive.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
