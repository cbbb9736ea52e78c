package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// maxDigest is how large the events of a digest are, as JSON.
const maxDigest = 1 << 20

// CollectDigest collects the events of a digest under the contact's lock: what was
// received up to the end of its window is complete then. A repeated call returns what
// the first one has collected.
func (a *Activities) CollectDigest(ctx context.Context, r contract.CollectRequest) (contract.CollectResult, error) {
	id, err := parseID(r.Step.EnrollmentID)
	if err != nil {
		return contract.CollectResult{}, final(err)
	}
	var result contract.CollectResult
	err = a.Store.WithEnrollment(ctx, id, func(tx *store.EnrollmentTx) error {
		if !tx.Enrollment.Status.Live() {
			result = contract.CollectResult{Ended: true}
			return nil
		}
		done, err := tx.Q.DigestDone(ctx, id, r.Step.Key)
		if err != nil {
			return fmt.Errorf("find digest: %w", err)
		}
		var events []storedb.Event
		if done {
			events, err = digested(ctx, tx, r)
		} else {
			events, err = a.collect(ctx, tx, r)
		}
		if err != nil {
			return err
		}
		result.Collected, err = newest(events, r.Max)
		if err != nil || done {
			return err
		}
		a.log(ctx, tx, r.Step, "digest", tx.Enrollment.Node, r.Label, map[string]any{"total": len(events), "events": len(result.Collected.Events)})
		return nil
	})
	return result, err
}

func digested(ctx context.Context, tx *store.EnrollmentTx, r contract.CollectRequest) ([]storedb.Event, error) {
	rows, err := tx.Q.DigestFound(ctx, tx.Enrollment.ID, r.Step.Key)
	if err != nil {
		return nil, fmt.Errorf("read digest: %w", err)
	}
	events := make([]storedb.Event, len(rows))
	for i := range rows {
		events[i] = rows[i].Event
	}
	return events, nil
}

// collect finds what belongs to a digest and marks it.
func (a *Activities) collect(ctx context.Context, tx *store.EnrollmentTx, r contract.CollectRequest) ([]storedb.Event, error) {
	conditions, err := criteria.Unmarshal(orEmpty(r.Where))
	if err != nil {
		return nil, final(err)
	}
	waitID, err := uuid.Parse(r.WaitID)
	if err != nil {
		return nil, final(err)
	}
	e := tx.Enrollment
	window, err := tx.Q.DigestWait(ctx, waitID, e.ID)
	if err != nil {
		return nil, fmt.Errorf("read window: %w", err)
	}
	ids := a.Registry.IDs(e.JourneyID)
	until := *window.Deadline
	if until.Before(window.RegisteredAt) {
		until = window.RegisteredAt // it had passed when it began
	}
	p := storedb.DigestCandidatesParams{
		ContactID: e.ContactID, Name: r.Event, Until: until, TriggerID: e.TriggerEventID, AfterAt: r.After.At, AfterSeq: r.After.Seq,
		FromSeq: e.TriggerSeq, TriggerSeq: e.TriggerSeq, Since: never, Flushed: never, JourneyIds: ids, Label: r.Label,
	}
	if r.Lookback > 0 {
		p.Since = r.After.At.Add(-r.Lookback)
	}
	last, err := tx.Q.DigestLast(ctx, e.ContactID, ids, r.Label)
	if err != nil {
		return nil, fmt.Errorf("find digest before: %w", err)
	}
	if len(last) > 0 {
		p.Flushed, p.Ended, p.FromSeq = last[0].FlushedAt, last[0].EndedAt, min(p.FromSeq, last[0].TriggerSeq)
	}
	rows, err := tx.Q.DigestCandidates(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("find events: %w", err)
	}
	var events []storedb.Event
	marks := storedb.DigestedInsertParams{JourneyID: e.JourneyID, Label: r.Label, EnrollmentID: e.ID, StepKey: r.Step.Key}
	for i := range rows {
		values, err := criteria.ParseValues(rows[i].Event.Properties)
		if err != nil {
			return nil, fmt.Errorf("read event: %w", err)
		}
		if criteria.Match(conditions, values) {
			events, marks.EventIds = append(events, rows[i].Event), append(marks.EventIds, rows[i].Event.ID)
		}
	}
	tx.Add(func(q *storedb.Queries) error {
		return q.DigestInsert(ctx, storedb.DigestInsertParams{
			EnrollmentID: e.ID, StepKey: r.Step.Key, ContactID: e.ContactID, JourneyID: e.JourneyID, Label: r.Label, FlushedAt: until,
		})
	})
	if len(events) > 0 {
		tx.Add(func(q *storedb.Queries) error { return q.DigestedInsert(ctx, marks) })
	}
	return events, nil
}

// never is an instant that nothing is behind.
var never = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// newest are the last events that fit, oldest first.
func newest(events []storedb.Event, most int) (hogsend.Collected, error) {
	found := hogsend.Collected{Events: []hogsend.StoredEvent{}, Total: len(events)}
	size := 0
	for _, e := range slices.Backward(events) {
		if len(found.Events) == most {
			break
		}
		event, err := storedEvent(e)
		if err != nil {
			return found, err
		}
		body, err := json.Marshal(event)
		if err != nil {
			return found, fmt.Errorf("encode event: %w", err)
		}
		if size += len(body) + 1; size > maxDigest {
			break
		}
		found.Events = append(found.Events, event)
	}
	slices.Reverse(found.Events)
	return found, nil
}
