package memory

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/hogsendtest/internal/backend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/registry"
)

// New sets the scene of a script.
func New(c Config) (*Backend, error) {
	b := &Backend{
		Config: c, index: registry.New(c.Registry).WithTimezone(c.Timezone), authored: registry.New(c.Registry), known: map[string]bool{}, due: map[string]time.Time{},
		byID: map[uuid.UUID]*contact{}, byName: map[string]*contact{}, keys: map[decide.ContactKey]uuid.UUID{}, taken: map[eventKey]uuid.UUID{},
		eventByID: map[uuid.UUID]*event{}, enrollments: map[uuid.UUID]*enrollment{}, waitByID: map[uuid.UUID]*wait{},
		sendByKey: map[string]*send{}, deferrals: map[string]*deferral{}, once: map[string]json.RawMessage{}, logged: map[logKey]int{},
		switches: map[string]*journeySwitch{}, told: map[string]bool{},
	}
	b.ticked = c.Now()
	b.decider = decide.Config{LateHorizon: backend.LateHorizon, HopLimit: backend.HopLimit, DwellRate: backend.DwellRate, NewID: b.newID}
	if err := b.register(); err != nil {
		return nil, err
	}
	b.rules = b.dateRules()
	return b, b.populate()
}

// populate adds the people of a script as they are before it: who matches a bucket then
// is a member silently (W-19).
func (b *Backend) populate() error {
	d := b.newDecider()
	for _, p := range b.People {
		properties, err := backend.Encode(p.Properties)
		if err != nil {
			return fmt.Errorf("properties of %s: %w", p.Name(), err)
		}
		c := &contact{
			id: backend.ContactID(p.Name()), timezone: p.Timezone, properties: properties, updated: b.Now(), written: b.Now(), created: b.Now(), firstSeen: b.Now(), lastSeen: b.Now(),
			ordered:  map[string]bool{},
			Identity: decide.Identity{ExternalID: p.UserID, AnonymousID: p.AnonymousID, Email: strings.TrimSpace(p.Email), EmailKey: decide.EmailKey(p.Email)},
		}
		c.history.Fallback = b.Registry.Defaults.Timezone
		if err := c.learn(); err != nil {
			return err
		}
		b.contacts, b.byID[c.id], b.byName[p.Name()] = append(b.contacts, c), c, c
		for _, k := range []decide.ContactKey{{Kind: decide.KeyUser, Key: p.UserID}, {Kind: decide.KeyAnonymous, Key: p.AnonymousID}, {Kind: decide.KeyEmail, Key: c.EmailKey}} {
			if k.Key != "" && (k.Kind != decide.KeyEmail || p.UserID == "") {
				b.keys[k] = c.id
			}
		}
	}
	for _, one := range b.buckets.All {
		for _, c := range b.contacts {
			if one.On && !b.Scripted[one.ID] && c.history.Holds(one.Tree, b.Now()) {
				m := one.Join(b.newID(), bucket.Past{}, b.Now())
				c.memberships = append(c.memberships, &membership{Membership: *m, source: bucket.SourceBackfill})
				d.ScheduleTimers(c.id, one, m)
			}
		}
	}
	if err := b.apply(d.Take()); err != nil {
		return err
	}
	return b.moveDates()
}

// register compiles the registry.
func (b *Backend) register() error {
	r := b.Registry
	var inForce []*decide.CompiledBucket
	for _, one := range r.Buckets {
		definition, err := bucket.Describe(one)
		if err != nil {
			return err
		}
		compiled, err := decide.CompileBucket(definition, 1, !one.Disabled)
		if err != nil {
			return err
		}
		if b.Scripted[one.ID] {
			compiled.Facts = criteria.Facts{} // nothing that happens makes it a candidate
		} else {
			blank := criteria.History{} // which has no date, wherever it is
			compiled.Blank = blank.Holds(compiled.Tree, b.Start)
		}
		if compiled.On {
			b.windows = append(b.windows, compiled.Facts.Windows...)
			for _, name := range compiled.Facts.Events {
				b.known[name] = true
			}
		}
		inForce = append(inForce, compiled)
	}
	slices.SortFunc(inForce, func(x, y *decide.CompiledBucket) int { return strings.Compare(x.ID, y.ID) })
	b.buckets = decide.NewBuckets(1, inForce)
	b.index = b.index.WithReactions(b.buckets.Reactions())
	for i := range r.Journeys {
		j := &r.Journeys[i]
		if j.Trigger.Recurrence == nil || !b.Schedules {
			continue
		}
		first, err := j.Trigger.Recurrence.Next(b.Start)
		if err != nil {
			return fmt.Errorf("schedule of %s: %w", j.ID, err)
		}
		b.due[j.Trigger.Event] = first
	}
	return nil
}
