package clock

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// Window is one window in use, with the buckets that it may move.
type Window struct {
	criteria.Window
	Buckets []*decide.CompiledBucket
	cursor  time.Time
}

// Windows are those that the buckets in force use.
func Windows(buckets *decide.Buckets) []*Window {
	var found []*Window
	for _, b := range buckets.All {
		if !b.On {
			continue
		}
		for _, use := range b.Facts.Windows {
			i := slices.IndexFunc(found, func(w *Window) bool { return w.Window == use })
			if i < 0 {
				found, i = append(found, &Window{Window: use}), len(found)
			}
			found[i].Buckets = append(found[i].Buckets, b)
		}
	}
	return found
}

// maxEdges is how many edges of one window are taken at once.
const maxEdges = 2000

// cursors reads how far each window in use has come.
func (c *Clock) cursors(ctx context.Context, buckets *decide.Buckets) ([]*Window, error) {
	windows := Windows(buckets)
	rows, err := c.engine.Store.ClockCursors(ctx)
	if err != nil {
		return nil, fmt.Errorf("read cursors: %w", err)
	}
	var names []string
	var withins []int64
	for _, w := range windows {
		names, withins = append(names, w.Name()), append(withins, w.Within.Microseconds())
	}
	if len(rows) > len(windows) {
		if err := c.engine.Store.ClockCursorsDelete(ctx, names, withins, buckets.Version); err != nil {
			return nil, fmt.Errorf("forget cursors: %w", err)
		}
	}
	for _, row := range rows {
		for _, w := range windows {
			if w.Name() == row.EventName && w.Within.Microseconds() == row.WithinUs {
				w.cursor = row.CursorAt
			}
		}
	}
	return slices.DeleteFunc(windows, func(w *Window) bool { return w.cursor.IsZero() }), nil
}

// edges reads the edges that have passed. It returns the instant up to which all of
// them were read: that of the oldest window of which there was too much for once.
func (c *Clock) edges(ctx context.Context, windows []*Window, now time.Time, found map[uuid.UUID]*due) (time.Time, error) {
	until := now
	read := make([][]storedb.ClockEdgesRow, len(windows))
	for i, w := range windows {
		for size := maxEdges; ; size *= 4 {
			rows, err := c.passed(ctx, w, now, int32(min(size, 1<<30))) // bounded
			if err != nil {
				return now, fmt.Errorf("read edges: %w", err)
			}
			read[i] = rows
			if len(rows) < size {
				break
			}
			// Of many at one instant all are taken (W-10).
			last := rows[len(rows)-1].OccurredAt
			if rows[0].OccurredAt.Before(last) {
				until = decide.Earlier(until, last.Add(w.Within))
				break
			}
		}
	}
	for i, w := range windows {
		for _, row := range read[i] {
			at := w.Edge(row.OccurredAt)
			if at.After(until) {
				break
			}
			for _, b := range w.Buckets {
				note(found, row.ContactID, at, decide.Edge{BucketID: b.ID, At: at})
			}
		}
	}
	return until, nil
}

// passed reads the events or dates that have passed a window.
func (c *Clock) passed(ctx context.Context, w *Window, now time.Time, size int32) ([]storedb.ClockEdgesRow, error) {
	after, until := w.cursor.Add(-w.Within), now.Add(-w.Within)
	if w.Property == "" {
		return c.engine.Store.ClockEdges(ctx, storedb.ClockEdgesParams{EventName: w.Event, After: after, Until: until, WithinSeconds: w.Within.Seconds(), Size: size})
	}
	dates, err := c.engine.Store.ClockDateEdges(ctx, storedb.ClockDateEdgesParams{Property: w.Property, After: after, Until: until, Size: size})
	rows := make([]storedb.ClockEdgesRow, len(dates))
	for i := range dates {
		rows[i] = storedb.ClockEdgesRow(dates[i])
	}
	return rows, err
}

// ages reads the stays that time ends. The transaction finds them by itself, so that
// only their contacts are noted.
func (c *Clock) ages(ctx context.Context, buckets *decide.Buckets, until time.Time, found map[uuid.UUID]*due) error {
	var ids []string
	for _, b := range buckets.All {
		if b.On {
			ids = append(ids, b.ID)
		}
	}
	rows, err := c.engine.Store.ClockDue(ctx, ids, until, maxEdges)
	if err != nil {
		return fmt.Errorf("read stays that are due: %w", err)
	}
	for _, row := range rows {
		note(found, row.ContactID, row.DueAt)
	}
	return nil
}

func (c *Clock) retries(ctx context.Context, found map[uuid.UUID]*due) error {
	rows, err := c.engine.Store.ClockRetriesDue(ctx)
	if err != nil {
		return fmt.Errorf("read retries: %w", err)
	}
	for _, row := range rows {
		if row.BucketID == "" {
			note(found, row.ContactID, row.EdgeAt)
			continue
		}
		note(found, row.ContactID, row.EdgeAt, decide.Edge{BucketID: row.BucketID, At: row.EdgeAt})
	}
	return nil
}

func note(found map[uuid.UUID]*due, contactID uuid.UUID, at time.Time, edges ...decide.Edge) {
	d := found[contactID]
	if d == nil {
		d = &due{contactID: contactID, first: at}
		found[contactID] = d
	}
	d.first = decide.Earlier(d.first, at)
	d.edges = append(d.edges, edges...)
}
