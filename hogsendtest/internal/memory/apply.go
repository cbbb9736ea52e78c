package memory

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/hogsendtest/internal/backend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/decide/cascade"
	"github.com/hogsend/hogsend/internal/decide/steps"
)

// apply writes what was decided, in the order of the fields.
func (b *Backend) apply(e *decide.Effects) error {
	for i := range e.Contacts {
		if err := b.writeContact(&e.Contacts[i]); err != nil {
			return err
		}
	}
	for _, choice := range e.Choices {
		p := b.recordOf(choice.EmailKey, b.byID[choice.ContactID])
		p.Categories = maps.Clone(choice.Categories)
		if p.contact == nil {
			p.contact = b.byID[choice.ContactID]
		}
	}
	for _, attached := range e.Attached {
		write, ok := attached.(func())
		if !ok {
			return fmt.Errorf("apply %T", attached)
		}
		write()
	}
	for _, row := range e.Events {
		if err := b.addEvent(row); err != nil {
			return err
		}
	}
	for _, k := range e.Keys {
		b.taken[eventKey{decide.SpaceInternal, k.Key}] = k.ContactID
	}
	for _, m := range e.Matched {
		w := b.waitByID[m.WaitID]
		w.status, w.matched, w.place = contract.WaitMatched, b.eventByID[m.EventID], m.Place
	}
	for _, end := range e.Ended {
		b.end(b.enrollments[end.EnrollmentID], end.Status, end.Reason, end.Error)
	}
	for _, row := range e.Enrolled {
		b.enroll(row)
	}
	for _, m := range e.Marks {
		n := b.enrollments[m.EnrollmentID]
		n.mark = max(n.mark, b.eventByID[m.EventID].seq)
	}
	for _, n := range e.Nodes {
		b.enrollments[n.EnrollmentID].node = n.Node
	}
	b.applyMemberships(e)
	b.decisions = append(b.decisions, e.Decisions...)
	for _, row := range e.StepLogs {
		b.addLog(row)
	}
	for _, m := range e.Outbox {
		if m.Kind.Destination() == contract.ToTemporal && !b.told[m.Key] {
			b.told[m.Key] = true
			b.outbox = append(b.outbox, backend.Message{Kind: m.Kind, Payload: m.Payload})
		}
	}
	return nil
}

func (b *Backend) writeContact(w *decide.ContactWrite) error {
	c := b.contact(w.ID)
	if w.Kind == decide.ContactInsert {
		c.created = w.Created
	}
	c.firstSeen, c.lastSeen = w.FirstSeen, w.LastSeen
	if w.Kind == decide.ContactSeen {
		return nil
	}
	c.Identity, c.updated, c.written = w.Identity, w.Updated, w.Written
	if len(w.Patch) == 0 {
		return nil
	}
	c.properties = maps.Clone(c.properties)
	for _, key := range slices.Sorted(maps.Keys(w.Patch)) {
		change := backend.PropertyChange{At: b.Now(), Contact: c.name(), Property: key}
		if value := w.Patch[key]; bytes.Equal(bytes.TrimSpace(value), []byte("null")) {
			delete(c.properties, key)
		} else {
			c.properties[key] = value
			numbers := json.NewDecoder(bytes.NewReader(value))
			numbers.UseNumber()
			if err := numbers.Decode(&change.Value); err != nil {
				return fmt.Errorf("decode property %q: %w", key, err)
			}
		}
		b.changes = append(b.changes, change)
	}
	return c.learn()
}

// contact is the row of a contact; one that is to be inserted may have events before.
func (b *Backend) contact(id uuid.UUID) *contact {
	c := b.byID[id]
	if c == nil {
		c = &contact{id: id, properties: map[string]json.RawMessage{}, ordered: map[string]bool{}}
		c.history.Fallback = b.Registry.Defaults.Timezone
		b.contacts, b.byID[id] = append(b.contacts, c), c
	}
	return c
}

func (b *Backend) addEvent(row decide.StoredEvent) error {
	values, err := criteria.ParseValues(row.Properties)
	if err != nil {
		return fmt.Errorf("properties of event %s: %w", row.Name, err)
	}
	e := &event{StoredEvent: row, seq: int64(len(b.events) + 1), contact: b.contact(row.ContactID)}
	b.events, b.eventByID[e.ID] = append(b.events, e), e
	e.contact.events = append(e.contact.events, e)
	e.contact.history.Add(e.Name, e.OccurredAt, values)
	return nil
}

func (b *Backend) enroll(row decide.NewEnrollment) {
	n := &enrollment{NewEnrollment: row, contact: b.byID[row.ContactID], status: contract.EnrollmentActive, node: "start", trigger: b.eventByID[row.EventID]}
	b.enrollments[n.ID], b.order = n, append(b.order, n)
	n.contact.enrollments = append(n.contact.enrollments, n)
	if row.Held != nil {
		n.status, n.node = contract.EnrollmentWaiting, steps.PausedNode(contract.EntryStep)
		b.paused = append(b.paused, &pausedEffect{
			PausedEffect: steps.PausedEffect{N: 1}, id: row.Held.ID, enrollment: n, step: contract.EntryStep, node: "start", entry: row.Held, heldAt: row.CreatedAt,
		})
	}
	if row.ExitReason != "" { // ended within what made it
		b.end(n, contract.EnrollmentExited, row.ExitReason, "")
	}
}

// end ends an enrollment and closes its open waits.
func (b *Backend) end(n *enrollment, status contract.EnrollmentStatus, reason contract.ExitReason, failure string) {
	n.status, n.exitReason, n.failed, n.endedAt = status, reason, failure, b.Now()
	for _, w := range b.waits {
		if w.enrollment == n && w.status == contract.WaitOpen {
			w.status = contract.WaitClosed
		}
	}
}

// applyMemberships writes joins and leaves as they happened, and what became of members.
func (b *Backend) applyMemberships(e *decide.Effects) {
	for _, f := range e.Fired {
		if m := b.membership(f.MembershipID); m != nil {
			if m.Fired == nil {
				m.Fired = map[string]int{}
			}
			m.Fired[f.Label] = f.Ordinal
		}
	}
	for i := range e.Transitions {
		t := &e.Transitions[i]
		if t.Enters {
			joined := &membership{Membership: *t.Membership, source: t.Source}
			joined.Fired = maps.Clone(joined.Fired)
			c := b.byID[t.Contact.ID]
			c.memberships = append(c.memberships, joined)
			continue
		}
		m := b.membership(t.Membership.ID)
		m.left, m.reason, m.Leave, m.Evaluated = t.At, t.Reason, nil, decide.Later(m.Evaluated, t.At)
	}
	for _, kept := range e.Evaluated {
		if m := b.membership(kept.MembershipID); m != nil && m.left.IsZero() {
			m.Evaluated, m.Leave = decide.Later(m.Evaluated, kept.At), kept.Leave
		}
	}
	for _, id := range e.Deleted {
		c := b.byID[id]
		c.DeletedAt, c.updated, c.AnonymousID = b.Now(), b.Now(), ""
		maps.DeleteFunc(b.keys, func(k decide.ContactKey, owner uuid.UUID) bool { return k.Kind == decide.KeyAnonymous && owner == id })
		for _, m := range c.memberships {
			if m.left.IsZero() {
				m.left, m.reason, m.Leave = b.Now(), bucket.LeftDeleted, nil
			}
		}
	}
}

// Evaluate implements cascade.Backend.
func (t *transaction) Evaluate(steps ...cascade.Step) error {
	for _, step := range steps {
		if err := t.apply(step.Effects); err != nil {
			return err
		}
		for _, q := range step.Questions {
			if err := t.answer(q); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *transaction) answer(q cascade.Question) error {
	c := t.contact(q.Contact.ID)
	seen := criteriaHistory{contact: c, History: c.history}
	if len(q.Patch) > 0 {
		values, err := valuesOf(c.properties, q.Patch)
		if err != nil {
			return err
		}
		seen.Properties = values
	}
	for _, e := range q.Evaluations {
		if !e.Known {
			e.Holds = seen.holds(e.Bucket, t.Scripted[e.Bucket.ID], e.At)
		}
	}
	return nil
}

// Admit implements cascade.Backend.
func (t *transaction) Admit(e *decide.Effects, a *cascade.Admission) error {
	if err := t.apply(e); err != nil {
		return err
	}
	c := t.contact(a.Contact.ID)
	if a.Audience {
		a.Holds, a.Failed = c.asked(a.Journey.Audience, a.At)
	}
	if !a.History {
		return nil
	}
	for _, n := range c.enrollments {
		if !n.live() && n.Key == a.Key && t.canonical(n.JourneyID) == a.Journey.ID {
			a.Ended, a.NewestEnded = true, decide.Later(a.NewestEnded, n.CreatedAt)
		}
	}
	return nil
}

// asked says whether a tree holds for the contact, and what of it does not.
func (c *contact) asked(tree hogsend.Condition, at time.Time) (holds bool, failed []hogsend.Condition) {
	seen := c.history
	seen.Buckets = map[string]bool{}
	for _, m := range c.memberships {
		seen.Buckets[m.BucketID] = seen.Buckets[m.BucketID] || m.left.IsZero()
	}
	parts := criteria.Parts(tree)
	holds = seen.Holds(tree, at)
	return holds, criteria.FailedParts(tree, parts, holds, func(i int) bool { return seen.HoldsPart(parts[i], at) })
}

// TransitionState implements cascade.Backend: all of it was loaded.
func (t *transaction) TransitionState([]*cascade.Evaluation, []string) error { return nil }

// LastEvaluations implements cascade.Backend: when something happened last that the
// bucket of a passed edge looks at, if that is later than the edge (W-6).
func (t *transaction) LastEvaluations(ticks []*decide.Change) error {
	for _, c := range ticks {
		tick, _ := c.Body.(*decide.Tick)
		row := t.byID[c.Contact.ID]
		for i := range tick.Edges {
			edge := &tick.Edges[i]
			facts := t.buckets.ByID(edge.BucketID).Facts
			if len(facts.Properties) > 0 && row.updated.After(edge.At) {
				edge.Newest = row.updated
			}
			for _, name := range facts.Events {
				if e := row.newest(name); e != nil && e.OccurredAt.After(edge.At) {
					edge.Newest = decide.Later(edge.Newest, e.ReceivedAt)
				}
			}
		}
	}
	return nil
}

// Merge implements cascade.Backend.
func (t *transaction) Merge(e *decide.Effects, m *decide.Merge, at time.Time) error {
	if err := t.apply(e); err != nil {
		return err
	}
	into, from := t.byID[m.Into.ID], t.byID[m.From.ID]
	t.mergeContacts(into, from, m.FromWins, at)
	t.mergeEnrollments(into, from)
	t.mergeMemberships(into, from, at)
	for _, p := range t.preferences {
		if p.contact == from {
			p.contact = into
		}
	}
	for i := range t.decisions {
		if t.decisions[i].ContactID == from.id {
			t.decisions[i].ContactID = into.id
		}
	}
	t.load()
	return into.learn()
}

// mergeContacts gives the survivor the values, events and mails of the other one (I-25).
func (b *Backend) mergeContacts(into, from *contact, fromWins bool, at time.Time) {
	properties := maps.Clone(from.properties)
	maps.Copy(properties, into.properties)
	if fromWins {
		maps.Copy(properties, from.properties)
	}
	into.properties = properties
	if fromWins {
		into.timezone = cmp.Or(from.timezone, into.timezone)
	} else {
		into.timezone = cmp.Or(into.timezone, from.timezone)
	}
	for _, e := range from.events {
		e.contact = into
	}
	for name, events := range from.history.Events {
		for _, e := range events {
			into.history.Add(name, e.At, e.Values)
		}
	}
	from.history = criteria.History{}
	into.events = append(into.events, from.events...)
	slices.SortFunc(into.events, func(x, y *event) int { return cmp.Compare(x.seq, y.seq) })
	from.events, from.merged, from.updated, from.Identity = nil, true, at, decide.Identity{}
	for _, s := range b.sends {
		if s.contact == from {
			s.contact = into
			b.mailed(s)
		}
	}
	for id, c := range b.byID {
		if c == from {
			b.byID[id] = into
		}
	}
	for name, c := range b.byName {
		if c == from {
			b.byName[name] = into
		}
	}
	for k, owner := range b.keys {
		if owner == from.id && k.Kind != decide.KeyEmail {
			b.keys[k] = into.id
		}
	}
}

// mergeEnrollments gives moved ones entries after the survivor's, oldest first (J-57).
func (b *Backend) mergeEnrollments(into, from *contact) {
	highest := map[string]int32{}
	for _, n := range into.enrollments {
		id := b.canonical(n.JourneyID)
		highest[id] = max(highest[id], n.Entry)
	}
	moved := slices.Clone(from.enrollments)
	slices.SortStableFunc(moved, func(x, y *enrollment) int {
		return cmp.Or(x.CreatedAt.Compare(y.CreatedAt), cmp.Compare(x.Entry, y.Entry))
	})
	for _, n := range moved {
		id := b.canonical(n.JourneyID)
		highest[id]++
		n.contact, n.Entry = into, highest[id]
	}
	into.enrollments, from.enrollments = append(into.enrollments, moved...), nil
}

// mergeMemberships gives moved ones epochs after the survivor's; of two active ones the
// survivor's goes on (I-27).
func (b *Backend) mergeMemberships(into, from *contact, at time.Time) {
	highest, active := map[string]int{}, map[string]bool{}
	for _, m := range into.memberships {
		highest[m.BucketID] = max(highest[m.BucketID], m.Epoch)
		active[m.BucketID] = active[m.BucketID] || m.left.IsZero()
	}
	for _, m := range from.memberships {
		m.Epoch += highest[m.BucketID]
		if active[m.BucketID] && m.left.IsZero() {
			m.left, m.reason = at, bucket.LeftMerged
		}
	}
	into.memberships, from.memberships = append(into.memberships, from.memberships...), nil
	for id, in := range from.ordered {
		into.ordered[id] = into.ordered[id] || in
	}
}
