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
	"github.com/hogsend/hogsend/internal/decide/steps"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// CollectDigest collects the events of a digest under the contact's lock: what was
// received up to the end of its window is complete then. A repeated call returns what
// the first one has collected.
func (a *Activities) CollectDigest(ctx context.Context, r contract.CollectRequest) (contract.CollectResult, error) {
	id, err := parseID(r.Step.EnrollmentID)
	if err != nil {
		return contract.CollectResult{}, final(err)
	}
	var result contract.CollectResult
	err = a.Store.WithEnrollment(ctx, id, nil, func(tx *store.EnrollmentTx) error {
		if !tx.Enrollment.Status.Live() {
			result = contract.CollectResult{Ended: true}
			return nil
		}
		done, err := tx.Q.DigestDone(ctx, id, r.Step.Key)
		if err != nil {
			return fmt.Errorf("find digest: %w", err)
		}
		var newest []storedb.Event
		var total int
		if done {
			newest, total, err = digested(ctx, tx, r)
		} else {
			newest, total, err = a.collect(ctx, tx, r)
		}
		if err != nil {
			return err
		}
		result.Collected, err = steps.Newest(total, r.Max, func(i int) (hogsend.StoredEvent, error) { return storedEvent(newest[len(newest)-total+i]) })
		if err != nil || done {
			return err
		}
		a.log(ctx, tx, r.Step, "digest", tx.Enrollment.Node, r.Label, map[string]any{"total": total, "events": len(result.Collected.Events)})
		return nil
	})
	return result, err
}

// digested are the newest of the events that a digest has collected, oldest first, and how
// many there are.
func digested(ctx context.Context, tx *store.EnrollmentTx, r contract.CollectRequest) (newest []storedb.Event, total int, err error) {
	rows, err := tx.Q.DigestFound(ctx, tx.Enrollment.ID, r.Step.Key, int32(r.Max)) //nolint:gosec // at most 500
	if err != nil {
		return nil, 0, fmt.Errorf("read digest: %w", err)
	}
	for _, row := range slices.Backward(rows) {
		newest, total = append(newest, row.Event), int(row.Total)
	}
	return newest, total, nil
}

// digestPage is how many events a digest reads at once.
const digestPage = 500

// collect marks what belongs to a digest. It returns the newest of it, oldest first, and
// how many there are.
func (a *Activities) collect(ctx context.Context, tx *store.EnrollmentTx, r contract.CollectRequest) (newest []storedb.Event, total int, err error) {
	e := tx.Enrollment
	digest, p, err := a.digest(ctx, tx, r)
	if err != nil {
		return nil, 0, err
	}
	marks := storedb.DigestedInsertParams{JourneyID: e.JourneyID, Key: e.Key, Label: r.Label, EnrollmentID: e.ID, StepKey: r.Step.Key}
	for more := true; more; {
		rows, err := tx.Q.DigestCandidates(ctx, p)
		if err != nil {
			return nil, 0, fmt.Errorf("find events: %w", err)
		}
		for _, row := range rows {
			goes, err := digest.Collects(&steps.PastEvent{
				Name: row.Event.Name, Seq: *row.Event.Seq, ReceivedAt: row.Event.ReceivedAt, OccurredAt: row.Event.OccurredAt, Properties: row.Event.Properties,
				Trigger: row.Event.ID == e.TriggerEventID, Waited: row.Waited,
			})
			if err != nil {
				return nil, 0, fmt.Errorf("read event: %w", err)
			}
			if goes {
				newest, marks.EventIds = append(newest, row.Event), append(marks.EventIds, row.Event.ID)
			}
			p.PageAfter = *row.Event.Seq
		}
		newest = newest[max(0, len(newest)-r.Max):]
		more = len(rows) == digestPage
	}
	tx.Add(func(q *storedb.Queries) error {
		return q.DigestInsert(ctx, storedb.DigestInsertParams{
			EnrollmentID: e.ID, StepKey: r.Step.Key, ContactID: e.ContactID, JourneyID: e.JourneyID, Key: e.Key, Label: r.Label, FlushedAt: digest.Until,
		})
	})
	if len(marks.EventIds) > 0 {
		tx.Add(func(q *storedb.Queries) error { return q.DigestedInsert(ctx, marks) })
	}
	return newest, len(marks.EventIds), nil
}

// digest is what a digest collects, and the query for what it may collect: the statement
// bounds what is read, and leaves out what a digest before has.
func (a *Activities) digest(ctx context.Context, tx *store.EnrollmentTx, r contract.CollectRequest) (steps.Digest, storedb.DigestCandidatesParams, error) {
	e, ids := tx.Enrollment, a.Registry.IDs(tx.Enrollment.JourneyID)
	d := steps.Digest{Event: r.Event, TriggerSeq: e.TriggerSeq, Key: e.Key, KeyProperty: a.Registry.DigestKey(e.JourneyID, r.Event)}
	p := storedb.DigestCandidatesParams{
		ContactID: e.ContactID, Name: r.Event, TriggerID: e.TriggerEventID,
		FromSeq: e.TriggerSeq, TriggerSeq: e.TriggerSeq, RecentSince: never, Flushed: never, Ended: never, JourneyIds: ids, Key: e.Key, Label: r.Label,
		PageAfter: -1, PageSize: digestPage,
	}
	var err error
	if d.Where, err = criteria.Unmarshal(orEmpty(r.Where)); err != nil {
		return d, p, final(err)
	}
	waitID, err := uuid.Parse(r.WaitID)
	if err != nil {
		return d, p, final(err)
	}
	window, err := tx.Q.DigestWait(ctx, waitID, e.ID)
	if err != nil {
		return d, p, fmt.Errorf("read window: %w", err)
	}
	d.Until = steps.DigestEnd(*window.Deadline, window.RegisteredAt)
	d.After, d.Since = steps.DigestFrom(r.After, r.CalledAt, window.RegisteredAt, r.Lookback)
	p.AfterAt, p.AfterSeq, p.Several, p.EnrollmentID = d.After.At, d.After.Seq, r.Several, e.ID
	if r.Several {
		d.Opened = window.RegisteredAt
	}
	last, err := tx.Q.DigestLast(ctx, storedb.DigestLastParams{ContactID: e.ContactID, JourneyIds: ids, Key: e.Key, Label: r.Label})
	if err != nil {
		return d, p, fmt.Errorf("find digest before: %w", err)
	}
	if len(last) > 0 {
		d.Last = &steps.PastDigest{FlushedAt: last[0].FlushedAt}
		if !last[0].Status.Live() {
			d.Last.EndedAt, p.Ended = last[0].EndedAt, last[0].EndedAt
		}
		p.Flushed, p.FromSeq = last[0].FlushedAt, min(p.FromSeq, last[0].TriggerSeq)
	}
	if !d.Since.IsZero() {
		p.RecentSince = d.Since
	}
	p.Until = d.Until
	return d, p, nil
}

func orEmpty(conditions json.RawMessage) json.RawMessage {
	if len(conditions) == 0 {
		return json.RawMessage("[]")
	}
	return conditions
}

// never is an instant that nothing is behind.
var never = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
