package hogsendtest

import (
	"cmp"
	"slices"
	"time"

	"github.com/hogsend/hogsend"
)

// item is one line of a script.
type item struct {
	at    time.Duration
	what  string // for messages
	apply func(on stage) error
	down  int // begins or ends an outage
}

func (s *Scenario) add(at time.Duration, what string, apply func(on stage) error) {
	s.items = append(s.items, item{at: at, what: what, apply: apply})
}

// stage is where a script is played: a world in memory, or Postgres in the tests of
// the kit.
type stage interface {
	event(contact string, e Event) error
	change(contact string, properties hogsend.Properties) error
	move(contact, zone string) error
	prefer(contact string, out bool, categories []string) error
	suppress(contact, reason string) error
	enter(contact, bucketID string) error
	leave(contact, bucketID string, reason hogsend.LeaveReason) error
	due(t hogsend.Trigger) error
	cancel(contact, journeyID string) error
	enable(journeyID string, on bool) error
	engage(contact, template, link string) error
	pause(journeyID string) error
	resume(journeyID string, policy ResumePolicy) error

	// take is what Temporal is to be told.
	take() ([]message, error)
	// release lets go on what was held and is due; next is when more is.
	release() (next time.Time, more bool, err error)
}

// script is all lines in the order in which they happen.
func (s *Scenario) script() []item {
	items := slices.Clone(s.items)
	slices.SortStableFunc(items, func(a, b item) int { return cmp.Compare(a.at, b.at) })
	return items
}
