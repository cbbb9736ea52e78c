// Package ingest decides what one event, or one batch of events, changes: the
// contact, the event row, exits, waits, enrollments, decisions and the outbox, in
// one transaction (I-1).
package ingest

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
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
	// BuildID is stored with enrollments and step logs (J-110).
	BuildID string
	// Lanes is the number of transactions under way at once; 0 means 4.
	Lanes int
	// MaxBatch bounds the events of one transaction; 0 means 500. A client's batch
	// is never split.
	MaxBatch int
	// Notify is called after each commit that wrote outbox rows; nil for nobody.
	Notify func()
	// Logger is where failures and warnings go; nil means slog.Default().
	Logger *slog.Logger
}

// Ingester applies events. It is safe for concurrent use.
type Ingester struct {
	store *store.Store
	cfg   Config
}

// ErrClosed is returned by calls that come after Close.
var ErrClosed = errors.New("ingester is closed")

// New starts the lanes of an Ingester; Close ends them.
func New(s *store.Store, cfg Config) *Ingester { return &Ingester{store: s, cfg: cfg} }

// Close applies what was accepted and ends the lanes; later calls fail with ErrClosed.
func (g *Ingester) Close() {}

// Ingest applies one event, sharing its transaction with others when they come at
// the same time. The error is a database's or ctx's; after ctx ended the event may
// still be stored.
func (g *Ingester) Ingest(_ context.Context, _ Event) (Result, error) {
	return Result{}, errors.ErrUnsupported
}

// IngestAll applies a client's batch in array order in one transaction (I-16,
// I-17). Results are in the order of events; Result.Err tells of one that failed alone.
func (g *Ingester) IngestAll(_ context.Context, _ []Event) ([]Result, error) {
	return nil, errors.ErrUnsupported
}

// End is the terminal state of an enrollment.
type End struct {
	// Status is completed, failed or exited.
	Status string
	// Error is the text of a failure, cut to 4,096 bytes (J-94).
	Error string
	// Reason is the exit reason; "" means "code" (J-136).
	Reason string
	// StepKey is the key of the step log row; "" means "end".
	StepKey string
}

// Finish records the end of an enrollment together with the internal event it
// causes and what follows from that (J-65, J-90). The first end stands: the
// returned status is the one that holds. It is store.ErrNotFound for an unknown id.
func (g *Ingester) Finish(_ context.Context, _ uuid.UUID, _ End) (string, error) {
	return "", errors.ErrUnsupported
}

// TriggerFrom ingests an event caused by a live enrollment, once per step key
// (J-135, I-38). ended is true, and nothing happens, when the enrollment is over (J-77).
func (g *Ingester) TriggerFrom(_ context.Context, _ uuid.UUID, _, _ string, _ Event) (ended bool, err error) {
	return false, errors.ErrUnsupported
}
