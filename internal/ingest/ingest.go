// Package ingest is the door to what changes contacts: events, what journeys and
// operators do, mails, and deletion. It says what is asked for; package engine applies
// it in one transaction, and package decide decides what it changes (I-1).
package ingest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/clip"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/decide/cascade"
	"github.com/hogsend/hogsend/internal/engine"
	"github.com/hogsend/hogsend/internal/engine/tree"
	"github.com/hogsend/hogsend/internal/store"
)

// Ingester applies events. It is safe for concurrent use.
type Ingester struct{ engine *engine.Engine }

// New starts the lanes of an Ingester; Close ends them.
func New(s *store.Store, cfg Config) *Ingester { return &Ingester{engine: engine.New(s, cfg)} }

// Engine is what applies the changes: the clock, rollouts and simulations share it.
func (g *Ingester) Engine() *engine.Engine { return g.engine }

// Close applies what was accepted and ends the lanes; later calls of Ingest and
// IngestAll fail with ErrClosed. Closing twice is closing once.
func (g *Ingester) Close() { g.engine.Close() }

// Ingest applies one event, sharing its transaction with others that come at the
// same time. The event must be valid (Validate). The error is the database's or
// ctx's, store.IsUnavailable tells which to try again; after ctx ended the event
// may still be stored. What also gives, of the event's id, is written along unless the
// event repeats one.
func (g *Ingester) Ingest(ctx context.Context, ev Event, also ...func(eventID uuid.UUID) Write) (Result, error) {
	c := g.occurrence(ev, also)
	if err := g.engine.Share(ctx, c); err != nil {
		return Result{}, err
	}
	return c.Result, c.Result.Err
}

// IngestAll applies a client's batch of valid events in array order, as if one by
// one, in one transaction (I-16, I-17). Results are in the order of events. If one
// of them makes the transaction fail, each is applied in a transaction of its own
// and Result.Err tells which failed (I-8). What also
// gives is written along with each of them.
func (g *Ingester) IngestAll(ctx context.Context, events []Event, also ...func(eventID uuid.UUID) Write) ([]Result, error) {
	if len(events) == 0 {
		return nil, nil
	}
	changes := make([]*decide.Change, len(events))
	for i := range events {
		changes[i] = g.occurrence(events[i], also)
	}
	if err := g.engine.Share(ctx, changes...); err != nil {
		return nil, err
	}
	results := make([]Result, len(changes))
	for i, c := range changes {
		results[i] = c.Result
	}
	return results, nil
}

// occurrence is an event that a client sent.
func (g *Ingester) occurrence(ev Event, also []func(eventID uuid.UUID) Write) *decide.Change {
	ev.Currency = strings.ToUpper(ev.Currency)
	c := g.engine.Change(&decide.Occurrence{Event: ev})
	if ev.Key != "" {
		c.Space, c.Key = decide.SpaceClient, ev.Key
	}
	for _, write := range also {
		c.Also = append(c.Also, write(c.ID))
	}
	return c
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
}

// Finish records the end of an enrollment together with the internal event it
// causes and what follows from that (J-65, J-90). The first end stands: the
// returned status is the one that holds. It is store.ErrNotFound for an unknown id.
// Temporal is told nothing: a journey that finishes closes its own workflow.
func (g *Ingester) Finish(ctx context.Context, enrollmentID uuid.UUID, end End) (contract.EnrollmentStatus, error) {
	if end.StepKey == "" {
		end.StepKey = cascade.StepEnd
	}
	if end.Status == contract.EnrollmentExited && end.Reason == "" {
		end.Reason = contract.ExitCode
	}
	c := g.engine.Change(&decide.End{
		Origin: decide.Origin{EnrollmentID: enrollmentID, StepKey: end.StepKey},
		Status: end.Status, Error: clip.Stored(end.Error, 4096), Reason: end.Reason,
	})
	if err := g.engine.Apply(ctx, c); err != nil {
		return "", fmt.Errorf("finish enrollment: %w", err)
	}
	return c.Status, nil
}

// Matches says whether a valid tree of conditions holds for a contact now, false for one
// that is deleted or gone. A definition that a backfill has not brought to the contact yet
// comes to it first (W-22).
func (g *Ingester) Matches(ctx context.Context, contactID uuid.UUID, asked hogsend.Condition) (bool, error) {
	if criteria.AsksBuckets(asked) {
		if err := g.engine.Settle(ctx, contactID); err != nil {
			return false, fmt.Errorf("settle contact: %w", err)
		}
	}
	holds, err := tree.Holds(ctx, g.engine.Store, contactID, asked)
	if err != nil {
		return false, fmt.Errorf("ask about contact: %w", err)
	}
	return holds, nil
}

// TriggerFrom ingests an event caused by a live enrollment, once per step key
// (J-135, I-38). Without a user id, e-mail or anonymous id it belongs to the
// enrollment's contact. ended is true, and nothing happens, when the enrollment is
// over (J-77); it is also true for a repetition after the end. node is where the
// enrollment stands from then on; "" leaves it. While the journey is paused it is
// ErrPaused and nothing happens (J-101).
func (g *Ingester) TriggerFrom(ctx context.Context, enrollmentID uuid.UUID, stepKey, node string, ev Event) (ended bool, err error) {
	ev.Source, ev.Currency = decide.SourceJourney, strings.ToUpper(ev.Currency)
	c := g.engine.Change(&decide.Occurrence{Event: ev, From: &decide.Origin{EnrollmentID: enrollmentID, StepKey: stepKey, Node: node}})
	c.Space, c.Key = decide.SpaceInternal, enrollmentID.String()+":"+stepKey
	if err := g.engine.Apply(ctx, c); err != nil {
		return false, fmt.Errorf("trigger event: %w", err)
	}
	return c.Ended, nil
}

// Identify merges properties into the contact of a live enrollment, once per step
// key: a JSON null removes the key, buckets see the change in the same transaction,
// no event is stored (J-137, I-33). ended is true, and nothing happens, when the
// enrollment is over; node is where it stands from then on, "" leaves it.
func (g *Ingester) Identify(ctx context.Context, enrollmentID uuid.UUID, stepKey, node string, properties map[string]json.RawMessage) (ended bool, err error) {
	c := g.engine.Change(&decide.Update{
		Properties: properties, From: &decide.Origin{EnrollmentID: enrollmentID, StepKey: stepKey, Node: node},
	})
	c.Space, c.Key = decide.SpaceInternal, enrollmentID.String()+":"+stepKey
	if err := g.engine.Apply(ctx, c); err != nil {
		return false, fmt.Errorf("identify contact: %w", err)
	}
	return c.Ended, nil
}
