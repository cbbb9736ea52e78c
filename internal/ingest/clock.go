package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/engine"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// Edge is an instant at which time alone may change what the criteria of a bucket
// say of a contact (W-2).
type Edge = decide.Edge

// Clock applies what only time changes: edges of windows, stays that are too old,
// leaves held back (W-1). One runs at a time; a second one does no harm (W-14).
type Clock struct {
	ingester *Ingester
	// Flipped, if not nil, is told of each contact whose edges were applied, with how
	// late the oldest of them was.
	Flipped func(contacts int, late time.Duration)
	// Changed, if not nil, is called when other buckets are in force than before.
	Changed func()

	version int64
}

// NewClock makes a clock over the ingester's database.
func NewClock(g *Ingester) *Clock { return &Clock{ingester: g} }

// clockNext says when there is something to do next, and up to when nothing can be
// added any more: an open transaction that has written may still add events whose
// edges lie behind its begin (W-8). One query, a few index probes (W-17).
const clockNext = `select s.version, t.now,
	least(t.now, coalesce((
		select min(a.xact_start) from pg_stat_activity a
		where a.datname = current_database() and a.backend_xid is not null and a.pid <> pg_backend_pid()
	), t.now)) as safe,
	least(
		(
			select min(e.occurred_at + (c.within_us + 1) * interval '1 microsecond') from clock_cursors c
			cross join lateral (
				select occurred_at from events
				where name = c.event_name and occurred_at >= c.cursor_at - c.within_us * interval '1 microsecond'
				order by occurred_at limit 1
			) e
		),
		(
			select min(m.due_at) from buckets b
			cross join lateral (
				select due_at from memberships
				where bucket_id = b.id and status = 'active' and due_at is not null
					and not exists (select 1 from clock_retries r where r.contact_id = memberships.contact_id and r.due_at > t.now)
				order by due_at limit 1
			) m
			where b.registered and b.enabled and not b.disabled
		),
		(select min(r.due_at) from clock_retries r)
	) as next
from registry_state s cross join (select clock_timestamp() as now) t`

// maxEdges is how many edges of one window are taken at once.
const maxEdges = 2000

// Never is what Round returns when nothing is known to come.
const Never = time.Duration(1<<63 - 1)

// Round applies what is due by now and returns how long it is until the next instant
// known; an event may bring an earlier one meanwhile.
func (c *Clock) Round(ctx context.Context) (time.Duration, error) {
	var (
		version   int64
		now, safe time.Time
		next      *time.Time
	)
	if err := c.ingester.engine.Store.Pool.QueryRow(ctx, clockNext).Scan(&version, &now, &safe, &next); err != nil {
		return 0, fmt.Errorf("read clock: %w", err)
	}
	if c.version != version {
		c.version = version
		if c.Changed != nil {
			c.Changed()
		}
	}
	if next == nil {
		c.ingester.stats.late(0)
		return Never, nil
	}
	c.ingester.stats.late(now.Sub(*next))
	if next.After(now) {
		return next.Sub(now), nil
	}
	if c.ingester.engine.Buckets().Version != version {
		if err := c.ingester.engine.Reload(ctx); err != nil {
			return 0, err
		}
	}
	held, err := c.apply(ctx, now, safe)
	if held {
		return heldBack, err
	}
	return 0, err
}

// heldBack is the pause while an open transaction holds the cursors back.
const heldBack = 250 * time.Millisecond

// window is one window in use, with the buckets that it may move.
type window struct {
	criteria.Window
	buckets []*decide.CompiledBucket
	cursor  time.Time
}

// edge is when an event leaves the window (W-2).
func (w *window) edge(occurred time.Time) time.Time { return occurred.Add(w.Within + time.Microsecond) }

func windowsOf(buckets *decide.Buckets) []*window {
	var found []*window
	for _, b := range buckets.All {
		if !b.On {
			continue
		}
		for _, use := range b.Facts.Windows {
			i := slices.IndexFunc(found, func(w *window) bool { return w.Window == use })
			if i < 0 {
				found, i = append(found, &window{Window: use}), len(found)
			}
			found[i].buckets = append(found[i].buckets, b)
		}
	}
	return found
}

// due is what has come for one contact.
type due struct {
	contactID uuid.UUID
	edges     []Edge
	first     time.Time
}

// apply does what is due. held says that the cursors could not follow.
func (c *Clock) apply(ctx context.Context, now, safe time.Time) (held bool, err error) {
	buckets := c.ingester.engine.Buckets()
	windows, err := c.cursors(ctx, buckets)
	if err != nil {
		return false, err
	}
	found := map[uuid.UUID]*due{}
	until, err := c.edges(ctx, windows, now, found)
	if err != nil {
		return false, err
	}
	if err := c.ages(ctx, buckets, until, found); err != nil {
		return false, err
	}
	if err := c.retries(ctx, found); err != nil {
		return false, err
	}
	all := make([]*due, 0, len(found))
	for _, d := range found {
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b *due) int {
		if n := a.first.Compare(b.first); n != 0 {
			return n
		}
		return bytes.Compare(a.contactID[:], b.contactID[:])
	})
	for part := range slices.Chunk(all, chunkSize) {
		if err := c.tick(ctx, part); err != nil {
			return false, err
		}
		if c.Flipped != nil {
			c.Flipped(len(part), now.Sub(part[0].first))
		}
	}
	return safe.Before(until), c.advance(ctx, windows, earlier(until, safe))
}

// cursors reads how far each window in use has come.
func (c *Clock) cursors(ctx context.Context, buckets *decide.Buckets) ([]*window, error) {
	windows := windowsOf(buckets)
	rows, err := c.ingester.engine.Store.ClockCursors(ctx)
	if err != nil {
		return nil, fmt.Errorf("read cursors: %w", err)
	}
	var names []string
	var withins []int64
	for _, w := range windows {
		names, withins = append(names, w.Event), append(withins, w.Within.Microseconds())
	}
	if len(rows) > len(windows) {
		if err := c.ingester.engine.Store.ClockCursorsDelete(ctx, names, withins, buckets.Version); err != nil {
			return nil, fmt.Errorf("forget cursors: %w", err)
		}
	}
	for _, row := range rows {
		for _, w := range windows {
			if w.Event == row.EventName && w.Within.Microseconds() == row.WithinUs {
				w.cursor = row.CursorAt
			}
		}
	}
	return slices.DeleteFunc(windows, func(w *window) bool { return w.cursor.IsZero() }), nil
}

// edges reads the edges that have passed. It returns the instant up to which all of
// them were read: that of the oldest window of which there was too much for once.
func (c *Clock) edges(ctx context.Context, windows []*window, now time.Time, found map[uuid.UUID]*due) (time.Time, error) {
	until := now
	read := make([][]storedb.ClockEdgesRow, len(windows))
	for i, w := range windows {
		for size := maxEdges; ; size *= 4 {
			rows, err := c.ingester.engine.Store.ClockEdges(ctx, storedb.ClockEdgesParams{
				EventName: w.Event, After: w.cursor.Add(-w.Within), Until: now.Add(-w.Within), WithinSeconds: w.Within.Seconds(), Size: int32(min(size, 1<<30)), //nolint:gosec // bounded
			})
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
				until = earlier(until, last.Add(w.Within))
				break
			}
		}
	}
	for i, w := range windows {
		for _, row := range read[i] {
			at := w.edge(row.OccurredAt)
			if at.After(until) {
				break
			}
			for _, b := range w.buckets {
				note(found, row.ContactID, at, Edge{BucketID: b.ID, At: at})
			}
		}
	}
	return until, nil
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
	rows, err := c.ingester.engine.Store.ClockDue(ctx, ids, until, maxEdges)
	if err != nil {
		return fmt.Errorf("read stays that are due: %w", err)
	}
	for _, row := range rows {
		note(found, row.ContactID, row.DueAt)
	}
	return nil
}

func (c *Clock) retries(ctx context.Context, found map[uuid.UUID]*due) error {
	rows, err := c.ingester.engine.Store.ClockRetriesDue(ctx)
	if err != nil {
		return fmt.Errorf("read retries: %w", err)
	}
	for _, row := range rows {
		if row.BucketID == "" {
			note(found, row.ContactID, row.EdgeAt)
			continue
		}
		note(found, row.ContactID, row.EdgeAt, Edge{BucketID: row.BucketID, At: row.EdgeAt})
	}
	return nil
}

func note(found map[uuid.UUID]*due, contactID uuid.UUID, at time.Time, edges ...Edge) {
	d := found[contactID]
	if d == nil {
		d = &due{contactID: contactID, first: at}
		found[contactID] = d
	}
	d.first = earlier(d.first, at)
	d.edges = append(d.edges, edges...)
}

// tick applies what has come for contacts: of those that nobody holds in one
// transaction, of the others one by one, so that a contact delays only itself (W-13).
func (c *Clock) tick(ctx context.Context, part []*due) error {
	ids := make([]uuid.UUID, len(part))
	for i, d := range part {
		ids[i] = d.contactID
	}
	free, err := c.ingester.engine.Store.ClockFree(ctx, ids)
	if err != nil {
		return fmt.Errorf("look for held contacts: %w", err)
	}
	held := slices.DeleteFunc(slices.Clone(part), func(d *due) bool { return slices.Contains(free, d.contactID) })
	errs := c.together(ctx, slices.DeleteFunc(slices.Clone(part), func(d *due) bool { return !slices.Contains(free, d.contactID) }), engine.MaxDuration)
	for _, d := range held {
		errs = errors.Join(errs, c.together(ctx, []*due{d}, lockPatience))
	}
	return errs
}

// lockPatience is how long the clock waits for a contact that somebody else holds.
const lockPatience = 500 * time.Millisecond

// together applies what has come for contacts in one transaction; if that fails, for
// halves of them, down to the one that is kept aside.
func (c *Clock) together(ctx context.Context, part []*due, patience time.Duration) error {
	if len(part) == 0 {
		return nil
	}
	changes := make([]*decide.Change, len(part))
	for i, d := range part {
		changes[i] = c.ingester.engine.ChangeOf(d.contactID, &decide.Tick{Edges: d.edges})
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	err := c.ingester.engine.Apply(limited, changes...)
	cancel()
	switch {
	case err == nil:
		return c.settleRetries(ctx, part)
	case ctx.Err() != nil:
		return ctx.Err()
	case len(part) > 1:
		return errors.Join(c.together(ctx, part[:len(part)/2], lockPatience), c.together(ctx, part[len(part)/2:], lockPatience))
	}
	d := part[0]
	c.ingester.engine.Config().Logger.WarnContext(ctx, "clock keeps a contact aside", "contact_id", d.contactID, "error", err)
	buckets, instants := []string{""}, []time.Time{d.first}
	for _, edge := range d.edges {
		buckets, instants = append(buckets, edge.BucketID), append(instants, edge.At)
	}
	if err := c.ingester.engine.Store.ClockRetriesUpsert(ctx, storedb.ClockRetriesUpsertParams{ContactID: d.contactID, BucketIds: buckets, Instants: instants, Error: err.Error()}); err != nil {
		return fmt.Errorf("keep contact aside: %w", err)
	}
	return nil
}

func (c *Clock) settleRetries(ctx context.Context, part []*due) error {
	ids := make([]uuid.UUID, len(part))
	for i, d := range part {
		ids[i] = d.contactID
	}
	if err := c.ingester.engine.Store.ClockRetriesDelete(ctx, ids); err != nil {
		return fmt.Errorf("forget retries: %w", err)
	}
	return nil
}

// advance moves the cursors, unless another clock has.
func (c *Clock) advance(ctx context.Context, windows []*window, to time.Time) error {
	var p storedb.ClockAdvanceParams
	for _, w := range windows {
		if !to.After(w.cursor) {
			continue
		}
		p.EventNames, p.Withins = append(p.EventNames, w.Event), append(p.Withins, w.Within.Microseconds())
		p.Before, p.Cursors = append(p.Before, w.cursor), append(p.Cursors, to)
	}
	if len(p.Cursors) == 0 {
		return nil
	}
	if _, err := c.ingester.engine.Store.ClockAdvance(ctx, p); err != nil {
		return fmt.Errorf("advance cursors: %w", err)
	}
	return nil
}

// RunClock runs the clock, the schedules, and what is to be settled and armed until
// ctx ends, and returns ctx's error. Failures are logged and tried again.
func (g *Ingester) RunClock(ctx context.Context) error {
	if err := g.engine.Store.BackfillsResume(ctx); err != nil {
		g.engine.Config().Logger.WarnContext(ctx, "resume failed backfills", "error", err)
	}
	clock := NewClock(g)
	changed := make(chan struct{}, 1)
	clock.Changed = func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	var settler sync.WaitGroup
	settler.Go(func() {
		for {
			g.settleAll(ctx)
			select {
			case <-ctx.Done():
				return
			case <-changed:
			}
		}
	})
	defer settler.Wait()
	defer g.stats.late(0) // it goes on in another process
	for begun := false; ; {
		wait, err := clock.Round(ctx)
		if err == nil && !begun {
			err = g.BeginSchedules(ctx)
			begun = err == nil
		}
		if err == nil && wait > 0 {
			var due time.Duration
			due, err = g.Due(ctx)
			wait = min(wait, due)
		}
		if err != nil && ctx.Err() == nil {
			g.engine.Config().Logger.WarnContext(ctx, "clock failed, trying again", "error", err)
			wait = time.Second
		}
		// An event may bring an edge that was not known: one query a second looks (W-17).
		if err := pause(ctx, min(wait, time.Second)); err != nil {
			return err
		}
	}
}

// settleAll does what is to be settled, armed and retired, until nothing is left.
func (g *Ingester) settleAll(ctx context.Context) {
	for ctx.Err() == nil {
		done, wait, err := g.Backfill(ctx)
		if err == nil && done {
			done, err = g.Arm(ctx)
		}
		if err == nil && done {
			done, err = g.LetLeave(ctx)
		}
		if err == nil && done {
			return
		}
		if err != nil && ctx.Err() == nil {
			g.engine.Config().Logger.WarnContext(ctx, "settling failed, trying again", "error", err)
			wait = time.Second
		}
		_ = pause(ctx, wait) // the loop looks at ctx itself
	}
}

func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func instant(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}
