package rollout

import (
	"context"
	"time"

	"github.com/hogsend/hogsend/internal/clock"
)

// Clock is the clock of an installation, which goes on with rollouts besides.
func (r *Rollout) Clock() *clock.Clock {
	c := clock.New(r.engine)
	c.Background = []func(context.Context) (bool, time.Duration, error){r.Backfill, c.BackfillTimers, r.LetLeave, c.FillDates}
	return c
}
