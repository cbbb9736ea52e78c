package steps

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/criteria"
)

// maxDigest is how large the events of a digest are, as JSON.
const maxDigest = 1 << 20

// Digest is a digest whose window has ended (J-143).
type Digest struct {
	Event string
	Where []hogsend.Condition
	// Until is the end of the window, which belongs to it: as DigestEnd says.
	Until time.Time
	// After is the mark of the enrollment: what was received behind it is collected.
	After contract.EventPosition
	// Opened is the beginning of the window if coroutines of the enrollment have waited
	// beside each other, zero if not: what came before and ended a wait is not looked back to
	// (J-159).
	Opened time.Time
	// Since is the earliest instant of what occurred shortly before the call and is
	// collected too; zero for nothing.
	Since time.Time
	// KeyProperty is where events have the key of their enrollment, "" if the digest takes
	// those of any: then only those of Key are collected (J-153).
	Key, KeyProperty string
	// TriggerSeq is the place of the enrollment's trigger.
	TriggerSeq int64
	// Last is the newest digest before, of the contact, journey and label; nil for none.
	Last *PastDigest
}

// PastDigest is a digest that was collected before.
type PastDigest struct {
	// FlushedAt is the end of its window.
	FlushedAt time.Time
	// EndedAt is when its enrollment ended, zero while it goes on.
	EndedAt time.Time
}

// DigestFrom is what a digest looks back to that was called at an instant and whose window
// was opened then or, if the worker was away, later: the mark, and what occurred up to
// lookback before the call. With a negative one it is the beginning of the window (J-143).
func DigestFrom(mark contract.EventPosition, called, opened time.Time, lookback time.Duration) (after contract.EventPosition, since time.Time) {
	switch {
	case lookback > 0:
		since = called.Add(-lookback)
	case lookback < 0 && opened.After(mark.At):
		mark = contract.EventPosition{At: opened}
	}
	return mark, since
}

// DigestEnd is the end of a window with this deadline. One that had passed when the
// window was opened ends it at once.
func DigestEnd(deadline, opened time.Time) time.Time {
	if deadline.Before(opened) {
		return opened
	}
	return deadline
}

// Collects reports whether an event goes into the digest: the trigger, one received in
// the window or shortly before, or one that came after the digest before, while its
// enrollment or this one was under way. So no event is in two, and none falls between.
func (d Digest) Collects(e *PastEvent) (bool, error) {
	recent := !d.Since.IsZero() && !e.OccurredAt.Before(d.Since)
	between := d.Last != nil && !e.ReceivedAt.Before(d.Last.FlushedAt) &&
		(d.Last.EndedAt.IsZero() || !e.ReceivedAt.After(d.Last.EndedAt) || e.Seq >= d.TriggerSeq)
	behind := e.after(d.After) && (!e.Waited || !e.ReceivedAt.Before(d.Opened))
	if e.Name != d.Event || e.Spent || e.ReceivedAt.After(d.Until) || !e.Trigger && !behind && !recent && !between {
		return false, nil
	}
	if d.KeyProperty != "" && !e.Trigger {
		values, err := criteria.ParseValues(e.Properties)
		if err != nil {
			return false, err
		}
		if key, ok := criteria.KeyOf(values, d.KeyProperty); !ok || key != d.Key {
			return false, nil
		}
	}
	return e.matches(d.Where)
}

// Newest are the last of the events that a digest has collected, as many as fit, oldest
// first. at reads the i-th of all, in order of reception.
func Newest(all, most int, at func(i int) (hogsend.StoredEvent, error)) (hogsend.Collected, error) {
	found := hogsend.Collected{Events: []hogsend.StoredEvent{}, Total: all}
	size := 0
	for i := all - 1; i >= 0 && len(found.Events) < most; i-- {
		event, err := at(i)
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
