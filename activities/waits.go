package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// BeginWait looks back and registers a wait in one transaction under the contact's
// lock, so that no event falls between the two (J-125). A repeated call finds the
// wait of the first, with its deadline (J-97c).
func (a *Activities) BeginWait(ctx context.Context, r contract.BeginWaitRequest) (contract.WaitState, error) {
	id, err := parseID(r.Step.EnrollmentID)
	if err != nil {
		return contract.WaitState{}, final(err)
	}
	var state contract.WaitState
	err = a.Store.WithEnrollment(ctx, id, func(tx *store.EnrollmentTx) error {
		if !tx.Enrollment.Status.Live() {
			state = contract.WaitState{Ended: true}
			return nil
		}
		known, err := tx.Q.WaitFind(ctx, id, r.Step.Key)
		if err != nil {
			return fmt.Errorf("find wait: %w", err)
		}
		if len(known) > 0 {
			if state, err = waitState(ctx, tx.Q, known[0]); err == nil && state.Closed {
				a.leaveWait(ctx, tx, r.Step, known[0].Wait)
			}
			return err
		}
		wait, err := a.newWait(ctx, tx, r)
		if err != nil {
			return err
		}
		tx.Add(func(q *storedb.Queries) error { return q.WaitInsert(ctx, wait) })
		a.move(ctx, tx, r.Step, "wait_started", contract.EnrollmentWaiting, tx.Enrollment.Node, r.Label, waitDetail(r, wait.Deadline))
		row := storedb.WaitFindRow{Wait: storedb.Wait{ID: wait.ID, Status: wait.Status, Deadline: wait.Deadline, EventID: wait.EventID, Label: r.Label, EventName: wait.EventName, Alternatives: wait.Alternatives, Place: wait.Place}}
		if state, err = waitState(ctx, tx.Q, row); err == nil && state.Closed {
			a.leaveWait(ctx, tx, r.Step, row.Wait)
		}
		return err
	})
	return state, err
}

// newWait is the row of a wait: already closed when the look-back finds its event
// or its deadline has passed.
func (a *Activities) newWait(ctx context.Context, tx *store.EnrollmentTx, r contract.BeginWaitRequest) (storedb.WaitInsertParams, error) {
	wait := storedb.WaitInsertParams{
		ID: uuid.Must(uuid.NewV7()), EnrollmentID: tx.Enrollment.ID, ContactID: tx.Enrollment.ContactID, StepKey: r.Step.Key, Label: r.Label,
		EventName: optional(r.Event), Conditions: r.Conditions, Digest: r.Digest, Deadline: r.Deadline, Status: contract.WaitOpen, RegisteredAt: tx.Now,
	}
	awaited := r.Any
	if len(r.Any) > 0 {
		var err error
		if wait.Alternatives, err = json.Marshal(r.Any); err != nil {
			return wait, fmt.Errorf("encode events: %w", err)
		}
	} else if r.Event != "" && !r.Digest {
		awaited = []criteria.Alternative{{Event: r.Event, Where: r.Conditions, Lookback: r.Lookback}}
	}
	for place, alternative := range awaited {
		if err := a.lookBack(ctx, tx, r, alternative, place, &wait); err != nil {
			return wait, err
		}
	}
	if wait.Status == contract.WaitOpen && r.Deadline != nil && !r.Deadline.After(tx.Now) {
		wait.Status = contract.WaitTimedOut
	}
	if wait.Status != contract.WaitOpen {
		wait.ClosedAt = &tx.Now
	}
	return wait, nil
}

// lookBack finds the first event that the wait is for at a place. One that was found
// for an earlier place gives way to one that was received before it.
func (a *Activities) lookBack(ctx context.Context, tx *store.EnrollmentTx, r contract.BeginWaitRequest, awaited criteria.Alternative, place int, wait *storedb.WaitInsertParams) error {
	conditions, err := criteria.Unmarshal(orEmpty(awaited.Where))
	if err != nil {
		return err
	}
	found, err := tx.Q.WaitLookback(ctx, storedb.WaitLookbackParams{
		ContactID: wait.ContactID, Name: awaited.Event, AfterAt: r.After.At, AfterSeq: r.After.Seq, LateHorizonSeconds: a.Config.lateHorizon().Seconds(),
		LooksBack: awaited.Lookback > 0, Since: r.After.At.Add(-awaited.Lookback), Deadline: r.Deadline,
		TriggerID: tx.Enrollment.TriggerEventID, EnrollmentID: tx.Enrollment.ID,
	})
	if err != nil {
		return fmt.Errorf("look back: %w", err)
	}
	for _, e := range found {
		values, err := criteria.ParseValues(e.Properties)
		if err != nil {
			return err
		}
		if !criteria.Match(conditions, values) {
			continue
		}
		if wait.EventSeq == nil || *e.Seq < *wait.EventSeq {
			wait.Status, wait.EventID, wait.EventSeq, wait.Place = contract.WaitMatched, &e.ID, e.Seq, int16(place) //nolint:gosec // at most 20
		}
		return nil
	}
	return nil
}

func orEmpty(conditions json.RawMessage) json.RawMessage {
	if len(conditions) == 0 {
		return json.RawMessage("[]")
	}
	return conditions
}

// EndWait decides how a wait ended: by its event if one closed it, by its deadline
// if that has passed for the database's clock; otherwise it goes on (J-126).
func (a *Activities) EndWait(ctx context.Context, r contract.EndWaitRequest) (contract.WaitState, error) {
	id, err := parseID(r.Step.EnrollmentID)
	if err != nil {
		return contract.WaitState{}, final(err)
	}
	var state contract.WaitState
	err = a.Store.WithEnrollment(ctx, id, func(tx *store.EnrollmentTx) error {
		if !tx.Enrollment.Status.Live() {
			state = contract.WaitState{Ended: true}
			return nil
		}
		rows, err := tx.Q.WaitFind(ctx, id, r.Step.Key)
		if err != nil {
			return fmt.Errorf("find wait: %w", err)
		}
		if len(rows) == 0 {
			return fmt.Errorf("find wait %s: %w", r.WaitID, store.ErrNotFound)
		}
		row := rows[0]
		if status := closing(row.Wait, tx.Now, r.Abandon); status != contract.WaitOpen && row.Wait.Status == contract.WaitOpen {
			tx.Add(func(q *storedb.Queries) error {
				return q.WaitClose(ctx, status, &tx.Now, row.Wait.ID)
			})
			row.Wait.Status = status
		}
		if state, err = waitState(ctx, tx.Q, row); err == nil && state.Closed {
			a.leaveWait(ctx, tx, r.Step, row.Wait)
		}
		return err
	})
	return state, err
}

// closing is the state an open wait takes now.
func closing(w storedb.Wait, now time.Time, abandon bool) contract.WaitStatus {
	switch {
	case w.Status != contract.WaitOpen:
		return w.Status
	case abandon:
		return contract.WaitClosed
	case w.Deadline != nil && !w.Deadline.After(now):
		return contract.WaitTimedOut
	}
	return contract.WaitOpen
}

// waitState reads a row of waits, with the event that closed it.
func waitState(ctx context.Context, q *storedb.Queries, row storedb.WaitFindRow) (contract.WaitState, error) {
	w := row.Wait
	state := contract.WaitState{WaitID: w.ID.String(), Deadline: w.Deadline, Closed: w.Status != contract.WaitOpen, Index: int(w.Place)}
	switch {
	case w.EventID != nil:
		e, err := q.EventGet(ctx, *w.EventID)
		if err != nil {
			return state, fmt.Errorf("read event of wait: %w", err)
		}
		event, err := storedEvent(e)
		if err != nil {
			return state, err
		}
		state.Event, state.Now = &event, contract.EventPosition{At: e.ReceivedAt.UTC(), Seq: *e.Seq}
	case state.Closed && w.Deadline != nil:
		// Everything received at the deadline counts as seen: it lost against it.
		state.Now = contract.EventPosition{At: w.Deadline.UTC(), Seq: math.MaxInt64}
	}
	return state, nil
}

// leaveWait notes that the enrollment goes on (J-60), once.
func (a *Activities) leaveWait(ctx context.Context, tx *store.EnrollmentTx, step contract.Step, w storedb.Wait) {
	outcome := map[contract.WaitStatus]string{contract.WaitMatched: "event", contract.WaitTimedOut: "timeout", contract.WaitClosed: "abandoned"}[w.Status]
	detail := map[string]any{"outcome": outcome}
	if w.EventID != nil {
		detail["eventId"] = w.EventID.String()
		if w.Alternatives != nil {
			detail["index"] = w.Place
		}
	}
	a.move(ctx, tx, step, "wait_ended", contract.EnrollmentActive, w.Label, w.Label, detail)
}

func waitDetail(r contract.BeginWaitRequest, deadline *time.Time) map[string]any {
	detail := map[string]any{}
	if r.Event != "" {
		detail["event"] = r.Event
	}
	if events := r.Events(); len(r.Any) > 0 {
		detail["events"] = events
	}
	if deadline != nil {
		detail["until"] = deadline.UTC()
	}
	return detail
}
