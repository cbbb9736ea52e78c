package memory

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/hogsendtest/internal/backend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/decide/cascade"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/tracking"
)

var _ backend.Backend = (*Backend)(nil)

// Apply implements backend.Backend.
func (b *Backend) Apply(action backend.Action) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch a := action.(type) {
	case backend.Event:
		return b.event(a)
	case backend.Change:
		properties, err := backend.Encode(a.Properties)
		if err != nil {
			return err
		}
		return b.update(b.byName[a.Contact], &decide.Update{Properties: properties})
	case backend.Timezone:
		c := b.byName[a.Contact]
		return b.update(c, &decide.Update{Zoned: true, Attached: []any{func() {
			c.timezone, c.history.Timezone, c.updated, c.written = a.Zone, a.Zone, b.Now(), b.Now()
		}}})
	case backend.Preference:
		return b.prefer(a)
	case backend.Suppression:
		p := b.record(b.byName[a.Contact])
		p.Suppressed, p.Suppression = a.Reason != "", contract.SendReason(a.Reason)
		return nil
	case backend.Enter:
		return b.orders(a.Contact, a.BucketID, true)
	case backend.Leave:
		return b.leave(a)
	case backend.Due:
		return b.tellMembers(a.Trigger, b.Now())
	case backend.Cancel:
		return b.cancel(a)
	case backend.Delete:
		c := b.change(&decide.Delete{})
		c.ContactID = b.byName[a.Contact].id
		return b.run(c)
	case backend.Switch:
		b.switchOf(a.JourneyID).off = !a.On
		return nil
	case backend.Answer:
		return b.answer(a)
	case backend.Engagement:
		return b.engage(a)
	case backend.Pause:
		s := b.switchOf(a.JourneyID)
		if s.pausedAt.IsZero() {
			s.pausedAt = b.Now()
		}
		s.entries = cmp.Or(a.Entries, contract.HoldEntries)
		return nil
	case backend.Resume:
		b.resume(a)
		return nil
	}
	return fmt.Errorf("memory does not know %T", action)
}

// event applies an event of a script.
func (b *Backend) event(a backend.Event) error {
	c := b.byName[a.Contact]
	entered, alive, decided := len(c.enrollments) > 0, slices.ContainsFunc(c.enrollments, (*enrollment).live), len(b.decisions)
	ev, err := a.Keyed(b.person(a.Contact))
	if err != nil {
		return err
	}
	if err := b.run(b.change(&decide.Occurrence{Event: ev})); err != nil {
		return err
	}
	if entered && !alive && len(b.decisions) == decided && len(a.ContactProperties) == 0 && !b.known[a.Name] {
		b.Problem(backend.Problem{
			Kind: backend.LateScript, Name: a.Name,
			Text: fmt.Sprintf("%s comes at +%s, after the end of all enrollments of %s, and nothing listens to it", a.Name, b.Now().Sub(b.Start), a.Contact),
		})
	}
	return nil
}

func (b *Backend) person(name string) backend.Person {
	i := slices.IndexFunc(b.People, func(p backend.Person) bool { return p.Name() == name })
	return b.People[i]
}

func (b *Backend) update(c *contact, u *decide.Update) error {
	change := b.change(u)
	change.ContactID = c.id
	return b.run(change)
}

// tell stores an event about a contact that the product itself makes.
func (b *Backend) tell(c *contact, name, key string, properties map[string]any) error {
	if key != "" && b.repeats(decide.SpaceInternal, key) {
		return nil
	}
	body, err := json.Marshal(properties)
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	change := b.change(&decide.Occurrence{Event: decide.Event{Name: name, UserID: c.id.String(), Properties: body, Source: "email"}})
	change.Space, change.Key = decide.SpaceInternal, key
	return b.run(change)
}

// prefer changes opt-outs; what changed is told by an event each (E-57).
func (b *Backend) prefer(a backend.Preference) error {
	c := b.byName[a.Contact]
	p, changed := b.record(c), []any{}
	if len(a.Categories) == 0 && p.UnsubscribedAll != a.Out {
		p.UnsubscribedAll, changed = a.Out, append(changed, nil)
	}
	for _, category := range a.Categories {
		if on, given := p.Categories[category]; given && on == a.Out || !given && a.Out {
			p.Categories[category], changed = !a.Out, append(changed, category)
		}
	}
	name := "email.resubscribed"
	if a.Out {
		name = "email.unsubscribed"
	}
	for _, category := range changed {
		if err := b.tell(c, name, "", map[string]any{"category": category, "via": "api"}); err != nil {
			return err
		}
	}
	return nil
}

// orders moves a membership of a bucket that the script moves.
func (b *Backend) orders(contact, bucketID string, enters bool) error {
	c := b.byName[contact]
	c.ordered[bucketID] = enters
	change := b.change(&decide.Move{BucketID: bucketID, Enters: enters})
	change.ContactID = c.id
	return b.run(change)
}

// leave ends a membership: because the script says that the criteria do not hold, or
// because its greatest age is now.
func (b *Backend) leave(a backend.Leave) error {
	if a.Reason != hogsend.LeftByMaxDwell {
		return b.orders(a.Contact, a.BucketID, false)
	}
	c := b.byName[a.Contact]
	if m := c.active(a.BucketID); m != nil {
		m.MaxDwellAt = b.Now()
	}
	return b.tick(c)
}

// cancel ends an enrollment as an operator does (J-82).
func (b *Backend) cancel(a backend.Cancel) error {
	c := b.byName[a.Contact]
	for _, n := range c.enrollments {
		if n.live() && b.canonical(n.JourneyID) == b.canonical(a.JourneyID) {
			return b.finish(n, decide.End{Status: contract.EnrollmentExited, Reason: contract.ExitAdmin, Cancels: true, Origin: decide.Origin{StepKey: cascade.StepEnd}})
		}
	}
	return &backend.NotEnrolledError{Contact: a.Contact, JourneyID: a.JourneyID}
}

// answer tells what somebody answered by a link of a mail: once for each event (E-86).
func (b *Backend) answer(a backend.Answer) error {
	c := b.byName[a.Contact]
	for _, s := range slices.Backward(b.sends) {
		if s.contact != c || s.template != a.Template || s.status != contract.SendSent {
			continue
		}
		chosen, err := email.Choose(a.Properties, s.answers)
		if err != nil {
			return fmt.Errorf("answer the mail %s: %w", a.Template, err)
		}
		if kept, answered := s.answered[chosen.Event]; answered {
			chosen.Properties = kept
		}
		var events []decide.Announced
		said := map[string]json.RawMessage{} // numbers as they are written
		if err := json.Unmarshal(chosen.Properties, &said); err != nil {
			return fmt.Errorf("decode answer: %w", err)
		}
		properties := map[string]any{}
		for name, value := range said {
			properties[name] = value
		}
		maps.Copy(properties, s.base())
		tell := func(kind, name string) error {
			key := kind + ":" + s.id.String() + ":" + name
			if b.repeats(decide.SpaceInternal, key) {
				return nil
			}
			body, err := json.Marshal(properties)
			events = append(events, decide.Announced{Name: name, Properties: body, Key: key, OccurredAt: b.Now()})
			return err
		}
		if err := tell("answer", chosen.Event); err != nil {
			return err
		}
		if a.Comment != "" {
			properties["comment"] = a.Comment
			if err := tell("comment", decide.CommentEvent(chosen.Event)); err != nil {
				return err
			}
		}
		if len(events) == 0 {
			return nil
		}
		if s.answered == nil {
			s.answered = map[string]json.RawMessage{}
		}
		s.answered[chosen.Event] = chosen.Properties
		change := b.change(&decide.Announcement{Events: events})
		change.ContactID = c.id
		return b.run(change)
	}
	return fmt.Errorf("%s got no mail %s before +%s", a.Contact, a.Template, b.Now().Sub(b.Start).Round(time.Second))
}

// engage opens a mail, or follows its link, as a person (E-75).
func (b *Backend) engage(a backend.Engagement) error {
	c := b.byName[a.Contact]
	for _, s := range slices.Backward(b.sends) {
		if s.contact != c || s.template != a.Template || s.status != contract.SendSent {
			continue
		}
		return b.engaged(c, s, a.Link)
	}
	return fmt.Errorf("%s got no mail %s before +%s", a.Contact, a.Template, b.Now().Sub(b.Start).Round(time.Second))
}

// base are the properties of events about a mail (E-75).
func (s *send) base() map[string]any {
	return map[string]any{
		"emailSendId": s.id.String(), "templateKey": s.template, "category": s.category, "journeyId": s.journeyID,
		"journeyStateId": s.enrollment.ID.String(), "campaignId": nil,
	}
}

// engaged writes what a person did with a mail. Only the first time is told (E-48, E-49).
func (b *Backend) engaged(c *contact, s *send, link string) error {
	properties := s.base()
	name, key := "email.opened", "email.opened:"+s.id.String()
	if link != "" {
		id := tracking.LinkID(s.id, link).String()
		name, key = "email.link_clicked", "email.link_clicked:"+s.id.String()+":"+id
		properties["linkId"], properties["linkUrl"] = id, link
	}
	if b.repeats(decide.SpaceInternal, key) {
		return nil
	}
	body, err := json.Marshal(properties)
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	change := b.change(&decide.Announcement{
		Template: s.template, Events: []decide.Announced{{Name: name, Properties: body, Key: key, OccurredAt: b.Now()}},
		Attached: []any{func() {
			s.opened, s.clicked = s.opened || link == "", s.clicked || link != ""
			b.mailed(s)
		}},
	})
	change.ContactID = c.id
	return b.run(change)
}

// events are the names of what a wait is for, for messages.
func (w *wait) events() string {
	awaited, err := awaitedOf(w)
	if err != nil || len(awaited) == 0 {
		return "nothing"
	}
	var names []string
	for _, a := range awaited {
		names = append(names, a.Event)
	}
	return strings.Join(names, ", ")
}
