package activities

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/email/pace"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// Ranks of recipients: a sample goes before the others.
const (
	sampleRank int16 = 0
	lastRank   int16 = 1
)

// batch is what one call of a campaign's activity does: several recipients at once, page
// by page, until a bound is met. Its memory does not depend on the size of the campaign.
type batch struct {
	a        *Activities
	campaign storedb.Campaign
	rank     int16
	// claimedOnly leaves out those whose mail was not claimed.
	claimedOnly bool
	limiter     *pace.Limiter
	now         time.Time
	known       map[uuid.UUID]storedb.CampaignRecipient // of the page, by contact

	// more says that recipients may be left who are due, stopped that the campaign was
	// paused or canceled, pause how long its own rate lets nobody go.
	more, stopped bool
	pause         time.Duration

	mu       sync.Mutex
	failures int // in a row
	err      error
}

func (a *Activities) newBatch(c storedb.Campaign) *batch {
	b := &batch{a: a, campaign: c, rank: lastRank, claimedOnly: c.PausedAt != nil || !c.Status.Live()}
	if !c.Sampled && !b.claimedOnly && (c.Sample > 0 || len(c.SampleTo) > 0) {
		b.rank = sampleRank
	}
	if c.RatePerMinute > 0 {
		b.limiter = pace.NewLimiter(float64(c.RatePerMinute) / 60)
	}
	return b
}

func (b *batch) failing() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failures >= campaignFailures
}

// run mails until nobody is due or a bound is met. An error is of the database: what was
// done until then is done.
func (b *batch) run(ctx context.Context) error {
	var after storedb.CampaignRecipient
	after.Rank = -1
	deadline := time.Now().Add(campaignTime)
	for done := 0; done < campaignCall && time.Now().Before(deadline) && !b.over(ctx); done += campaignPage {
		page, err := b.page(ctx, after)
		if err != nil {
			return err
		}
		if len(page) > 0 && done == 0 && b.campaign.StartedAt != nil {
			if err := b.a.Store.CampaignSending(ctx, b.campaign.ID); err != nil {
				return fmt.Errorf("note that a campaign is sending: %w", err)
			}
		}
		b.mail(ctx, page, deadline)
		if len(page) < campaignPage {
			return b.ended(ctx)
		}
		after = page[len(page)-1]
	}
	b.more = true
	return b.ended(ctx)
}

// page reads the next recipients who are due.
func (b *batch) page(ctx context.Context, after storedb.CampaignRecipient) ([]storedb.CampaignRecipient, error) {
	var err error
	if b.now, err = b.a.Store.IngestClock(ctx); err != nil {
		return nil, fmt.Errorf("read the clock: %w", err)
	}
	page, err := b.a.Store.RecipientsDue(ctx, storedb.RecipientsDueParams{
		CampaignID: b.campaign.ID, Rank: b.rank, Now: b.now, Claimed: b.claimedOnly,
		AfterRank: after.Rank, AfterDue: after.DueAt, AfterContact: after.ContactID, RowLimit: campaignPage,
	})
	if err != nil {
		return nil, fmt.Errorf("read recipients: %w", err)
	}
	return page, nil
}

// over reports that nobody else is to be begun.
func (b *batch) over(ctx context.Context) bool {
	if ctx.Err() != nil {
		return true
	}
	if activity.IsActivity(ctx) {
		select {
		case <-activity.GetWorkerStopChannel(ctx):
			b.more = true
			return true
		default:
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stopped || b.err != nil || b.pause > 0 || b.failures >= campaignFailures
}

func (b *batch) ended(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return b.err
}

// mail brings the recipients of a page as far as they go.
func (b *batch) mail(ctx context.Context, page []storedb.CampaignRecipient, deadline time.Time) {
	provider, ok := b.a.Provider.(email.Batcher)
	if ok && b.limiter == nil && !b.a.Config.NoBatches {
		b.mailTogether(ctx, provider, page)
		return
	}
	b.each(ctx, page, deadline, func(r storedb.CampaignRecipient) { b.note(b.a.mailRecipient(ctx, b.campaign, r)) })
}

// each calls do for the recipients of a page, several at once.
func (b *batch) each(ctx context.Context, page []storedb.CampaignRecipient, deadline time.Time, do func(r storedb.CampaignRecipient)) {
	next := make(chan storedb.CampaignRecipient)
	var workers sync.WaitGroup
	for range min(b.a.Config.campaignConcurrency(), len(page)) {
		workers.Go(func() {
			for r := range next {
				do(r)
			}
		})
	}
	for _, r := range page {
		if b.over(ctx) || !b.slot(ctx, deadline) {
			b.more = true
			break
		}
		next <- r
	}
	close(next)
	workers.Wait()
}

// slot waits for the campaign's own rate; false when the call would be over before.
func (b *batch) slot(ctx context.Context, deadline time.Time) bool {
	if b.limiter == nil {
		return true
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	if b.limiter.Wait(ctx) == nil {
		return true
	}
	b.pause = time.Minute / time.Duration(b.campaign.RatePerMinute)
	return false
}

func (b *batch) note(stop, failed bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopped = b.stopped || stop
	b.err = errors.Join(b.err, err)
	if failed {
		b.failures++
	} else if b.failures < campaignFailures {
		b.failures = 0
	}
}

// retryAfter is how long a provider asked to wait.
func retryAfter(err error) time.Duration {
	var failure *temporal.ApplicationError
	if errors.As(err, &failure) {
		return failure.NextRetryDelay()
	}
	return 0
}

func (c Config) campaignConcurrency() int {
	if c.CampaignConcurrency > 0 {
		return c.CampaignConcurrency
	}
	return 8
}
