package ingest

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/decide"
)

// SimulatedTransition is one thing that a simulated bucket did to one contact (B-59).
type SimulatedTransition struct {
	At     time.Time `json:"at"`
	Bucket string    `json:"bucket"`
	// Contact is the contact key at that time.
	Contact string `json:"contact"`
	// Transition is entered, left or dwell.
	Transition string `json:"transition"`
	Epoch      int    `json:"epoch"`
	// Label and Ordinal are those of a dwell.
	Label   string `json:"label"`
	Ordinal int    `json:"ordinal"`
	// Reason is criteria or maxDwell for left.
	Reason string `json:"reason"`
	// Muted is set for a join that the entry limit keeps from being told (B-18).
	Muted bool `json:"muted"`
}

// watcher looks on while a simulation applies items: it notes the transitions, and
// works out the dwells of each stay from its schedule when the stay is over. In life
// timers do that.
type watcher struct {
	people map[uuid.UUID]*watched
	// shown are the contact keys of stored people, who go by their uuids here.
	shown map[string]string
	found []SimulatedTransition
}

// watched is a contact with its active stays.
type watched struct {
	key   string
	stays []*watchedStay
}

type watchedStay struct {
	segment *decide.CompiledBucket
	stay    bucket.Membership
	now     time.Time // dwells are noted up to here
}

func newWatcher() *watcher {
	return &watcher{people: map[uuid.UUID]*watched{}, shown: map[string]string{}}
}

// see is the contact as it is at an instant: what it did before bears the key it had.
func (w *watcher) see(p *decide.Contact, at time.Time) *watched {
	key := p.Key()
	if shown, ok := w.shown[key]; ok {
		key = shown
	}
	who := w.people[p.ID]
	if who == nil {
		who = &watched{key: key}
		w.people[p.ID] = who
	}
	if who.key != key {
		w.dwell(who, at)
		who.key = key
	}
	return who
}

// Decided notes the transitions.
func (w *watcher) Decided(e *decide.Effects) {
	for i := range e.Transitions {
		t := &e.Transitions[i]
		if t.Enters {
			w.join(t.Contact, t.Bucket, t.Membership)
		} else {
			w.leave(t.Contact, t.Bucket, t.Membership, t.At, t.Reason)
		}
	}
}

func (w *watcher) join(p *decide.Contact, g *decide.CompiledBucket, s *bucket.Membership) {
	who := w.see(p, s.Entered)
	who.stays = append(who.stays, newWatchedStay(g, s, s.Entered))
	w.found = append(w.found, SimulatedTransition{
		At: s.Entered, Bucket: g.ID, Contact: who.key, Transition: "entered", Epoch: s.Epoch, Muted: s.Muted,
	})
}

// newWatchedStay takes what is due by an instant for done.
func newWatchedStay(g *decide.CompiledBucket, s *bucket.Membership, since time.Time) *watchedStay {
	n := &watchedStay{segment: g, stay: *s, now: since}
	n.stay.Fired = map[string]int{}
	for i := range g.Definition.Reactions {
		if schedule := g.Definition.Reactions[i].Schedule; schedule != nil {
			n.stay.Fired[schedule.Label] = schedule.Ordinal(s.Anchor, since)
		}
	}
	return n
}

// leave ends a stay: a leave and a dwell at one instant are the leave (B-43).
func (w *watcher) leave(p *decide.Contact, g *decide.CompiledBucket, s *bucket.Membership, at time.Time, reason string) {
	who := w.see(p, at)
	who.stays = slices.DeleteFunc(who.stays, func(n *watchedStay) bool {
		if n.stay.ID != s.ID {
			return false
		}
		w.fires(who, n, at)
		return true
	})
	w.found = append(w.found, SimulatedTransition{At: at, Bucket: g.ID, Contact: who.key, Transition: "left", Epoch: s.Epoch, Reason: reason})
}

// dwell notes what the stays of a contact have fired before an instant.
func (w *watcher) dwell(who *watched, before time.Time) {
	for _, n := range who.stays {
		w.fires(who, n, before)
	}
}

func (w *watcher) fires(who *watched, n *watchedStay, before time.Time) {
	first := len(w.found)
	for i := range n.segment.Definition.Reactions {
		schedule := n.segment.Definition.Reactions[i].Schedule
		if schedule == nil {
			continue
		}
		for now := n.now; ; {
			ordinal, at, ok := schedule.Next(&n.stay, now)
			if !ok || !at.Before(before) {
				break
			}
			n.stay.Fired[schedule.Label], now = ordinal, at
			w.found = append(w.found, SimulatedTransition{
				At: at, Bucket: n.segment.ID, Contact: who.key, Transition: "dwell", Epoch: n.stay.Epoch, Label: schedule.Label, Ordinal: ordinal,
			})
		}
	}
	n.now = later(n.now, before)
	slices.SortStableFunc(w.found[first:], func(a, b SimulatedTransition) int { return a.At.Compare(b.At) })
}

// Merged follows a merge: stays that go on are the survivor's from then on, with their
// anchors; of two in one bucket the other ends silently (I-27).
func (w *watcher) Merged(m *decide.Merge, at time.Time) {
	from := w.people[m.From.ID]
	if from == nil {
		return
	}
	w.dwell(from, at)
	delete(w.people, m.From.ID)
	into := w.see(m.Into, at)
	for _, n := range from.stays {
		if s := m.Into.Membership(n.segment.ID); s != nil && s.ID == n.stay.ID {
			n.stay.Epoch = s.Epoch
			into.stays = append(into.stays, n)
		}
	}
}

// finish notes the dwells that are left of a contact and forgets it.
func (w *watcher) finish(id uuid.UUID, before time.Time) {
	if who := w.people[id]; who != nil {
		w.dwell(who, before)
		delete(w.people, id)
	}
}

// stays counts the active stays of a contact.
func (w *watcher) stays(id uuid.UUID) int {
	if who := w.people[id]; who != nil {
		return len(who.stays)
	}
	return 0
}
