package ingest

import (
	"slices"
	"strings"

	"github.com/hogsend/hogsend"
)

// catalog is the registry as one event looks at it: by event name.
type catalog struct {
	triggers map[string][]*hogsend.Journey // by journey id (I-43)
	exits    map[string]*hogsend.Journey   // journeys with exit rules, by id and alias
	// exitEvents are the names that some exit rule takes.
	exitEvents map[string]bool
	names      map[string]string // journey name by id and alias
	canonical  map[string]string // alias to id
	// The alias map once more, as two columns.
	aliases, aliasOf []string
	// segments are the buckets in force; their reactions are among the journeys.
	segments *segments
}

// Names of the internal events of journeys (J-87 to J-89).
const (
	journeyCompleted = "journey:completed"
	journeyFailed    = "journey:failed"
	journeyExited    = "journey:exited"
)

func newCatalog(enrolling, all []hogsend.Journey, inForce *segments) *catalog {
	if all == nil {
		all = enrolling
	}
	c := &catalog{
		triggers: map[string][]*hogsend.Journey{}, exits: map[string]*hogsend.Journey{},
		exitEvents: map[string]bool{}, names: map[string]string{}, canonical: map[string]string{}, segments: inForce,
	}
	for i := range enrolling {
		j := &enrolling[i]
		c.triggers[j.Trigger.Event] = append(c.triggers[j.Trigger.Event], j)
	}
	for _, g := range inForce.all {
		for _, j := range g.reactions {
			c.triggers[j.Trigger.Event] = append(c.triggers[j.Trigger.Event], j)
			c.take(j)
		}
	}
	for _, journeys := range c.triggers {
		slices.SortFunc(journeys, func(a, b *hogsend.Journey) int { return strings.Compare(a.ID, b.ID) })
	}
	for i := range all {
		j := &all[i]
		c.take(j)
		for _, alias := range j.Aliases {
			c.canonical[alias] = j.ID
			c.aliases, c.aliasOf = append(c.aliases, alias), append(c.aliasOf, j.ID)
		}
	}
	return c
}

// take notes the name and the exit rules of a journey, under every id it has.
func (c *catalog) take(j *hogsend.Journey) {
	for _, id := range append([]string{j.ID}, j.Aliases...) {
		c.names[id] = j.Name
		if len(j.ExitOn) > 0 {
			c.exits[id] = j
		}
	}
	for i := range j.ExitOn {
		c.exitEvents[j.ExitOn[i].Event] = true
	}
}

// id is the present id of a journey that may be named by a former one (J-13).
func (c *catalog) id(journeyID string) string {
	if id, ok := c.canonical[journeyID]; ok {
		return id
	}
	return journeyID
}

// candidates are the journeys that one of the events may enroll into.
func (c *catalog) candidates(eventNames []string) []*hogsend.Journey {
	var found []*hogsend.Journey
	for _, name := range eventNames {
		found = append(found, c.triggers[name]...)
	}
	return found
}
