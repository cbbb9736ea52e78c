// Package outbox delivers what ingest has decided: it claims rows of the outbox in
// the order of each contact, leases them, hands them to a Deliverer, acknowledges
// them, backs off from failures and gives up on what can never be delivered.
// Delivery is at least once, so a Deliverer must recognize a repetition.
package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/contract"
)

// Channel is the Postgres notification channel that wakes dispatchers. A lost
// notification costs one poll interval and nothing else.
const Channel = "hogsend_outbox"

// ErrPermanent marks an error that no repetition can cure: the row becomes a dead
// letter (O-17). Every other error is retried without limit.
var ErrPermanent = errors.New("can never be delivered")

// ErrUnavailable marks an error that concerns the destination and not the row: the
// dispatcher then sends one probe at a time until something succeeds again.
var ErrUnavailable = errors.New("destination is unavailable")

// RetryAfterError is an error of a destination that says when to come back. It counts
// where Config.Retries is set, and never brings an attempt forward.
type RetryAfterError struct {
	After time.Duration
	Err   error
}

func (e *RetryAfterError) Error() string { return e.Err.Error() }

// Unwrap is the error itself.
func (e *RetryAfterError) Unwrap() error { return e.Err }

// Row is one thing to be told.
type Row struct {
	ID uuid.UUID
	// OrderingKey is what rows are delivered in the order of: a contact, or a membership.
	OrderingKey uuid.UUID
	Kind        contract.OutboxKind
	Payload     json.RawMessage
	// Sequence is the order in which rows were written, of one contact at least.
	Sequence int64
	// Attempts counts the failed deliveries before this one.
	Attempts int
	// CreatedAt is when it was decided.
	CreatedAt time.Time
	// Trace is the W3C traceparent of what caused it; "" for none.
	Trace string
}

// Deliverer tells one destination. A nil error is an acknowledgment; an error may
// wrap ErrPermanent or ErrUnavailable. It is called concurrently, but never for two
// rows of one ordering key at once as long as it returns when ctx is done.
type Deliverer interface {
	Deliver(ctx context.Context, row Row) error
}

// Decode reads the payload of row into v; a payload that does not decode can
// never be delivered.
func Decode(row Row, v any) error {
	if err := json.Unmarshal(row.Payload, v); err != nil {
		return fmt.Errorf("decode %s payload: %w: %w", row.Kind, ErrPermanent, err)
	}
	return nil
}
