package decide

import (
	"slices"
	"strings"

	"github.com/hogsend/hogsend"
)

// Catalog is the registry as one event looks at it: by event name.
type Catalog struct {
	// Buckets are the ones in force; their reactions are among the journeys.
	Buckets *Buckets

	triggers map[string][]*hogsend.Journey // by journey id (I-43)
	exits    map[string]*hogsend.Journey   // journeys with exit rules, by id and alias
	// exitEvents are the names that some exit rule takes.
	exitEvents map[string]bool
	names      map[string]string // journey name by id and alias
	canonical  map[string]string // alias to id
	// The alias map once more, as two columns.
	aliases, aliasOf []string
}

// NewCatalog takes the journeys that may enroll, and all compiled-in journeys, whose
// exit rules apply (J-12); nil for the same.
func NewCatalog(enrolling, all []hogsend.Journey, inForce *Buckets) *Catalog {
	if all == nil {
		all = enrolling
	}
	c := &Catalog{
		triggers: map[string][]*hogsend.Journey{}, exits: map[string]*hogsend.Journey{},
		exitEvents: map[string]bool{}, names: map[string]string{}, canonical: map[string]string{}, Buckets: inForce,
	}
	for i := range enrolling {
		j := &enrolling[i]
		c.triggers[j.Trigger.Event] = append(c.triggers[j.Trigger.Event], j)
	}
	for _, b := range inForce.All {
		for _, j := range b.Reactions {
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
func (c *Catalog) take(j *hogsend.Journey) {
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

// ID is the present id of a journey that may be named by a former one (J-13).
func (c *Catalog) ID(journeyID string) string {
	if id, ok := c.canonical[journeyID]; ok {
		return id
	}
	return journeyID
}

// IDs are all ids of a journey, sorted, by any of them; of an unknown one itself.
func (c *Catalog) IDs(journeyID string) []string {
	id := c.ID(journeyID)
	all := []string{id}
	for i, of := range c.aliasOf {
		if of == id {
			all = append(all, c.aliases[i])
		}
	}
	slices.Sort(all)
	return all
}

// Aliases are all former ids and the journeys that have them now.
func (c *Catalog) Aliases() (aliases, journeys []string) { return c.aliases, c.aliasOf }

// Exits reports whether some journey has an exit rule.
func (c *Catalog) Exits() bool { return len(c.exits) > 0 }

// Triggered are the journeys that one of the events may enroll into.
func (c *Catalog) Triggered(eventNames ...string) []*hogsend.Journey {
	var found []*hogsend.Journey
	for _, name := range eventNames {
		found = append(found, c.triggers[name]...)
	}
	return found
}
