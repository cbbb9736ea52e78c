package simulate

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/decide"
)

// Transition is one thing that a simulated bucket did to one contact (B-59).
type Transition struct {
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

// recorder looks on while a simulation applies items: it notes the transitions, and
// works out the dwells of each membership from its schedule when the membership is over. In life
// timers do that.
type recorder struct {
	people map[uuid.UUID]*recordedContact
	// shown are the contact keys of stored people, who go by their uuids here.
	shown map[string]string
	found []Transition
}

// recordedContact is a contact with its active memberships.
type recordedContact struct {
	key         string
	memberships []*recorded
}

type recorded struct {
	bucket     *decide.CompiledBucket
	membership bucket.Membership
	now        time.Time // dwells are noted up to here
}

func newrecorder() *recorder {
	return &recorder{people: map[uuid.UUID]*recordedContact{}, shown: map[string]string{}}
}

// see is the contact as it is at an instant: what it did before bears the key it had.
func (r *recorder) see(c *decide.Contact, at time.Time) *recordedContact {
	key := c.Key()
	if shown, ok := r.shown[key]; ok {
		key = shown
	}
	who := r.people[c.ID]
	if who == nil {
		who = &recordedContact{key: key}
		r.people[c.ID] = who
	}
	if who.key != key {
		r.dwell(who, at)
		who.key = key
	}
	return who
}

// Decided notes the transitions.
func (r *recorder) Decided(e *decide.Effects) {
	for i := range e.Transitions {
		t := &e.Transitions[i]
		if t.Enters {
			r.join(t.Contact, t.Bucket, t.Membership)
		} else {
			r.leave(t.Contact, t.Bucket, t.Membership, t.At, t.Reason)
		}
	}
}

func (r *recorder) join(c *decide.Contact, b *decide.CompiledBucket, m *bucket.Membership) {
	who := r.see(c, m.Entered)
	who.memberships = append(who.memberships, newRecorded(b, m, m.Entered))
	r.found = append(r.found, Transition{
		At: m.Entered, Bucket: b.ID, Contact: who.key, Transition: "entered", Epoch: m.Epoch, Muted: m.Muted,
	})
}

// newRecorded takes what is due by an instant for done.
func newRecorded(b *decide.CompiledBucket, m *bucket.Membership, since time.Time) *recorded {
	n := &recorded{bucket: b, membership: *m, now: since}
	n.membership.Fired = map[string]int{}
	for i := range b.Definition.Reactions {
		if schedule := b.Definition.Reactions[i].Schedule; schedule != nil {
			n.membership.Fired[schedule.Label] = schedule.Ordinal(m.Anchor, since)
		}
	}
	return n
}

// leave ends a membership: a leave and a dwell at one instant are the leave (B-43).
func (r *recorder) leave(c *decide.Contact, b *decide.CompiledBucket, m *bucket.Membership, at time.Time, reason string) {
	who := r.see(c, at)
	who.memberships = slices.DeleteFunc(who.memberships, func(n *recorded) bool {
		if n.membership.ID != m.ID {
			return false
		}
		r.fires(who, n, at)
		return true
	})
	r.found = append(r.found, Transition{At: at, Bucket: b.ID, Contact: who.key, Transition: "left", Epoch: m.Epoch, Reason: reason})
}

// dwell notes what the memberships of a contact have fired before an instant.
func (r *recorder) dwell(who *recordedContact, before time.Time) {
	for _, n := range who.memberships {
		r.fires(who, n, before)
	}
}

func (r *recorder) fires(who *recordedContact, n *recorded, before time.Time) {
	first := len(r.found)
	for i := range n.bucket.Definition.Reactions {
		schedule := n.bucket.Definition.Reactions[i].Schedule
		if schedule == nil {
			continue
		}
		for now := n.now; ; {
			ordinal, at, ok := schedule.Next(&n.membership, now)
			if !ok || !at.Before(before) {
				break
			}
			n.membership.Fired[schedule.Label], now = ordinal, at
			r.found = append(r.found, Transition{
				At: at, Bucket: n.bucket.ID, Contact: who.key, Transition: "dwell", Epoch: n.membership.Epoch, Label: schedule.Label, Ordinal: ordinal,
			})
		}
	}
	if before.After(n.now) {
		n.now = before
	}
	slices.SortStableFunc(r.found[first:], func(a, b Transition) int { return a.At.Compare(b.At) })
}

// Merged follows a merge: memberships that go on are the survivor's from then on, with their
// anchors; of two in one bucket the other ends silently (I-27).
func (r *recorder) Merged(m *decide.Merge, at time.Time) {
	from := r.people[m.From.ID]
	if from == nil {
		return
	}
	r.dwell(from, at)
	delete(r.people, m.From.ID)
	into := r.see(m.Into, at)
	for _, n := range from.memberships {
		if s := m.Into.Membership(n.bucket.ID); s != nil && s.ID == n.membership.ID {
			n.membership.Epoch = s.Epoch
			into.memberships = append(into.memberships, n)
		}
	}
}

// finish notes the dwells that are left of a contact and forgets it.
func (r *recorder) finish(id uuid.UUID, before time.Time) {
	if who := r.people[id]; who != nil {
		r.dwell(who, before)
		delete(r.people, id)
	}
}

// memberships counts the active memberships of a contact.
func (r *recorder) memberships(id uuid.UUID) int {
	if who := r.people[id]; who != nil {
		return len(who.memberships)
	}
	return 0
}
