package activities

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/store/storedb"
)

func (a *Activities) warn(ctx context.Context, text string, pairs ...any) {
	if a.Logger != nil {
		a.Logger.WarnContext(ctx, text, pairs...)
	}
}

// Kinds of trouble that enrollments in flight may have.
const (
	issueBlocked  = "blocked"
	issueStranded = "stranded"
	issueHistory  = "history"
)

// trouble notes one, and tells of it when it is new.
func (a *Activities) trouble(ctx context.Context, s suspect, kind, detail string, now time.Time) error {
	added, err := a.Store.EnrollmentIssueSet(ctx, storedb.EnrollmentIssueSetParams{EnrollmentID: s.id, Kind: kind, Detail: detail, Now: now})
	if err == nil && added == 0 {
		err = a.Store.EnrollmentIssueSeen(ctx, storedb.EnrollmentIssueSeenParams{EnrollmentID: s.id, Kind: kind, Detail: detail, Now: now})
	}
	if err != nil {
		return fmt.Errorf("note trouble: %w", err)
	}
	if added > 0 && kind == issueBlocked {
		a.warn(ctx, "enrollment is blocked until a corrected binary runs", "enrollment_id", s.id, "journey_id", s.journeyID)
	}
	return nil
}

// suspect is an enrollment that should have moved by now.
type suspect struct {
	id                    uuid.UUID
	journeyID, workflowID string
}
