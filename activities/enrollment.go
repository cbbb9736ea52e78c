package activities

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide/steps"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// ClaimEnrollment gives the enrollment to the workflow's first run. A terminal row,
// one of another run or none at all is not claimed: the workflow ends and changes
// nothing (J-54, J-55).
func (a *Activities) ClaimEnrollment(ctx context.Context, r contract.ClaimRequest) (contract.Claim, error) {
	id, err := parseID(r.EnrollmentID)
	if err != nil {
		return contract.Claim{}, final(err)
	}
	claim := contract.Claim{BuildID: a.Config.BuildID}
	began := func() {}
	err = a.Store.WithEnrollment(ctx, id, nil, func(tx *store.EnrollmentTx) error {
		e := tx.Enrollment
		claim.Status = e.Status
		if !steps.ClaimsEnrollment(e.Status, text(e.FirstRunID), r.FirstRunID) {
			return nil
		}
		trigger, err := tx.Q.EventGet(ctx, e.TriggerEventID)
		if err != nil {
			return fmt.Errorf("read trigger event: %w", err)
		}
		if claim.Event, err = storedEvent(trigger); err != nil {
			return err
		}
		claim.Claimed, claim.ContactID = true, e.ContactID.String()
		if claim.Held, err = heldEntry(ctx, tx); err != nil {
			return err
		}
		if waited := tx.Now.Sub(e.CreatedAt); a.Measure.Began != nil && e.FirstRunID == nil && claim.Held == nil {
			began = func() { a.Measure.Began(max(waited, 0)) }
		}
		claim.Now = steps.AfterEvent(trigger.ReceivedAt, max(*trigger.Seq, seq(e.MarkSeq)))
		claim.Enrollment = hogsend.Enrollment{ID: r.EnrollmentID, JourneyID: e.JourneyID, Key: e.Key, Entry: int(e.Entry), Version: e.Version, EnrolledAt: e.CreatedAt.UTC()}
		tx.Add(func(q *storedb.Queries) error {
			_, err := q.EnrollmentClaim(ctx, r.FirstRunID, tx.Now, id)
			return err
		})
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		return contract.Claim{Status: "unknown"}, nil // erased since
	}
	if err == nil {
		began()
	}
	return claim, err
}

// heldEntry says how a pause holds the entry whose workflow was there before it: that of a
// timer (J-168).
func heldEntry(ctx context.Context, tx *store.EnrollmentTx) (*contract.PausedEffect, error) {
	e := tx.Enrollment
	if e.Status != contract.EnrollmentWaiting {
		return nil, nil //nolint:nilnil // nothing is held, nothing failed
	}
	rows, err := tx.Q.PausedEffectFind(ctx, e.ID, contract.EntryStep)
	if err != nil {
		return nil, fmt.Errorf("find held entry: %w", err)
	}
	if len(rows) == 0 || rows[0].ClosedAt != nil {
		return nil, nil //nolint:nilnil // as above
	}
	return &contract.PausedEffect{EnrollmentID: e.ID.String(), ID: rows[0].ID.String(), Node: steps.PausedNode(contract.EntryStep)}, nil
}

// FinishEnrollment records a terminal state. The first one committed stands and is
// returned, whoever wrote it (J-65).
func (a *Activities) FinishEnrollment(ctx context.Context, r contract.FinishRequest) (contract.Finish, error) {
	id, err := parseID(r.EnrollmentID)
	if err != nil {
		return contract.Finish{}, final(err)
	}
	status, err := a.Ingest.Finish(ctx, id, ingest.End{Status: r.Status, Error: r.Error, Reason: r.Reason, StepKey: "end"})
	return contract.Finish{Status: status}, err
}

// storedEvent is an event as a journey gets it.
func storedEvent(e storedb.Event) (hogsend.StoredEvent, error) {
	event := hogsend.StoredEvent{ID: e.ID.String(), Name: e.Name, OccurredAt: e.OccurredAt.UTC(), ReceivedAt: e.ReceivedAt.UTC(), Source: e.Source}
	var err error
	if event.Properties, event.Truncated, err = steps.Properties(e.Properties); err != nil {
		return event, fmt.Errorf("read event %s: %w", e.ID, err)
	}
	return event, nil
}

// ReadContact reads the enrollment's contact as committed now; after a merge the
// survivor (J-121).
func (a *Activities) ReadContact(ctx context.Context, enrollmentID string) (contract.ContactValue, error) {
	id, err := parseID(enrollmentID)
	if err != nil {
		return contract.ContactValue{}, final(err)
	}
	row, err := a.Store.EnrollmentContact(ctx, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return contract.ContactValue{}, nil // erased since: nothing is known any more
	}
	if err != nil {
		return contract.ContactValue{}, fmt.Errorf("read contact: %w", err)
	}
	contact, err := contactOf(row)
	return contract.ContactValue{Contact: contact}, err
}

func seq(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
