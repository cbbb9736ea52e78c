package simulate

import (
	"slices"
	"sort"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/clock"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/engine"
)

// item is one thing that happened: an event, or what became of a mail.
type item struct {
	when      time.Time
	event     decide.Event
	contactID uuid.UUID
	template  string
	write     engine.Statement
}

// contact is one contact of a cluster.
type contact struct {
	id uuid.UUID
	// did are the instants of its events whose edges count, in order.
	did map[string][]time.Time
	// dates are the instants of properties whose edges count.
	dates map[string]time.Time
	// Time has passed for it until reached, but for the buckets that are behind.
	reached time.Time
	behind  map[string]time.Time
}

// take makes the change of what happens next.
func (h *cluster) take(e *engine.Engine) *decide.Change {
	n := &h.items[h.next]
	h.next++
	var c *decide.Change
	if n.write != nil {
		c = e.Change(&decide.Update{Template: n.template, Attached: []any{n.write}})
	} else {
		c = e.Change(&decide.Occurrence{Event: n.event})
	}
	c.At = n.when
	if n.contactID != uuid.Nil {
		c.ContactID = n.contactID
	}
	return c
}

// begin is where buckets come into force.
func (h *cluster) begin(m *simulation) {
	if h.until.IsZero() {
		h.until = m.To
	}
	for _, r := range h.people {
		r.reached = m.From
	}
}

// round is what the cluster does next: let time pass for its people up to what
// happens next, until nothing is due before it any more, then that. It is nothing at
// the end of its history.
func (h *cluster) round(w *simulator) []*decide.Change {
	more := h.next < len(h.items) && !h.items[h.next].when.After(h.until)
	horizon := h.until
	if more {
		horizon = h.items[h.next].when
	}
	var ticks []*decide.Change
	for _, r := range h.people {
		edges := r.edges(w.windows, horizon)
		ages := w.aging && w.watch.memberships(r.id) > 0 && (r.reached.Before(horizon) || len(r.behind) > 0)
		if len(edges) == 0 && !ages {
			r.reached, r.behind = decide.Later(r.reached, horizon), nil
			continue
		}
		it := w.engine.ChangeOf(r.id, &decide.Tick{Edges: edges})
		it.At = horizon
		ticks = append(ticks, it)
	}
	if len(ticks) == 0 && more {
		return []*decide.Change{h.take(w.engine)}
	}
	return ticks
}

// edges are those that the contact's events pass up to an instant (W-2).
func (r *contact) edges(windows []*clock.Window, until time.Time) []decide.Edge {
	var found []decide.Edge
	for _, w := range windows {
		did := r.passes(w)
		for _, g := range w.Buckets {
			since := r.reached
			if at, behind := r.behind[g.ID]; behind {
				since = at
			}
			i := sort.Search(len(did), func(i int) bool { return w.Edge(did[i]).After(since) })
			for ; i < len(did) && !w.Edge(did[i]).After(until); i++ {
				found = append(found, decide.Edge{BucketID: g.ID, At: w.Edge(did[i])})
			}
		}
	}
	return found
}

// passes are the instants of which a window has edges, in order.
func (r *contact) passes(w *clock.Window) []time.Time {
	if w.Property == "" {
		return r.did[w.Event]
	}
	if x, ok := r.dates[w.Property]; ok {
		return []time.Time{x}
	}
	return nil
}

// applied notes what a change did to the people.
func (h *cluster) applied(c *decide.Change, watching map[string]bool) {
	if _, tick := c.Body.(*decide.Tick); tick {
		r := h.contact(c.ContactID, c.At)
		r.reached, r.behind = c.At, c.Stopped
		return
	}
	if c.Missing {
		return
	}
	for _, m := range c.Merges {
		from, into := h.contact(m.From.ID, c.At), h.contact(m.Into.ID, c.At)
		for name, did := range from.did {
			into.did[name] = slices.SortedFunc(slices.Values(slices.Concat(into.did[name], did)), time.Time.Compare)
		}
		h.people = slices.DeleteFunc(h.people, func(r *contact) bool { return r == from })
	}
	r := h.contact(c.Contact.Survivor().ID, c.At)
	if o, ok := c.Body.(*decide.Occurrence); ok && watching[o.Name] {
		r.did[o.Name] = append(r.did[o.Name], c.At)
	}
}

// contact is the contact with the uuid; a new one begins at an instant.
func (h *cluster) contact(id uuid.UUID, now time.Time) *contact {
	for _, r := range h.people {
		if r.id == id {
			return r
		}
	}
	r := &contact{id: id, did: map[string][]time.Time{}, reached: now}
	h.people = append(h.people, r)
	return r
}

// finish notes what is left of the history, and counts the people.
func (h *cluster) finish(w *simulator) int {
	before := h.until
	if !h.over {
		before = before.Add(time.Microsecond) // what is due at the end still happens
	}
	for _, r := range h.people {
		w.watch.finish(r.id, before)
	}
	for key := range h.shown {
		delete(w.watch.shown, key)
	}
	return len(h.people)
}
