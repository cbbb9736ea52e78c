package inbox

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/ingest"
)

// Reading is an event as it was read, by the rules of the route for events.
type Reading interface {
	// Event is to be used only if there are no Problems.
	Event() ingest.Event
	Problems() []ingest.Problem
}

// Events applies the messages of an author's source: Transform makes an event, read checks
// it, and it is ingested with the source's id as its source (P-5, P-6).
func Events(source hogsend.Source, in *ingest.Ingester, read func(raw []byte) Reading) Handler {
	return func(ctx context.Context, m Message) (Outcome, error) {
		made, err := source.Transform(hogsend.Incoming{Body: m.Body, MessageID: m.ID, Headers: m.Headers, ReceivedAt: m.ReceivedAt})
		if err != nil {
			return Outcome{}, fmt.Errorf("transform: %w", err)
		}
		if made == nil {
			return Outcome{Skipped: true}, nil
		}
		raw, err := json.Marshal(wireOf(made))
		if err != nil {
			return Outcome{}, &InvalidError{Problems: []ingest.Problem{{Message: "cannot be encoded as JSON: " + err.Error()}}}
		}
		reading := read(raw)
		if problems := reading.Problems(); len(problems) > 0 {
			return Outcome{}, &InvalidError{Problems: problems}
		}
		event := reading.Event()
		event.Source = source.ID
		if event.Key == "" {
			event.Key = m.key()
		}
		if event.Timestamp == nil { // not when an attempt happened to succeed
			at := m.ReceivedAt.UTC().Truncate(time.Microsecond)
			event.Timestamp = &at
		}
		result, err := in.Ingest(ctx, event)
		if err == nil {
			err = result.Err
		}
		return Outcome{Event: event.Name, Read: reading, Result: result}, err
	}
}

// key makes several attempts one event: of several messages with the sender's id, too.
func (m Message) key() string {
	id := m.ID
	if id == "" {
		id = m.Row.String()
	}
	return "webhook:" + m.Source + ":" + id
}

// wire is an event as POST /v1/events takes it.
type wire struct {
	Name              string         `json:"name,omitempty"`
	UserID            string         `json:"userId,omitempty"`
	Email             string         `json:"email,omitempty"`
	AnonymousID       string         `json:"anonymousId,omitempty"`
	EventProperties   map[string]any `json:"eventProperties,omitempty"`
	ContactProperties map[string]any `json:"contactProperties,omitempty"`
	Timestamp         *time.Time     `json:"timestamp,omitempty"`
	Value             *float64       `json:"value,omitempty"`
	Currency          string         `json:"currency,omitempty"`
	IdempotencyKey    string         `json:"idempotencyKey,omitempty"`
}

func wireOf(e *hogsend.SourceEvent) wire {
	w := wire{
		Name: e.Name, UserID: e.UserID, Email: e.Email, AnonymousID: e.AnonymousID, EventProperties: e.Properties, ContactProperties: e.ContactProperties,
		Value: e.Value, Currency: e.Currency, IdempotencyKey: e.IdempotencyKey,
	}
	if !e.Timestamp.IsZero() {
		at := e.Timestamp.UTC()
		w.Timestamp = &at
	}
	return w
}
