package outbox

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/store/storedb"
)

type verdict int

const (
	delivered verdict = iota
	failed
	dead
	released
)

// lease is the right to settle a row: its id and the instant it is leased until.
type lease struct {
	id    uuid.UUID
	until time.Time
}

// outcome is what became of one lease.
type outcome struct {
	lease
	verdict verdict
	err     error
	delay   time.Duration // before the next attempt of what failed
}

// maxSettled bounds the rows of one statement.
const maxSettled = 512

// keepBooks records outcomes, as many at once as have come in, until r.settle is
// closed. While the database is away it keeps them and tries again; what is lost
// with books is redelivered when its lease expires.
func (r *run) keepBooks(books context.Context) {
	failing := false
	for first := range r.settle {
		batch := r.gather(first)
		for {
			err := r.record(books, batch)
			if err == nil {
				failing = false
				break
			}
			if !failing {
				r.cfg.Logger.Error("settle outbox rows", "error", err)
			}
			failing = true
			if !pause(books, 200*time.Millisecond) {
				break
			}
		}
	}
}

// gather adds to first whatever else is waiting.
func (r *run) gather(first outcome) []outcome {
	batch := []outcome{first}
	for len(batch) < maxSettled {
		select {
		case next, ok := <-r.settle:
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

// record settles a batch, one statement for each verdict in it. Recording twice
// changes nothing.
func (r *run) record(ctx context.Context, batch []outcome) error {
	ids := map[verdict][]uuid.UUID{}
	leases := map[verdict][]time.Time{}
	errs := map[verdict][]string{}
	var delays []float64
	for _, o := range batch {
		ids[o.verdict] = append(ids[o.verdict], o.id)
		leases[o.verdict] = append(leases[o.verdict], o.until)
		errs[o.verdict] = append(errs[o.verdict], text(o.err))
		if o.verdict == failed {
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
		n, err := r.store.OutboxKill(ctx, storedb.OutboxKillParams{
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
		poke(r.wake)
	}
	return nil
}

// maxError bounds a stored error, in bytes.
const maxError = 2048

// text is err as Postgres can store it.
func text(err error) string {
	if err == nil {
		return ""
	}
	s := strings.ToValidUTF8(strings.ReplaceAll(err.Error(), "\x00", ""), "\uFFFD")
	if len(s) <= maxError {
		return s
	}
	cut := maxError
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut]
}
