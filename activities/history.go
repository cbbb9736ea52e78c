package activities

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide/steps"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// PastEvents are the contact's events of a name, as a criterion would see them.
func (a *Activities) PastEvents(ctx context.Context, r contract.HistoryRequest) (hogsend.PastEvents, error) {
	_, contactID, err := a.historyOf(ctx, r.EnrollmentID)
	if err != nil || contactID == uuid.Nil {
		return hogsend.PastEvents{}, err
	}
	row, err := a.Store.HistoryEvents(ctx, contactID, r.Name, r.Since)
	if err != nil {
		return hogsend.PastEvents{}, fmt.Errorf("read past events: %w", err)
	}
	if row.Count == 0 {
		return hogsend.PastEvents{}, nil
	}
	return hogsend.PastEvents{Found: true, Count: int(row.Count), FirstAt: row.FirstAt.UTC(), LastAt: row.LastAt.UTC()}, nil
}

// PastEntries are the contact's other enrollments in a journey.
func (a *Activities) PastEntries(ctx context.Context, r contract.HistoryRequest) (hogsend.PastEntries, error) {
	id, contactID, err := a.historyOf(ctx, r.EnrollmentID)
	if err != nil || contactID == uuid.Nil {
		return hogsend.PastEntries{}, err
	}
	row, err := a.Store.HistoryEntries(ctx, contactID, a.Registry.IDs(r.Name), id)
	if err != nil {
		return hogsend.PastEntries{}, fmt.Errorf("read past entries: %w", err)
	}
	past := hogsend.PastEntries{Entries: int(row.Entries)}
	if row.Completed > 0 {
		past.Completed, past.LastCompletedAt = true, row.LastCompletedAt.UTC()
	}
	return past, nil
}

// PastMails are the mails of a template that went out to the contact.
func (a *Activities) PastMails(ctx context.Context, r contract.HistoryRequest) (hogsend.PastMails, error) {
	_, contactID, err := a.historyOf(ctx, r.EnrollmentID)
	if err != nil || contactID == uuid.Nil {
		return hogsend.PastMails{}, err
	}
	row, err := a.Store.HistoryMails(ctx, &contactID, r.Name)
	if err != nil {
		return hogsend.PastMails{}, fmt.Errorf("read past mails: %w", err)
	}
	if row.Count == 0 {
		return hogsend.PastMails{}, nil
	}
	return hogsend.PastMails{Sent: true, Count: int(row.Count), LastSentAt: row.LastSentAt.UTC(), Opened: row.Opened, Clicked: row.Clicked}, nil
}

// historyOf is the contact whose past is asked for; uuid.Nil for one erased since.
func (a *Activities) historyOf(ctx context.Context, enrollmentID string) (id, contactID uuid.UUID, err error) {
	if id, err = parseID(enrollmentID); err != nil {
		return id, contactID, final(err)
	}
	contact, err := a.Store.EnrollmentContact(ctx, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return id, uuid.Nil, nil
	}
	if err != nil {
		return id, contactID, fmt.Errorf("read contact: %w", err)
	}
	return id, contact.ID, nil
}

// Matches asks what a tree of conditions says of the contact now (J-165).
func (a *Activities) Matches(ctx context.Context, r contract.MatchesRequest) (bool, error) {
	tree, err := steps.AskedTree(r.Condition,
		func(key string) bool { _, known := a.Renderer.Lookup(key); return known },
		func(id string) bool { return a.Registry.Bucket(id) != nil })
	if err != nil {
		return false, final(err)
	}
	_, contactID, err := a.historyOf(ctx, r.EnrollmentID)
	if err != nil || contactID == uuid.Nil {
		return false, err
	}
	return a.Ingest.Matches(ctx, contactID, tree)
}

// Throttle counts the sends that count for caps (E-22). The answer that there were
// too many is logged while the enrollment lives.
func (a *Activities) Throttle(ctx context.Context, r contract.ThrottleRequest) (allowed bool, err error) {
	id, err := parseID(r.Step.EnrollmentID)
	if err != nil {
		return false, final(err)
	}
	t := r.Throttle
	err = a.Store.WithEnrollment(ctx, id, nil, func(tx *store.EnrollmentTx) error {
		contact, err := tx.Q.EnrollmentContact(ctx, id)
		if err != nil {
			return fmt.Errorf("read contact: %w", err)
		}
		count := storedb.ThrottleCountParams{
			ContactID: &contact.ID, Since: r.Since, Address: text(contact.Email), JourneyIds: []string{}, TemplateKey: t.Template, Category: t.Category,
		}
		if t.Journey != "" {
			count.JourneyIds = a.Registry.IDs(t.Journey)
		}
		sends, err := tx.Q.ThrottleCount(ctx, count)
		if err != nil {
			return fmt.Errorf("count sends: %w", err)
		}
		allowed = sends < int64(t.Max)
		if !allowed && tx.Enrollment.Status.Live() {
			node := tx.Enrollment.Node
			a.log(ctx, tx, r.Step, "throttled", node, node, map[string]any{"label": t.Label, "max": t.Max, "window": t.Window.String(), "sends": sends})
		}
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		return true, nil // erased since: nothing is known any more
	}
	return allowed, err
}
