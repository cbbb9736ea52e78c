package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/outbox"
	"github.com/hogsend/hogsend/internal/provider/posthog"
	"github.com/hogsend/hogsend/internal/store"
)

// outsideRetries are the pauses between attempts at what is not ours (P-18).
func outsideRetries() []time.Duration {
	return []time.Duration{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 10 * time.Hour,
	}
}

// dispatchers are one for each destination: they share nothing but the outbox, so
// that one that is down or slow holds up no other (P-14).
func (w *Worker) dispatchers() []outbox.Dispatcher {
	common := outbox.Config{Name: w.cfg.Identity, Grace: min(5*time.Second, w.cfg.ShutdownTimeout/5), Measure: w.cfg.Delivered, Trace: w.cfg.Trace, Logger: w.cfg.Logger}
	temporal := outbox.Dispatcher{
		Store: w.cfg.Store, Config: common,
		Deliverer: temporalDeliverer{
			client: w.cfg.Client, taskQueue: w.cfg.TaskQueue, retry: resetter{client: w.cfg.Client, store: w.cfg.Store, namespace: w.cfg.Namespace}.retry,
			forget: forgetter{client: w.cfg.Client, store: w.cfg.Store, namespace: w.cfg.Namespace}.forget,
		},
	}
	outside := outbox.Dispatcher{Store: w.cfg.Store, Config: common, Deliverer: removed{}}
	outside.Config.Name += "/" + contract.ToPostHog
	outside.Config.Destination = contract.ToPostHog
	outside.Config.Poll = time.Minute // as long as nothing is written for it
	if w.cfg.PostHog != nil {
		outside.Deliverer = posthogDeliverer{store: w.cfg.Store, client: w.cfg.PostHog}
		outside.Config.Poll = 0
		outside.Config.Retries = outsideRetries()
		// A row may wait for a call under way and then for its own.
		outside.Config.Concurrency, outside.Config.Timeout, outside.Config.Lease = 50, 40*time.Second, 2*time.Minute
	}
	return append([]outbox.Dispatcher{temporal, outside}, w.hookDispatchers(common)...)
}

// removed stands for a destination that is not configured any more (P-18).
type removed struct{}

// Deliver implements outbox.Deliverer.
func (removed) Deliver(context.Context, outbox.Row) error {
	return fmt.Errorf("destination_removed: %w", outbox.ErrPermanent)
}

// posthogDeliverer delivers outbox rows to PostHog, which knows a repetition by its
// uuid. Of whom a row tells, and whether they are members, is what holds at delivery:
// whatever is repeated or comes late, PostHog ends up right (P-12).
type posthogDeliverer struct {
	store  *store.Store
	client *posthog.Client
}

// Deliver implements outbox.Deliverer.
func (d posthogDeliverer) Deliver(ctx context.Context, row outbox.Row) error {
	event := posthog.Event{UUID: row.ID.String(), Name: posthog.SetEvent, Timestamp: row.CreatedAt}
	var err error
	switch row.Kind { // the others go to Temporal
	case contract.OutboxMirror:
		err = d.mirror(ctx, row, &event)
	case contract.OutboxCapture:
		err = d.capture(ctx, row, &event)
	default:
		err = fmt.Errorf("outbox kind %q is unknown: %w", row.Kind, outbox.ErrPermanent)
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return nil // erased: there is nobody to tell of
	}
	if err != nil {
		return err
	}
	return answered(d.client.Send(ctx, event))
}

func (d posthogDeliverer) mirror(ctx context.Context, row outbox.Row, event *posthog.Event) error {
	var p contract.MirrorPayload
	contact, err := about(row, &p, func() (string, []string) { return p.ContactID, []string{p.Property} })
	if err != nil {
		return err
	}
	stay, err := uuid.Parse(p.StayID)
	if err != nil {
		return fmt.Errorf("read stay id: %w: %w", outbox.ErrPermanent, err)
	}
	found, err := d.store.PostHogMembership(ctx, stay, contact)
	if err != nil {
		return fmt.Errorf("read membership: %w", err)
	}
	event.DistinctID, event.Properties = found.DistinctID, posthog.UnsetPerson(p.Property)
	if found.Member {
		event.Properties = posthog.SetPerson(map[string]any{p.Property: true})
	}
	return nil
}

func (d posthogDeliverer) capture(ctx context.Context, row outbox.Row, event *posthog.Event) error {
	var p contract.CapturePayload
	contact, err := about(row, &p, func() (string, []string) { return p.ContactID, []string{p.Event, p.UUID} })
	if err != nil {
		return err
	}
	event.UUID, event.Name, event.Timestamp = p.UUID, p.Event, p.Timestamp
	if len(p.Properties) > 0 {
		numbers := json.NewDecoder(bytes.NewReader(p.Properties))
		numbers.UseNumber() // as they were written
		if err := numbers.Decode(&event.Properties); err != nil {
			return fmt.Errorf("decode properties: %w: %w", outbox.ErrPermanent, err)
		}
	}
	if event.DistinctID, err = d.store.PostHogContact(ctx, contact); err != nil {
		return fmt.Errorf("read contact: %w", err)
	}
	return nil
}

// about decodes a payload and returns the contact it is about.
func about(row outbox.Row, payload any, required func() (contactID string, others []string)) (uuid.UUID, error) {
	if err := decode(row, payload, func() []string { id, others := required(); return append(others, id) }); err != nil {
		return uuid.Nil, err
	}
	text, _ := required()
	id, err := uuid.Parse(text)
	if err != nil {
		return uuid.Nil, fmt.Errorf("read contact id: %w: %w", outbox.ErrPermanent, err)
	}
	return id, nil
}

// answered says of a failure what the outbox has to know.
func answered(err error) error {
	var e *posthog.Error
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &e): // out of time
		return fmt.Errorf("%w: %w", outbox.ErrUnavailable, err)
	case e.Kind == posthog.Permanent:
		return fmt.Errorf("%w: %w", outbox.ErrPermanent, err)
	}
	err = fmt.Errorf("%w: %w", outbox.ErrUnavailable, err)
	if e.RetryAfter > 0 {
		return &outbox.RetryAfterError{After: e.RetryAfter, Err: err}
	}
	return err
}
