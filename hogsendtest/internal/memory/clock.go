package memory

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/decide"
)

// Tick implements backend.Backend: the clock of production, contact by contact (W-1).
func (b *Backend) Tick() (next time.Time, more bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if next, err = b.tickDates(); err != nil {
		return next, false, err
	}
	// The edges of all contacts are applied in the order of their instants.
	due := slices.DeleteFunc(slices.Clone(b.contacts), func(c *contact) bool {
		at := b.nextOf(c)
		return at.IsZero() || at.After(b.Now())
	})
	slices.SortStableFunc(due, func(x, y *contact) int {
		return cmp.Or(b.nextOf(x).Compare(b.nextOf(y)), strings.Compare(x.id.String(), y.id.String()))
	})
	for _, c := range due {
		if err := b.tick(c); err != nil {
			return next, false, err
		}
	}
	b.ticked = b.Now() // also past what fell due for deleted contacts
	for _, event := range slices.Sorted(maps.Keys(b.due)) {
		if err := b.tickSchedule(event); err != nil {
			return next, false, err
		}
	}
	for _, c := range b.contacts {
		next = sooner(next, b.nextOf(c))
	}
	for _, at := range b.due {
		next = sooner(next, at)
	}
	return next, !next.IsZero(), nil
}

// sooner is the earlier of two instants of which zero is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// nextOf is when time alone may move a contact next; zero is never.
func (b *Backend) nextOf(c *contact) time.Time {
	if c.merged || !c.DeletedAt.IsZero() {
		return time.Time{}
	}
	next := c.history.NextEdge(b.windows, b.ticked)
	for _, m := range c.memberships {
		if one := b.buckets.ByID(m.BucketID); m.left.IsZero() && one != nil && one.On {
			at, _ := m.Due()
			next = sooner(next, at)
		}
	}
	return next
}

// tick applies what time has brought to a contact by now.
func (b *Backend) tick(c *contact) error {
	body := &decide.Tick{}
	for _, one := range b.buckets.All {
		if !one.On {
			continue
		}
		for at := c.history.NextEdge(one.Facts.Windows, b.ticked); !at.IsZero() && !at.After(b.Now()); at = c.history.NextEdge(one.Facts.Windows, at) {
			body.Edges = append(body.Edges, decide.Edge{BucketID: one.ID, At: at})
		}
	}
	change := b.change(body)
	change.ContactID = c.id
	return b.run(change)
}

// tickSchedule lets the instants of a schedule come that are due: of several that were
// missed only the newest.
func (b *Backend) tickSchedule(event string) error {
	i := slices.IndexFunc(b.Registry.Journeys, func(j hogsend.Journey) bool { return j.Trigger.Event == event })
	trigger := b.Registry.Journeys[i].Trigger
	for !b.due[event].After(b.Now()) {
		at := b.due[event]
		following, err := trigger.Recurrence.Next(at)
		if err != nil {
			return fmt.Errorf("schedule %s: %w", event, err)
		}
		b.due[event] = following
		if following.After(b.Now()) {
			if err := b.tellMembers(trigger, at); err != nil {
				return err
			}
		}
	}
	return nil
}

// tellMembers tells the members of a bucket of an instant of a schedule, in the order in
// which they became members.
func (b *Backend) tellMembers(t hogsend.Trigger, at time.Time) error {
	var members []*contact
	for _, c := range b.contacts {
		if c.active(t.BucketID) != nil && c.DeletedAt.IsZero() {
			members = append(members, c)
		}
	}
	slices.SortFunc(members, func(x, y *contact) int {
		return strings.Compare(x.active(t.BucketID).ID.String(), y.active(t.BucketID).ID.String())
	})
	for _, c := range members {
		key := t.Event + ":" + c.id.String() + ":" + strconv.FormatInt(at.UnixMicro(), 10)
		if b.repeats(decide.SpaceInternal, key) {
			continue
		}
		change := b.change(&decide.Due{
			BucketID: t.BucketID, Label: strings.TrimPrefix(t.Event, hogsend.Due(t.BucketID, "")), MembershipID: c.active(t.BucketID).ID, Due: at,
		})
		change.ContactID, change.Space, change.Key = c.id, decide.SpaceInternal, key
		if err := b.run(change); err != nil {
			return err
		}
	}
	return nil
}
