// Package registry is the one answer to the question what is defined here: journeys by
// id and former id, the reactions of buckets among them, what an event triggers and
// ends, and what an author decided for all journeys at once.
package registry

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/definition"
)

// Index answers questions about a registry. It is not changed after it was made, and safe
// for concurrent use; what it returns belongs to it.
type Index struct {
	defaults  hogsend.Defaults
	lists     []hogsend.List
	addresses map[string]string
	files     map[string]hogsend.FileSource
	buckets   map[string]*hogsend.Bucket // by id and former id
	journeys  []*hogsend.Journey         // compiled in, in the order of the registry
	reactions []*hogsend.Journey
	enrolling map[string]bool // ids; nil for all

	byID     map[string]*hogsend.Journey // by id and former id
	ids      map[string][]string         // of journeys that have former ids, by each of them
	triggers map[string][]*hogsend.Journey
	exits    map[string]bool // events that some exit rule takes
	related  []string        // ids of journeys with exit rules that ask for the trigger
	// The former ids once more, as two columns.
	aliases, aliasOf []string
}

// New indexes all that a registry defines, the reactions of its buckets included. The
// registry must not be changed afterwards.
func New(r hogsend.Registry) *Index {
	x := &Index{defaults: r.Defaults, lists: r.Lists, addresses: r.Addresses, files: r.Files, buckets: map[string]*hogsend.Bucket{}, journeys: pointers(slices.Clone(r.Journeys)), reactions: pointers(definition.Reactions(r))}
	x.defaults.MaxDefer = cmp.Or(r.Defaults.MaxDefer, maxDefer)
	for i := range r.Buckets {
		b := &r.Buckets[i]
		for _, id := range append([]string{b.ID}, b.Aliases...) {
			x.buckets[id] = b
		}
	}
	return x.built()
}

// maxDefer is how long a mail is deferred at most unless the author says otherwise (E-27).
const maxDefer = 7 * hogsend.Day

// Enrolling is the index of the same definitions where only some of the journeys may
// enroll (J-11). All their other rules hold on: exit rules end what others entered (J-12).
func (x *Index) Enrolling(journeys []hogsend.Journey) *Index {
	only := *x
	only.enrolling = make(map[string]bool, len(journeys))
	for i := range journeys {
		only.enrolling[journeys[i].ID] = true
	}
	return only.built()
}

// WithReactions is the index of the same definitions, but with the reactions of the
// buckets that are in force in place of those that are compiled in (B-4).
func (x *Index) WithReactions(inForce []*hogsend.Journey) *Index {
	other := *x
	other.reactions = inForce
	return other.built()
}

// Lists are those that people join and leave.
func (x *Index) Lists() []hogsend.List { return x.lists }

// Address is that of a name of the registry's; ok is false for one that is not there.
func (x *Index) Address(name string) (address string, ok bool) {
	address, ok = x.addresses[name]
	return address, ok
}

// Files is the source of files of a name; nil for one that is not there.
func (x *Index) Files(name string) hogsend.FileSource { return x.files[name] }

// FileNames are the names of all sources of files, sorted.
func (x *Index) FileNames() []string { return slices.Sorted(maps.Keys(x.files)) }

// AddressNames are their names, sorted.
func (x *Index) AddressNames() []string { return slices.Sorted(maps.Keys(x.addresses)) }

// WithTimezone is the index of the same definitions, but for the zone of contacts whose
// own is not known: what the environment says, if it does, comes before the author (S-1).
func (x *Index) WithTimezone(zone string) *Index {
	other := *x
	other.defaults.Timezone = cmp.Or(zone, x.defaults.Timezone)
	return &other
}

func pointers(journeys []hogsend.Journey) []*hogsend.Journey {
	all := make([]*hogsend.Journey, len(journeys))
	for i := range journeys {
		all[i] = &journeys[i]
	}
	return all
}

func (x *Index) built() *Index {
	x.byID, x.ids, x.triggers, x.exits = map[string]*hogsend.Journey{}, map[string][]string{}, map[string][]*hogsend.Journey{}, map[string]bool{}
	x.aliases, x.aliasOf, x.related = nil, nil, nil
	for _, j := range x.journeys {
		x.add(j, x.enrolling == nil || x.enrolling[j.ID])
	}
	for _, j := range x.reactions {
		x.add(j, true)
	}
	for _, triggered := range x.triggers {
		slices.SortFunc(triggered, func(a, b *hogsend.Journey) int { return strings.Compare(a.ID, b.ID) })
	}
	return x
}

func (x *Index) add(j *hogsend.Journey, enrolls bool) {
	all := definition.IDs(*j)
	for _, id := range all {
		x.byID[id] = j
		if len(all) > 1 {
			x.ids[id] = all
		}
	}
	for _, alias := range j.Aliases {
		x.aliases, x.aliasOf = append(x.aliases, alias), append(x.aliasOf, j.ID)
	}
	for i := range j.ExitOn {
		x.exits[j.ExitOn[i].Event] = true
	}
	if slices.ContainsFunc(j.ExitOn, func(e hogsend.Exit) bool { return criteria.Relates(e.Where) }) {
		x.related = append(x.related, all...)
	}
	event := j.Trigger.Event
	if j.Trigger.Date != nil {
		event = hogsend.DateEvent(j.ID)
	}
	if enrolls {
		x.triggers[event] = append(x.triggers[event], j)
	}
}

// Defaults are what the author decided for all journeys; MaxDefer is not 0.
func (x *Index) Defaults() hogsend.Defaults { return x.defaults }

// Journeys are the compiled-in ones, in the order of the registry.
func (x *Index) Journeys() []*hogsend.Journey { return x.journeys }

// Reactions are the journeys that buckets own.
func (x *Index) Reactions() []*hogsend.Journey { return x.reactions }

// Journey is the journey with an id or former id, reactions included; nil for none.
func (x *Index) Journey(id string) *hogsend.Journey { return x.byID[id] }

// Name is the name of a journey by any of its ids; "" for none.
func (x *Index) Name(journeyID string) string {
	if j := x.byID[journeyID]; j != nil {
		return j.Name
	}
	return ""
}

// Category is what the mails of a journey belong to unless they say otherwise; "" for
// what their template says (E-19).
func (x *Index) Category(journeyID string) string {
	if j := x.byID[journeyID]; j != nil {
		return j.Category
	}
	return ""
}

// Priority is that of a journey's mails (E-82).
func (x *Index) Priority(journeyID string) int {
	if j := x.byID[journeyID]; j != nil {
		return j.Priority
	}
	return 0
}

// MinSendGap is the least time between two mails of a journey to one contact (E-24).
func (x *Index) MinSendGap(journeyID string) time.Duration {
	if j := x.byID[journeyID]; j != nil {
		return j.MinSendGap
	}
	return 0
}

// ID is the present id of a journey by any of its ids; of an unknown one itself (J-13).
func (x *Index) ID(id string) string {
	if j := x.byID[id]; j != nil {
		return j.ID
	}
	return id
}

// IDs are all ids of a journey, sorted, by any of them; of an unknown one itself (J-13).
func (x *Index) IDs(id string) []string {
	if all, ok := x.ids[id]; ok {
		return all
	}
	return []string{id}
}

// AllIDs are the ids and former ids of all journeys, sorted.
func (x *Index) AllIDs() []string {
	all := make([]string, 0, len(x.byID))
	for id := range x.byID {
		all = append(all, id)
	}
	slices.Sort(all)
	return all
}

// Aliases are all former ids and, in the same order, the ids that took their place.
func (x *Index) Aliases() (former, present []string) { return x.aliases, x.aliasOf }

// Triggered are the journeys that one of the events may enroll into, for each event by id
// (I-43).
func (x *Index) Triggered(events ...string) []*hogsend.Journey {
	if len(events) == 1 {
		return x.triggers[events[0]]
	}
	var all []*hogsend.Journey
	for _, event := range events {
		all = append(all, x.triggers[event]...)
	}
	return all
}

// Concerns reports whether an event may enroll into a journey or end an enrollment.
func (x *Index) Concerns(event string) bool { return len(x.triggers[event]) > 0 || x.exits[event] }

// Events are the names that Concerns is true for, in no order.
func (x *Index) Events() []string {
	return slices.AppendSeq(slices.Collect(maps.Keys(x.triggers)), maps.Keys(x.exits))
}

// Exits reports whether some journey has an exit rule.
func (x *Index) Exits() bool { return len(x.exits) > 0 }

// DigestKey is the property by which a digest of an event in a journey tells the events of
// its own key: for the event of the trigger; "" for none (J-143).
func (x *Index) DigestKey(journeyID, event string) string {
	if j := x.byID[journeyID]; j != nil && j.Trigger.Event == event {
		return j.Key
	}
	return ""
}

// Related are the ids, former ones included, of the journeys whose exit rules ask for the
// event that triggered an enrollment (J-155).
func (x *Index) Related() []string { return x.related }

// Bucket is the compiled-in bucket with an id or former id; nil for none.
func (x *Index) Bucket(id string) *hogsend.Bucket { return x.buckets[id] }
