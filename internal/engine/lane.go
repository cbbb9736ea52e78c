package engine

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"runtime/debug"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/store"
)

// Share applies changes that belong together in array order, as if one by one, in one
// transaction (I-16, I-17), which they share with others that come at the same time.
// If one of them makes the transaction fail, each is applied in a transaction of its
// own and Result.Err tells which failed (I-8). The error is the database's or ctx's,
// store.IsUnavailable tells which to try again; after ctx ended the changes may still
// be applied.
func (e *Engine) Share(ctx context.Context, changes ...*decide.Change) error {
	if e.cfg.Measure.Shared == nil {
		return e.share(ctx, changes)
	}
	began := time.Now() // a duration, here and below, not an instant of the product
	err := e.share(ctx, changes)
	e.cfg.Measure.Shared(len(changes), time.Since(began), err)
	return err
}

func (e *Engine) share(ctx context.Context, changes []*decide.Change) error {
	trace(ctx, changes)
	u := &unit{changes: changes, done: make(chan error, 1)}
	e.mu.RLock()
	if e.closed {
		e.mu.RUnlock()
		return ErrClosed
	}
	select {
	case e.lanes[e.laneOf(changes[0])] <- u:
		e.mu.RUnlock()
	case <-ctx.Done():
		e.mu.RUnlock()
		return ctx.Err()
	}
	select {
	case err := <-u.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// laneOf is mostly the same for the events of one contact, so that lanes seldom wait
// for each other.
func (e *Engine) laneOf(c *decide.Change) int {
	userID, email, anonymousID := c.Named()
	key := userID
	if key == "" {
		key = decide.EmailKey(email)
	}
	if key == "" {
		key = anonymousID
	}
	return int(maphash.String(e.seed, key) % uint64(len(e.lanes))) //nolint:gosec // less than the number of lanes
}

// work applies what is queued, all of it at once: a lone unit does not wait, and
// the busier the lane, the more units share a transaction.
func (e *Engine) work(lane chan *unit) {
	var next *unit
	for {
		first := next
		if next = nil; first == nil {
			var open bool
			if first, open = <-lane; !open {
				return
			}
		}
		units, size := []*unit{first}, len(first.changes)
	collect:
		for size < e.cfg.MaxBatch {
			select {
			case u, open := <-lane:
				if !open {
					break collect
				}
				if size+len(u.changes) > e.cfg.MaxBatch {
					next = u
					break collect
				}
				units, size = append(units, u), size+len(u.changes)
			default:
				break collect
			}
		}
		e.process(units, size)
	}
}

// MaxDuration bounds one transaction, so that a database that does not answer becomes
// an error.
const MaxDuration = 15 * time.Second

// process applies units together and, if they fail, each alone, so that a bad one
// fails alone (I-8).
func (e *Engine) process(units []*unit, size int) {
	changes := make([]*decide.Change, 0, size)
	for _, u := range units {
		changes = append(changes, u.changes...)
	}
	err := e.attempt(changes)
	switch {
	case err == nil || store.IsUnavailable(err):
		for _, u := range units {
			u.done <- err
		}
	case len(units) > 1:
		for _, u := range units {
			e.process([]*unit{u}, len(u.changes))
		}
	default:
		e.separate(changes, err)
		units[0].done <- nil
	}
}

// separate applies the changes of a failed unit one by one.
func (e *Engine) separate(changes []*decide.Change, err error) {
	for i, c := range changes {
		if len(changes) > 1 {
			err = e.attempt(changes[i : i+1])
		}
		if err != nil {
			c.Result = decide.Result{Err: err}
		}
	}
}

func (e *Engine) attempt(changes []*decide.Change) error {
	ctx, cancel := context.WithTimeout(context.Background(), MaxDuration)
	defer cancel()
	return e.Apply(ctx, changes...)
}

// maxAttempts bounds the repeats of a transaction whose contacts change between
// reading and locking. Each repeat means that another transaction went ahead.
const maxAttempts = 100

// ChunkSize is how many contacts the clock and a backfill take in one transaction
// (W-11, W-24).
const ChunkSize = 500

// Apply applies changes in a transaction of their own, in array order, as if one by
// one.
func (e *Engine) Apply(ctx context.Context, changes ...*decide.Change) error {
	return e.ApplyChunk(ctx, nil, changes...)
}

// ApplyChunk is Apply for a chunk of a backfill.
func (e *Engine) ApplyChunk(ctx context.Context, chunk *Chunk, changes ...*decide.Change) error {
	trace(ctx, changes)
	if e.cfg.Measure.Applied == nil {
		return e.apply(ctx, chunk, changes, &Applied{})
	}
	began := time.Now()
	var applied Applied
	err := e.apply(ctx, chunk, changes, &applied)
	if applied.Took, applied.Err = time.Since(began), err; err != nil {
		applied.Decisions, applied.Transitions = nil, nil
	}
	e.cfg.Measure.Applied(applied)
	return err
}

func (e *Engine) apply(ctx context.Context, chunk *Chunk, changes []*decide.Change, applied *Applied) error {
	var err error
	for attempt := range maxAttempts {
		for _, c := range changes {
			c.Reset()
		}
		*applied = Applied{Changes: len(changes), Attempts: attempt + 1}
		err = e.once(ctx, changes, attempt > 0 || len(changes) > 0 && changes[0].Space == decide.SpaceInternal, chunk, applied)
		if errors.Is(err, ErrChanged) {
			if err := e.Reload(ctx); err != nil {
				return err
			}
			continue
		}
		if e.cfg.Simulated || !errors.Is(err, decide.ErrStale) && !store.IsConflict(err) {
			return err // a simulation has its contacts for itself
		}
	}
	return err
}

func (e *Engine) once(ctx context.Context, changes []*decide.Change, suspicious bool, chunk *Chunk, applied *Applied) (err error) {
	// A defect fails the changes it concerns, not the process (I-3).
	defer func() {
		if defect := recover(); defect != nil {
			err = fmt.Errorf("apply events: %v\n%s", defect, debug.Stack())
		}
	}()
	defer func() { err = outgrown(err) }()
	t := &transaction{engine: e, catalog: e.catalog.Load(), changes: changes, suspicious: suspicious, chunk: chunk, applied: applied}
	err = e.Store.Borrow(ctx, func(c *store.Conn) error {
		t.conn = c
		return t.run(ctx)
	})
	if err != nil {
		return err
	}
	if t.enqueued {
		e.cfg.Notify()
	}
	e.flips.add(t.decider.Flips)
	if len(t.decider.Looped) > 0 {
		e.cfg.Logger.WarnContext(ctx, "loop guard kept contacts out", "journey_ids", t.decider.Looped)
	}
	return nil
}

// outgrown makes a problem of the caller of what hogsend_bounded refuses (H-12).
func outgrown(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "HS001" {
		return &hogsend.ValidationError{Field: "contactProperties", Message: "a contact may have 1,000 properties and 256 KiB of them"}
	}
	return err
}

// New starts the lanes of an Engine; Close ends them.
func New(s *store.Store, cfg Config) *Engine {
	cfg = cfg.withDefaults()
	e := &Engine{Store: s, cfg: cfg, index: cfg.registered(), seed: maphash.MakeSeed()}
	e.inForce(decide.NewBuckets(0, nil), nil) // the first transaction reads what is in force
	for range cfg.Lanes {
		lane := make(chan *unit, cfg.MaxBatch)
		e.lanes = append(e.lanes, lane)
		e.running.Go(func() { e.work(lane) })
	}
	return e
}

// Close applies what was accepted and ends the lanes; later calls of Share fail with
// ErrClosed. Closing twice is closing once.
func (e *Engine) Close() {
	e.mu.Lock()
	if !e.closed {
		e.closed = true
		for _, lane := range e.lanes {
			close(lane)
		}
	}
	e.mu.Unlock()
	e.running.Wait()
}
