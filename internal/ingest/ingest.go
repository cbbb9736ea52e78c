// Package ingest decides what one event, or one batch of events, changes: the
// contact, the event row, exits, waits, enrollments, decisions and the outbox, in
// one transaction (I-1).
//
// A transaction reads without locks what its events name and plans their
// identities (plan), locks the contacts and checks the plan under the locks
// (transaction), applies the events one after another in memory (wave, guards) and
// writes what was decided (changes): three round trips however many events.
package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/store"
)

// Config says what an Ingester decides by.
type Config struct {
	// Journeys are the registered journeys that may enroll.
	Journeys []hogsend.Journey
	// ExitJourneys are all compiled-in journeys: exit rules apply to left-out ones
	// too (J-12). nil means Journeys.
	ExitJourneys []hogsend.Journey
	// LateHorizon is the late-event horizon; 0 means 24 h (I-40).
	LateHorizon time.Duration
	// HopLimit is the highest hop count that enrolls; 0 means 10 (J-147).
	HopLimit int
	// DwellHorizon keeps only timers of dwell reactions that are due within it in
	// Temporal, the rest as rows; 0 hands all of them over at once (B-49).
	DwellHorizon time.Duration
	// DwellRate bounds the timers a second of one bucket that are overdue when they are
	// armed; 0 means 50 (B-46).
	DwellRate int
	// Mirror says that PostHog is configured: without it no membership is mirrored, and
	// nothing that a journey learns is told (B-54, J-137).
	Mirror bool
	// Captures says of a stored event whether PostHog is told of it (P-11); nil of none.
	Captures func(name, source string) bool
	// BuildID is stored with enrollments and step logs (J-110).
	BuildID string
	// Lanes is the number of transactions under way at once; 0 means 2: fewer lanes
	// share more in each transaction, which measured best on a small machine.
	Lanes int
	// MaxBatch bounds the events of one transaction; 0 means 500. A client's batch
	// is never split.
	MaxBatch int
	// Notify is called after each commit that wrote outbox rows; nil for nobody.
	Notify func()
	// Logger is where warnings go; nil means slog.Default().
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.LateHorizon == 0 {
		c.LateHorizon = 24 * time.Hour
	}
	if c.HopLimit == 0 {
		c.HopLimit = 10
	}
	if c.DwellRate == 0 {
		c.DwellRate = 50
	}
	if c.Lanes == 0 {
		c.Lanes = 2
	}
	if c.MaxBatch == 0 {
		c.MaxBatch = 500
	}
	if c.Notify == nil {
		c.Notify = func() {}
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

// Ingester applies events. It is safe for concurrent use.
type Ingester struct {
	store   *store.Store
	cfg     Config
	catalog atomic.Pointer[catalog]
	reading sync.Mutex // one reads the buckets in force anew
	seed    maphash.Seed
	lanes   []chan *unit
	watch   *watcher // looks on in a simulation; nil in life
	running sync.WaitGroup
	stats   clockStats

	mu     sync.RWMutex // held for reading while a unit is handed to a lane
	closed bool
}

// ErrClosed is returned by calls that come after Close.
var ErrClosed = errors.New("ingester is closed")

// New starts the lanes of an Ingester; Close ends them.
func New(s *store.Store, cfg Config) *Ingester {
	cfg = cfg.withDefaults()
	g := &Ingester{store: s, cfg: cfg, seed: maphash.MakeSeed()}
	g.catalog.Store(newCatalog(cfg.Journeys, cfg.ExitJourneys, &segments{})) // the first transaction reads what is in force
	for range cfg.Lanes {
		lane := make(chan *unit, cfg.MaxBatch)
		g.lanes = append(g.lanes, lane)
		g.running.Go(func() { g.work(lane) })
	}
	return g
}

// Close applies what was accepted and ends the lanes; later calls fail with
// ErrClosed. Closing twice is closing once.
func (g *Ingester) Close() {
	g.mu.Lock()
	if !g.closed {
		g.closed = true
		for _, lane := range g.lanes {
			close(lane)
		}
	}
	g.mu.Unlock()
	g.running.Wait()
}

// Ingest applies one event, sharing its transaction with others that come at the
// same time. The event must be valid (Validate). The error is the database's or
// ctx's, store.IsUnavailable tells which to try again; after ctx ended the event
// may still be stored.
func (g *Ingester) Ingest(ctx context.Context, ev Event) (Result, error) {
	u := newUnit([]*item{newItem(&ev)})
	if err := g.enter(ctx, u); err != nil {
		return Result{}, err
	}
	return u.items[0].result, u.items[0].result.Err
}

// IngestAll applies a client's batch of valid events in array order, as if one by
// one, in one transaction (I-16, I-17). Results are in the order of events. If one
// of them makes the transaction fail, each is applied in a transaction of its own
// and Result.Err tells which failed (I-8).
func (g *Ingester) IngestAll(ctx context.Context, events []Event) ([]Result, error) {
	if len(events) == 0 {
		return nil, nil
	}
	items := make([]*item, len(events))
	for i := range events {
		items[i] = newItem(&events[i])
	}
	u := newUnit(items)
	if err := g.enter(ctx, u); err != nil {
		return nil, err
	}
	results := make([]Result, len(items))
	for i, it := range items {
		results[i] = it.result
	}
	return results, nil
}

// End is the terminal state of an enrollment.
type End struct {
	// Status is completed, failed or exited.
	Status contract.EnrollmentStatus
	// Error is the text of a failure, cut to 4,096 bytes (J-94).
	Error string
	// Reason is the exit reason of an exit; "" means "code" (J-136).
	Reason contract.ExitReason
	// StepKey is the key of the step log row; "" means "end".
	StepKey string
	// cancels tells the workflow, because it is not the workflow that ends.
	cancels bool
}

// Finish records the end of an enrollment together with the internal event it
// causes and what follows from that (J-65, J-90). The first end stands: the
// returned status is the one that holds. It is store.ErrNotFound for an unknown id.
// Temporal is told nothing: a journey that finishes closes its own workflow.
func (g *Ingester) Finish(ctx context.Context, enrollmentID uuid.UUID, end End) (contract.EnrollmentStatus, error) {
	if end.StepKey == "" {
		end.StepKey = stepEnd
	}
	if end.Status == contract.EnrollmentExited && end.Reason == "" {
		end.Reason = "code"
	}
	end.Error = cut(end.Error, 4096)
	it := newItem(&Event{})
	it.kind, it.origin, it.end = kindEnd, enrollmentID, &end
	if err := g.transact(ctx, []*item{it}, nil); err != nil {
		return "", fmt.Errorf("finish enrollment: %w", err)
	}
	return it.status, nil
}

// cut shortens s to at most n bytes at a character boundary, and drops what
// Postgres does not take as text.
func cut(s string, n int) string {
	clean := make([]byte, 0, min(len(s), n))
	for _, r := range s {
		if r == 0 {
			continue
		}
		if len(clean)+utf8.RuneLen(r) > n {
			break
		}
		clean = utf8.AppendRune(clean, r)
	}
	return string(clean)
}

// TriggerFrom ingests an event caused by a live enrollment, once per step key
// (J-135, I-38). Without a user id, e-mail or anonymous id it belongs to the
// enrollment's contact. ended is true, and nothing happens, when the enrollment is
// over (J-77); it is also true for a repetition after the end. node is where the
// enrollment stands from then on; "" leaves it. While the journey is paused it is
// ErrPaused and nothing happens (J-101).
func (g *Ingester) TriggerFrom(ctx context.Context, enrollmentID uuid.UUID, stepKey, node string, ev Event) (ended bool, err error) {
	ev.Source = "journey"
	it := newItem(&ev)
	it.space, it.key = spaceInternal, enrollmentID.String()+":"+stepKey
	it.origin, it.stepKey, it.node = enrollmentID, stepKey, node
	if err := g.transact(ctx, []*item{it}, nil); err != nil {
		return false, fmt.Errorf("trigger event: %w", err)
	}
	return it.ended, nil
}

// Identify merges properties into the contact of a live enrollment, once per step
// key: a JSON null removes the key, buckets see the change in the same transaction,
// no event is stored (J-137, I-33). ended is true, and nothing happens, when the
// enrollment is over; node is where it stands from then on, "" leaves it.
func (g *Ingester) Identify(ctx context.Context, enrollmentID uuid.UUID, stepKey, node string, properties map[string]json.RawMessage) (ended bool, err error) {
	it := newItem(&Event{ContactProperties: properties})
	it.kind, it.space, it.key = kindTouch, spaceInternal, enrollmentID.String()+":"+stepKey
	it.origin, it.stepKey, it.node = enrollmentID, stepKey, node
	if err := g.transact(ctx, []*item{it}, nil); err != nil {
		return false, fmt.Errorf("identify contact: %w", err)
	}
	return it.ended, nil
}
