package worker

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/pause"
	"github.com/hogsend/hogsend/internal/store"
)

// releaser lets the effects that a pause held go on, oldest first and all workers
// together at most rate per second, so that a resume is no flood (J-103).
type releaser struct {
	// leaveLate ends an entry that a resume leaves out.
	leaveLate func(ctx context.Context, enrollmentID uuid.UUID) error

	store   *store.Store
	rate    int
	buildID string
	logger  *slog.Logger
}

const (
	releasePace = time.Second
	// releasePoll is how often a worker tries to get the next turn while there is one.
	releasePoll = 100 * time.Millisecond
)

// run releases until ctx ends. A failure is logged once per outage.
func (r releaser) run(ctx context.Context) {
	failing := false
	for {
		due, err := r.turn(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			r.logger.Warn("release held effects", "error", err)
		}
		failing = err != nil
		wait := releasePace
		if due && err == nil {
			wait = releasePoll
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// turn releases what is due, if this worker gets the turn. due says that there was
// something.
func (r releaser) turn(ctx context.Context) (due bool, err error) {
	now, err := r.store.IngestClock(ctx)
	if err != nil {
		return false, fmt.Errorf("read clock: %w", err)
	}
	effects, err := r.store.PausedEffectsDue(ctx, now, int32(r.rate)) //nolint:gosec // a configured rate
	if err != nil || len(effects) == 0 {
		return false, err
	}
	won, err := r.store.ReleasePace(ctx, now, releasePace.Seconds())
	if err != nil || won == 0 {
		return true, err
	}
	for _, p := range effects {
		if p.Leaves && r.leaveLate != nil { // then it is only let go of
			if err := r.leaveLate(ctx, p.EnrollmentID); err != nil {
				return true, fmt.Errorf("end held entry %s: %w", p.ID, err)
			}
		}
		_, err := pause.Release(ctx, r.store, p.EnrollmentID, p.ID, pause.Outcome{
			BuildID: r.buildID, Signal: contract.SignalWait, Key: contract.ReleaseKey(p.ID.String()),
		})
		if err != nil {
			return true, fmt.Errorf("release paused effect %s: %w", p.ID, err)
		}
	}
	return true, nil
}
