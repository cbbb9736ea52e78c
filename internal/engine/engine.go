// Package engine applies changes to contacts in Postgres, what each changes in one
// transaction (I-1).
//
// A transaction reads without locks what its changes name and decides their identities,
// locks the contacts and checks under the locks that what was read still holds, loads
// their state, lets package decide decide, and writes what was decided: three round
// trips however many changes there are.
package engine

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/decide/cascade"
	"github.com/hogsend/hogsend/internal/decide/steps"
	"github.com/hogsend/hogsend/internal/registry"
	"github.com/hogsend/hogsend/internal/store"
)

// Config says what an Engine decides by.
type Config struct {
	// Timezone is that of contacts whose own is not known; "" is UTC (S-1).
	Timezone string
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
	// scheduled; 0 means 50 (B-46).
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
	// Observer looks on; nil for nobody.
	Observer Observer
	// Measure is told how the engine works.
	Measure Measure
	// Simulated is that of decide.Config.
	Simulated bool
	// Logger is where warnings go; nil means slog.Default().
	Logger *slog.Logger
}

// Observer is told what transactions decide, in order, before it is committed: what a
// transaction that is made again decides it is told again.
type Observer interface {
	// Decided is told of effects before they are written.
	Decided(e *decide.Effects)
	// Merged is told of a merge behind it, with the survivor as it is then.
	Merged(m *decide.Merge, at time.Time)
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

// decider is what package decide decides by.
func (c *Config) decider() decide.Config {
	return decide.Config{
		LateHorizon: c.LateHorizon, HopLimit: c.HopLimit, DwellHorizon: c.DwellHorizon, DwellRate: c.DwellRate,
		Mirror: c.Mirror, Captures: c.Captures, NewID: NewID, Simulated: c.Simulated,
	}
}

// registered is the index of the journeys. What concerns buckets is read from the
// database: what is in force there is not always what is compiled in.
func (c *Config) registered() *registry.Index {
	all := c.ExitJourneys
	if all == nil {
		all = c.Journeys
	}
	return registry.New(hogsend.Registry{Journeys: all}).Enrolling(c.Journeys)
}

// NewID makes a uuid in the order of time, so that ids of one process sort as made.
func NewID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// Engine applies changes. It is safe for concurrent use.
type Engine struct {
	Store   *store.Store
	cfg     Config
	index   *registry.Index // without the reactions of buckets
	catalog atomic.Pointer[catalog]
	reading sync.Mutex // one reads the buckets in force anew
	seed    maphash.Seed
	lanes   []chan *unit
	running sync.WaitGroup
	flips   flips

	mu     sync.RWMutex // held for reading while a unit is handed to a lane
	closed bool
}

// ErrClosed is returned by calls that come after Close.
var ErrClosed = errors.New("ingester is closed")

// Config is what the engine decides by, with the defaults filled in.
func (e *Engine) Config() *Config { return &e.cfg }

// Index is what is defined, with the reactions of Buckets.
func (e *Engine) Index() *registry.Index { return e.catalog.Load().index }

// Buckets are those in force as far as the engine knows: the next transaction finds out
// whether they still are.
func (e *Engine) Buckets() *decide.Buckets { return e.catalog.Load().buckets }

func (e *Engine) inForce(b *decide.Buckets, dates []*steps.DateRule) {
	e.catalog.Store(&catalog{index: e.index.WithReactions(b.Reactions()), buckets: b, dates: dates})
}

// Refresh reads the buckets in force anew if they have changed.
func (e *Engine) Refresh(ctx context.Context) error {
	version, err := e.Store.BucketsVersion(ctx)
	if err != nil {
		return fmt.Errorf("read version: %w", err)
	}
	if e.Buckets().Version == version {
		return nil
	}
	return e.Reload(ctx)
}

// Reload reads the buckets in force anew.
func (e *Engine) Reload(ctx context.Context) error {
	e.reading.Lock()
	defer e.reading.Unlock()
	found, dates, err := loadBuckets(ctx, e.Store, e.cfg.Simulated)
	if err != nil {
		return err
	}
	e.inForce(found, dates)
	return nil
}

// Decider decides what needs no identities: timers and mirrors of memberships that are
// known, as of an instant. Write writes what it takes.
func (e *Engine) Decider(now time.Time) *cascade.Decider {
	d := e.catalog.Load().decider(e.cfg.decider(), now)
	return &d
}

// Change makes a change with the ids that it may need: they sort as made.
func (e *Engine) Change(body decide.Body) *decide.Change {
	return &decide.Change{ID: NewID(), ContactID: NewID(), Body: body}
}

// ChangeOf makes a change of a known contact.
func (e *Engine) ChangeOf(contactID uuid.UUID, body decide.Body) *decide.Change {
	return &decide.Change{ID: NewID(), ContactID: contactID, Body: body}
}

// unit is what one caller wants applied: it shares a transaction with others or
// not, but is never split over several.
type unit struct {
	changes []*decide.Change
	done    chan error
}

// Chunk is a part of a backfill that a transaction applies.
type Chunk struct {
	cascade.Chunk
	// Finish queues what the chunk changes besides its contacts.
	Finish func(ctx context.Context, p *store.Pipeline, now time.Time)
}

// Flips are those that are committed by now.
func (e *Engine) Flips() map[cascade.Flip]int64 {
	e.flips.mu.Lock()
	defer e.flips.mu.Unlock()
	return maps.Clone(e.flips.count)
}
