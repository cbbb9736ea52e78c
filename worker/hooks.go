package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/outbox"
	"github.com/hogsend/hogsend/internal/provider/hook"
	"github.com/hogsend/hogsend/internal/store"
)

// Hook is a destination of the author's, told of Events: Deliver is its own, or Target the
// address that it is.
type Hook struct {
	Events       []string
	Deliver      func(ctx context.Context, d hogsend.Delivery) error
	Target       *hook.Target
	IncludeEmail bool
}

// hookDispatchers deliver to each destination on its own (P-14).
func (w *Worker) hookDispatchers(common outbox.Config) []outbox.Dispatcher {
	var all []outbox.Dispatcher
	for _, id := range slices.Sorted(maps.Keys(w.cfg.Hooks)) {
		c := common
		c.Name += "/" + contract.ToWebhook(id)
		c.Destination, c.Retries = contract.ToWebhook(id), outsideRetries()
		c.Concurrency, c.Timeout, c.Lease = 10, hook.Timeout+time.Second, time.Minute
		all = append(all, outbox.Dispatcher{Store: w.cfg.Store, Config: c, Deliverer: hookDeliverer{w.cfg.Store, w.cfg.Hooks[id]}})
	}
	return all
}

// hookDeliverer delivers outbox rows to one destination.
type hookDeliverer struct {
	store *store.Store
	hook  Hook
}

// Deliver implements outbox.Deliverer.
func (d hookDeliverer) Deliver(ctx context.Context, row outbox.Row) error {
	message, err := d.message(ctx, row)
	if err != nil || message == nil {
		return err
	}
	if d.hook.Deliver != nil {
		return d.own(ctx, *message)
	}
	body, err := json.Marshal(struct {
		ID        string          `json:"id"`
		Type      string          `json:"type"`
		Timestamp string          `json:"timestamp"`
		Sequence  int64           `json:"sequence"`
		Data      json.RawMessage `json:"data"`
	}{message.ID, message.Type, message.Timestamp.Format(wireTime), message.Sequence, message.Data})
	if err != nil {
		return fmt.Errorf("encode webhook: %w: %w", outbox.ErrPermanent, err)
	}
	return posted(d.hook.Target.Post(ctx, message.ID, body))
}

// wireTime is how the API writes instants (H-9).
const wireTime = "2006-01-02T15:04:05.000Z"

// message is what the row tells; nil when it is of somebody who was erased.
func (d hookDeliverer) message(ctx context.Context, row outbox.Row) (*hogsend.Delivery, error) {
	var p contract.WebhookPayload
	if err := outbox.Decode(row, &p); err != nil {
		return nil, err
	}
	data := map[string]json.RawMessage{}
	if err := json.Unmarshal(p.Data, &data); err != nil {
		return nil, fmt.Errorf("decode data: %w: %w", outbox.ErrPermanent, err)
	}
	if p.ContactID != "" {
		contact, err := d.contact(ctx, p)
		if err != nil || contact == nil {
			return nil, err
		}
		data["contact"] = contact
	}
	raw, err := json.Marshal(data)
	if err != nil {
		return nil, fmt.Errorf("encode data: %w: %w", outbox.ErrPermanent, err)
	}
	return &hogsend.Delivery{
		ID: contract.WebhookID(row.ID.String()), Type: p.Type, Timestamp: p.At.UTC(), Sequence: row.Sequence, Data: raw,
	}, nil
}

// contact is whom a message is about, as it is now; nil when nothing is known any more. Of
// one that was erased only its erasure is told.
func (d hookDeliverer) contact(ctx context.Context, p contract.WebhookPayload) (json.RawMessage, error) {
	id, err := uuid.Parse(p.ContactID)
	if err != nil {
		return nil, fmt.Errorf("read contact id: %w: %w", outbox.ErrPermanent, err)
	}
	contact := struct {
		ID         uuid.UUID `json:"id"`
		ExternalID *string   `json:"externalId"`
		Email      *string   `json:"email,omitempty"`
	}{ID: id}
	rows, err := d.store.DestinationContact(ctx, id)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read contact: %w", err)
	case len(rows) > 0:
		contact.ID, contact.ExternalID = rows[0].ID, rows[0].ExternalID
		if d.hook.IncludeEmail {
			contact.Email = rows[0].Email
		}
	case p.Type != "contact.erased":
		return nil, nil
	}
	raw, err := json.Marshal(contact)
	if err != nil {
		return nil, fmt.Errorf("encode contact: %w", err)
	}
	return raw, nil
}

// own calls the author's function; a panic is a failure like any other.
func (d hookDeliverer) own(ctx context.Context, message hogsend.Delivery) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("destination panicked: %v\n%s", cause, debug.Stack())
		}
	}()
	return d.hook.Deliver(ctx, message)
}

// posted says of a failure what the outbox has to know.
func posted(err error) error {
	var e *hook.Error
	switch {
	case !errors.As(err, &e):
		return err
	case e.Gone():
		return fmt.Errorf("%w: %w", outbox.ErrPermanent, err)
	case e.RetryAfter > 0:
		return &outbox.RetryAfterError{After: e.RetryAfter, Err: err}
	}
	return err
}

const (
	// seenEvery is how often is noted that destinations are registered; after removedAfter
	// without it they are not any more.
	seenEvery    = time.Minute
	removedAfter = 15 * time.Minute
	orphanRows   = 500
)

// keepHooks keeps the destinations of this worker registered, and gives up what is to be
// told to those that nobody registers any more (P-18). A worker that comes back, as all do
// after an outage of the database, gives the others the time to come back, too.
func (w *Worker) keepHooks(ctx context.Context) {
	ticks := time.NewTicker(seenEvery)
	defer ticks.Stop()
	var noted time.Time
	for {
		now := time.Now().Round(0) // of the wall: a machine that slept was away
		err := sweepHooks(ctx, w.cfg.Store, w.cfg.Hooks, now.Sub(noted) < 2*seenEvery)
		if err == nil {
			noted = now
		} else if ctx.Err() == nil {
			w.cfg.Logger.Warn("keep destinations registered", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
	}
}

// sweepHooks notes that hooks are registered, and if here, having done so a moment ago, too,
// removes those of which nobody did.
func sweepHooks(ctx context.Context, s *store.Store, hooks map[string]Hook, here bool) error {
	ids := slices.Sorted(maps.Keys(hooks))
	events := make([]string, len(ids))
	for i, id := range ids {
		events[i] = strings.Join(hooks[id].Events, ",")
	}
	if err := s.DestinationsSeen(ctx, ids, events); err != nil {
		return fmt.Errorf("note destinations: %w", err)
	}
	if here {
		if _, err := s.DestinationsRemoved(ctx, removedAfter.Seconds()); err != nil {
			return fmt.Errorf("take destinations off: %w", err)
		}
	}
	for {
		n, err := s.DestinationsOrphans(ctx, orphanRows)
		if err != nil {
			return fmt.Errorf("give messages up: %w", err)
		}
		if n < orphanRows {
			return nil
		}
	}
}
