package clock

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/engine"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// Round applies what is due by now and returns how long it is until the next instant
// known; an event may bring an earlier one meanwhile.
func (c *Clock) Round(ctx context.Context) (time.Duration, error) {
	var (
		version   int64
		now, safe time.Time
		next      *time.Time
		date      *time.Time // of a contact that a journey is triggered by
	)
	if err := c.engine.Store.Pool.QueryRow(ctx, clockNext).Scan(&version, &now, &safe, &next, &date); err != nil {
		return 0, fmt.Errorf("read clock: %w", err)
	}
	if c.version != version {
		c.version = version
		if c.Changed != nil {
			c.Changed()
		}
	}
	if date != nil && (next == nil || date.Before(*next)) {
		next = date
	}
	if next == nil {
		c.stats.late(0)
		return Never, nil
	}
	c.stats.late(now.Sub(*next))
	if next.After(now) {
		return next.Sub(now), nil
	}
	if c.engine.Buckets().Version != version {
		if err := c.engine.Reload(ctx); err != nil {
			return 0, err
		}
	}
	if date != nil && !date.After(now) {
		if err := c.tellDates(ctx, now); err != nil {
			return 0, err
		}
	}
	held, err := c.apply(ctx, now, safe)
	if held {
		return heldBack, err
	}
	return 0, err
}

// apply does what is due. held says that the cursors could not follow.
func (c *Clock) apply(ctx context.Context, now, safe time.Time) (held bool, err error) {
	buckets := c.engine.Buckets()
	windows, err := c.cursors(ctx, buckets)
	if err != nil {
		return false, err
	}
	found := map[uuid.UUID]*due{}
	until, err := c.edges(ctx, windows, now, found)
	if err != nil {
		return false, err
	}
	if err := c.ages(ctx, buckets, until, found); err != nil {
		return false, err
	}
	if err := c.retries(ctx, found); err != nil {
		return false, err
	}
	all := make([]*due, 0, len(found))
	for _, d := range found {
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b *due) int {
		if n := a.first.Compare(b.first); n != 0 {
			return n
		}
		return bytes.Compare(a.contactID[:], b.contactID[:])
	})
	for part := range slices.Chunk(all, engine.ChunkSize) {
		if err := c.tick(ctx, part); err != nil {
			return false, err
		}
		if c.Flipped != nil {
			c.Flipped(len(part), now.Sub(part[0].first))
		}
	}
	return safe.Before(until), c.advance(ctx, windows, decide.Earlier(until, safe))
}

// advance moves the cursors, unless another clock has.
func (c *Clock) advance(ctx context.Context, windows []*Window, to time.Time) error {
	var p storedb.ClockAdvanceParams
	for _, w := range windows {
		if !to.After(w.cursor) {
			continue
		}
		p.EventNames, p.Withins = append(p.EventNames, w.Name()), append(p.Withins, w.Within.Microseconds())
		p.Before, p.Cursors = append(p.Before, w.cursor), append(p.Cursors, to)
	}
	if len(p.Cursors) == 0 {
		return nil
	}
	if _, err := c.engine.Store.ClockAdvance(ctx, p); err != nil {
		return fmt.Errorf("advance cursors: %w", err)
	}
	return nil
}
