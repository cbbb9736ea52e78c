package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/clip"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

const (
	// repeatEvery is how often is looked for messages that are due.
	repeatEvery = 5 * time.Second
	// claimRows is how many are applied one after another, claimFor how long they are ours.
	claimRows = 10
	claimFor  = 5 * time.Minute
)

// Run applies again what was not applied when it came, until ctx ends. Any number of
// processes share it.
func (x *Inbox) Run(ctx context.Context) {
	ticks := time.NewTicker(repeatEvery)
	defer ticks.Stop()
	for {
		for {
			n, err := x.Repeat(ctx)
			if err != nil && ctx.Err() == nil {
				x.log().Warn("apply webhooks again", "error", err)
			}
			if n < claimRows {
				break
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
	}
}

// Repeat applies messages that are due, and returns how many it tried.
func (x *Inbox) Repeat(ctx context.Context) (int, error) {
	rows, err := x.Store.InboxClaim(ctx, claimFor.Seconds(), x.now(), claimRows)
	if err != nil {
		return 0, fmt.Errorf("claim webhooks: %w", err)
	}
	var errs []error
	for _, row := range rows {
		if ctx.Err() != nil { // the others are due again when their claim is over
			break
		}
		errs = append(errs, x.again(context.WithoutCancel(ctx), row))
	}
	return len(rows), errors.Join(errs...)
}

// again is one of our own attempts.
func (x *Inbox) again(ctx context.Context, row storedb.Inbox) error {
	attempt, err := int(row.Attempts), errors.New("its last attempt did not end") // as it ended its process
	if attempt <= len(delays)+1 {
		_, err = x.apply(ctx, row)
	}
	ctx, cancel := context.WithTimeout(ctx, noteTime)
	defer cancel()
	var invalid *InvalidError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &invalid), attempt > len(delays):
		return x.bury(ctx, row, err)
	}
	x.log().Warn("webhook is not applied", "source", row.Source, "attempts", attempt, "error", err)
	if err := x.Store.InboxLater(ctx, storedb.InboxLaterParams{Now: x.now(), Delay: delays[attempt-1].Seconds(), Error: textOf(err), ID: row.ID}); err != nil {
		return fmt.Errorf("put webhook off: %w", err)
	}
	return nil
}

// bury makes a message a dead letter.
func (x *Inbox) bury(ctx context.Context, row storedb.Inbox, cause error) error {
	x.log().Error("webhook is dead", "source", row.Source, "error", cause)
	err := x.Store.InboxDead(ctx, storedb.InboxDeadParams{LetterID: uuid.Must(uuid.NewV7()), Payload: legible(row.Body), Error: textOf(cause), ID: row.ID})
	if err != nil {
		return fmt.Errorf("give webhook up: %w", err)
	}
	return nil
}

func textOf(err error) string { return clip.Stored(err.Error(), 4096) }

const (
	maxShown = 64 << 10 // bytes of a payload
	maxDepth = 50
)

// legible is a body for people who look at its dead letter, of which Postgres takes every
// part: the message itself is kept as it came.
func legible(body []byte) json.RawMessage {
	var v any
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.UseNumber()
	if len(body) > maxShown || d.Decode(&v) != nil {
		return json.RawMessage(fmt.Sprintf(`{"bytes":%d}`, len(body)))
	}
	object, is := shown(v, 0).(map[string]any)
	if !is {
		object = map[string]any{"value": shown(v, 0)}
	}
	out, err := json.Marshal(object)
	if err != nil {
		return json.RawMessage(fmt.Sprintf(`{"bytes":%d}`, len(body)))
	}
	return out
}

// shown is a value without U+0000, numbers beyond the usual and what is nested too deeply.
func shown(v any, depth int) any {
	if depth > maxDepth {
		return "…"
	}
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, value := range v {
			out[strings.ReplaceAll(key, "\x00", "�")] = shown(value, depth+1)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, value := range v {
			out[i] = shown(value, depth+1)
		}
		return out
	case string:
		return strings.ReplaceAll(v, "\x00", "�")
	case json.Number:
		if len(v) > 40 || strings.ContainsAny(v.String(), "eE") {
			return clip.First(v.String(), 100)
		}
	}
	return v
}
