// Package effects writes what was decided: it makes the statements, in the order in which
// they refer to each other.
package effects

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/decide/steps"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// Statement is one statement that is made in a transaction: exactly one generated call.
type Statement = func(q *storedb.Queries) error

// Write makes the statements that write effects, in the order in which they refer to
// each other, and hands each to add.
func Write(ctx context.Context, add func(Statement), e *decide.Effects, now time.Time, buildID string) error {
	writeContacts(ctx, add, e.Contacts)
	if err := writeChoices(ctx, add, e.Choices); err != nil {
		return err
	}
	for _, attached := range e.Attached {
		add(attached.(Statement)) // the engine's callers attach nothing else
	}
	writeEvents(ctx, add, e, now)
	if err := writeEnrollments(ctx, add, e, now, buildID); err != nil {
		return err
	}
	writeMemberships(ctx, add, e, now)
	for _, id := range e.Deleted {
		add(func(q *storedb.Queries) error { return q.ContactStaysEnd(ctx, id) })
		add(func(q *storedb.Queries) error { return q.ContactDelete(ctx, id) })
	}
	writeDecisions(ctx, add, e.Decisions)
	if err := writeStepLogs(ctx, add, e.StepLogs, now, buildID); err != nil {
		return err
	}
	return writeOutbox(ctx, add, e.Outbox, now)
}

func writeEvents(ctx context.Context, add func(Statement), e *decide.Effects, now time.Time) {
	if n := len(e.Events); n > 0 {
		p := storedb.IngestEventsInsertParams{
			Ids: make([]uuid.UUID, n), ContactIds: make([]uuid.UUID, n), Names: make([]string, n), Properties: make([]json.RawMessage, n),
			EventValues: make([]float64, n), Currencies: make([]string, n), Sources: make([]string, n), Hops: make([]int16, n),
			Conflicts: make([]bool, n), Occurred: make([]time.Time, n), Received: make([]time.Time, n), Causes: make([]uuid.UUID, n),
		}
		for i := range e.Events {
			ev := &e.Events[i]
			p.Ids[i], p.ContactIds[i], p.Names[i], p.Properties[i], p.EventValues[i] = ev.ID, ev.ContactID, ev.Name, ev.Properties, math.NaN()
			if ev.Value != nil {
				p.EventValues[i] = *ev.Value
			}
			p.Currencies[i], p.Sources[i], p.Hops[i] = ev.Currency, ev.Source, int16(min(ev.Hops, math.MaxInt16)) //nolint:gosec // bounded
			p.Conflicts[i], p.Occurred[i], p.Received[i] = ev.IdentityConflict, ev.OccurredAt, ev.ReceivedAt
			p.Causes[i] = ev.CauseID
		}
		add(func(q *storedb.Queries) error { return q.IngestEventsInsert(ctx, p) })
	}
	if len(e.Keys) > 0 {
		p := storedb.IngestInternalKeysInsertParams{Now: now}
		for i := range e.Keys {
			k := &e.Keys[i]
			p.Keys, p.EventIds, p.ContactIds = append(p.Keys, k.Key), append(p.EventIds, k.EventID), append(p.ContactIds, k.ContactID)
		}
		add(func(q *storedb.Queries) error { return q.IngestInternalKeysInsert(ctx, p) })
	}
	if len(e.Matched) > 0 {
		p := storedb.IngestWaitsMatchParams{Now: now}
		for _, m := range e.Matched {
			p.Ids, p.EventIds = append(p.Ids, m.WaitID), append(p.EventIds, m.EventID)
			p.Places = append(p.Places, int16(m.Place)) //nolint:gosec // at most 20 (J-130)
		}
		add(func(q *storedb.Queries) error {
			n, err := q.IngestWaitsMatch(ctx, p)
			return written("match waits", n, len(p.Ids), err)
		})
	}
}

func writeEnrollments(ctx context.Context, add func(Statement), e *decide.Effects, now time.Time, buildID string) error {
	if len(e.Ended) > 0 {
		p := storedb.IngestEnrollmentsEndParams{Now: now}
		for i := range e.Ended {
			end := &e.Ended[i]
			p.Ids, p.Statuses = append(p.Ids, end.EnrollmentID), append(p.Statuses, string(end.Status))
			p.Errors, p.Reasons = append(p.Errors, end.Error), append(p.Reasons, string(end.Reason))
		}
		add(func(q *storedb.Queries) error {
			n, err := q.IngestEnrollmentsEnd(ctx, p)
			return written("end enrollments", n, len(p.Ids), err)
		})
		add(func(q *storedb.Queries) error { return q.IngestWaitsClose(ctx, now, p.Ids) })
	}
	if n := len(e.Enrolled); n > 0 {
		p := storedb.IngestEnrollmentsInsertParams{
			Now: now, BuildID: buildID, Ids: make([]uuid.UUID, n), ContactIds: make([]uuid.UUID, n), JourneyIds: make([]string, n),
			EnrollmentKeys: make([]string, n), Statuses: make([]string, n), Nodes: make([]string, n),
			Entries: make([]int32, n), Contexts: make([]json.RawMessage, n), EventIds: make([]uuid.UUID, n), Hops: make([]int16, n),
			Versions: make([]string, n), WorkflowIds: make([]string, n), Concurrent: make([]bool, n), ExitReasons: make([]string, n),
			Created: make([]time.Time, n),
		}
		for i := range e.Enrolled {
			one := &e.Enrolled[i]
			p.Ids[i], p.ContactIds[i], p.JourneyIds[i], p.Entries[i], p.Contexts[i] = one.ID, one.ContactID, one.JourneyID, one.Entry, one.Context
			p.EnrollmentKeys[i], p.Statuses[i], p.Nodes[i] = one.Key, string(contract.EnrollmentActive), "start"
			if one.Held != nil {
				p.Statuses[i], p.Nodes[i] = string(contract.EnrollmentWaiting), steps.PausedNode(contract.EntryStep)
			}
			p.EventIds[i], p.Hops[i], p.Versions[i] = one.EventID, int16(one.Hops), one.Version //nolint:gosec // within the hop limit
			p.WorkflowIds[i], p.Concurrent[i], p.ExitReasons[i], p.Created[i] = one.WorkflowID, one.Concurrent, string(one.ExitReason), one.CreatedAt
		}
		add(func(q *storedb.Queries) error { return q.IngestEnrollmentsInsert(ctx, p) })
	}
	if err := writeHeld(ctx, add, e.Enrolled); err != nil {
		return err
	}
	if len(e.Marks) > 0 {
		ids, events := marked(e.Marks)
		add(func(q *storedb.Queries) error { return q.IngestMarksSet(ctx, ids, events) })
	}
	for _, n := range e.Nodes {
		add(func(q *storedb.Queries) error { return q.IngestEnrollmentsNode(ctx, n.Node, now, n.EnrollmentID) })
	}
	return nil
}

// writeHeld holds entries of paused journeys. The lock lets a resume under way commit
// first, and one that comes later find them; an entry of a journey that is not paused any
// more is decided again (J-108, J-168).
func writeHeld(ctx context.Context, add func(Statement), enrolled []decide.NewEnrollment) error {
	var p storedb.PausedEntriesInsertParams
	var journeys []string
	for i := range enrolled {
		n := &enrolled[i]
		if n.Held == nil || n.ExitReason != "" {
			continue
		}
		var start json.RawMessage
		if n.Held.Start != nil {
			body, err := json.Marshal(n.Held.Start)
			if err != nil {
				return fmt.Errorf("encode start: %w", err)
			}
			start = body
		}
		p.Ids, p.EnrollmentIds, p.Held = append(p.Ids, n.Held.ID), append(p.EnrollmentIds, n.ID), append(p.Held, n.CreatedAt)
		p.Starts, p.Aliases = append(p.Starts, start), append(p.Aliases, strings.Join(n.Held.JourneyIDs, " "))
		for _, id := range n.Held.JourneyIDs {
			if !slices.Contains(journeys, id) {
				journeys = append(journeys, id)
			}
		}
	}
	if len(p.Ids) == 0 {
		return nil
	}
	slices.Sort(journeys)
	add(func(q *storedb.Queries) error { return q.PauseShare(ctx, journeys) })
	add(func(q *storedb.Queries) error {
		n, err := q.PausedEntriesInsert(ctx, p)
		return written("hold entries", n, len(p.Ids), err)
	})
	return nil
}

// marked are the enrollments once each, with the last of their marks.
func marked(marks []decide.Mark) (ids, events []uuid.UUID) {
	for _, m := range marks {
		if i := slices.Index(ids, m.EnrollmentID); i >= 0 {
			events[i] = m.EventID
			continue
		}
		ids, events = append(ids, m.EnrollmentID), append(events, m.EventID)
	}
	return ids, events
}

func writeDecisions(ctx context.Context, add func(Statement), all []decide.Decision) {
	n := len(all)
	if n == 0 {
		return
	}
	p := storedb.IngestDecisionsInsertParams{
		Ids: make([]uuid.UUID, n), Instants: make([]time.Time, n), Types: make([]string, n), ContactIds: make([]uuid.UUID, n),
		JourneyIds: make([]string, n), DecisionKeys: make([]string, n), EventIds: make([]uuid.UUID, n), EventNames: make([]string, n), Reasons: make([]string, n),
		EnrollmentIds: make([]uuid.UUID, n), Details: make([]json.RawMessage, n),
	}
	for i := range all {
		d := &all[i]
		p.Ids[i], p.Instants[i], p.Types[i], p.ContactIds[i], p.JourneyIds[i] = d.ID, d.At, d.Type, d.ContactID, d.JourneyID
		p.DecisionKeys[i], p.EventIds[i], p.EventNames[i], p.Reasons[i] = d.Key, d.EventID, d.EventName, string(d.Reason)
		p.EnrollmentIds[i], p.Details[i] = d.EnrollmentID, d.Detail
	}
	add(func(q *storedb.Queries) error { return q.IngestDecisionsInsert(ctx, p) })
}

func writeStepLogs(ctx context.Context, add func(Statement), all []decide.StepLog, now time.Time, buildID string) error {
	n := len(all)
	if n == 0 {
		return nil
	}
	p := storedb.IngestStepLogsInsertParams{
		Now: now, BuildID: buildID, EnrollmentIds: make([]uuid.UUID, n), StepKeys: make([]string, n), Actions: make([]string, n),
		FromNodes: make([]string, n), ToNodes: make([]string, n), Details: make([]json.RawMessage, n),
	}
	for i := range all {
		l := &all[i]
		body, err := json.Marshal(l.Detail)
		if err != nil {
			return fmt.Errorf("encode log detail: %w", err)
		}
		p.EnrollmentIds[i], p.StepKeys[i], p.Actions[i], p.FromNodes[i], p.ToNodes[i], p.Details[i] = l.EnrollmentID, l.StepKey, l.Action, l.From, l.To, body
	}
	add(func(q *storedb.Queries) error { return q.IngestStepLogsInsert(ctx, p) })
	return nil
}

func writeOutbox(ctx context.Context, add func(Statement), all []decide.OutboxMessage, now time.Time) error {
	n := len(all)
	if n == 0 {
		return nil
	}
	p := storedb.IngestOutboxInsertParams{
		Now: now, Ids: make([]uuid.UUID, n), OrderingKeys: make([]uuid.UUID, n), EventIds: make([]uuid.UUID, n), Destinations: make([]string, n),
		Kinds: make([]string, n), Keys: make([]string, n), Payloads: make([]json.RawMessage, n), Traces: make([]string, n), Dues: make([]time.Time, n),
	}
	for i := range all {
		m := &all[i]
		body, err := json.Marshal(m.Payload)
		if err != nil {
			return fmt.Errorf("encode %s payload: %w", m.Kind, err)
		}
		kind := m.Kind
		p.Ids[i], p.OrderingKeys[i], p.EventIds[i], p.Destinations[i], p.Kinds[i] = m.ID, m.OrderingKey, m.EventID, kind.Destination(), string(kind)
		p.Keys[i], p.Payloads[i], p.Traces[i], p.Dues[i] = m.Key, body, m.Trace, m.Due
	}
	add(func(q *storedb.Queries) error { return q.IngestOutboxInsert(ctx, p) })
	return nil
}

// written checks that a statement under the contacts' locks found what was read there.
func written(what string, n int64, want int, err error) error {
	if err == nil && n != int64(want) {
		return fmt.Errorf("%s: %d of %d rows were as read: %w", what, n, want, decide.ErrStale)
	}
	return err
}
