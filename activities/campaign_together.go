package activities

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/temporal"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide/steps"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// maxBatchBytes bounds the content of one call.
const maxBatchBytes = 8 << 20

// mailTogether claims the mails of a page one by one, each with its gate, and hands them over
// in batches. Mails that were in a batch before stay in it, whoever began it; those with
// files, and those that were called for alone, go alone (E-38).
func (b *batch) mailTogether(ctx context.Context, provider email.Batcher, page []storedb.CampaignRecipient) {
	b.known = map[uuid.UUID]storedb.CampaignRecipient{}
	for _, r := range page {
		b.known[r.ContactID] = r
	}
	var mu sync.Mutex
	var alone, fresh []storedb.Send
	begun := map[uuid.UUID]bool{}
	b.each(ctx, page, time.Time{}, func(r storedb.CampaignRecipient) {
		row, done, stop, failed, err := b.a.claimRecipient(ctx, b.campaign, r)
		if done {
			b.note(stop, failed, err)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		switch {
		case row.BatchID != nil:
			begun[*row.BatchID] = true
		case row.Files > 0 || row.FirstAttemptAt != nil:
			alone = append(alone, row)
		default:
			fresh = append(fresh, row)
		}
	})
	formed, err := b.a.formBatches(ctx, fresh)
	if err != nil {
		b.note(false, false, err)
	}
	batches := slices.SortedFunc(keysOf(begun), func(x, y uuid.UUID) int { return strings.Compare(x.String(), y.String()) })
	for _, id := range append(batches, formed...) {
		if b.over(ctx) {
			b.more = true
			return
		}
		more, err := b.sendBatch(ctx, provider, id)
		if err != nil {
			b.note(false, true, err)
		}
		alone = append(alone, more...)
	}
	b.sendAlone(ctx, alone)
}

func keysOf(set map[uuid.UUID]bool) func(yield func(uuid.UUID) bool) {
	return func(yield func(uuid.UUID) bool) {
		for id := range set {
			if !yield(id) {
				return
			}
		}
	}
}

// formBatches makes batches of claimed mails, and returns them.
func (a *Activities) formBatches(ctx context.Context, rows []storedb.Send) (formed []uuid.UUID, err error) {
	for len(rows) > 0 {
		n, size := 0, 0
		for n < len(rows) && n < email.MaxBatch && (n == 0 || size < maxBatchBytes) {
			size += len(rows[n].Html) + len(rows[n].Text)
			n++
		}
		ids := make([]uuid.UUID, n)
		for i := range ids {
			ids[i] = rows[i].ID
		}
		id := uuid.Must(uuid.NewV7())
		made, err := a.Store.BatchForm(ctx, id, ids)
		if err != nil {
			return formed, fmt.Errorf("form batch: %w", err)
		}
		if made > 0 {
			formed = append(formed, id)
		}
		rows = rows[n:]
	}
	return formed, nil
}

// sendBatch makes one call with all members of a batch, as they were when it was formed, and
// writes what became of those that have no outcome yet. alone are those that are to go each
// by itself, because the batch as a whole was refused and nothing of it accepted.
func (b *batch) sendBatch(ctx context.Context, provider email.Batcher, id uuid.UUID) (alone []storedb.Send, err error) {
	a := b.a
	members, split, whole, err := a.membersOf(ctx, id)
	if err == nil && whole && !split {
		if err := a.Limiter.WaitBehind(ctx); err != nil { // one call, one slot (E-34)
			return nil, fmt.Errorf("wait for a slot: %w", err)
		}
		// After a 429 that was long: somebody may have been erased meanwhile.
		members, split, whole, err = a.membersOf(ctx, id)
	}
	switch {
	case err != nil:
		return nil, err
	case split || !whole:
		return b.apart(ctx, members, split)
	}
	queued, over, err := b.attempt(ctx, id, members)
	if err != nil || over || len(queued) == 0 {
		return nil, err
	}
	mails := make([]email.Message, len(members))
	for i, m := range members {
		if mails[i], err = a.messageOf(ctx, m); err != nil {
			return nil, err
		}
	}
	ids, err := provider.SendBatch(ctx, contract.BatchKey(id.String()), mails)
	if err == nil {
		b.settle(ctx, queued, func(ctx context.Context, row storedb.Send) error {
			_, err := a.accept(ctx, b.parentOf(ctx, row), row, ids[*row.BatchPlace-1])
			return err
		})
		return nil, nil
	}
	failure := email.Classify(err)
	reason := contract.SendReason(failure.Reason)
	refused := failure.Status == 400 || failure.Status == 413 || failure.Status == 422
	switch {
	case failure.Kind == email.Permanent && !refused:
		b.settle(ctx, queued, func(ctx context.Context, row storedb.Send) error {
			_, err := a.fail(ctx, b.parentOf(ctx, row), row, reason)
			return err
		})
		return nil, nil
	case failure.Status == 429:
		a.Limiter.Stop(failure.RetryAfter)
	}
	// Also when the activity was told to stop: the note decides what is said at the end.
	if err := a.Store.BatchNote(context.WithoutCancel(ctx), &reason, failure.Kind == email.Unknown, &id); err != nil {
		return nil, fmt.Errorf("note failed batch: %w", err)
	}
	if failure.Kind == email.Permanent {
		if err := a.Store.BatchSplit(ctx, id); err != nil {
			return nil, fmt.Errorf("split batch: %w", err)
		}
		for i := range queued {
			queued[i].Reason = &reason
		}
		return queued, nil
	}
	cause := temporal.NewApplicationErrorWithOptions("provider call failed", "ProviderUnavailable", temporal.ApplicationErrorOptions{NextRetryDelay: failure.RetryAfter})
	for _, row := range queued {
		b.note(false, true, a.retryRecipient(ctx, b.recipientOf(row), cause))
	}
	return nil, nil
}

// membersOf are the mails of a batch in their order. split says that they go alone, whole that
// none of them is of somebody who was erased.
func (a *Activities) membersOf(ctx context.Context, id uuid.UUID) (members []storedb.Send, split, whole bool, err error) {
	batches, err := a.Store.BatchGet(ctx, id)
	if err == nil {
		members, err = a.Store.BatchMembers(ctx, &id)
	}
	if err != nil {
		return nil, false, false, fmt.Errorf("read batch: %w", err)
	}
	if len(batches) == 0 {
		return nil, false, false, nil
	}
	whole = len(members) == int(batches[0].Size) && !slices.ContainsFunc(members, func(m storedb.Send) bool { return strings.HasPrefix(m.Key, "erased:") })
	return members, batches[0].Split, whole, nil
}

// attempt commits that a call begins, and returns the members without an outcome. over says
// that none may be made any more: it is too long after the first one (E-31).
func (b *batch) attempt(ctx context.Context, id uuid.UUID, members []storedb.Send) (queued []storedb.Send, over bool, err error) {
	var before steps.Attempts
	for _, m := range members {
		if m.FirstAttemptAt != nil && (before.First.IsZero() || m.FirstAttemptAt.Before(before.First)) {
			before.First = *m.FirstAttemptAt
		}
	}
	attempts, err := b.a.Store.BatchAttempt(ctx, &id)
	if err != nil {
		return nil, false, fmt.Errorf("record attempt of batch: %w", err)
	}
	reasons := map[uuid.UUID]contract.SendReason{}
	for _, one := range attempts {
		before.Unclear, before.Reason = one.Send.Unclear, contract.SendReason(one.LastReason)
		reason, ended := before.GiveUp(one.Now, b.a.Provider.KeyLifetime())
		reasons[one.Send.ID], over = reason, over || ended
		queued = append(queued, one.Send)
	}
	if over {
		b.settle(ctx, queued, func(ctx context.Context, row storedb.Send) error {
			_, err := b.a.fail(ctx, b.parentOf(ctx, row), row, reasons[row.ID])
			return err
		})
	}
	return queued, over, nil
}

// apart are the members of a batch that is not sent as a whole any more and have no outcome.
// Of one that is not what it was, because somebody was erased, an earlier call may have been
// accepted: then nobody knows, and nothing is sent again.
func (b *batch) apart(ctx context.Context, members []storedb.Send, split bool) (alone []storedb.Send, err error) {
	var unknown []storedb.Send
	for _, m := range members {
		switch {
		case m.Status != contract.SendQueued:
			b.note(false, false, b.a.settleRecipient(ctx, b.recipientOf(m)))
		case !split && m.FirstAttemptAt != nil && (m.Unclear || m.Reason == nil):
			unknown = append(unknown, m)
		default:
			alone = append(alone, m)
		}
	}
	b.settle(ctx, unknown, func(ctx context.Context, row storedb.Send) error {
		_, err := b.a.fail(ctx, b.parentOf(ctx, row), row, contract.SendUnknownOutcome)
		return err
	})
	if !split && len(unknown) == 0 && len(alone) > 0 { // from now on their own calls count
		if err := b.a.Store.BatchSplit(ctx, *alone[0].BatchID); err != nil {
			return nil, fmt.Errorf("split batch: %w", err)
		}
	}
	return alone, nil
}

// sendAlone hands mails over one by one, several at once.
func (b *batch) sendAlone(ctx context.Context, rows []storedb.Send) {
	b.settle(ctx, rows, func(ctx context.Context, row storedb.Send) error {
		failed, err := b.a.deliverRecipient(ctx, b.recipientOf(row), row)
		b.note(false, failed, nil)
		return err
	})
}

// settle calls do for each row, several at once.
func (b *batch) settle(ctx context.Context, rows []storedb.Send, do func(ctx context.Context, row storedb.Send) error) {
	next := make(chan storedb.Send)
	var workers sync.WaitGroup
	for range min(b.a.Config.campaignConcurrency(), len(rows)) {
		workers.Go(func() {
			for row := range next {
				if err := do(ctx, row); err != nil {
					b.note(false, false, err)
				}
			}
		})
	}
	for _, row := range rows {
		next <- row
	}
	close(next)
	workers.Wait()
}

// recipientOf is whom a mail of the campaign is for.
func (b *batch) recipientOf(row storedb.Send) storedb.CampaignRecipient {
	id, _ := uuid.Parse(contract.CampaignRecipientOf(row.Key)) // of one that was erased, nobody
	if r, ok := b.known[id]; ok {
		return r
	}
	return storedb.CampaignRecipient{CampaignID: b.campaign.ID, ContactID: id}
}

func (b *batch) parentOf(ctx context.Context, row storedb.Send) parent {
	return parent{settled: settledRecipient(ctx, b.recipientOf(row)), behind: true}
}
