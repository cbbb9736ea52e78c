package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// armings have the dwell timers of members set, or canceled: all members, or those
// whose stays began at an instant. First come those who are not due yet, soonest
// first, behind them those who are: these go by the dwell rate, and nobody shall be
// late for them (B-46).
func armings(bucketID string, reaction *bucket.Reaction, cancels bool, entered *time.Time, now time.Time) ([]storedb.ArmingInsertParams, error) {
	schedule, err := json.Marshal(reaction.Schedule)
	if err != nil {
		return nil, fmt.Errorf("encode schedule: %w", err)
	}
	due := reaction.Schedule.At(now, -1) // the anchor of who is due now
	both := []storedb.ArmingInsertParams{{Behind: due}, {UntilAt: &due}}
	for i := range both {
		a := &both[i]
		a.ID, a.BucketID, a.JourneyID, a.Schedule, a.Cancels, a.EnteredAt, a.Now = newID(), bucketID, reaction.JourneyID, schedule, cancels, entered, now
		a.Round = a.ID.String()
	}
	return both, nil
}

// Arm sets, or cancels, the dwell timers of members that existed before their
// reaction did, and mirrors those that existed before their mirror (W-32), one chunk a
// call; done is true when there is nothing to do. Timers that are overdue are spread by the dwell rate, so that a new reaction is no burst
// (B-46).
func (g *Ingester) Arm(ctx context.Context) (done bool, err error) {
	a, err := g.store.ArmingNext(ctx)
	if errors.Is(err, pgx.ErrNoRows) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("read timers to arm: %w", err)
	}
	var schedule bucket.Schedule
	if err := json.Unmarshal(a.Schedule, &schedule); err != nil {
		return false, fmt.Errorf("read schedule: %w", err)
	}
	members, err := g.store.ArmingMembers(ctx, storedb.ArmingMembersParams{
		BucketID: a.BucketID, AnchorAt: a.AnchorAt, Position: a.Position, UntilAt: a.UntilAt, EnteredAt: a.EnteredAt, Size: chunkSize,
	})
	if err != nil {
		return false, fmt.Errorf("read members: %w", err)
	}
	if len(members) == 0 || a.Property != "" && !g.cfg.Mirror {
		return false, g.store.ArmingDelete(ctx, a.ID)
	}
	c, overdue := changes{}, a.Overdue
	due := func() time.Time {
		overdue++
		return a.CreatedAt.Add(time.Duration(overdue-1) * time.Second / time.Duration(g.cfg.DwellRate))
	}
	for i := range members {
		if a.Property != "" {
			err = c.remirror(&a, &members[i], due())
		} else {
			err = g.armMember(&c, &a, &schedule, &members[i], due)
		}
		if err != nil {
			return false, err
		}
	}
	c.outbox.Now = a.Now
	err = g.store.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error {
		last := &members[len(members)-1]
		n, err := q.ArmingAdvance(ctx, storedb.ArmingAdvanceParams{ID: a.ID, Before: a.Position, AnchorAt: last.AnchorAt, Position: last.ID, Overdue: overdue})
		if err != nil || n == 0 || len(c.outbox.Ids) == 0 {
			return err // with no row, somebody else has done the chunk
		}
		return q.IngestOutboxInsert(ctx, c.outbox)
	})
	if err != nil {
		return false, fmt.Errorf("arm timers: %w", err)
	}
	g.cfg.Notify()
	return false, nil
}

// armMember sets, or cancels, the timer of one member.
func (g *Ingester) armMember(c *changes, a *storedb.ArmingNextRow, schedule *bucket.Schedule, m *storedb.ArmingMembersRow, due func() time.Time) error {
	s := &bucket.Stay{ID: m.ID, Epoch: int(m.Epoch), Anchor: m.AnchorAt}
	if err := json.Unmarshal(m.Fired, &s.Fired); err != nil {
		return fmt.Errorf("read stay %s: %w", m.ID, err)
	}
	if a.Cancels {
		if !schedule.Repeats && s.Fired[schedule.Label] > 0 {
			return nil
		}
		id := contract.ReactionWorkflowID(a.JourneyID, m.ContactID.String(), s.Epoch)
		return c.tell(m.ID, uuid.Nil, contract.OutboxCancel, contract.CancelKey(id)+"/"+a.Round, contract.CancelPayload{WorkflowID: id})
	}
	_, at, ok := schedule.Next(s, a.Now)
	if !ok {
		return nil
	}
	when := g.cfg.armAt(at)
	if !at.After(a.Now) {
		when = due()
	}
	key := contract.DwellKey(a.JourneyID, m.ContactID.String(), s.Epoch) + "/" + a.Round
	return c.tellAt(m.ID, uuid.Nil, contract.OutboxDwell, key, dwellPayload(m.ContactID, a.BucketID, a.JourneyID, schedule, s, at), when)
}
