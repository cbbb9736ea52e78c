package operate

import (
	"context"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// Replayed is what became of a replay of events (O-26).
type Replayed struct {
	Replayed, Skipped int
	Failed            []FailedReplay
}

// FailedReplay is an event that could not be run again.
type FailedReplay struct {
	EventID uuid.UUID
	Err     error
}

// ReplayEvents runs stored events again; internal ones are skipped.
func (d *Desk) ReplayEvents(ctx context.Context, by store.Actor, events []storedb.Event) (out Replayed, err error) {
	var again []storedb.Event
	for _, e := range events {
		if !ingest.Internal(e.Name) {
			again = append(again, e)
		}
	}
	out.Skipped = len(events) - len(again)
	told := func(e storedb.Event, err error) {
		if err != nil {
			out.Failed = append(out.Failed, FailedReplay{e.ID, err})
			return
		}
		out.Replayed++
	}
	err = d.Ingest.Replay(ctx, again, told, func() ingest.Write {
		e := entry(by, "events.replay", "")
		e.Detail.Given("replayed", out.Replayed)
		e.Detail.Given("skipped", out.Skipped)
		e.Detail.Given("failed", len(out.Failed))
		return e.Write(ctx)
	})
	return out, err
}
