package steps

import (
	"encoding/json"
	"math"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/criteria"
)

// PastEvent is a stored event of a contact, as waits, digests and reads look at it.
type PastEvent struct {
	Name string
	// Seq is its place in the order of reception.
	Seq                    int64
	ReceivedAt, OccurredAt time.Time
	Properties             json.RawMessage
	// Trigger says that it triggered the enrollment that asks.
	Trigger bool
	// Spent says that it ended an earlier wait of that enrollment, or was collected by one of
	// its digests and is not to be found again; for a digest, that one before has collected it.
	Spent bool
	// Waited says, for a digest, that it ended an earlier wait of the enrollment.
	Waited bool
}

// after reports whether the event was received behind a position.
func (e *PastEvent) after(p contract.EventPosition) bool {
	return e.ReceivedAt.After(p.At) || e.ReceivedAt.Equal(p.At) && e.Seq > p.Seq
}

// matches reports whether the event's properties satisfy conditions.
func (e *PastEvent) matches(conditions []hogsend.Condition) (bool, error) {
	if len(conditions) == 0 {
		return true, nil
	}
	values, err := criteria.ParseValues(e.Properties)
	if err != nil {
		return false, err
	}
	return criteria.Match(conditions, values), nil
}

// Awaited is an event that ends a wait.
type Awaited struct {
	Event string
	Where []hogsend.Condition
	// Lookback also accepts what occurred that long before the mark (J-128).
	Lookback time.Duration
	// Fresh accepts nothing of what came before (J-160).
	Fresh bool
}

// AwaitedOf reads what a wait is for: one event, or the first of several; none for a
// sleep.
func AwaitedOf(one criteria.Alternative, alternatives []criteria.Alternative) ([]Awaited, error) {
	if len(alternatives) == 0 {
		if one.Event == "" {
			return nil, nil
		}
		alternatives = []criteria.Alternative{one}
	}
	awaited := make([]Awaited, len(alternatives))
	for i, a := range alternatives {
		awaited[i] = Awaited{Event: a.Event, Lookback: a.Lookback, Fresh: a.Fresh}
		if len(a.Where) == 0 {
			continue
		}
		var err error
		if awaited[i].Where, err = criteria.Unmarshal(a.Where); err != nil {
			return nil, err
		}
	}
	return awaited, nil
}

// PlaceOf is the first of the awaited events that one of this name and with these
// properties is; -1 for none (J-130). matches is asked for conditions of events of the
// name only.
func PlaceOf(awaited []Awaited, name string, matches func([]hogsend.Condition) (bool, error)) (int, error) {
	for i, a := range awaited {
		if a.Event != name {
			continue
		}
		if ok, err := matches(a.Where); ok || err != nil {
			return i, err
		}
	}
	return -1, nil
}

// LookBack is how a wait that is about to begin looks at what was received already.
type LookBack struct {
	Awaited []Awaited // none for a sleep, and for the window of a digest
	// Deadline is that of the wait, nil for none.
	Deadline *time.Time
	// After is the mark of the enrollment (J-117).
	After contract.EventPosition
	// LateHorizon is how late an event may be received; a later one only counts for a
	// Lookback (J-21).
	LateHorizon time.Duration
}

// Find finds the event that ends the wait before it begins, the first one received, among
// events in order of reception; -1 if there is none. place is that among those awaited
// (J-125, J-128, J-130). The events may be all of the contact, or what a query with the
// same bounds has left of them.
func (l LookBack) Find(events []PastEvent) (found, place int, err error) {
	for i := range events {
		e := &events[i]
		if e.Trigger || e.Spent || l.Deadline != nil && e.ReceivedAt.After(*l.Deadline) {
			continue
		}
		since := e.after(l.After) && e.ReceivedAt.Sub(e.OccurredAt) <= l.LateHorizon
		for place, a := range l.Awaited {
			recent := a.Lookback > 0 && !e.OccurredAt.Before(l.After.At.Add(-a.Lookback))
			if a.Event != e.Name || a.Fresh || !since && !recent {
				continue
			}
			if ok, err := e.matches(a.Where); err != nil {
				return -1, -1, err
			} else if ok {
				return i, place, nil
			}
		}
	}
	return -1, -1, nil
}

// BeginWait is the state of a wait that begins now: closed by an event that the look-back
// found, or by a deadline that has passed (J-127).
func BeginWait(deadline *time.Time, now time.Time, found bool) contract.WaitStatus {
	if found {
		return contract.WaitMatched
	}
	return EndWait(contract.WaitOpen, deadline, now, false)
}

// EndWait is the state that a wait takes now: by its deadline, once that has passed, or
// because its author gave it up. One that is closed stays as it is (J-126).
func EndWait(status contract.WaitStatus, deadline *time.Time, now time.Time, abandon bool) contract.WaitStatus {
	switch {
	case status != contract.WaitOpen:
		return status
	case abandon:
		return contract.WaitClosed
	case deadline != nil && !deadline.After(now):
		return contract.WaitTimedOut
	}
	return contract.WaitOpen
}

// AcceptsEvent reports whether an open wait may still be ended by an event received now
// (J-126).
func AcceptsEvent(deadline *time.Time, now time.Time) bool {
	return deadline == nil || !now.After(*deadline)
}

// AfterEvent is the position behind an event that ended a wait.
func AfterEvent(receivedAt time.Time, seq int64) contract.EventPosition {
	return contract.EventPosition{At: receivedAt.UTC(), Seq: seq}
}

// AfterDeadline is the position behind a deadline: everything received at it counts as
// seen, because it lost against it.
func AfterDeadline(deadline time.Time) contract.EventPosition {
	return contract.EventPosition{At: deadline.UTC(), Seq: math.MaxInt64}
}
