package simulate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/clock"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/engine"
	"github.com/hogsend/hogsend/internal/rollout"
	"github.com/hogsend/hogsend/internal/store"
)

// Run lets buckets run over history with exact time (B-59). It works in a schema
// of its own, which is dropped when it returns, whatever the outcome, and changes
// nothing else. Events go through the transactions of life, in virtual time; of each
// contact the edges between two events come at their own instants. No reaction runs.
func Run(ctx context.Context, s *store.Store, p Params) (_ *Result, err error) {
	if !p.From.Before(p.To) {
		return nil, errors.New("simulate: the end must be after the beginning")
	}
	x, err := openScratch(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("simulate: %w", err)
	}
	defer func() { err = errors.Join(err, x.close(ctx)) }()
	m := &simulation{Params: p, scratch: x}
	if err := m.run(ctx, s); err != nil {
		return nil, fmt.Errorf("simulate: %w", err)
	}
	return m.result(), nil
}

func (m *simulation) run(ctx context.Context, s *store.Store) error {
	quiet := slog.New(slog.DiscardHandler)
	state, err := s.RegistryState(ctx)
	if err != nil {
		return fmt.Errorf("read registry in force: %w", err)
	}
	for range simulationWorkers {
		watch := newrecorder()
		g := engine.New(m.scratch.Store, engine.Config{Lanes: 1, Logger: quiet, Simulated: true, Observer: watch, Timezone: state.Timezone})
		defer g.Close()
		m.workers = append(m.workers, &simulator{simulation: m, engine: g, watch: watch})
	}
	if err := m.scratch.set(ctx, m.From); err != nil {
		return err
	}
	h, err := m.history(ctx, s)
	if err != nil {
		return err
	}
	// What lies before is history that no bucket saw.
	m.source = h.before
	if err := m.all(ctx, (*simulator).recount); err != nil {
		return fmt.Errorf("load history: %w", err)
	}
	if err := m.register(ctx); err != nil {
		return err
	}
	if err := m.scratch.set(ctx, m.To); err != nil {
		return err
	}
	m.source, m.total = h.during, h.people()
	if err := m.all(ctx, (*simulator).live); err != nil {
		return err
	}
	m.out.People = m.done
	return nil
}

// all lets the workers share what the source has.
func (m *simulation) all(ctx context.Context, work func(*simulator, context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, len(m.workers))
	var running sync.WaitGroup
	for i, w := range m.workers {
		running.Go(func() {
			if errs[i] = work(w, ctx); errs[i] != nil {
				cancel()
			}
		})
	}
	running.Wait()
	// One that failed has canceled the other.
	for _, err := range errs {
		if err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
	}
	return cmp.Or(errs...)
}

// next takes clusters from the source; none when it is exhausted.
func (m *simulation) next(ctx context.Context, size int) ([]*cluster, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.source(ctx, size)
}

// finished counts clusters that are done.
func (m *simulation) finished(people int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done += people
	if m.Progress != nil {
		m.Progress(m.done, m.total)
	}
}

// register brings the buckets into force as of the beginning, and settles whoever
// matches then (W-19, W-26, W-27).
func (m *simulation) register(ctx context.Context) error {
	definitions := slices.Clone(m.Definitions)
	for i := range definitions {
		d := &definitions[i]
		d.Disabled, d.Aliases, d.SyncToPostHog = false, nil, false
		d.Reactions = slices.DeleteFunc(slices.Clone(d.Reactions), func(r bucket.Reaction) bool { return r.Schedule == nil })
		m.aging = m.aging || d.MinDwell() > 0 || d.MaxDwell() > 0
	}
	g := m.workers[0].engine
	r := rollout.New(g)
	if err := r.Register(ctx, "simulation", "simulation", definitions); err != nil {
		return fmt.Errorf("register buckets: %w", err)
	}
	for {
		done, _, err := r.Backfill(ctx)
		if err != nil {
			return fmt.Errorf("settle contacts: %w", err)
		}
		if done {
			break
		}
	}
	for _, w := range m.workers {
		if err := w.engine.Reload(ctx); err != nil {
			return err
		}
	}
	buckets := g.Buckets()
	for _, failed := range buckets.Backfilling {
		return fmt.Errorf("bucket %s could not be settled", failed.ID)
	}
	m.windows = clock.Windows(buckets)
	return nil
}

// result puts together what the workers have found.
func (m *simulation) result() *Result {
	for _, w := range m.workers {
		m.out.Transitions = append(m.out.Transitions, w.watch.found...)
	}
	for i := range m.out.Transitions {
		m.out.Transitions[i].At = m.out.Transitions[i].At.UTC()
	}
	slices.SortStableFunc(m.out.Transitions, func(a, b Transition) int {
		return cmp.Or(a.At.Compare(b.At), strings.Compare(a.Contact, b.Contact))
	})
	return &m.out
}

// resume lets members of the beginning go on.
func (w *simulator) resume(ctx context.Context, clusters []*cluster) error {
	contacts := map[uuid.UUID]*contact{}
	var ids []uuid.UUID
	for _, h := range clusters {
		for _, r := range h.people {
			contacts[r.id] = r
			ids = append(ids, r.id)
		}
		for key, shown := range h.shown {
			w.watch.shown[key] = shown
		}
	}
	if len(ids) == 0 {
		return nil
	}
	rows, err := w.scratch.SimulationMembers(ctx, ids)
	if err != nil {
		return fmt.Errorf("read members: %w", err)
	}
	buckets := w.engine.Buckets()
	for i := range rows {
		row := &rows[i]
		key := row.ContactKey
		if shown, ok := w.watch.shown[key]; ok {
			key = shown
		}
		who := w.watch.people[row.ContactID]
		if who == nil {
			who = &recordedContact{key: key}
			w.watch.people[row.ContactID] = who
		}
		s := &bucket.Membership{ID: row.ID, BucketID: row.BucketID, Epoch: int(row.Epoch), Entered: row.EnteredAt, Anchor: row.AnchorAt}
		who.memberships = append(who.memberships, newRecorded(buckets.ByID(row.BucketID), s, w.From))
	}
	return nil
}

// sender makes transactions in virtual time.
func (w *simulator) send(ctx context.Context, items []*decide.Change) error {
	if len(items) == 0 {
		return nil
	}
	return w.engine.Apply(ctx, items...)
}

// recount applies what lies before the beginning, as fast as it goes: no bucket is in
// force yet.
func (w *simulator) recount(ctx context.Context) error {
	for {
		clusters, err := w.next(ctx, simulationSize)
		if err != nil || len(clusters) == 0 {
			return err
		}
		var items []*decide.Change
		var of []*cluster
		flush := func() error {
			if err := w.send(ctx, items); err != nil {
				return err
			}
			for i, it := range items {
				of[i].applied(it, w.watching)
			}
			items, of = nil, nil
			return nil
		}
		// What came first makes the contacts that mails go to.
		for _, most := range []int{1, math.MaxInt} {
			for _, h := range clusters {
				for n := 0; n < most && h.next < len(h.items) && h.items[h.next].when.Before(w.From); n++ {
					items, of = append(items, h.take(w.engine)), append(of, h)
				}
				if len(items) >= simulationSize {
					if err := flush(); err != nil {
						return err
					}
				}
			}
			if err := flush(); err != nil {
				return err
			}
		}
	}
}

// readDates reads at which instants of their properties time may move people.
func (w *simulator) readDates(ctx context.Context, clusters []*cluster) error {
	if !slices.ContainsFunc(w.windows, func(one *clock.Window) bool { return one.Property != "" }) {
		return nil
	}
	people := map[uuid.UUID]*contact{}
	var ids []uuid.UUID
	for _, h := range clusters {
		for _, r := range h.people {
			people[r.id], r.dates = r, map[string]time.Time{}
			ids = append(ids, r.id)
		}
	}
	rows, err := w.scratch.SimulationDates(ctx, ids)
	if err != nil {
		return fmt.Errorf("read dates: %w", err)
	}
	for _, row := range rows {
		people[row.ContactID].dates[row.Property] = row.At
	}
	return nil
}

// live lets clusters live from the beginning to the end, each at its own pace: in
// one round each does what it does next.
func (w *simulator) live(ctx context.Context) error {
	var active []*cluster
	for {
		if room := simulationSize - len(active); room >= simulationSize/4 {
			fresh, err := w.next(ctx, room)
			if err != nil {
				return err
			}
			if err := w.resume(ctx, fresh); err != nil {
				return err
			}
			for _, h := range fresh {
				h.begin(w.simulation)
			}
			active = append(active, fresh...)
		}
		if len(active) == 0 {
			return ctx.Err()
		}
		if err := w.readDates(ctx, active); err != nil {
			return err
		}
		var items []*decide.Change
		of := map[*decide.Change]*cluster{}
		ended := 0
		active = slices.DeleteFunc(active, func(h *cluster) bool {
			todo := h.round(w)
			for _, it := range todo {
				items, of[it] = append(items, it), h
			}
			if len(todo) == 0 {
				ended += h.finish(w)
			}
			return len(todo) == 0
		})
		if err := w.send(ctx, items); err != nil {
			return err
		}
		for _, it := range items {
			of[it].applied(it, w.watching)
			if _, tick := it.Body.(*decide.Tick); !tick && !it.Missing {
				w.watch.see(it.Contact.Survivor(), it.At)
			}
		}
		if ended > 0 {
			w.finished(ended)
		}
	}
}
