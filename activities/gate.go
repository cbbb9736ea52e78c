package activities

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// refusal is why a send may not leave: what is stored of it (E-13).
type refusal struct{ status, reason string }

const (
	sendQueued     = "queued"
	sendSent       = "sent"
	sendFailed     = "failed"
	sendSuppressed = "suppressed"
	sendSkipped    = "skipped"

	reasonEnded          = "enrollment_ended"
	reasonNoEmail        = "no_email"
	reasonUnsubscribed   = "unsubscribed_all"
	reasonCategoryOptOut = "category_opt_out"
	reasonUnknownOutcome = "unknown_outcome"
	reasonPausedLate     = "paused_late"
	reasonOutsideWindow  = "outside_window"
)

// suppressed is row 5 of the gate: it counts for the exact address only (E-20).
func suppressed(records []storedb.Preference, emailKey string) *refusal {
	for _, p := range records {
		if p.Suppressed && p.EmailKey == emailKey && emailKey != "" {
			return &refusal{sendSuppressed, text(p.SuppressionReason)}
		}
	}
	return nil
}

// optedOut is rows 5, 6 and, with a category, 7 of the gate. Opt-outs follow person
// and address: any of the records may hold one (E-20).
func optedOut(records []storedb.Preference, emailKey, category string) (*refusal, error) {
	if r := suppressed(records, emailKey); r != nil {
		return r, nil
	}
	for _, p := range records {
		if p.UnsubscribedAll {
			return &refusal{sendSuppressed, reasonUnsubscribed}, nil
		}
	}
	if category == "" {
		return nil, nil //nolint:nilnil // nothing refuses
	}
	for _, p := range records {
		var categories map[string]bool
		if err := json.Unmarshal(p.Categories, &categories); err != nil {
			return nil, fmt.Errorf("decode categories of preference %s: %w", p.ID, err)
		}
		if on, given := categories[category]; given && !on {
			return &refusal{sendSuppressed, reasonCategoryOptOut}, nil
		}
	}
	return nil, nil //nolint:nilnil // nothing refuses
}

// transactional is the category that windows, gaps and caps let pass (E-16).
const transactional = "transactional"

// outsideWindow is row 8 of the gate: the clock on the contact's wall, as committed,
// at the instant of the claim (E-25, S-38).
func (a *Activities) outsideWindow(ctx context.Context, contact storedb.Contact, r SendRequest, category string, now time.Time) (*refusal, error) {
	window := cmp.Or(r.Window, a.Config.SendWindow)
	if window == (hogsend.Window{}) || category == transactional {
		return nil, nil //nolint:nilnil // nothing refuses
	}
	known, err := contactOf(contact)
	if err != nil {
		return nil, err
	}
	opens, err := window.Clamp(now, a.zoneOf(ctx, known, r.Step.EnrollmentID).Name)
	if err != nil || opens.Equal(now) {
		return nil, err
	}
	return &refusal{sendSkipped, reasonOutsideWindow}, nil
}
