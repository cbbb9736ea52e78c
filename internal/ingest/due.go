package ingest

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
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// recurrences are those of the journeys, by the name of their events.
func (g *Ingester) recurrences() map[string]hogsend.Trigger {
	found := map[string]hogsend.Trigger{}
	for i := range g.engine.Config().Journeys {
		if t := g.engine.Config().Journeys[i].Trigger; t.Recurrence != nil {
			found[t.Event] = t
		}
	}
	return found
}

// BeginSchedules makes the recurrences of this build known: new ones begin with their
// first instant from now on, those that no journey has any more are forgotten.
func (g *Ingester) BeginSchedules(ctx context.Context) error {
	return g.engine.Store.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error {
		now, err := q.IngestClock(ctx)
		if err != nil {
			return fmt.Errorf("read clock: %w", err)
		}
		triggers := g.recurrences()
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
func (g *Ingester) Due(ctx context.Context) (time.Duration, error) {
	triggers := g.recurrences()
	if len(triggers) == 0 {
		return Never, nil
	}
	row, err := g.engine.Store.SchedulesNext(ctx, slices.Collect(maps.Keys(triggers)))
	if errors.Is(err, pgx.ErrNoRows) {
		return Never, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read schedules: %w", err)
	}
	if row.DueAt.After(row.Now) {
		return row.DueAt.Sub(row.Now), nil
	}
	if err := g.engine.Refresh(ctx); err != nil {
		return 0, err
	}
	next := storedb.SchedulesAdvanceParams{EventName: row.EventName, WasDueAt: row.DueAt, WasPosition: row.Position, DueAt: row.DueAt}
	recurrence := triggers[row.EventName].Recurrence
	following, err := recurrence.Next(row.DueAt)
	if err != nil {
		return 0, fmt.Errorf("schedule %s: %w", row.EventName, err)
	}
	b := g.engine.Buckets().ByID(row.BucketID)
	switch {
	case row.Position == uuid.Nil && !following.After(row.Now):
		next.DueAt = following
	case b == nil || !b.On:
		next.DueAt = following
	default:
		if next.Position, err = g.tellMembers(ctx, &row); err != nil {
			return 0, err
		}
		if next.Position == uuid.Nil {
			next.DueAt = following
		}
	}
	return 0, wrapped("advance schedule", g.engine.Store.SchedulesAdvance(ctx, next))
}

// tellMembers tells the next members behind a position of an instant. It returns the
// new position, uuid.Nil when everybody knows.
func (g *Ingester) tellMembers(ctx context.Context, row *storedb.SchedulesNextRow) (uuid.UUID, error) {
	members, err := g.engine.Store.SchedulesMembers(ctx, storedb.SchedulesMembersParams{
		BucketID: row.BucketID, Position: row.Position, DueAt: row.DueAt, Size: chunkSize,
	})
	if err != nil {
		return uuid.Nil, fmt.Errorf("read members: %w", err)
	}
	label := strings.TrimPrefix(row.EventName, hogsend.Due(row.BucketID, ""))
	changes := make([]*decide.Change, len(members))
	for i, m := range members {
		c := g.engine.ChangeOf(m.ContactID, &decide.Due{BucketID: row.BucketID, Label: label, MembershipID: m.ID, Due: row.DueAt})
		c.Space, c.Key = decide.SpaceInternal, row.EventName+":"+m.ContactID.String()+":"+strconv.FormatInt(row.DueAt.UnixMicro(), 10)
		changes[i] = c
	}
	if len(changes) > 0 {
		if err := g.engine.Apply(ctx, changes...); err != nil {
			return uuid.Nil, fmt.Errorf("tell members: %w", err)
		}
		g.engine.Config().Notify()
	}
	if len(members) < chunkSize {
		return uuid.Nil, nil
	}
	return members[len(members)-1].ID, nil
}
