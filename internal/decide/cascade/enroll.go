package cascade

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/decide/steps"
)

// enroll makes the enrollment, its decision, its log and its start (J-48 to J-51).
func (d *Decider) enroll(e *eventState, j *hogsend.Journey, key string) error {
	h := e.contact.Journey(j.ID)
	h.Entry++
	contactID := e.contact.ID.String()
	n := &decide.Enrollment{
		ID: d.NewID(), JourneyID: j.ID, Key: key, Entry: h.Entry, Hops: e.hops, Node: "start", CreatedAt: d.Now, Cause: e.cause,
	}
	kind := contract.JourneyType(j.ID)
	n.WorkflowID = contract.JourneyWorkflowID(j.ID, contactID, int(h.Entry))
	reaction := e.about.reaction(j)
	if reaction != nil {
		kind, n.WorkflowID = j.ID, contract.ReactionWorkflowID(j.ID, contactID, e.about.membership.Epoch)
		if reaction.Schedule != nil && reaction.Schedule.Repeats {
			n.WorkflowID = contract.ReactionFireID(n.WorkflowID, e.about.event.DwellCount)
		}
	}
	e.contact.Enter(n)
	given, err := scalars(e.properties)
	if err != nil {
		return err
	}
	n.Context = given
	row := decide.NewEnrollment{
		ID: n.ID, ContactID: e.contact.ID, JourneyID: n.JourneyID, Key: key, Entry: n.Entry, Context: given, EventID: e.id, Hops: n.Hops, Version: j.Version,
		WorkflowID: n.WorkflowID, Concurrent: reaction != nil && reaction.Overlap == hogsend.OverlapAllow, CreatedAt: n.CreatedAt,
	}
	start := contract.StartPayload{
		WorkflowID: n.WorkflowID, WorkflowType: kind, EnrollmentID: n.ID.String(), JourneyID: j.ID, ContactID: contactID,
	}
	starts := true
	if reaction != nil {
		start.BucketID = j.Reaction.BucketID
		if reaction.Schedule != nil && !reaction.Schedule.Repeats {
			e.about.started, starts = n, false // by the workflow that slept until now
		}
	}
	if d.Paused[j.ID] == contract.HoldEntries {
		row.Held = &decide.HeldEntry{ID: d.NewID(), JourneyIDs: d.Index.IDs(j.ID)}
		if starts {
			row.Held.Start = &start
		}
	}
	return d.entered(e, j, n, row, start, starts)
}

// entered notes an enrollment: it is started, unless a pause holds it or its workflow is
// under way.
func (d *Decider) entered(e *eventState, j *hogsend.Journey, n *decide.Enrollment, row decide.NewEnrollment, start contract.StartPayload, starts bool) error {
	g := guarded{key: row.Key}
	d.Effects.Enrolled = append(d.Effects.Enrolled, row)
	if row.Held != nil {
		g.detail = json.RawMessage(`{"held":true}`)
	}
	d.decide(e, j, g, n.ID)
	d.Log(n.ID, "start", "enrolled", "", "start", map[string]any{"eventId": e.id, "entry": n.Entry})
	switch {
	case row.Held != nil:
		n.Node = steps.PausedNode(contract.EntryStep)
		d.Log(n.ID, contract.PauseLogKey(contract.EntryStep, 1), "paused", "start", n.Node, map[string]any{})
		return nil
	case !starts:
		return nil
	}
	d.Enqueue(e.contact.ID, e.id, contract.OutboxStart, contract.StartKey(j.ID, n.ID.String()), start)
	return nil
}

// scalars keeps the strings, numbers and booleans of a JSON object.
func scalars(properties json.RawMessage) (json.RawMessage, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(properties, &all); err != nil {
		return nil, fmt.Errorf("parse event properties: %w", err)
	}
	for key, value := range all {
		if value = bytes.TrimSpace(value); len(value) == 0 || value[0] == '{' || value[0] == '[' || value[0] == 'n' {
			delete(all, key)
		}
	}
	body, err := json.Marshal(all)
	if err != nil {
		return nil, fmt.Errorf("encode context: %w", err)
	}
	return body, nil
}
