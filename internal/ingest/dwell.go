package ingest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/bucket"
)

// fire is one dwell of a stay that is due, or a recurrence for a member.
type fire struct {
	bucketID, label string
	stayID          uuid.UUID
	ordinal         int
	due             time.Time
	enrolled        uuid.UUID // the enrollment that the asking workflow is to run
	refused         bool
}

// DwellOutcome says what the timer of a dwell reaction is to do next.
type DwellOutcome struct {
	// Over: the stay has ended, or the reaction exists no more; the timer ends.
	Over bool
	// Wait is how long to sleep before asking again, by the database's clock.
	Wait time.Duration
	// Enrolled is the enrollment that the timer's workflow is to run itself; uuid.Nil
	// for none.
	Enrolled uuid.UUID
}

// Dwell fires the dwell reaction of a stay if it is due: the event, the guards and
// the enrollment are one transaction (B-40). late says that it was due when it was
// armed; the event then bears the instant of delivery (B-41). Asked again after a
// crash it answers with what it did (B-42).
func (g *Ingester) Dwell(ctx context.Context, stayID uuid.UUID, label string, late bool) (DwellOutcome, error) {
	row, err := g.store.DwellStay(ctx, label, stayID)
	if errors.Is(err, pgx.ErrNoRows) {
		return DwellOutcome{Over: true}, nil
	}
	if err != nil {
		return DwellOutcome{}, fmt.Errorf("read stay: %w", err)
	}
	l := g.catalog.Load().segments
	if l.version != row.Version {
		if err := g.reload(ctx); err != nil {
			return DwellOutcome{}, err
		}
		l = g.catalog.Load().segments
	}
	s := l.byID[row.BucketID]
	if row.Status != "active" || s == nil {
		return g.fired(ctx, s, row.ContactID, row.BucketID, row.Epoch, label)
	}
	schedule, known := s.schedule(label)
	if !known || !s.on {
		// Registered or switched on again, it is armed again (B-40, B-52).
		return DwellOutcome{Over: true}, nil
	}
	stay := &bucket.Stay{BucketID: row.BucketID, Anchor: row.AnchorAt, Fired: map[string]int{label: int(row.LastFired)}}
	ordinal, due, more := schedule.Next(stay, row.Now)
	if !more {
		return g.fired(ctx, s, row.ContactID, row.BucketID, row.Epoch, label)
	}
	if due.After(row.Now) {
		return DwellOutcome{Wait: due.Sub(row.Now)}, nil
	}
	it := newItem(&Event{})
	it.kind, it.contactID = kindDwell, row.ContactID
	it.space, it.key = spaceInternal, dwellKey(row.BucketID, row.ContactID, int(row.Epoch), label, ordinal)
	it.fire = &fire{bucketID: row.BucketID, label: label, stayID: stayID, ordinal: ordinal, due: due}
	if late {
		it.fire.due = row.Now
	}
	if err := g.transact(ctx, []*item{it}, nil); err != nil {
		return DwellOutcome{}, fmt.Errorf("dwell: %w", err)
	}
	switch {
	case it.gone || it.fire.refused:
		return DwellOutcome{Over: true}, nil
	case !schedule.Repeats && it.repeats:
		return g.fired(ctx, s, row.ContactID, row.BucketID, row.Epoch, label)
	case !schedule.Repeats:
		return DwellOutcome{Over: it.fire.enrolled == uuid.Nil, Enrolled: it.fire.enrolled}, nil
	}
	return DwellOutcome{Wait: max(0, schedule.At(row.AnchorAt, ordinal+1).Sub(row.Now))}, nil
}

// fired finds the enrollment of a dwell that was done before: its workflow died
// between the commit and the answer (B-42).
func (g *Ingester) fired(ctx context.Context, s *segment, contactID uuid.UUID, bucketID string, epoch int32, label string) (DwellOutcome, error) {
	if s != nil {
		if schedule, known := s.schedule(label); known && schedule.Repeats {
			return DwellOutcome{Over: true}, nil
		}
	}
	id, err := g.store.DwellEnrollment(ctx, "bucket-"+bucketID+"-on-dwell-"+label, contactID, dwellKey(bucketID, contactID, int(epoch), label, 1))
	if errors.Is(err, pgx.ErrNoRows) {
		return DwellOutcome{Over: true}, nil
	}
	if err != nil {
		return DwellOutcome{}, fmt.Errorf("read dwell: %w", err)
	}
	return DwellOutcome{Enrolled: id}, nil
}

func dwellKey(bucketID string, contactID uuid.UUID, epoch int, label string, ordinal int) string {
	return "bucket:" + bucketID + ":" + contactID.String() + ":dwell:" + strconv.Itoa(epoch) + ":" + label + ":" + strconv.Itoa(ordinal)
}

// schedule is that of the bucket's dwell reaction with the label.
func (g *segment) schedule(label string) (*bucket.Schedule, bool) {
	for i := range g.Reactions {
		if s := g.Reactions[i].Schedule; s != nil && s.Label == label {
			return s, true
		}
	}
	return nil, false
}

// dwell fires a timer whose stay is still as it was read (B-40). The instants that
// time has brought were applied before: a stay that ended by them does not dwell.
func (w *wave) dwell(it *item) error {
	f, p := it.fire, it.verdict.person
	g, s := w.catalog.segments.byID[f.bucketID], p.stay(f.bucketID)
	if g == nil || !g.on || s == nil || s.ID != f.stayID || !s.Fires(f.due) || s.Fired[f.label] >= f.ordinal {
		f.refused = true
		return nil
	}
	if s.Fired == nil {
		s.Fired = map[string]int{}
	}
	s.Fired[f.label] = f.ordinal
	w.changes.fired = append(w.changes.fired, *f)
	cause := &flow{id: it.id, person: p, verdict: &it.verdict, root: it}
	about, err := w.tellTransition(cause, g, s, hogsend.ReactionDwell, f.due, bucketEvent{Source: bucket.SourceClock, DwellCount: f.ordinal, label: f.label})
	if err != nil {
		return err
	}
	if about.started != nil {
		f.enrolled = about.started.id
	}
	return nil
}
