package clock

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/decide/cascade"
	"github.com/hogsend/hogsend/internal/engine"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// TimerBackfills have the dwell timers of members set, or canceled: all members, or those
// whose stays began at an instant. First come those who are not due yet, soonest
// first, behind them those who are: these go by the dwell rate, and nobody shall be
// late for them (B-46).
func TimerBackfills(bucketID string, reaction *bucket.Reaction, cancels bool, entered *time.Time, now time.Time) ([]storedb.TimerBackfillInsertParams, error) {
	schedule, err := json.Marshal(reaction.Schedule)
	if err != nil {
		return nil, fmt.Errorf("encode schedule: %w", err)
	}
	due := reaction.Schedule.At(now, -1) // the anchor of who is due now
	both := []storedb.TimerBackfillInsertParams{{Behind: due}, {UntilAt: &due}}
	for i := range both {
		a := &both[i]
		a.ID, a.BucketID, a.JourneyID, a.Schedule, a.Cancels, a.EnteredAt, a.Now = engine.NewID(), bucketID, reaction.JourneyID, schedule, cancels, entered, now
		a.Round = a.ID.String()
	}
	return both, nil
}

// BackfillTimers sets, or cancels, the dwell timers of members that existed before their
// reaction did, and mirrors those that existed before their mirror (W-32), one chunk a
// call; done is true when there is nothing to do. Timers that are overdue are spread by the dwell rate, so that a new reaction is no burst
// (B-46).
func (c *Clock) BackfillTimers(ctx context.Context) (done bool, wait time.Duration, err error) {
	a, err := c.engine.Store.TimerBackfillNext(ctx)
	if errors.Is(err, pgx.ErrNoRows) {
		return true, 0, nil
	}
	if err != nil {
		return false, 0, fmt.Errorf("read timers to schedule: %w", err)
	}
	var schedule bucket.Schedule
	if err := json.Unmarshal(a.Schedule, &schedule); err != nil {
		return false, 0, fmt.Errorf("read schedule: %w", err)
	}
	members, err := c.engine.Store.TimerBackfillMembers(ctx, storedb.TimerBackfillMembersParams{
		BucketID: a.BucketID, AnchorAt: a.AnchorAt, Position: a.Position, UntilAt: a.UntilAt, EnteredAt: a.EnteredAt, Size: engine.ChunkSize,
	})
	if err != nil {
		return false, 0, fmt.Errorf("read members: %w", err)
	}
	if len(members) == 0 || a.Property != "" && !c.engine.Config().Mirror {
		return false, 0, c.engine.Store.TimerBackfillDelete(ctx, a.ID)
	}
	d, overdue := c.engine.Decider(a.Now), a.Overdue
	due := func() time.Time {
		overdue++
		return a.CreatedAt.Add(time.Duration(overdue-1) * time.Second / time.Duration(c.engine.Config().DwellRate))
	}
	for i := range members {
		if a.Property != "" {
			m := &members[i]
			d.MirrorMember(m.ContactID, m.ID, a.Property, a.Round, true, due())
		} else if err := scheduleMember(d, &a, &schedule, &members[i], due); err != nil {
			return false, 0, err
		}
	}
	effects := d.Take()
	err = c.engine.Store.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error {
		last := &members[len(members)-1]
		n, err := q.TimerBackfillAdvance(ctx, storedb.TimerBackfillAdvanceParams{ID: a.ID, Before: a.Position, AnchorAt: last.AnchorAt, Position: last.ID, Overdue: overdue})
		if err != nil || n == 0 {
			return err // with no row, somebody else has done the chunk
		}
		return c.engine.WriteNow(ctx, q, effects, a.Now)
	})
	if err != nil {
		return false, 0, fmt.Errorf("schedule timers: %w", err)
	}
	c.engine.Config().Notify()
	return false, 0, nil
}

// scheduleMember sets, or cancels, the timer of one member.
func scheduleMember(d *cascade.Decider, a *storedb.TimerBackfillNextRow, schedule *bucket.Schedule, row *storedb.TimerBackfillMembersRow, due func() time.Time) error {
	m := &bucket.Membership{ID: row.ID, Epoch: int(row.Epoch), Anchor: row.AnchorAt}
	if err := json.Unmarshal(row.Fired, &m.Fired); err != nil {
		return fmt.Errorf("read membership %s: %w", row.ID, err)
	}
	if a.Cancels {
		d.CancelTimer(row.ContactID, a.JourneyID, schedule, m, "/"+a.Round)
		return nil
	}
	_, at, ok := schedule.Next(m, a.Now)
	if !ok {
		return nil
	}
	when := d.HandOver(at)
	if !at.After(a.Now) {
		when = due()
	}
	d.ScheduleTimer(row.ContactID, a.BucketID, a.JourneyID, schedule, m, at, when, "/"+a.Round)
	return nil
}
