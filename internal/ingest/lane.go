package ingest

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"runtime/debug"
	"strings"
	"time"

	"github.com/hogsend/hogsend/internal/store"
)

// unit is what one caller wants applied: it shares a transaction with others or
// not, but is never split over several.
type unit struct {
	items []*item
	done  chan error
}

func newUnit(items []*item) *unit { return &unit{items: items, done: make(chan error, 1)} }

// enter hands a unit to its lane and waits for the outcome. Events of one contact
// mostly share a lane, so that lanes seldom wait for each other.
func (g *Ingester) enter(ctx context.Context, u *unit) error {
	g.mu.RLock()
	if g.closed {
		g.mu.RUnlock()
		return ErrClosed
	}
	select {
	case g.lanes[g.laneOf(&u.items[0].event)] <- u:
		g.mu.RUnlock()
	case <-ctx.Done():
		g.mu.RUnlock()
		return ctx.Err()
	}
	select {
	case err := <-u.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *Ingester) laneOf(ev *Event) int {
	key := ev.UserID
	if key == "" {
		key = EmailKey(ev.Email)
	}
	if key == "" {
		key = ev.AnonymousID
	}
	return int(maphash.String(g.seed, key) % uint64(len(g.lanes))) //nolint:gosec // less than the number of lanes
}

// work applies what is queued, all of it at once: a lone unit does not wait, and
// the busier the lane, the more units share a transaction.
func (g *Ingester) work(lane chan *unit) {
	var next *unit
	for {
		first := next
		if next = nil; first == nil {
			var open bool
			if first, open = <-lane; !open {
				return
			}
		}
		units, size := []*unit{first}, len(first.items)
	collect:
		for size < g.cfg.MaxBatch {
			select {
			case u, open := <-lane:
				if !open {
					break collect
				}
				if size+len(u.items) > g.cfg.MaxBatch {
					next = u
					break collect
				}
				units, size = append(units, u), size+len(u.items)
			default:
				break collect
			}
		}
		g.process(units, size)
	}
}

// maxDuration bounds one transaction, so that a database that does not answer
// becomes an error.
const maxDuration = 15 * time.Second

// process applies units together and, if they fail, each alone, so that a bad one
// fails alone (I-8).
func (g *Ingester) process(units []*unit, size int) {
	items := make([]*item, 0, size)
	for _, u := range units {
		items = append(items, u.items...)
	}
	err := g.attempt(items)
	switch {
	case err == nil || store.IsUnavailable(err):
		for _, u := range units {
			u.done <- err
		}
	case len(units) > 1:
		for _, u := range units {
			g.process([]*unit{u}, len(u.items))
		}
	default:
		g.separate(items, err)
		units[0].done <- nil
	}
}

// separate applies the items of a failed unit one by one.
func (g *Ingester) separate(items []*item, err error) {
	for i, it := range items {
		if len(items) > 1 {
			err = g.attempt(items[i : i+1])
		}
		if err != nil {
			it.result = Result{Err: err}
		}
	}
}

func (g *Ingester) attempt(items []*item) error {
	ctx, cancel := context.WithTimeout(context.Background(), maxDuration)
	defer cancel()
	return g.transact(ctx, items, nil)
}

// maxAttempts bounds the repeats of a transaction whose contacts change between
// reading and locking. Each repeat means that another transaction went ahead.
const maxAttempts = 100

// transact runs one transaction over the items until it is made from what holds.
func (g *Ingester) transact(ctx context.Context, items []*item, part *chunk) error {
	var err error
	for attempt := range maxAttempts {
		for _, it := range items {
			it.reset()
		}
		err = g.once(ctx, items, attempt > 0 || len(items) > 0 && items[0].space == spaceInternal, part)
		if errors.Is(err, errChanged) {
			if err := g.reload(ctx); err != nil {
				return err
			}
			continue
		}
		if g.watch != nil || !errors.Is(err, errStale) && !store.IsConflict(err) {
			return err // nobody is in the way of a simulation
		}
	}
	return err
}

// refresh reads the buckets in force anew if they have changed.
func (g *Ingester) refresh(ctx context.Context) error {
	version, err := g.store.BucketsVersion(ctx)
	if err != nil {
		return fmt.Errorf("read version: %w", err)
	}
	if g.catalog.Load().segments.version == version {
		return nil
	}
	return g.reload(ctx)
}

// reload reads the buckets in force anew.
func (g *Ingester) reload(ctx context.Context) error {
	g.reading.Lock()
	defer g.reading.Unlock()
	found, err := loadSegments(ctx, g.store)
	if err != nil {
		return err
	}
	g.catalog.Store(newCatalog(g.cfg.Journeys, g.cfg.ExitJourneys, found))
	return nil
}

// reset undoes what an attempt made of the item.
func (it *item) reset() {
	*it = item{
		event: it.event, id: it.id, contactID: it.contactID, space: it.space, key: it.key, origin: it.origin, end: it.end,
		stepKey: it.stepKey, node: it.node, kind: it.kind, edges: it.edges, fire: it.fire, writes: it.writes, template: it.template,
		when: it.when, noEmail: it.noEmail,
	}
}

func (g *Ingester) once(ctx context.Context, items []*item, suspicious bool, part *chunk) (err error) {
	// A defect fails the events it concerns, not the process (I-3).
	defer func() {
		if defect := recover(); defect != nil {
			err = fmt.Errorf("apply events: %v\n%s", defect, debug.Stack())
		}
	}()
	t := &transaction{ingester: g, catalog: g.catalog.Load(), items: items, suspicious: suspicious, chunk: part}
	err = g.store.Borrow(ctx, func(c *store.Conn) error {
		t.conn = c
		return t.run(ctx)
	})
	if err != nil {
		return err
	}
	if t.written {
		g.cfg.Notify()
	}
	g.stats.count(t.wave.flips)
	if len(t.wave.looped) > 0 {
		g.cfg.Logger.WarnContext(ctx, "loop guard kept contacts out", "journey_ids", t.wave.looped)
	}
	return nil
}

// newItem is an event as asked for, with the ids it may need: they sort as made.
func newItem(ev *Event) *item {
	it := &item{event: *ev, id: newID(), contactID: newID()}
	it.event.Currency = strings.ToUpper(ev.Currency)
	if ev.Key != "" {
		it.space, it.key = spaceClient, ev.Key
	}
	return it
}
