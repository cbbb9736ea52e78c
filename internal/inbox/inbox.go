// Package inbox takes what other systems tell by webhooks: a verified message is stored
// before it is applied, and applied again until that succeeds or a person has to decide (P-7).
package inbox

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// Message is a verified message.
type Message struct {
	Source string
	// ID is the sender's, the same when it is sent again; "" where it has none.
	ID string
	// Row is the message's own id here: the same on every attempt to apply it.
	Row        uuid.UUID
	Body       []byte
	Headers    map[string]string // in lower case
	ReceivedAt time.Time
}

// Outcome is what a message came to.
type Outcome struct {
	// Skipped says that nothing came of it, by choice.
	Skipped bool
	// Event is the event's name, Read how it was read, Result what became of it; of a report
	// of a provider there is none.
	Event  string
	Read   Reading
	Result ingest.Result
}

// Handler applies the messages of a source. It may be called more than once for a message,
// and must then have one effect. The error is an *InvalidError if repeating is of no use
// before somebody mends something.
type Handler func(ctx context.Context, m Message) (Outcome, error)

// InvalidError says that a message came to an event which breaks the rules.
type InvalidError struct{ Problems []ingest.Problem }

func (e *InvalidError) Error() string {
	if len(e.Problems) == 0 {
		return "invalid payload"
	}
	return fmt.Sprintf("invalid payload: %s %s", e.Problems[0].Path, e.Problems[0].Message)
}

// Inbox stores messages and applies them. It is safe for concurrent use.
type Inbox struct {
	Store *store.Store
	// Handlers are those of the sources by their ids.
	Handlers map[string]Handler
	// Logger may be nil for silence.
	Logger *slog.Logger
	// Now is the clock in tests; nil means the database's.
	Now func() time.Time
	// AttemptTime bounds one attempt; 0 means 25 s.
	AttemptTime time.Duration
}

// firstDelay is how long after a message came we apply it ourselves, if its request did not.
const firstDelay = time.Minute

// delays are before our later attempts (P-7).
var delays = [...]time.Duration{5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour}

// Take stores a verified message of a source that is known, and applies it. An error other
// than an *InvalidError says that it is not applied yet; if it could be stored, it will be.
func (x *Inbox) Take(ctx context.Context, m Message) (Outcome, error) {
	headers, err := json.Marshal(m.Headers)
	if err != nil {
		return Outcome{}, fmt.Errorf("encode headers: %w", err)
	}
	row, err := x.Store.InboxKeep(ctx, storedb.InboxKeepParams{
		ID: uuid.Must(uuid.NewV7()), Source: m.Source, MessageID: storedID(m), Body: m.Body, Headers: headers, Now: x.now(), Delay: firstDelay.Seconds(),
	})
	if err != nil {
		return Outcome{}, fmt.Errorf("store webhook: %w", err)
	}
	// What is verified is settled also when its sender does not wait for it.
	ctx = context.WithoutCancel(ctx)
	out, err := x.apply(ctx, row)
	ctx, cancel := context.WithTimeout(ctx, noteTime)
	defer cancel()
	var invalid *InvalidError
	switch {
	case errors.As(err, &invalid):
		if err := x.bury(ctx, row, invalid); err != nil {
			return out, err // the sender repeats it, and we do
		}
	case err != nil:
		if err := x.Store.InboxFailed(ctx, textOf(err), row.ID); err != nil {
			x.log().Warn("error of a webhook not noted", "source", row.Source, "error", err)
		}
	}
	return out, err
}

const (
	attemptTime = 25 * time.Second
	// noteTime bounds the noting of what an attempt came to, which one that took all of its
	// time needs most: what is claimed at once takes less than its claim lasts.
	noteTime = 4 * time.Second
)

// apply makes one attempt. What is applied is not kept any longer; if that is not recorded,
// the message is applied again and has no second effect.
func (x *Inbox) apply(ctx context.Context, row storedb.Inbox) (Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(x.AttemptTime, attemptTime))
	defer cancel()
	handler, known := x.Handlers[row.Source]
	if !known {
		return Outcome{}, fmt.Errorf("source %q is not registered", row.Source)
	}
	m := Message{Source: row.Source, ID: row.MessageID, Row: row.ID, Body: row.Body, ReceivedAt: row.ReceivedAt}
	if len(m.ID) > len(digestPrefix) && m.ID[:len(digestPrefix)] == digestPrefix {
		m.ID = ""
	}
	if err := json.Unmarshal(row.Headers, &m.Headers); err != nil {
		return Outcome{}, fmt.Errorf("decode headers: %w", err)
	}
	out, err := guarded(ctx, handler, m)
	if err != nil {
		return out, err
	}
	if err := x.Store.InboxApplied(ctx, row.ID); err != nil {
		x.log().Warn("applied webhook stays", "source", row.Source, "error", err)
	}
	return out, nil
}

// guarded turns a panic of an author's transform into an error, and does not wait for one
// that goes on when the time of the attempt is over: it would hold up all other messages.
func guarded(ctx context.Context, handler Handler, m Message) (Outcome, error) {
	type result struct {
		out Outcome
		err error
	}
	done := make(chan result, 1)
	go func() {
		var r result
		defer func() {
			if cause := recover(); cause != nil {
				r.err = &PanicError{Cause: cause, Stack: debug.Stack()}
			}
			done <- r
		}()
		r.out, r.err = handler(ctx, m)
	}()
	select {
	case r := <-done:
		return r.out, r.err
	case <-ctx.Done(): // whatever it still achieves has one effect with the next attempt
		return Outcome{}, fmt.Errorf("the attempt takes too long: %w", ctx.Err())
	}
}

// PanicError is a panic of a transform.
type PanicError struct {
	Cause any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("transform panicked: %v", e.Cause) }

// digestPrefix marks ids of messages that have none. While one is not applied, the same
// bytes again are the same message; afterwards they are another one.
const digestPrefix = "body:sha256:"

func storedID(m Message) string {
	if m.ID != "" {
		return m.ID
	}
	digest := sha256.Sum256(m.Body)
	return digestPrefix + hex.EncodeToString(digest[:])
}

func (x *Inbox) now() *time.Time {
	if x.Now == nil {
		return nil
	}
	now := x.Now()
	return &now
}

func (x *Inbox) log() *slog.Logger {
	if x.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return x.Logger
}
