package decide

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/criteria"
)

// CompiledBucket is a bucket as it is in force, ready to be evaluated.
type CompiledBucket struct {
	bucket.Definition
	Generation int
	// On is false for a bucket that is frozen: switched off, disabled in code or not
	// registered (B-51, W-31).
	On bool
	// Blank is what the criteria say of a contact that has nothing yet.
	Blank     bool
	Facts     criteria.Facts
	Tree      hogsend.Condition
	Reactions []*hogsend.Journey
	// Backfill is the one that has not come to all contacts yet; nil for none.
	Backfill *Backfill
}

// Backfill is one under way, as it was when the buckets were read. How far it has come
// is in Progress.
type Backfill struct {
	ID         uuid.UUID
	Generation int
	At         time.Time
	Mode       bucket.Mode
}

// CompileBucket makes a definition ready.
func CompileBucket(d bucket.Definition, generation int, on bool) (*CompiledBucket, error) {
	b := &CompiledBucket{Definition: d, Generation: generation, On: on}
	tree, problems, err := criteria.UnmarshalTree(d.Criteria)
	if err != nil {
		return nil, err
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("%s %s", problems[0].Path, problems[0].Message)
	}
	b.Facts, b.Tree = criteria.FactsOf(tree), tree
	for i := range d.Reactions {
		j, err := d.Reactions[i].Journey(d.ID)
		if err != nil {
			return nil, err
		}
		b.Reactions = append(b.Reactions, &j)
	}
	return b, nil
}

// Schedule is that of the bucket's dwell reaction with the label.
func (b *CompiledBucket) Schedule(label string) (*bucket.Schedule, bool) {
	for i := range b.Definition.Reactions {
		if s := b.Definition.Reactions[i].Schedule; s != nil && s.Label == label {
			return s, true
		}
	}
	return nil, false
}

// Buckets are the ones in force, by what concerns them.
type Buckets struct {
	Version int64
	All     []*CompiledBucket // by id
	// Properties are those that some bucket names, Dates those of them whose
	// dates one compares with now.
	Properties, Dates []string
	// Backfilling are those with a backfill under way.
	Backfilling []*CompiledBucket

	byID                            map[string]*CompiledBucket
	byEvent, byProperty, byTemplate map[string][]*CompiledBucket
	blank                           []*CompiledBucket // whose criteria hold for a blank contact
	zoned                           []*CompiledBucket // to which it matters where a contact is
}

// NewBuckets takes the buckets in force, in the order of their ids.
func NewBuckets(version int64, all []*CompiledBucket) *Buckets {
	b := &Buckets{
		Version: version, All: all, byID: make(map[string]*CompiledBucket, len(all)),
		byEvent: map[string][]*CompiledBucket{}, byProperty: map[string][]*CompiledBucket{}, byTemplate: map[string][]*CompiledBucket{},
	}
	for _, one := range all {
		b.add(one)
	}
	return b
}

func (b *Buckets) add(one *CompiledBucket) {
	b.byID[one.ID] = one
	if !one.On {
		return
	}
	for _, name := range one.Facts.Events {
		b.byEvent[name] = append(b.byEvent[name], one)
	}
	for _, name := range one.Facts.Properties {
		b.byProperty[name] = append(b.byProperty[name], one)
		if !slices.Contains(b.Properties, name) {
			b.Properties = append(b.Properties, name)
		}
	}
	for _, name := range one.Facts.Dates {
		if !slices.Contains(b.Dates, name) {
			b.Dates = append(b.Dates, name)
		}
	}
	if one.Facts.Zoned {
		b.zoned = append(b.zoned, one)
	}
	for _, key := range one.Facts.Templates {
		b.byTemplate[key] = append(b.byTemplate[key], one)
	}
	if one.Blank {
		b.blank = append(b.blank, one)
	}
	if one.Backfill != nil {
		b.Backfilling = append(b.Backfilling, one)
	}
}

// Reactions are the journeys of all buckets.
func (b *Buckets) Reactions() []*hogsend.Journey {
	var all []*hogsend.Journey
	for _, one := range b.All {
		all = append(all, one.Reactions...)
	}
	return all
}

// ByID is the bucket with the id; nil for none.
func (b *Buckets) ByID(id string) *CompiledBucket { return b.byID[id] }

// LookAtMail reports whether a bucket looks at what becomes of mails of the template.
func (b *Buckets) LookAtMail(template string) bool { return len(b.byTemplate[template]) > 0 }

// ByEvent are the buckets that look at events of the name.
func (b *Buckets) ByEvent(name string) []*CompiledBucket { return b.byEvent[name] }

// Events are the names of the events that buckets look at, in no order.
func (b *Buckets) Events() []string { return slices.Collect(maps.Keys(b.byEvent)) }

// On is the bucket with the id if it is evaluated.
func (b *Buckets) On(id string) *CompiledBucket {
	if one := b.byID[id]; one != nil && one.On {
		return one
	}
	return nil
}

// MayMove reports whether a bucket may look at a change of a contact that was there
// before. It may say so too often.
func (b *Buckets) MayMove(c *Change) bool {
	occurrence, isEvent := c.Body.(*Occurrence)
	if !isEvent || len(b.byEvent[occurrence.Name]) > 0 {
		return true
	}
	if len(occurrence.Lists) > 0 && len(b.byEvent[EmailUnsubscribed])+len(b.byEvent[EmailResubscribed]) > 0 {
		return true
	}
	return slices.ContainsFunc(b.Properties, func(key string) bool {
		_, written := occurrence.ContactProperties[key]
		return written
	})
}

// Candidates are the buckets that what the change does may move its contact into or out
// of (B-7), and whether it is known that their criteria hold then.
func (b *Buckets) Candidates(c *Change) map[*CompiledBucket]bool {
	found := map[*CompiledBucket]bool{} // whether the answer is known
	add := func(list []*CompiledBucket) {
		for _, one := range list {
			found[one] = false
		}
	}
	switch body := c.Body.(type) {
	case *Occurrence:
		add(b.byEvent[body.Name])
	case *Announcement:
		add(b.byTemplate[body.Template])
	case *Update:
		add(b.byTemplate[body.Template])
		if body.Zoned {
			add(b.zoned)
		}
	case *Upsert:
		if body.Zoned {
			add(b.zoned)
		}
	}
	for key, value := range c.ContactProperties() {
		if list := b.byProperty[key]; len(list) > 0 && c.Contact.Changes(key, value) {
			add(list)
		}
	}
	switch {
	case c.Revived || len(c.Merges) > 0:
		for _, one := range b.All {
			if one.On {
				found[one] = false
			}
		}
	case c.Created:
		for _, one := range b.blank {
			if _, named := found[one]; !named {
				found[one] = true
			}
		}
	}
	return found
}

// Progress is how far the backfills have come, as it is under the locks of contacts.
type Progress struct {
	// Positions are the last contacts that they have come to.
	Positions map[uuid.UUID]uuid.UUID
	// Done are the contacts that they need not come to any more.
	Done map[Backfilled]bool
}

// Awaits reports whether a backfill has still to come to the contact.
func (p *Progress) Awaits(c *Contact, b *CompiledBucket) bool {
	f := b.Backfill
	position, open := p.Positions[f.ID]
	return open && c.Stored && !c.CreatedAt.After(f.At) && !less(c.ID, position) && c.ID != position &&
		!p.Done[Backfilled{BucketID: b.ID, Generation: f.Generation, ContactID: c.ID}]
}

// LastEvaluated is the latest evaluation of the bucket that is known for the contact.
func (s *State) LastEvaluated(b *CompiledBucket) time.Time {
	if m := s.Membership(b.ID); m != nil {
		return m.Evaluated
	}
	return s.Pasts[b.ID].Evaluated
}

// Backfilled notes that a contact needs no backfill of a bucket any more.
type Backfilled struct {
	BucketID   string
	Generation int
	ContactID  uuid.UUID
}
