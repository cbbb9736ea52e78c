package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/clip"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// result is what became of a delivery.
type result int

const (
	delivered result = iota
	failed           // it is tried again
	dead             // it can never be delivered
	released         // there was no attempt: the lease is given back
)

func (r result) String() string {
	return [...]string{delivered: "delivered", failed: "failed", dead: "dead", released: "released"}[r]
}

// lease is the right to say what became of a row: its id and the instant it is leased until.
type lease struct {
	id    uuid.UUID
	until time.Time
}

// outcome is what became of one lease.
type outcome struct {
	lease
	result result
	err    error
	delay  time.Duration // before the next attempt of what failed
}

// maxBatch bounds the rows of one statement.
const maxBatch = 512

// recordOutcomes records outcomes, as many at once as have come in, until r.outcomes is
// closed. While the database is away it keeps them and tries again; what is lost when
// ctx ends is delivered again once its lease expires.
func (r *run) recordOutcomes(ctx context.Context) {
	failing := false
	for first := range r.outcomes {
		batch := r.gather(first)
		for {
			err := r.record(ctx, batch)
			if err == nil {
				failing = false
				break
			}
			if !failing {
				r.cfg.Logger.Error("record outcomes of deliveries", "error", err)
			}
			failing = true
			if !pause(ctx, 200*time.Millisecond) {
				break
			}
		}
	}
}

// gather adds to first whatever else is waiting.
func (r *run) gather(first outcome) []outcome {
	batch := []outcome{first}
	for len(batch) < maxBatch {
		select {
		case next, ok := <-r.outcomes:
			if !ok {
				return batch
			}
			batch = append(batch, next)
		default:
			return batch
		}
	}
	return batch
}

// record writes down a batch, one statement for each result in it. Recording twice
// changes nothing.
func (r *run) record(ctx context.Context, batch []outcome) error {
	ids := map[result][]uuid.UUID{}
	leases := map[result][]time.Time{}
	errs := map[result][]string{}
	var delays []float64
	for _, o := range batch {
		ids[o.result] = append(ids[o.result], o.id)
		leases[o.result] = append(leases[o.result], o.until)
		errs[o.result] = append(errs[o.result], text(o.err))
		if o.result == failed {
			delays = append(delays, o.delay.Seconds())
		}
	}
	var woken int64
	if len(ids[delivered]) > 0 {
		n, err := r.store.OutboxAck(ctx, ids[delivered], r.now())
		if err != nil {
			return fmt.Errorf("acknowledge outbox rows: %w", err)
		}
		woken += n
	}
	if len(ids[dead]) > 0 {
		n, err := r.store.OutboxMarkDead(ctx, storedb.OutboxMarkDeadParams{
			Now: r.now(), Worker: r.cfg.Name, Ids: ids[dead], Errors: errs[dead], Leases: leases[dead],
		})
		if err != nil {
			return fmt.Errorf("give up on outbox rows: %w", err)
		}
		woken += n
	}
	if len(ids[failed]) > 0 {
		if err := r.store.OutboxRetry(ctx, storedb.OutboxRetryParams{
			Now: r.now(), Worker: r.cfg.Name, Ids: ids[failed], Errors: errs[failed], Leases: leases[failed], Delays: delays,
		}); err != nil {
			return fmt.Errorf("back off outbox rows: %w", err)
		}
	}
	if len(ids[released]) > 0 {
		if err := r.store.OutboxRelease(ctx, storedb.OutboxReleaseParams{
			Now: r.now(), Worker: r.cfg.Name, Ids: ids[released], Leases: leases[released],
		}); err != nil {
			return fmt.Errorf("release outbox rows: %w", err)
		}
	}
	if woken > 0 {
		wake(r.due)
	}
	return nil
}

// maxError bounds a stored error, in bytes.
const maxError = 2048

// text is err as it is stored.
func text(err error) string {
	if err == nil {
		return ""
	}
	return clip.Stored(err.Error(), maxError)
}
