package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/decide"
)

// DwellOutcome says what the timer of a dwell reaction is to do next.
type DwellOutcome struct {
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
func (g *Ingester) Dwell(ctx context.Context, membershipID uuid.UUID, label string, late bool) (DwellOutcome, error) {
	row, err := g.engine.Store.DwellStay(ctx, label, membershipID)
	if errors.Is(err, pgx.ErrNoRows) {
		return DwellOutcome{Over: true}, nil
	}
	if err != nil {
		return DwellOutcome{}, fmt.Errorf("read membership: %w", err)
	}
	if g.engine.Buckets().Version != row.Version {
		if err := g.engine.Reload(ctx); err != nil {
			return DwellOutcome{}, err
		}
	}
	b := g.engine.Buckets().ByID(row.BucketID)
	if row.Status != "active" || b == nil {
		return g.fired(ctx, b, row.ContactID, row.BucketID, row.Epoch, label)
	}
	schedule, known := b.Schedule(label)
	if !known || !b.On {
		// Registered or switched on again, it is armed again (B-40, B-52).
		return DwellOutcome{Over: true}, nil
	}
	membership := &bucket.Membership{BucketID: row.BucketID, Anchor: row.AnchorAt, Fired: map[string]int{label: int(row.LastFired)}}
	ordinal, due, more := schedule.Next(membership, row.Now)
	if !more {
		return g.fired(ctx, b, row.ContactID, row.BucketID, row.Epoch, label)
	}
	if due.After(row.Now) {
		return DwellOutcome{Wait: due.Sub(row.Now)}, nil
	}
	fire := &decide.Dwell{BucketID: row.BucketID, Label: label, MembershipID: membershipID, Ordinal: ordinal, Due: due}
	if late {
		fire.Due = row.Now
	}
	c := g.engine.ChangeOf(row.ContactID, fire)
	c.Space, c.Key = decide.SpaceInternal, decide.DwellKey(row.BucketID, row.ContactID, int(row.Epoch), label, ordinal)
	if err := g.engine.Apply(ctx, c); err != nil {
		return DwellOutcome{}, fmt.Errorf("dwell: %w", err)
	}
	switch {
	case c.Missing || c.Refused:
		return DwellOutcome{Over: true}, nil
	case !schedule.Repeats && c.Repeats:
		return g.fired(ctx, b, row.ContactID, row.BucketID, row.Epoch, label)
	case !schedule.Repeats:
		return DwellOutcome{Over: c.Enrolled == uuid.Nil, Enrolled: c.Enrolled}, nil
	}
	return DwellOutcome{Wait: max(0, schedule.At(row.AnchorAt, ordinal+1).Sub(row.Now))}, nil
}

// fired finds the enrollment of a dwell that was done before: its workflow died
// between the commit and the answer (B-42).
func (g *Ingester) fired(ctx context.Context, b *decide.CompiledBucket, contactID uuid.UUID, bucketID string, epoch int32, label string) (DwellOutcome, error) {
	if b != nil {
		if schedule, known := b.Schedule(label); known && schedule.Repeats {
			return DwellOutcome{Over: true}, nil
		}
	}
	id, err := g.engine.Store.DwellEnrollment(ctx, "bucket-"+bucketID+"-on-dwell-"+label, contactID, decide.DwellKey(bucketID, contactID, int(epoch), label, 1))
	if errors.Is(err, pgx.ErrNoRows) {
		return DwellOutcome{Over: true}, nil
	}
	if err != nil {
		return DwellOutcome{}, fmt.Errorf("read dwell: %w", err)
	}
	return DwellOutcome{Enrolled: id}, nil
}
