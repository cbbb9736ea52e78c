package decide

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/clip"
	"github.com/hogsend/hogsend/internal/contract"
)

// StepEnd is the step key of the log row of an end that has no step of its own.
const StepEnd = "end"

// exit is an end from outside with a reason (J-81).
func exit(reason contract.ExitReason) *End {
	return &End{Origin: Origin{StepKey: StepEnd}, Status: contract.EnrollmentExited, Reason: reason}
}

// exits ends the enrollments whose exit rules match, then lets their internal
// events run (I-43 step 4). It returns the enrollments it looked at (J-72).
func (d *Decider) exits(e *eventState) ([]Exit, error) {
	if len(d.Catalog.exits) == 0 {
		return nil, nil
	}
	var inspected []Exit
	var ended []*Enrollment
	for _, n := range e.contact.Live {
		if n.ended || n.cause == e.cause {
			continue
		}
		j := d.Catalog.exits[n.JourneyID]
		if j == nil {
			continue
		}
		matched, err := e.exits(j)
		if err != nil {
			return nil, err
		}
		if matched {
			ended = append(ended, n)
		}
		inspected = append(inspected, Exit{JourneyID: n.JourneyID, EnrollmentID: n.ID, Exited: matched})
	}
	return inspected, d.endAll(e, ended, exit(contract.ExitByEvent(e.name)))
}

func (e *eventState) exits(j *hogsend.Journey) (bool, error) {
	for i := range j.ExitOn {
		if j.ExitOn[i].Event != e.name {
			continue
		}
		if holds, err := e.holds(j.ExitOn[i].Where); holds || err != nil {
			return holds, err
		}
	}
	return false, nil
}

// endAll ends enrollments from outside: each is closed and its workflow canceled
// before the first is announced.
func (d *Decider) endAll(e *eventState, ended []*Enrollment, end *End) error {
	for _, n := range ended {
		d.close(e.contact, n, end)
		d.cancel(e.contact, n, e.id)
	}
	for _, n := range ended {
		if err := d.announce(e, n, end); err != nil {
			return err
		}
	}
	return nil
}

// cancel has the workflow of an enrollment canceled (J-76).
func (d *Decider) cancel(c *Contact, n *Enrollment, eventID uuid.UUID) {
	d.enqueue(c.ID, eventID, contract.OutboxCancel, contract.CancelKey(n.ID.String()), contract.CancelPayload{WorkflowID: n.WorkflowID})
}

// close writes the end of an enrollment, without what follows from it.
func (d *Decider) close(c *Contact, n *Enrollment, end *End) {
	n.ended = true
	for _, w := range c.Waits {
		if w.EnrollmentID == n.ID {
			w.closed = true
		}
	}
	for _, h := range c.History {
		if h.JourneyID == d.Catalog.ID(n.JourneyID) {
			h.Ended, h.NewestEnded = true, Later(h.NewestEnded, n.CreatedAt)
		}
	}
	d.end(n.ID, end)
	detail := map[string]any{}
	if end.Reason != "" {
		detail["reason"] = end.Reason
	}
	status := string(end.Status)
	d.log(n.ID, n.afterRetries(end.StepKey), status, n.Node, status, detail)
}

// end notes the end of an enrollment. One that is still to be stored is stored as
// ended: its row must not be in the way of the next one.
func (d *Decider) end(id uuid.UUID, end *End) {
	i := slices.IndexFunc(d.effects.Enrolled, func(n NewEnrollment) bool { return n.ID == id })
	if i >= 0 {
		d.effects.Enrolled[i].ExitReason = end.Reason
		return
	}
	d.effects.Ended = append(d.effects.Ended, EnrollmentEnd{EnrollmentID: id, Status: end.Status, Error: end.Error, Reason: end.Reason})
}

// afterRetries is the key of a step that may come once more after each retry.
func (n *Enrollment) afterRetries(stepKey string) string {
	if n.Retries == 0 {
		return stepKey
	}
	return stepKey + ":r" + strconv.Itoa(n.Retries)
}

// finish ends an enrollment because its journey (J-61 to J-63) or an operator (J-75)
// said so.
func (d *Decider) finish(c *Change, end *End) error {
	n := c.Contact.enrollment(end.EnrollmentID)
	if n == nil {
		return ErrStale // it has ended meanwhile: read again which way
	}
	c.Status = end.Status
	d.close(c.Contact, n, end)
	return d.announce(causeOf(c), n, end)
}

// announce applies the internal event of an end, within the event that caused it (J-90).
func (d *Decider) announce(cause *eventState, n *Enrollment, end *End) error {
	name, key := JourneyExited, "exited"
	properties := map[string]any{
		"journeyId": n.JourneyID, "journeyName": d.Catalog.names[n.JourneyID], "stateId": n.ID,
		"userId": cause.resolution.ContactKey, "entryCount": n.Entry,
	}
	switch end.Status {
	case contract.EnrollmentCompleted:
		name, key = JourneyCompleted, "completed"
	case contract.EnrollmentFailed:
		name, key = JourneyFailed, "failed:"+strconv.Itoa(1+n.Retries)
		properties["error"] = clip.First(end.Error, 1000)
	default:
		properties["reason"] = end.Reason
	}
	body, err := json.Marshal(properties)
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	e := &eventState{id: d.NewID(), name: name, properties: body, source: SourceJourney, occurred: d.now}
	if end.Cancels {
		d.cancel(cause.contact, n, e.id)
	}
	from := *cause
	from.hops = d.hops(n)
	return d.internal(&from, e, "journey:"+n.ID.String()+":"+key)
}
