package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide/steps"
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
	err = a.Store.WithEnrollment(ctx, id, nil, func(tx *store.EnrollmentTx) error {
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
		EventName: optional(r.Event), Conditions: r.Conditions, Digest: r.Digest, Deadline: r.Deadline, RegisteredAt: tx.Now,
	}
	look := steps.LookBack{Deadline: r.Deadline, After: r.After, LateHorizon: a.Config.lateHorizon()}
	var err error
	if len(r.Any) > 0 {
		if wait.Alternatives, err = json.Marshal(r.Any); err != nil {
			return wait, fmt.Errorf("encode events: %w", err)
		}
	}
	if !r.Digest {
		if look.Awaited, err = steps.AwaitedOf(r.One(), r.Any); err != nil {
			return wait, err
		}
	}
	found, place, err := a.lookBack(ctx, tx, look, r.Several)
	if err != nil {
		return wait, err
	}
	if found != nil {
		wait.EventID, wait.EventSeq, wait.Place = &found.ID, found.Seq, int16(place) //nolint:gosec // at most 20
	}
	if wait.Status = steps.BeginWait(r.Deadline, tx.Now, found != nil); wait.Status != contract.WaitOpen {
		wait.ClosedAt = &tx.Now
	}
	return wait, nil
}

// lookBackPage is how many events a look-back reads at once: mostly the first one decides.
const lookBackPage = 200

// lookBack finds the event that ends a wait before it begins, and its place; nil if there
// is none. SQL only bounds what is read, steps.LookBack decides.
func (a *Activities) lookBack(ctx context.Context, tx *store.EnrollmentTx, look steps.LookBack, several bool) (*storedb.WaitLookbackRow, int, error) {
	if len(look.Awaited) == 0 {
		return nil, 0, nil
	}
	p := storedb.WaitLookbackParams{
		EnrollmentID: tx.Enrollment.ID, ContactID: tx.Enrollment.ContactID, PageAfter: -1, PageSize: lookBackPage, SkipDigested: several,
		AfterAt: look.After.At, AfterSeq: look.After.Seq, RecentSince: never, OccurredSince: look.After.At.Add(-look.LateHorizon), Deadline: look.Deadline,
	}
	for _, awaited := range look.Awaited {
		p.Names = append(p.Names, awaited.Event)
		if since := look.After.At.Add(-awaited.Lookback); awaited.Lookback > 0 && since.Before(p.RecentSince) {
			p.RecentSince = since
		}
	}
	if p.RecentSince.Before(p.OccurredSince) {
		p.OccurredSince = p.RecentSince
	}
	for {
		rows, err := tx.Q.WaitLookback(ctx, p)
		if err != nil {
			return nil, 0, fmt.Errorf("look back: %w", err)
		}
		events := make([]steps.PastEvent, len(rows))
		for i, row := range rows {
			events[i] = steps.PastEvent{
				Name: row.Name, Seq: *row.Seq, ReceivedAt: row.ReceivedAt, OccurredAt: row.OccurredAt, Properties: row.Properties,
				Trigger: row.ID == tx.Enrollment.TriggerEventID, Spent: row.Spent,
			}
		}
		found, place, err := look.Find(events)
		switch {
		case err != nil:
			return nil, 0, err
		case found >= 0:
			return &rows[found], place, nil
		case len(rows) < lookBackPage:
			return nil, 0, nil
		}
		p.PageAfter = *rows[len(rows)-1].Seq
	}
}

// EndWait decides how a wait ended: by its event if one closed it, by its deadline
// if that has passed for the database's clock; otherwise it goes on (J-126).
func (a *Activities) EndWait(ctx context.Context, r contract.EndWaitRequest) (contract.WaitState, error) {
	id, err := parseID(r.Step.EnrollmentID)
	if err != nil {
		return contract.WaitState{}, final(err)
	}
	var state contract.WaitState
	err = a.Store.WithEnrollment(ctx, id, nil, func(tx *store.EnrollmentTx) error {
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
		if status := steps.EndWait(row.Wait.Status, row.Wait.Deadline, tx.Now, r.Abandon); status != contract.WaitOpen && row.Wait.Status == contract.WaitOpen {
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
		state.Event, state.Now = &event, steps.AfterEvent(e.ReceivedAt, *e.Seq)
	case state.Closed && w.Deadline != nil:
		state.Now = steps.AfterDeadline(*w.Deadline)
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
