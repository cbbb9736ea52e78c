package clock

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Run runs the clock, the recurrences and what goes on besides until ctx ends, and
// returns ctx's error. Failures are logged and tried again.
func (c *Clock) Run(ctx context.Context) error {
	logger := c.engine.Config().Logger
	if err := c.engine.Store.BackfillsResume(ctx); err != nil {
		logger.WarnContext(ctx, "resume failed backfills", "error", err)
	}
	changed := make(chan struct{}, 1)
	told := c.Changed
	c.Changed = func() {
		if told != nil {
			told()
		}
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	var background sync.WaitGroup
	background.Go(func() {
		for {
			c.drain(ctx)
			select {
			case <-ctx.Done():
				return
			case <-changed:
			}
		}
	})
	defer background.Wait()
	defer c.stats.late(0) // it goes on in another process
	for begun := false; ; {
		wait, err := c.Round(ctx)
		if err == nil && !begun {
			err = errors.Join(c.BeginSchedules(ctx), c.BeginDates(ctx))
			begun = err == nil
		}
		if err == nil && wait > 0 {
			var due time.Duration
			due, err = c.Due(ctx)
			wait = min(wait, due)
		}
		if err != nil && ctx.Err() == nil {
			logger.WarnContext(ctx, "clock failed, trying again", "error", err)
			wait = time.Second
		}
		// An event may bring an edge that was not known: one query a second looks (W-17).
		if err := pause(ctx, min(wait, time.Second)); err != nil {
			return err
		}
	}
}

// drain does what goes on besides the clock, until nothing is left.
func (c *Clock) drain(ctx context.Context) {
	for ctx.Err() == nil {
		var wait time.Duration
		var err error
		done := true
		for _, part := range c.Background {
			if done, wait, err = part(ctx); err != nil || !done {
				break
			}
		}
		if err != nil && ctx.Err() == nil {
			c.engine.Config().Logger.WarnContext(ctx, "background work failed, trying again", "error", err)
			wait = time.Second
		}
		if done && err == nil {
			return
		}
		_ = pause(ctx, wait) // the loop looks at ctx itself
	}
}

func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
