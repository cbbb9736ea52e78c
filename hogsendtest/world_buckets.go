package hogsendtest

import (
	"slices"
	"strconv"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/workflows"
)

// stay is a scripted membership of a bucket.
type stay struct {
	id     string
	bucket *hogsend.Bucket
	epoch  int
	anchor time.Time
	fired  map[string]int
}

// transition is what a bucket event tells of.
type transition struct {
	bucket  *hogsend.Bucket
	kind    hogsend.ReactionKind
	at      time.Time
	epoch   int
	reason  hogsend.LeaveReason
	label   string
	ordinal int
	// started is set by a dwell whose workflow is the run.
	started *enrollment
}

// filtered are the guards that only reactions have (J-39).
func (t *transition) filtered(r hogsend.Reaction) contract.GuardReason {
	switch {
	case r.FirstEntryOnly && t.epoch > 1:
		return contract.GuardFirstEntry
	case len(r.Reasons) > 0 && !slices.Contains(r.Reasons, t.reason):
		return contract.GuardReasonFilter
	}
	return ""
}

// reaction is the reaction of the event's own bucket that the journey is.
func (w *world) reaction(e *event, j *hogsend.Journey) (hogsend.Reaction, bool) {
	if e.about == nil || j.Reaction == nil || j.Reaction.BucketID != e.about.bucket.ID {
		return hogsend.Reaction{}, false
	}
	r, ok := w.registry.reactions[j.ID]
	return r, ok
}

// supersede ends the earlier runs of a reaction (B-34).
func (w *world) supersede(e *event, j *hogsend.Journey) error {
	var ended []*enrollment
	for _, n := range e.person.live {
		if n.isLive() && n.journeyID == j.ID {
			ended = append(ended, n)
		}
	}
	return w.endAll(e.root, ended, end{status: contract.EnrollmentExited, reason: contract.ExitSuperseded, key: stepEnd, cancels: true})
}

// enter makes a contact a member; one that is stays so.
func (w *world) enter(contact, bucketID string) error {
	root, p, b := w.begin(), w.names[contact], w.registry.buckets[bucketID]
	if p.stays[b.ID] != nil {
		return nil
	}
	p.epochs[b.ID]++
	s := &stay{bucket: b, epoch: p.epochs[b.ID], anchor: w.now(), fired: map[string]int{}}
	s.id = idOf("stay", p.id, b.ID, s.epoch)
	p.stays[b.ID] = s
	for _, r := range b.Reactions {
		if r.Kind != hogsend.ReactionDwell {
			continue
		}
		id := r.JourneyID(b.ID)
		w.tell(message{
			kind: tellDwell, workflowID: contract.ReactionWorkflowID(id, p.id, s.epoch), what: id, journeyID: id, personID: p.id,
			dwell: workflows.DwellInput{StayID: s.id, Label: r.Schedule.Label(), Due: s.anchor.Add(r.Schedule.After + r.Schedule.Every), Repeats: r.Schedule.Every != 0},
		})
	}
	return w.tellTransition(root, p, &transition{bucket: b, kind: hogsend.ReactionEnter, at: w.now(), epoch: s.epoch})
}

// leave ends a membership and its timers; a run that has started goes on (B-36).
func (w *world) leave(contact, bucketID string, reason hogsend.LeaveReason) error {
	root, p, b := w.begin(), w.names[contact], w.registry.buckets[bucketID]
	s := p.stays[b.ID]
	if s == nil {
		return nil
	}
	delete(p.stays, b.ID)
	for _, r := range b.Reactions {
		if r.Kind != hogsend.ReactionDwell || r.Schedule.Every == 0 && s.fired[r.Schedule.Label()] > 0 {
			continue
		}
		w.tell(message{kind: tellCancel, workflowID: contract.ReactionWorkflowID(r.JourneyID(b.ID), p.id, s.epoch)})
	}
	return w.tellTransition(root, p, &transition{bucket: b, kind: hogsend.ReactionLeave, at: w.now(), epoch: s.epoch, reason: reason})
}

// due tells the members of a bucket of an instant of a schedule.
func (w *world) due(t hogsend.Trigger) error {
	b := w.registry.buckets[t.BucketID]
	for _, p := range slices.Clone(w.contacts) {
		s := p.stays[b.ID]
		if s == nil {
			continue
		}
		properties := hogsend.Properties{
			"bucketId": b.ID, "bucketName": b.Name, "userId": p.key(), "entryCount": s.epoch, "dueAt": w.now().UTC(),
		}
		if err := w.internal(w.begin(), p, t.Event, "bucket", properties, 0, t.Event+":"+p.id+":"+w.now().String(), nil); err != nil {
			return err
		}
	}
	return nil
}

// tellTransition stores the event of a transition, and the generic one if something
// listens to it (B-24 to B-26).
func (w *world) tellTransition(root *cause, p *person, t *transition) error {
	properties := hogsend.Properties{
		"bucketId": t.bucket.ID, "bucketName": t.bucket.Name, "userId": p.key(), "source": "event", "entryCount": t.epoch,
	}
	var name, generic, word string
	switch t.kind {
	case hogsend.ReactionEnter:
		name, generic, word = t.bucket.Entered(), hogsend.AnyEntered, "entered"
	case hogsend.ReactionLeave:
		name, generic, word = t.bucket.Left(), hogsend.AnyLeft, "left"
		properties["reason"] = string(t.reason)
	case hogsend.ReactionDwell:
		name, generic, word = hogsend.Dwell(t.bucket.ID, t.label), hogsend.AnyDwell, "dwell"
		properties["source"], properties["dwellCount"] = "reconcile", t.ordinal
	}
	properties["transition"] = word
	key := "bucket:" + t.bucket.ID + ":" + p.id + ":" + word + ":" + strconv.Itoa(t.epoch)
	if t.kind == hogsend.ReactionDwell {
		key += ":" + t.label + ":" + strconv.Itoa(t.ordinal)
	}
	if err := w.internal(root, p, name, "bucket", properties, 0, key, t); err != nil {
		return err
	}
	if !w.listens(p, generic) {
		return nil
	}
	return w.internal(root, p, generic, "bucket", properties, 0, key+":generic", nil)
}

func (w *world) listens(p *person, name string) bool {
	if len(w.registry.triggers[name]) > 0 {
		return true
	}
	for i := range w.registry.journeys {
		if slices.ContainsFunc(w.registry.journeys[i].ExitOn, func(x hogsend.Exit) bool { return x.Event == name }) {
			return true
		}
	}
	return slices.ContainsFunc(w.waits, func(wt *wait) bool {
		return wt.enrollment.person == p && wt.status == contract.WaitOpen &&
			(slices.ContainsFunc(wt.awaited, func(a awaited) bool { return a.event == name }) || wt.collects != nil && wt.collects.event == name)
	})
}

// Dwell fires the dwell reaction of a stay if it is due, once per ordinal (B-40, B-42).
func (w *world) dwell(r contract.DwellRequest) (contract.DwellResult, error) {
	for _, p := range w.contacts {
		for _, s := range p.stays {
			if s.id == r.StayID {
				return w.fire(p, s, r)
			}
		}
	}
	return w.firedBefore(r), nil
}

func (w *world) fire(p *person, s *stay, r contract.DwellRequest) (contract.DwellResult, error) {
	i := slices.IndexFunc(s.bucket.Reactions, func(x hogsend.Reaction) bool {
		return x.Kind == hogsend.ReactionDwell && x.Schedule.Label() == r.Label
	})
	if i < 0 {
		return contract.DwellResult{Over: true}, nil
	}
	schedule := s.bucket.Reactions[i].Schedule
	step, repeats := schedule.After+schedule.Every, schedule.Every != 0
	if !repeats && s.fired[r.Label] > 0 {
		return w.firedBefore(r), nil
	}
	ordinal := max(int(w.now().Sub(s.anchor)/step), s.fired[r.Label]+1)
	if !repeats {
		ordinal = 1
	}
	due := s.anchor.Add(time.Duration(ordinal) * step)
	if due.After(w.now()) {
		return contract.DwellResult{Wait: due.Sub(w.now())}, nil
	}
	if r.Late {
		due = w.now()
	}
	s.fired[r.Label] = ordinal
	t := &transition{bucket: s.bucket, kind: hogsend.ReactionDwell, at: due, epoch: s.epoch, label: r.Label, ordinal: ordinal}
	if err := w.tellTransition(w.begin(), p, t); err != nil {
		return contract.DwellResult{}, err
	}
	if repeats {
		return contract.DwellResult{Wait: max(0, s.anchor.Add(time.Duration(ordinal+1)*step).Sub(w.now()))}, nil
	}
	if t.started == nil {
		return contract.DwellResult{Over: true}, nil
	}
	return contract.DwellResult{EnrollmentID: t.started.id}, nil
}

// firedBefore finds the enrollment of a dwell whose worker was lost after it (B-42).
func (w *world) firedBefore(r contract.DwellRequest) contract.DwellResult {
	for _, n := range w.enrollments {
		about := n.trigger.about
		if about == nil || about.kind != hogsend.ReactionDwell || about.label != r.Label || idOf("stay", n.person.id, about.bucket.ID, about.epoch) != r.StayID {
			continue
		}
		if reaction, own := w.registry.reactions[n.journeyID]; own && reaction.Schedule.After != 0 {
			return contract.DwellResult{EnrollmentID: n.id}
		}
	}
	return contract.DwellResult{Over: true}
}
