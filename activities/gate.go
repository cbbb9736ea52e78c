package activities

import (
	"encoding/json"
	"fmt"

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
