package clock

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/engine"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// recurrences are those of the journeys, by the name of their events.
func (c *Clock) recurrences() map[string]hogsend.Trigger {
	found := map[string]hogsend.Trigger{}
	for i := range c.engine.Config().Journeys {
		if t := c.engine.Config().Journeys[i].Trigger; t.Recurrence != nil {
			found[t.Event] = t
		}
	}
	return found
}

// BeginSchedules makes the recurrences of this build known: new ones begin with their
// first instant from now on, those that no journey has any more are forgotten.
func (c *Clock) BeginSchedules(ctx context.Context) error {
	return c.engine.Store.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error {
		now, err := q.IngestClock(ctx)
		if err != nil {
			return fmt.Errorf("read clock: %w", err)
		}
		triggers := c.recurrences()
		names := slices.AppendSeq([]string{}, maps.Keys(triggers)) // not nil: that would keep them all
		slices.Sort(names)                                         // two workers that begin must not wait for each other
		if err := q.SchedulesForget(ctx, names); err != nil {
			return fmt.Errorf("forget schedules: %w", err)
		}
		for _, name := range names {
			first, err := triggers[name].Recurrence.Next(now)
			if err != nil {
				return fmt.Errorf("schedule %s: %w", name, err)
			}
			if err := q.SchedulesInsert(ctx, name, triggers[name].BucketID, first); err != nil {
				return fmt.Errorf("begin schedule: %w", err)
			}
		}
		return nil
	})
}

// Due tells the next members of the earliest instant that is due, one chunk a call,
// and returns how long it is until there is more to do. Of several instants that were
// missed only the newest is made up for. It is called when the clock has nothing left
// to do, so that whom time has moved is in or out. A bucket that is switched off lets its
// instants pass. Asked again after a crash it tells nobody twice.
func (c *Clock) Due(ctx context.Context) (time.Duration, error) {
	triggers := c.recurrences()
	if len(triggers) == 0 {
		return Never, nil
	}
	row, err := c.engine.Store.SchedulesNext(ctx, slices.Collect(maps.Keys(triggers)))
	if errors.Is(err, pgx.ErrNoRows) {
		return Never, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read schedules: %w", err)
	}
	if row.DueAt.After(row.Now) {
		return row.DueAt.Sub(row.Now), nil
	}
	if err := c.engine.Refresh(ctx); err != nil {
		return 0, err
	}
	next := storedb.SchedulesAdvanceParams{EventName: row.EventName, WasDueAt: row.DueAt, WasPosition: row.Position, DueAt: row.DueAt}
	recurrence := triggers[row.EventName].Recurrence
	following, err := recurrence.Next(row.DueAt)
	if err != nil {
		return 0, fmt.Errorf("schedule %s: %w", row.EventName, err)
	}
	b := c.engine.Buckets().ByID(row.BucketID)
	switch {
	case row.Position == uuid.Nil && !following.After(row.Now):
		next.DueAt = following
	case b == nil || !b.On:
		next.DueAt = following
	default:
		if next.Position, err = c.tellMembers(ctx, &row); err != nil {
			return 0, err
		}
		if next.Position == uuid.Nil {
			next.DueAt = following
		}
	}
	if err := c.engine.Store.SchedulesAdvance(ctx, next); err != nil {
		return 0, fmt.Errorf("advance schedule: %w", err)
	}
	return 0, nil
}

// tellMembers tells the next members behind a position of an instant. It returns the
// new position, uuid.Nil when everybody knows.
func (c *Clock) tellMembers(ctx context.Context, row *storedb.SchedulesNextRow) (uuid.UUID, error) {
	members, err := c.engine.Store.SchedulesMembers(ctx, storedb.SchedulesMembersParams{
		BucketID: row.BucketID, Position: row.Position, DueAt: row.DueAt, Size: engine.ChunkSize,
	})
	if err != nil {
		return uuid.Nil, fmt.Errorf("read members: %w", err)
	}
	label := strings.TrimPrefix(row.EventName, hogsend.Due(row.BucketID, ""))
	changes := make([]*decide.Change, len(members))
	for i, m := range members {
		change := c.engine.ChangeOf(m.ContactID, &decide.Due{BucketID: row.BucketID, Label: label, MembershipID: m.ID, Due: row.DueAt})
		change.Space, change.Key = decide.SpaceInternal, row.EventName+":"+m.ContactID.String()+":"+strconv.FormatInt(row.DueAt.UnixMicro(), 10)
		changes[i] = change
	}
	if len(changes) > 0 {
		if err := c.engine.Apply(ctx, changes...); err != nil {
			return uuid.Nil, fmt.Errorf("tell members: %w", err)
		}
		c.engine.Config().Notify()
	}
	if len(members) < engine.ChunkSize {
		return uuid.Nil, nil
	}
	return members[len(members)-1].ID, nil
}
