package cascade

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/clip"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/decide"
)

// StepEnd is the step key of the log row of an end that has no step of its own.
const StepEnd = "end"

// exit is an end from outside with a reason (J-81).
func exit(reason contract.ExitReason) *decide.End {
	return &decide.End{Origin: decide.Origin{StepKey: StepEnd}, Status: contract.EnrollmentExited, Reason: reason}
}

// exits ends the enrollments whose exit rules match, then lets their internal
// events run (I-43 step 4). It returns the enrollments it looked at (J-72).
func (d *Decider) exits(e *eventState) ([]decide.Exit, error) {
	if !d.Index.Exits() {
		return nil, nil
	}
	var inspected []decide.Exit
	var ended []*decide.Enrollment
	for _, n := range e.contact.Live {
		if n.Ended || n.Cause == e.cause || e.outlives(n) {
			continue
		}
		j := d.Index.Journey(n.JourneyID)
		if j == nil || len(j.ExitOn) == 0 {
			continue
		}
		matched, err := e.exits(j, n)
		if err != nil {
			return nil, err
		}
		if matched {
			ended = append(ended, n)
		}
		inspected = append(inspected, decide.Exit{JourneyID: n.JourneyID, EnrollmentID: n.ID, Exited: matched})
	}
	return inspected, d.endAll(e, ended, exit(contract.ExitByEvent(e.name)))
}

func (e *eventState) exits(j *hogsend.Journey, n *decide.Enrollment) (bool, error) {
	for i := range j.ExitOn {
		if j.ExitOn[i].Event != e.name {
			continue
		}
		where := j.ExitOn[i].Where
		if criteria.Relates(where) {
			trigger, err := criteria.ParseValues(n.Context)
			if err != nil {
				return false, fmt.Errorf("read trigger of enrollment %s: %w", n.ID, err)
			}
			where = criteria.Resolve(where, trigger)
		}
		if holds, err := e.holds(where); holds || err != nil {
			return holds, err
		}
	}
	return false, nil
}

// endAll ends enrollments from outside: each is closed and its workflow canceled
// before the first is announced.
func (d *Decider) endAll(e *eventState, ended []*decide.Enrollment, end *decide.End) error {
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
func (d *Decider) cancel(c *decide.Contact, n *decide.Enrollment, eventID uuid.UUID) {
	d.Enqueue(c.ID, eventID, contract.OutboxCancel, contract.CancelKey(n.ID.String()), contract.CancelPayload{WorkflowID: n.WorkflowID})
}

// close writes the end of an enrollment, without what follows from it.
func (d *Decider) close(c *decide.Contact, n *decide.Enrollment, end *decide.End) {
	n.Ended = true
	for _, w := range c.Waits {
		if w.EnrollmentID == n.ID {
			w.Closed = true
		}
	}
	for _, h := range c.History {
		if h.JourneyID == d.Index.ID(n.JourneyID) {
			h.Ended, h.NewestEnded = true, decide.Later(h.NewestEnded, n.CreatedAt)
		}
	}
	d.end(n.ID, end)
	detail := map[string]any{}
	if end.Reason != "" {
		detail["reason"] = end.Reason
	}
	status := string(end.Status)
	d.Log(n.ID, afterRetries(end.StepKey, n.Retries), status, n.Node, status, detail)
}

// end notes the end of an enrollment. One that is still to be stored is stored as
// ended: its row must not be in the way of the next one.
func (d *Decider) end(id uuid.UUID, end *decide.End) {
	i := slices.IndexFunc(d.Effects.Enrolled, func(n decide.NewEnrollment) bool { return n.ID == id })
	if i >= 0 {
		d.Effects.Enrolled[i].ExitReason = end.Reason
		return
	}
	d.Effects.Ended = append(d.Effects.Ended, decide.EnrollmentEnd{EnrollmentID: id, Status: end.Status, Error: end.Error, Reason: end.Reason})
}

// afterRetries is the key of a step that may come once more after each retry.
func afterRetries(stepKey string, retries int) string {
	if retries == 0 {
		return stepKey
	}
	return stepKey + ":r" + strconv.Itoa(retries)
}

// finish ends an enrollment because its journey (J-61 to J-63) or an operator (J-75)
// said so.
func (d *Decider) finish(c *work, end *decide.End) error {
	n := c.Contact.LiveEnrollment(end.EnrollmentID)
	if n == nil {
		return decide.ErrStale // it has ended meanwhile: read again which way
	}
	c.Status = end.Status
	d.close(c.Contact, n, end)
	return d.announce(causeOf(c), n, end)
}

// announce applies the internal event of an end, within the event that caused it (J-90).
func (d *Decider) announce(cause *eventState, n *decide.Enrollment, end *decide.End) error {
	name, key := decide.JourneyExited, "exited"
	properties := map[string]any{
		"journeyId": n.JourneyID, "journeyName": d.Index.Name(n.JourneyID), "stateId": n.ID,
		"userId": cause.resolution.ContactKey, "entryCount": n.Entry,
	}
	if n.Key != "" {
		properties["key"] = n.Key
	}
	switch end.Status {
	case contract.EnrollmentCompleted:
		name, key = decide.JourneyCompleted, "completed"
	case contract.EnrollmentFailed:
		name, key = decide.JourneyFailed, "failed:"+strconv.Itoa(1+n.Retries)
		properties["error"] = clip.First(end.Error, 1000)
	default:
		properties["reason"] = end.Reason
	}
	body, err := json.Marshal(properties)
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	e := &eventState{id: d.NewID(), name: name, properties: body, source: decide.SourceJourney, occurred: d.Now}
	if end.Cancels {
		d.cancel(cause.contact, n, e.id)
	}
	from := *cause
	from.hops = d.hops(n)
	return d.internal(&from, e, "journey:"+n.ID.String()+":"+key)
}
