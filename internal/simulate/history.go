package simulate

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/engine"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// archive is where a simulation takes people from.
type archive interface {
	// before are the next people with a history before the beginning, during all of
	// them; none when there are no more.
	before(ctx context.Context, size int) ([]*cluster, error)
	during(ctx context.Context, size int) ([]*cluster, error)
	// people is about how many there are.
	people() int
}

// history opens the history that is asked for.
func (m *simulation) history(ctx context.Context, s *store.Store) (archive, error) {
	facts, err := m.facts()
	if err != nil {
		return nil, err
	}
	m.watching = map[string]bool{}
	for _, w := range facts.Windows {
		if w.Property == "" {
			m.watching[w.Event] = true
		}
	}
	if m.Events != nil {
		return m.given(facts.Detailed)
	}
	if len(facts.Properties) > 0 {
		m.out.Warnings = append(m.out.Warnings, PropertiesWarning)
	}
	h := &storedHistory{store: s, from: m.From, to: m.To, facts: facts}
	err = s.Pool.QueryRow(ctx, `select greatest(reltuples, 0)::bigint from pg_class where oid = 'contacts'::regclass`).Scan(&h.count)
	return h, wrapped("estimate people", err)
}

// facts are those of all the buckets together.
func (m *simulation) facts() (criteria.Facts, error) {
	var all criteria.Facts
	for i := range m.Definitions {
		d := &m.Definitions[i]
		tree, problems, err := criteria.UnmarshalTree(d.Criteria)
		if err != nil {
			return all, fmt.Errorf("read criteria of %s: %w", d.ID, err)
		}
		if len(problems) > 0 {
			return all, fmt.Errorf("criteria of %s: %s %s", d.ID, problems[0].Path, problems[0].Message)
		}
		f := criteria.FactsOf(tree)
		all.Events, all.Properties = append(all.Events, f.Events...), append(all.Properties, f.Properties...)
		all.Detailed = append(all.Detailed, f.Detailed...)
		all.Templates, all.Windows = append(all.Templates, f.Templates...), append(all.Windows, f.Windows...)
	}
	return all, nil
}

// givenHistory is a list of events.
type givenHistory struct {
	from     time.Time
	clusters []*cluster
	early    int // the next one that may have a history before the beginning
	next     int
}

// given sorts events by time and by whom they may concern: those that share a key
// directly or by way of others are one cluster. detailed are the events that criteria
// look into.
func (m *simulation) given(detailed []string) (*givenHistory, error) {
	order := make([]int, 0, len(m.Events))
	for i := range m.Events {
		if m.Events[i].Timestamp == nil {
			return nil, fmt.Errorf("event %d of the history has no timestamp", i+1)
		}
		if !m.Events[i].Timestamp.After(m.To) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return m.Events[a].Timestamp.Compare(*m.Events[b].Timestamp) })
	keys := joined{}
	for _, i := range order {
		ev := &m.Events[i]
		keys.join(keysOf(ev)...)
	}
	h := &givenHistory{from: m.From}
	homes, seen := map[string]*cluster{}, map[string]bool{}
	for _, i := range order {
		ev := m.Events[i]
		if ev.Key != "" && seen[ev.Key] {
			continue // a repeat (I-36)
		}
		seen[ev.Key] = true
		when := ev.Timestamp.Truncate(time.Microsecond)
		ev.Key, ev.Timestamp = "", nil // they were looked at
		if !slices.Contains(detailed, ev.Name) {
			ev.Properties = nil // they decide nothing
		}
		root := keys.root(keysOf(&ev)[0])
		home := homes[root]
		if home == nil {
			home = &cluster{}
			homes[root] = home
			h.clusters = append(h.clusters, home)
		}
		home.items = append(home.items, item{when: when, event: ev})
	}
	// The longest histories first: they take the most rounds.
	slices.SortStableFunc(h.clusters, func(a, b *cluster) int { return cmp.Compare(len(b.items), len(a.items)) })
	return h, nil
}

// keysOf are the keys that an event names. User ids and anonymous ids never meet (I-20).
func keysOf(ev *decide.Event) []string {
	var keys []string
	if ev.UserID != "" {
		keys = append(keys, "user "+ev.UserID)
	}
	if key := decide.EmailKey(ev.Email); key != "" {
		keys = append(keys, "email "+key)
	}
	if ev.AnonymousID != "" {
		keys = append(keys, "anonymous "+ev.AnonymousID)
	}
	return keys
}

// joined are sets of keys, each key with another of its set or itself.
type joined map[string]string

func (j joined) root(key string) string {
	for {
		above, ok := j[key]
		if !ok || above == key {
			return key
		}
		if top, ok := j[above]; ok {
			j[key] = top
		}
		key = above
	}
}

func (j joined) join(keys ...string) {
	first := j.root(keys[0])
	for _, key := range keys[1:] {
		j[j.root(key)] = first
	}
}

func (h *givenHistory) before(_ context.Context, size int) ([]*cluster, error) {
	var found []*cluster
	for ; h.early < len(h.clusters) && len(found) < size; h.early++ {
		if home := h.clusters[h.early]; home.items[0].when.Before(h.from) {
			found = append(found, home)
		}
	}
	return found, nil
}

func (h *givenHistory) during(_ context.Context, size int) ([]*cluster, error) {
	found := h.clusters[h.next:min(h.next+size, len(h.clusters))]
	h.next += len(found)
	return slices.Clone(found), nil
}

func (h *givenHistory) people() int { return len(h.clusters) }

// storedHistory is what the database keeps, read by pages of people.
type storedHistory struct {
	store       *store.Store
	from, to    time.Time
	facts       criteria.Facts
	count       int
	early, next uuid.UUID // the last ones that were read
}

// createdEvent stands for the creation of a contact, where no event made it.
const createdEvent = "hogsend:created"

func (h *storedHistory) people() int { return h.count }

func (h *storedHistory) before(ctx context.Context, size int) ([]*cluster, error) {
	return h.page(ctx, &h.early, h.from, size, false)
}

func (h *storedHistory) during(ctx context.Context, size int) ([]*cluster, error) {
	return h.page(ctx, &h.next, h.to.Add(time.Microsecond), size, true)
}

// page reads the next people. In the second reading what lies before the beginning was
// applied.
func (h *storedHistory) page(ctx context.Context, after *uuid.UUID, before time.Time, size int, second bool) ([]*cluster, error) {
	contacts, err := h.store.SimulationContacts(ctx, *after, before, int32(size)) //nolint:gosec // at most simulationSize
	if err != nil || len(contacts) == 0 {
		return nil, wrapped("read contacts", err)
	}
	*after = contacts[len(contacts)-1].ID
	ids := make([]uuid.UUID, len(contacts))
	homes := make(map[uuid.UUID]*cluster, len(contacts))
	clusters := make([]*cluster, len(contacts))
	for i := range contacts {
		c := &contacts[i]
		ids[i] = c.ID
		clusters[i] = h.cluster(c)
		homes[c.ID] = clusters[i]
	}
	if err := h.read(ctx, ids, homes); err != nil {
		return nil, err
	}
	for i, home := range clusters {
		home.complete(&contacts[i], h.facts.Properties)
		if !second {
			continue
		}
		for home.next < len(home.items) && home.items[home.next].when.Before(h.from) {
			n := &home.items[home.next]
			r := home.contact(contacts[i].ID, h.from)
			if n.write == nil {
				r.did[n.event.Name] = append(r.did[n.event.Name], n.when)
			}
			home.next++
		}
	}
	return clusters, nil
}

func wrapped(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// cluster is a stored contact, alone: merges have happened long ago. It goes by its
// uuid, which is nobody else's key.
func (h *storedHistory) cluster(c *storedb.SimulationContactsRow) *cluster {
	id := c.ID.String()
	identity := decide.Identity{ExternalID: text(c.ExternalID), AnonymousID: text(c.AnonymousID)}
	home := &cluster{until: h.to, shown: map[string]string{id: identity.Key(c.ID)}}
	if c.DeletedAt != nil && !c.DeletedAt.After(h.to) {
		home.until, home.over = *c.DeletedAt, true
	}
	return home
}

// read reads events and mails of people.
func (h *storedHistory) read(ctx context.Context, ids []uuid.UUID, homes map[uuid.UUID]*cluster) error {
	events, err := h.store.SimulationEvents(ctx, storedb.SimulationEventsParams{
		ContactIds: ids, Names: h.facts.Events, Detailed: append([]string{}, h.facts.Detailed...), Until: h.to,
	})
	if err != nil {
		return fmt.Errorf("read events: %w", err)
	}
	for i := range events {
		e := &events[i]
		n := item{when: e.OccurredAt, event: decide.Event{Name: e.Name}}
		if slices.Contains(h.facts.Detailed, e.Name) {
			n.event.Properties = e.Properties
		}
		homes[e.ContactID].add(e.ContactID, n)
	}
	if len(h.facts.Templates) == 0 {
		return nil
	}
	sends, err := h.store.SimulationSends(ctx, ids, h.facts.Templates, h.to)
	if err != nil {
		return fmt.Errorf("read mails: %w", err)
	}
	for i := range sends {
		s := &sends[i]
		mailed := func(when *time.Time, write engine.Statement) {
			if when != nil && !when.After(h.to) {
				homes[s.ContactID].add(s.ContactID, item{when: *when, template: s.TemplateKey, write: write})
			}
		}
		mailed(&s.SentAt, func(q *storedb.Queries) error {
			return q.SimulationSent(ctx, storedb.SimulationSentParams{ID: s.ID, ContactID: s.ContactID, TemplateKey: s.TemplateKey, SentAt: s.SentAt})
		})
		mailed(s.OpenedAt, func(q *storedb.Queries) error { return q.SimulationOpened(ctx, *s.OpenedAt, s.ID) })
		mailed(s.ClickedAt, func(q *storedb.Queries) error { return q.SimulationClicked(ctx, *s.ClickedAt, s.ID) })
	}
	for _, home := range homes {
		slices.SortStableFunc(home.items, func(a, b item) int { return a.when.Compare(b.when) })
	}
	return nil
}

func (h *cluster) add(contactID uuid.UUID, n item) {
	n.contactID = contactID
	if n.write == nil {
		n.event.UserID = contactID.String()
	}
	h.items = append(h.items, n)
}

// complete gives a stored contact its creation, with what is known of its properties:
// those of today (B-61).
func (h *cluster) complete(c *storedb.SimulationContactsRow, properties []string) {
	kept := map[string]json.RawMessage{}
	if len(properties) > 0 {
		var all map[string]json.RawMessage
		if json.Unmarshal(c.Properties, &all) == nil { // stored as an object
			for _, key := range properties {
				if value, ok := all[key]; ok {
					kept[key] = value
				}
			}
		}
		if c.Timezone != nil && slices.Contains(properties, criteria.ZoneProperties()[0]) {
			kept[criteria.ZoneProperties()[0]] = json.RawMessage(strconv.Quote(*c.Timezone)) // the name of a zone
		}
	}
	if len(h.items) == 0 || h.items[0].write != nil || h.items[0].when.After(c.Since) {
		h.items = slices.Insert(h.items, 0, item{
			when: c.Since, contactID: c.ID, event: decide.Event{Name: createdEvent, UserID: c.ID.String()},
		})
		if len(h.items) > 1 {
			h.items[0].when = decide.Earlier(c.Since, h.items[1].when)
		}
	}
	h.items[0].event.ContactProperties = kept
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
