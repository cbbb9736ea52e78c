package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"go.temporal.io/sdk/activity"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide/steps"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// How much a call of the activity does at most, so that a campaign of any size has few
// workflow tasks and each call an end (E-71).
const (
	campaignCall = 1000 // recipients
	campaignTime = time.Minute
	campaignPage = 100 // recipients, read at once
	// campaignFailures in a row end a call: mails do not go at the moment.
	campaignFailures = 20
	campaignSpare    = 10_000 // recipients, spared at once
	// backfillPause is how long a campaign waits for a bucket that is being filled.
	backfillPause = 5 * time.Second
)

// Campaign does the next step of a campaign and says what follows. It may run any number of
// times, in two workers at once too: what it does to a recipient is decided under locks and
// goes by the key of the recipient's mail.
func (a *Activities) Campaign(ctx context.Context, campaignID string) (contract.CampaignResult, error) {
	id, err := parseID(campaignID)
	if err != nil {
		return contract.CampaignResult{}, final(err)
	}
	defer keepAlive(ctx)()
	rows, err := a.Store.CampaignGet(ctx, id)
	if err != nil {
		return contract.CampaignResult{}, fmt.Errorf("read campaign: %w", err)
	}
	if len(rows) == 0 {
		return contract.CampaignResult{Done: true}, nil
	}
	c := rows[0].Campaign
	switch next := a.campaignStep(c, rows[0].Now).Next(); next {
	case steps.CampaignWaits:
		until := dueAt(c).UTC()
		return contract.CampaignResult{Sleeps: true, Until: &until}, nil
	case steps.CampaignHeld:
		return a.sendCampaign(ctx, c)
	case steps.CampaignExpires, steps.CampaignStarts:
		if next == steps.CampaignStarts && c.AudienceKind == contract.AudienceBucket {
			awaits, err := a.Store.CampaignAwaitsBackfill(ctx, c.AudienceID)
			if err != nil {
				return contract.CampaignResult{}, fmt.Errorf("look for a backfill: %w", err)
			}
			if awaits { // its members are not known yet
				until := rows[0].Now.Add(backfillPause).UTC()
				return contract.CampaignResult{Sleeps: true, Until: &until}, nil
			}
		}
		return contract.CampaignResult{}, a.startCampaign(ctx, id)
	case steps.CampaignSpares:
		return a.spare(ctx, c)
	case steps.CampaignSends:
		return a.sendCampaign(ctx, c)
	case steps.CampaignOver:
	}
	return contract.CampaignResult{Done: true}, nil
}

func (a *Activities) campaignStep(c storedb.Campaign, now time.Time) steps.Campaign {
	return steps.Campaign{
		Now: now, Status: c.Status, Paused: c.PausedAt != nil, DueAt: dueAt(c), Started: c.StartedAt != nil, Over: c.CompletedAt != nil, Expiry: a.Config.CampaignExpiry,
	}
}

func dueAt(c storedb.Campaign) time.Time {
	if c.ScheduledAt != nil {
		return *c.ScheduledAt
	}
	return c.CreatedAt
}

// startCampaign freezes the recipients, once, whoever comes first: the whole ledger is one
// statement and so of one moment (E-70). One that starts too late, or whose template is
// gone, ends instead, and nobody is mailed.
func (a *Activities) startCampaign(ctx context.Context, id uuid.UUID) error {
	err := a.Store.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error {
		rows, err := q.CampaignLock(ctx, id)
		if err != nil || len(rows) == 0 {
			return err
		}
		c, now := rows[0].Campaign, rows[0].Now
		next := a.campaignStep(c, now).Next()
		_, known := a.Renderer.Lookup(c.TemplateKey)
		switch {
		case next == steps.CampaignExpires:
			return q.CampaignEnd(ctx, string(contract.CampaignExpired), nil, id)
		case next != steps.CampaignStarts:
			return nil
		case !known:
			gone := "template " + c.TemplateKey + " is not in this build"
			return q.CampaignEnd(ctx, string(contract.CampaignFailed), &gone, id)
		}
		total, err := a.freeze(ctx, q, c, now)
		if err != nil {
			return fmt.Errorf("freeze recipients: %w", err)
		}
		return q.CampaignStart(ctx, &now, int32(total), id) //nolint:gosec // a count of contacts
	})
	if err != nil {
		return fmt.Errorf("start campaign: %w", err)
	}
	return nil
}

func (a *Activities) freeze(ctx context.Context, q *storedb.Queries, c storedb.Campaign, now time.Time) (total int64, err error) {
	if c.AudienceKind == contract.AudienceBucket {
		total, err = q.CampaignFreezeBucket(ctx, c.ID, now, c.AudienceID)
	} else {
		total, err = q.CampaignFreezeList(ctx, storedb.CampaignFreezeListParams{CampaignID: c.ID, Now: now, ListID: c.AudienceID, DefaultOptIn: a.optsIn(c.AudienceID)})
	}
	if err != nil {
		return 0, err
	}
	if c.LocalAt != nil {
		if err := a.freezeZones(ctx, q, c); err != nil {
			return 0, err
		}
	}
	return total, freezeSample(ctx, q, c)
}

func (a *Activities) optsIn(list string) bool {
	for _, l := range a.Registry.Lists() {
		if l.ID == list {
			return l.DefaultOptIn
		}
	}
	return true // a category that nobody declares any more
}

// spare ends a canceled campaign: nobody is claimed any more, whose mail was claimed still
// gets it, the others are spared (E-73).
func (a *Activities) spare(ctx context.Context, c storedb.Campaign) (contract.CampaignResult, error) {
	if _, err := a.Store.CampaignDeferredEnd(ctx, &c.ID); err != nil {
		return contract.CampaignResult{}, fmt.Errorf("end deferred mails: %w", err)
	}
	for deadline := time.Now().Add(campaignTime); ; {
		n, err := a.Store.RecipientsSpare(ctx, c.ID, campaignSpare)
		switch {
		case err != nil:
			return contract.CampaignResult{}, fmt.Errorf("spare recipients: %w", err)
		case n == campaignSpare && time.Now().After(deadline):
			return contract.CampaignResult{}, nil
		case n < campaignSpare:
			return a.sendCampaign(ctx, c)
		}
	}
}

// sendCampaign mails some of the recipients who are due. Of a campaign that is paused or
// canceled those are the ones whose mail was claimed before.
func (a *Activities) sendCampaign(ctx context.Context, c storedb.Campaign) (contract.CampaignResult, error) {
	b := a.newBatch(c)
	if err := b.run(ctx); err != nil {
		return contract.CampaignResult{}, err
	}
	next := contract.CampaignResult{Failing: b.failing()}
	if b.more || b.stopped {
		if b.pause > 0 {
			until := b.now.Add(b.pause).UTC()
			next.Sleeps, next.Until = true, &until
		}
		return next, nil
	}
	dues, err := a.Store.RecipientNext(ctx, int32(b.rank), c.ID, b.claimedOnly)
	if err != nil {
		return next, fmt.Errorf("look for the next recipient: %w", err)
	}
	if len(dues) > 0 {
		until := dues[0].UTC()
		next.Sleeps, next.Until = true, &until
	}
	switch {
	case next.Sleeps:
		return next, nil
	case c.Status.Live() && b.claimedOnly:
		return contract.CampaignResult{Sleeps: true}, nil // it is paused
	case b.rank == sampleRank:
		if _, err := a.Store.CampaignSampled(ctx, b.now, c.ID); err != nil {
			return next, fmt.Errorf("pause after the sample: %w", err)
		}
		return next, nil
	}
	if err := a.Store.CampaignEnd(ctx, string(contract.CampaignSent), nil, c.ID); err != nil {
		return next, fmt.Errorf("end campaign: %w", err)
	}
	return contract.CampaignResult{Done: true}, nil
}

// mailRecipient brings one recipient as far as it goes: to a mail that the provider has
// taken, to a refusal, to a later instant. stop says that the campaign was paused or
// canceled meanwhile; err is of the database.
func (a *Activities) mailRecipient(ctx context.Context, c storedb.Campaign, r storedb.CampaignRecipient) (stop, failed bool, err error) {
	row, done, stop, failed, err := a.claimRecipient(ctx, c, r)
	if done {
		return stop, failed, err
	}
	failed, err = a.deliverRecipient(ctx, r, row)
	return false, failed, err
}

// claimRecipient claims the mail of a recipient, or finds it. done says that there is nothing
// to hand over now, for the reason that mailRecipient returns.
func (a *Activities) claimRecipient(ctx context.Context, c storedb.Campaign, r storedb.CampaignRecipient) (row storedb.Send, done, stop, failed bool, err error) {
	s := contract.DirectSend{
		SendRequest: contract.SendRequest{
			Key: contract.CampaignSendKey(c.ID.String(), r.ContactID.String()), Template: c.TemplateKey, Props: c.Props, Subject: c.Subject, From: c.FromEmail,
		},
		ID: uuid.Must(uuid.NewV7()), ContactID: r.ContactID, CampaignID: c.ID,
	}
	if c.AudienceKind == contract.AudienceList {
		s.ListID = c.AudienceID
	}
	row, err = a.claimDirect(ctx, s, recipientHooks(s, settledRecipient(ctx, r)))
	var invalid *hogsend.ValidationError
	switch {
	case errors.Is(err, errStopped):
		return row, true, true, false, nil
	case errors.Is(err, errSettled):
		return row, true, false, false, nil
	case errors.Is(err, errTwice):
		return row, true, false, false, a.endUnsent(ctx, s, contract.SendSkipped, contract.SendDuplicate)
	case errors.Is(err, store.ErrNotFound):
		return row, true, false, false, a.endUnsent(ctx, s, contract.SendSkipped, contract.SendEnrollmentEnded)
	case errors.As(err, &invalid):
		return row, true, false, false, a.endUnsent(ctx, s, contract.SendFailed, renderError(invalid))
	case err != nil:
		return row, true, false, true, a.retryRecipient(ctx, r, err)
	case row.Status != contract.SendQueued:
		// It is done already, but for a mail whose outcome somebody else wrote, such as a report.
		return row, true, false, false, a.settleRecipient(ctx, r)
	}
	return row, isDeferred(row), false, false, nil
}

// deliverRecipient hands a claimed mail over alone.
func (a *Activities) deliverRecipient(ctx context.Context, r storedb.CampaignRecipient, row storedb.Send) (failed bool, err error) {
	row, err = a.deliver(ctx, parent{settled: settledRecipient(ctx, r), behind: true}, row)
	switch {
	case err != nil:
		return true, a.retryRecipient(ctx, r, err)
	case row.Status == contract.SendQueued: // another attempt has it
		return false, nil
	}
	return false, a.settleRecipient(ctx, r)
}

// settledRecipient writes what became of a recipient's mail, if that is known.
func settledRecipient(ctx context.Context, r storedb.CampaignRecipient) store.Write {
	key := contract.CampaignSendKey(r.CampaignID.String(), r.ContactID.String())
	return func(q *storedb.Queries) error { return q.RecipientSettle(ctx, key, r.CampaignID, r.ContactID) }
}

func (a *Activities) settleRecipient(ctx context.Context, r storedb.CampaignRecipient) error {
	if err := settledRecipient(ctx, r)(a.Store.Queries); err != nil {
		return fmt.Errorf("settle recipient: %w", err)
	}
	return nil
}

// Why a mail of a campaign is not claimed.
var (
	errStopped = errors.New("campaign is paused or canceled")
	errSettled = errors.New("recipient is settled")
	errTwice   = errors.New("recipient has a mail of the campaign as somebody else")
)

// recipientHooks are what a claim of a campaign's mail is part of.
func recipientHooks(s contract.DirectSend, settle store.Write) claimHooks {
	var (
		campaign  []storedb.CampaignShareRow
		recipient []storedb.CampaignRecipient
		mailed    bool
	)
	return claimHooks{
		reads: func(ctx context.Context, tx *store.ContactTx, p *store.Pipeline) {
			p.Add(func(q *storedb.Queries) (err error) { campaign, err = q.CampaignShare(ctx, s.CampaignID); return err })
			p.Add(func(q *storedb.Queries) (err error) {
				recipient, err = q.RecipientGet(ctx, s.CampaignID, s.ContactID)
				return err
			})
			p.Add(func(q *storedb.Queries) (err error) {
				mailed, err = q.RecipientMailed(ctx, storedb.RecipientMailedParams{
					CampaignID: &s.CampaignID, ContactID: &tx.Contact.ID, Key: s.Key, Address: text(tx.Contact.Email),
				})
				return err
			})
		},
		begins: func() error {
			switch {
			case len(campaign) == 0 || !campaign[0].Status.Live() || campaign[0].PausedAt != nil:
				return errStopped
			case len(recipient) == 0 || recipient[0].Status != recipientOpen:
				return errSettled
			case mailed:
				return errTwice
			}
			return nil
		},
		claimed: func(ctx context.Context, tx *store.ContactTx, row storedb.Send) error {
			switch {
			case isDeferred(row):
				tx.Add(func(q *storedb.Queries) error { return q.RecipientDefer(ctx, *row.DueAt, s.CampaignID, s.ContactID) })
			case row.Status == contract.SendQueued:
				tx.Add(func(q *storedb.Queries) error { return q.RecipientClaim(ctx, &row.ID, s.CampaignID, s.ContactID) })
			default:
				tx.Add(settle)
			}
			return nil
		},
	}
}

// recipientOpen is the status of a recipient whose mail has no outcome yet.
const recipientOpen = "open"

// endUnsent ends a recipient whose mail was not claimed, and with it one that was
// deferred.
func (a *Activities) endUnsent(ctx context.Context, s contract.DirectSend, status contract.SendStatus, reason contract.SendReason) error {
	known, err := a.Store.SendFind(ctx, s.Key)
	if err == nil && len(known) > 0 && isDeferred(known[0]) {
		_, err = a.fail(ctx, parent{}, known[0], reason)
	}
	if err == nil {
		err = a.Store.RecipientEnd(ctx, storedb.RecipientEndParams{Status: string(status), Reason: string(reason), CampaignID: s.CampaignID, ContactID: s.ContactID})
	}
	if err != nil {
		return fmt.Errorf("end recipient: %w", err)
	}
	return nil
}

// retryRecipient lets a recipient wait after a failure that may pass.
func (a *Activities) retryRecipient(ctx context.Context, r storedb.CampaignRecipient, cause error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	pause := max(steps.RecipientPause(int(r.Failures)), retryAfter(cause))
	if err := a.Store.RecipientRetry(ctx, pause.Seconds(), r.CampaignID, r.ContactID); err != nil {
		return fmt.Errorf("%w, after %w", err, cause)
	}
	if store.IsUnavailable(cause) {
		return cause
	}
	if activity.IsActivity(ctx) {
		activity.GetLogger(ctx).Debug("mail of a campaign is tried again", "campaign_id", r.CampaignID, "contact_id", r.ContactID, "error", cause)
	}
	return nil
}
