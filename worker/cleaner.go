package worker

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/hogsend/hogsend/internal/store"
)

// cleaner deletes once a day what is not to be kept any longer (O-34). Every worker
// does, since nothing is left to do for the second one.
type cleaner struct {
	store *store.Store
	// decisions is how long decisions are kept that enrolled nobody; 0 is for ever.
	decisions time.Duration
	// tracking is how long is kept from where mails were opened and links followed; 0 is
	// for ever.
	tracking time.Duration
	logger   *slog.Logger
}

const cleanEvery = 24 * time.Hour

// foldEvery is how often what was counted is added up, foldRows how much of it at once.
const (
	foldEvery = 10 * time.Second
	foldRows  = 5000
)

// fold adds up what changes of rows were counted, until ctx ends. Workers may do it at the
// same time: each change is one's. Figures are right without it, but take longer.
func (c cleaner) fold(ctx context.Context) {
	ticks := time.NewTicker(foldEvery)
	defer ticks.Stop()
	for {
		for {
			n, err := c.store.CountsFold(ctx, foldRows)
			if err != nil && ctx.Err() == nil {
				c.logger.Warn("add up counts", "error", err)
			}
			if n < foldRows {
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

// eraseEvery is how often erasures are taken up that were cut off.
const eraseEvery = time.Minute

// erase takes them up, until ctx ends.
func (c cleaner) erase(ctx context.Context) {
	ticks := time.NewTicker(eraseEvery)
	defer ticks.Stop()
	for {
		n, err := c.store.FinishErasures(ctx)
		if err != nil && ctx.Err() == nil {
			c.logger.Warn("finish erasures", "error", err)
		}
		if n > 0 {
			c.logger.Info("finished", "erasures", n)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
	}
}

// webhooksKept is how long a message of a webhook is known to have been applied (E-61).
const webhooksKept = 30 * 24 * time.Hour

// alertsKept is how long is kept what alert rules fired (O-34).
const alertsKept = 90 * 24 * time.Hour

// machineHitsKept is how long is kept what machines did with mails (O-34).
const machineHitsKept = 30 * 24 * time.Hour

// filesKept is how long is kept what mails carried besides their text (O-34).
const filesKept = 90 * 24 * time.Hour

// run cleans now and then daily, until ctx ends.
func (c cleaner) run(ctx context.Context) {
	daily := time.NewTicker(cleanEvery)
	defer daily.Stop()
	for {
		if err := c.clean(ctx); err != nil && ctx.Err() == nil {
			c.logger.Warn("clean", "error", err) // what is left is done the next day
		}
		select {
		case <-ctx.Done():
			return
		case <-daily.C:
		}
	}
}

func (c cleaner) clean(ctx context.Context) error {
	now, err := c.store.IngestClock(ctx)
	if err != nil {
		return fmt.Errorf("read clock: %w", err)
	}
	if err := c.store.CleanWebhooks(ctx, now.Add(-webhooksKept)); err != nil {
		return err
	}
	if err := c.store.CleanHits(ctx, now.Add(-machineHitsKept)); err != nil {
		return err
	}
	if err := c.store.CleanFiles(ctx, now, now.Add(-filesKept)); err != nil {
		return err
	}
	if err := c.store.AlertHistoryClean(ctx, now.Add(-alertsKept)); err != nil {
		return fmt.Errorf("clean history of alerts: %w", err)
	}
	if c.tracking > 0 {
		if err := c.store.ForgetHits(ctx, now.Add(-c.tracking)); err != nil {
			return err
		}
	}
	if c.decisions == 0 {
		return nil
	}
	deleted, err := c.store.CleanDecisions(ctx, now.Add(-c.decisions))
	if deleted > 0 {
		c.logger.Info("cleaned", "decisions", deleted)
	}
	return err
}
