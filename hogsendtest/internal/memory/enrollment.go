package memory

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/hogsendtest/internal/backend"
	"github.com/hogsend/hogsend/internal/clip"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/decide/cascade"
	"github.com/hogsend/hogsend/internal/decide/check"
	"github.com/hogsend/hogsend/internal/decide/steps"
	"github.com/hogsend/hogsend/internal/naming"
)

func (b *Backend) claim(n *enrollment, r contract.ClaimRequest) (contract.Claim, error) {
	claim := contract.Claim{Status: n.status, BuildID: backend.BuildID}
	if !steps.ClaimsEnrollment(n.status, n.firstRun, r.FirstRunID) {
		return claim, nil
	}
	var err error
	if claim.Event, err = n.trigger.stored(); err != nil {
		return claim, err
	}
	n.firstRun = r.FirstRunID
	claim.Claimed, claim.ContactID = true, n.contact.id.String()
	if p := b.newestPause(n, contract.EntryStep); n.status == contract.EnrollmentWaiting && p.Open() {
		claim.Held = &contract.PausedEffect{EnrollmentID: r.EnrollmentID, ID: p.id.String(), Node: steps.PausedNode(contract.EntryStep)}
	}
	claim.Now = steps.AfterEvent(n.trigger.ReceivedAt, max(n.trigger.seq, n.mark))
	claim.Enrollment = hogsend.Enrollment{ID: r.EnrollmentID, JourneyID: n.JourneyID, Key: n.Key, Entry: int(n.Entry), Version: n.Version, EnrolledAt: n.CreatedAt.UTC()}
	return claim, nil
}

// finish ends an enrollment, unless it has ended (J-65).
func (b *Backend) finish(n *enrollment, end decide.End) error {
	if !n.live() {
		return nil
	}
	end.EnrollmentID, end.JourneyID, end.ContactID = n.ID, n.JourneyID, n.contact.id
	end.Error = clip.Stored(end.Error, 4096)
	return b.run(b.change(&end))
}

func (b *Backend) finishEnrollment(n *enrollment, r contract.FinishRequest) (contract.Finish, error) {
	err := b.finish(n, decide.End{Status: r.Status, Error: r.Error, Reason: r.Reason, Origin: decide.Origin{StepKey: cascade.StepEnd}})
	return contract.Finish{Status: n.status}, err
}

func (b *Backend) exit(n *enrollment, r contract.ExitRequest) (contract.Effect, error) {
	err := b.finish(n, decide.End{Status: contract.EnrollmentExited, Reason: r.Reason, Origin: decide.Origin{StepKey: r.Step.Key}})
	return contract.Effect{Ended: !b.hasLog(n, r.Step.Key, string(contract.EnrollmentExited))}, err
}

func (b *Backend) readContact(enrollmentID string) (contract.ContactValue, error) {
	n, err := b.enrollment(enrollmentID)
	if err != nil {
		return contract.ContactValue{}, err
	}
	c, err := n.contact.contact()
	return contract.ContactValue{Contact: c}, err
}

func (b *Backend) checkpoint(n *enrollment, step contract.Step) (contract.Effect, error) {
	if !n.live() {
		return contract.Effect{Ended: true}, nil
	}
	b.move(n, step.Key, "node", contract.EnrollmentActive, n.node, step.Node, nil)
	return contract.Effect{}, nil
}

// caused runs a change that a step of an enrollment causes, once per step, unless a pause
// holds it.
func (b *Backend) caused(n *enrollment, step contract.Step, body func(*decide.Origin) decide.Body) (contract.Effect, error) {
	key := "step:" + step.EnrollmentID + ":" + step.Key
	runs, effect := b.begin(n, step, b.repeats(decide.SpaceInternal, key))
	if !runs {
		return effect, nil
	}
	c := b.change(body(&decide.Origin{EnrollmentID: n.ID, StepKey: step.Key, Node: step.Node, JourneyID: n.JourneyID, ContactID: n.contact.id}))
	c.Space, c.Key = decide.SpaceInternal, key
	return effect, b.run(c)
}

func (b *Backend) trigger(n *enrollment, r contract.TriggerRequest) (contract.Effect, error) {
	ev, err := check.Trigger(r, naming.JunkIDs{}, b.Now())
	if err != nil {
		return contract.Effect{}, err
	}
	ev.Source = decide.SourceJourney
	if ev.Properties == nil {
		ev.Properties = json.RawMessage("{}")
	}
	return b.caused(n, r.Step, func(from *decide.Origin) decide.Body { return &decide.Occurrence{Event: ev, From: from} })
}

// identify writes properties of the contact, once per step (J-137).
func (b *Backend) identify(n *enrollment, r contract.IdentifyRequest) (contract.Effect, error) {
	if err := check.Properties(r.Properties); err != nil {
		return contract.Effect{}, err
	}
	return b.caused(n, r.Step, func(from *decide.Origin) decide.Body { return &decide.Update{Properties: r.Properties, From: from} })
}

// capture notes one event for PostHog, once (J-137).
func (b *Backend) capture(n *enrollment, r contract.CaptureRequest) (contract.Effect, error) {
	runs, effect := b.begin(n, r.Step, b.hasLog(n, r.Step.Key, "captured"))
	if runs {
		b.log(n, r.Step.Key, "captured", n.node, n.node, map[string]any{"event": r.Event})
		b.captures = append(b.captures, backend.Capture{At: b.Now(), Contact: n.contact.name(), Event: r.Event, Properties: r.Properties})
	}
	return effect, nil
}

// beginCall decides whether an attempt of a call begins (J-162).
func (b *Backend) beginCall(n *enrollment, r contract.BeginCallRequest) (contract.CallBegin, error) {
	if r.Begun > 0 {
		return contract.CallBegin{Ended: !n.live()}, nil
	}
	runs, effect := b.begin(n, r.Step, false)
	if runs {
		n.stand(contract.EnrollmentActive, r.Step.Node)
	}
	return contract.CallBegin{Ended: effect.Ended, Held: effect.Held}, nil
}

// endCall logs how a call ended.
func (b *Backend) endCall(n *enrollment, r contract.EndCallRequest) (contract.Effect, error) {
	b.log(n, r.Step.Key, "called", n.node, n.node, map[string]any{"activity": r.Activity, "attempts": r.Attempts, "outcome": r.Outcome})
	return contract.Effect{Ended: !n.live()}, nil
}

func (b *Backend) readOnce(r contract.OnceRequest) (contract.OnceValue, error) {
	value, found := b.once[r.Step.EnrollmentID+"/"+r.Label]
	return contract.OnceValue{Found: found, Value: value}, nil
}

func (b *Backend) keepOnce(n *enrollment, r contract.OnceRequest) (contract.OnceValue, error) {
	id := r.Step.EnrollmentID + "/" + r.Label
	value, found := b.once[id]
	keep, ended := steps.KeepsOnce(n.status, found)
	if !keep {
		return contract.OnceValue{Found: found, Value: value, Ended: ended}, nil
	}
	value = r.Value
	if earlier, kept := b.Once[id]; kept {
		value = earlier
	}
	b.once[id] = value
	b.log(n, r.Step.Key, "once", n.node, n.node, map[string]any{"label": r.Label})
	return contract.OnceValue{Found: true, Value: value}, nil
}

// dwell fires the dwell reaction of a membership if it is due, as production does (B-40).
func (b *Backend) dwell(r contract.DwellRequest) (contract.DwellResult, error) {
	id, err := uuid.Parse(r.StayID)
	if err != nil {
		return contract.DwellResult{}, &hogsend.ValidationError{Field: "stayId", Message: "is not a uuid"}
	}
	m, c := b.membership(id), (*contact)(nil)
	for _, one := range b.contacts {
		if slices.Contains(one.memberships, m) {
			c = one
		}
	}
	if c == nil {
		return contract.DwellResult{Over: true}, nil
	}
	one := b.buckets.ByID(m.BucketID)
	schedule, known := one.Schedule(r.Label)
	if !known || !one.On {
		return contract.DwellResult{Over: true}, nil
	}
	working := m.copy()
	ordinal, due, more := schedule.Next(&working, b.Now())
	switch {
	case !m.left.IsZero() || !more:
		return b.dwelt(c, m, r.Label, schedule.Repeats), nil
	case due.After(b.Now()):
		return contract.DwellResult{Wait: due.Sub(b.Now())}, nil
	}
	if r.Late {
		due = b.Now()
	}
	key := cascade.DwellKey(m.BucketID, c.id, m.Epoch, r.Label, ordinal)
	change := b.change(&decide.Dwell{BucketID: m.BucketID, Label: r.Label, MembershipID: id, Ordinal: ordinal, Due: due})
	change.ContactID, change.Space, change.Key = c.id, decide.SpaceInternal, key
	if err := b.run(change); err != nil {
		return contract.DwellResult{}, err
	}
	switch {
	case change.Missing || change.Refused:
		return contract.DwellResult{Over: true}, nil
	case !schedule.Repeats && change.Enrolled == uuid.Nil:
		return contract.DwellResult{Over: true}, nil
	case !schedule.Repeats:
		return contract.DwellResult{EnrollmentID: change.Enrolled.String()}, nil
	}
	return contract.DwellResult{Wait: max(0, schedule.At(m.Anchor, ordinal+1).Sub(b.Now()))}, nil
}

// dwelt finds the enrollment of a dwell whose worker was lost after it (B-42).
func (b *Backend) dwelt(c *contact, m *membership, label string, repeats bool) contract.DwellResult {
	id := contract.ReactionWorkflowID("bucket-"+m.BucketID+"-on-dwell-"+label, c.id.String(), m.Epoch)
	for _, n := range c.enrollments {
		if !repeats && n.WorkflowID == id {
			return contract.DwellResult{EnrollmentID: n.ID.String()}
		}
	}
	return contract.DwellResult{Over: true}
}

// chooseVariant is the arm of a contact, or the one that the script forces (J-142).
func (b *Backend) chooseVariant(n *enrollment, r contract.VariantRequest) (string, error) {
	if i, done := b.logged[logKey{n.ID, r.Step.Key, "variant"}]; done {
		arm, _ := b.logs[i].Detail["arm"].(string)
		return arm, nil
	}
	arm := steps.ChooseArm(r.Journey, r.Name, n.contact.id.String(), r.Arms)
	if forced, ok := b.Arms[[2]string{n.contact.name(), r.Name}]; ok {
		if slices.ContainsFunc(r.Arms, func(a hogsend.Arm) bool { return a.Name == forced }) {
			arm = forced
		} else {
			b.Problem(backend.Problem{Kind: backend.UnknownArm, Name: forced, Text: fmt.Sprintf("%s has no arm %q of %s", n.JourneyID, forced, r.Name)})
		}
	}
	if n.live() {
		b.log(n, r.Step.Key, "variant", n.node, n.node, map[string]any{"name": r.Name, "arm": arm})
	}
	return arm, nil
}

func (b *Backend) zone(n *enrollment) (string, hogsend.Zone, error) {
	c, err := n.contact.contact()
	if err != nil {
		return "", hogsend.Zone{}, err
	}
	zone, _ := steps.ResolveZone(c, b.index.Defaults().Timezone)
	return zone.Name, zone, nil
}

func (b *Backend) readTimezone(enrollmentID string) (contract.ZoneValue, error) {
	n, err := b.enrollment(enrollmentID)
	if err != nil {
		return contract.ZoneValue{}, err
	}
	_, zone, err := b.zone(n)
	return contract.ZoneValue{Zone: zone}, err
}

// findInstant computes a chain of Run.When (S-7 to S-14).
func (b *Backend) findInstant(n *enrollment, r contract.InstantRequest) (contract.InstantValue, error) {
	zone, _, err := b.zone(n)
	if err != nil {
		return contract.InstantValue{}, err
	}
	at, err := r.Schedule.Instant(r.Now, zone, b.Registry.Defaults.Window)
	if errors.Is(err, hogsend.ErrPast) {
		return contract.InstantValue{Past: true}, nil
	}
	return contract.InstantValue{At: at}, err
}

// matches says what a tree of conditions says of a contact now (J-165).
func (b *Backend) matches(n *enrollment, r contract.MatchesRequest) (bool, error) {
	tree, err := steps.AskedTree(r.Condition,
		func(key string) bool { _, known := b.Renderer.Lookup(key); return known },
		func(id string) bool { return b.index.Bucket(id) != nil })
	if err != nil || !n.contact.DeletedAt.IsZero() {
		return false, err
	}
	holds, _ := n.contact.asked(tree, b.Now())
	return holds, nil
}

func (b *Backend) pastEvents(n *enrollment, r contract.HistoryRequest) (hogsend.PastEvents, error) {
	return steps.PastEvents(b.past(n, nil), r.Name, r.Since), nil
}

// past are the events of an enrollment's contact; spent are those that were used up.
func (b *Backend) past(n *enrollment, spent func(*event) bool) []steps.PastEvent {
	past := make([]steps.PastEvent, len(n.contact.events))
	for i, e := range n.contact.events {
		past[i] = steps.PastEvent{
			Name: e.Name, Seq: e.seq, ReceivedAt: e.ReceivedAt, OccurredAt: e.OccurredAt, Properties: e.Properties, Trigger: e == n.trigger,
			Spent: spent != nil && spent(e),
		}
	}
	return past
}

func (b *Backend) pastEntries(n *enrollment, r contract.HistoryRequest) (hogsend.PastEntries, error) {
	var entries []steps.PastEntry
	for _, other := range n.contact.enrollments {
		if other == n {
			continue
		}
		entry := steps.PastEntry{JourneyID: other.JourneyID}
		if other.status == contract.EnrollmentCompleted {
			entry.CompletedAt = other.endedAt
		}
		entries = append(entries, entry)
	}
	return steps.PastEntries(entries, b.index.IDs(r.Name)), nil
}

func (b *Backend) pastMails(n *enrollment, r contract.HistoryRequest) (hogsend.PastMails, error) {
	var mails []steps.PastMail
	for _, s := range b.sends {
		if s.contact == n.contact && s.status == contract.SendSent {
			mails = append(mails, steps.PastMail{Template: s.template, SentAt: s.at, Opened: s.opened, Clicked: s.clicked})
		}
	}
	return steps.PastMails(mails, r.Name), nil
}
