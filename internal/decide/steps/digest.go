package steps

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
)

// maxDigest is how large the events of a digest are, as JSON.
const maxDigest = 1 << 20

// Digest is a digest whose window has ended (J-143).
type Digest struct {
	Event string
	Where []hogsend.Condition
	// Until is the end of the window, which belongs to it: as DigestEnd says.
	Until time.Time
	// After is the position of the enrollment when the window was opened.
	After contract.EventPosition
	// Lookback also collects what occurred that long before After; 0 for nothing.
	Lookback time.Duration
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
	recent := d.Lookback > 0 && !e.OccurredAt.Before(d.After.At.Add(-d.Lookback))
	between := d.Last != nil && !e.ReceivedAt.Before(d.Last.FlushedAt) &&
		(d.Last.EndedAt.IsZero() || !e.ReceivedAt.After(d.Last.EndedAt) || e.Seq >= d.TriggerSeq)
	if e.Name != d.Event || e.Spent || e.ReceivedAt.After(d.Until) || !e.Trigger && !e.after(d.After) && !recent && !between {
		return false, nil
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
