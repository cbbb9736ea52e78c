package worker

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

const (
	heartbeatEvery   = 10 * time.Second
	heartbeatTimeout = 5 * time.Second
)

// heartbeat writes the worker's row every 10 s and deletes it when ctx ends (O-31).
// A failure is logged once per outage.
func heartbeat(ctx context.Context, s *store.Store, beat storedb.HeartbeatsUpsertParams, logger *slog.Logger) {
	ticker := time.NewTicker(heartbeatEvery)
	defer ticker.Stop()
	failing := false
	for {
		err := write(ctx, s, beat)
		if err != nil && !failing && ctx.Err() == nil {
			logger.Warn("write worker heartbeat", "error", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), heartbeatTimeout)
			defer cancel()
			if err := s.HeartbeatsDelete(last, beat.ID); err != nil {
				logger.Warn("delete worker heartbeat", "error", err)
			}
			return
		case <-ticker.C:
		}
	}
}

func write(ctx context.Context, s *store.Store, beat storedb.HeartbeatsUpsertParams) error {
	ctx, cancel := context.WithTimeout(ctx, heartbeatTimeout)
	defer cancel()
	if err := s.HeartbeatsUpsert(ctx, beat); err != nil {
		return fmt.Errorf("write heartbeat: %w", err)
	}
	return nil
}

// keepRegistered registers the worker's buckets again and again until ctx ends: the
// build that was in force may have gone with its last worker (B-5). It is not part of
// the heartbeat, because what it waits for, the evaluations under way and a change of
// many buckets, must not make the worker look dead. A failure is logged once per outage.
func keepRegistered(ctx context.Context, register func(context.Context) error, every time.Duration, logger *slog.Logger) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := register(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			logger.Warn("register buckets", "error", err)
		}
		failing = err != nil
	}
}
