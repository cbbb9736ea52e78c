package clock

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/decide/cascade"
)

// Outcome says what the timer of a dwell reaction is to do next.
type Outcome struct {
	// Over: the membership has ended, or the reaction exists no more; the timer ends.
	Over bool
	// Wait is how long to sleep before asking again, by the database's clock.
	Wait time.Duration
	// Enrolled is the enrollment that the timer's workflow is to run itself; uuid.Nil
	// for none.
	Enrolled uuid.UUID
}

// Dwell fires the dwell reaction of a membership if it is due: the event, the guards and
// the enrollment are one transaction (B-40). late says that it was due when it was
// armed; the event then bears the instant of delivery (B-41). Asked again after a
// crash it answers with what it did (B-42).
func (c *Clock) Dwell(ctx context.Context, membershipID uuid.UUID, label string, late bool) (Outcome, error) {
	row, err := c.engine.Store.DwellStay(ctx, label, membershipID)
	if errors.Is(err, pgx.ErrNoRows) {
		return Outcome{Over: true}, nil
	}
	if err != nil {
		return Outcome{}, fmt.Errorf("read membership: %w", err)
	}
	if c.engine.Buckets().Version != row.Version {
		if err := c.engine.Reload(ctx); err != nil {
			return Outcome{}, err
		}
	}
	b := c.engine.Buckets().ByID(row.BucketID)
	if row.Status != "active" || b == nil {
		return c.fired(ctx, b, row.ContactID, row.BucketID, row.Epoch, label)
	}
	schedule, known := b.Schedule(label)
	if !known || !b.On {
		// Registered or switched on again, it is armed again (B-40, B-52).
		return Outcome{Over: true}, nil
	}
	membership := &bucket.Membership{BucketID: row.BucketID, Anchor: row.AnchorAt, Fired: map[string]int{label: int(row.LastFired)}}
	ordinal, due, more := schedule.Next(membership, row.Now)
	if !more {
		return c.fired(ctx, b, row.ContactID, row.BucketID, row.Epoch, label)
	}
	if due.After(row.Now) {
		return Outcome{Wait: due.Sub(row.Now)}, nil
	}
	fire := &decide.Dwell{BucketID: row.BucketID, Label: label, MembershipID: membershipID, Ordinal: ordinal, Due: due}
	if late {
		fire.Due = row.Now
	}
	change := c.engine.ChangeOf(row.ContactID, fire)
	change.Space, change.Key = decide.SpaceInternal, cascade.DwellKey(row.BucketID, row.ContactID, int(row.Epoch), label, ordinal)
	if err := c.engine.Apply(ctx, change); err != nil {
		return Outcome{}, fmt.Errorf("dwell: %w", err)
	}
	switch {
	case change.Missing || change.Refused:
		return Outcome{Over: true}, nil
	case !schedule.Repeats && change.Repeats:
		return c.fired(ctx, b, row.ContactID, row.BucketID, row.Epoch, label)
	case !schedule.Repeats:
		return Outcome{Over: change.Enrolled == uuid.Nil, Enrolled: change.Enrolled}, nil
	}
	return Outcome{Wait: max(0, schedule.At(row.AnchorAt, ordinal+1).Sub(row.Now))}, nil
}

// fired finds the enrollment of a dwell that was done before: its workflow died
// between the commit and the answer (B-42).
func (c *Clock) fired(ctx context.Context, b *decide.CompiledBucket, contactID uuid.UUID, bucketID string, epoch int32, label string) (Outcome, error) {
	if b != nil {
		if schedule, known := b.Schedule(label); known && schedule.Repeats {
			return Outcome{Over: true}, nil
		}
	}
	id, err := c.engine.Store.DwellEnrollment(ctx, "bucket-"+bucketID+"-on-dwell-"+label, contactID, cascade.DwellKey(bucketID, contactID, int(epoch), label, 1))
	if errors.Is(err, pgx.ErrNoRows) {
		return Outcome{Over: true}, nil
	}
	if err != nil {
		return Outcome{}, fmt.Errorf("read dwell: %w", err)
	}
	return Outcome{Enrolled: id}, nil
}
