package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

const (
	// strandedAfter is how long after it should have moved an enrollment counts (J-98).
	strandedAfter = time.Hour
	// settleTime is what a step may take before it is worth a look (J-95).
	settleTime = 20 * time.Second
	// wokenWindow is how far back events are looked at whose wait did not end.
	wokenWindow   = 24 * time.Hour
	reconcilePage = 500
	inspectLimit  = 200
	clearLimit    = 1000
)

// Reconcile looks at every enrollment that should have moved an hour ago: one whose
// workflow is open is noted as stranded and never touched; one whose workflow is
// gone becomes failed, so that it never blocks re-entry for ever (J-98).
func (a *Activities) Reconcile(ctx context.Context) error {
	defer keepAlive(ctx)()
	now, err := a.Store.IngestClock(ctx)
	if err != nil {
		return fmt.Errorf("read clock: %w", err)
	}
	stranded := map[uuid.UUID]bool{}
	err = a.suspects(ctx, now.Add(-strandedAfter), func(s suspect) error {
		x, err := a.Executions.Look(ctx, s.workflowID)
		switch {
		case err != nil:
			return fmt.Errorf("look at workflow: %w", err)
		case !x.Open:
			return a.lose(ctx, s, x.Status)
		}
		stranded[s.id] = true
		if err := a.judge(ctx, s, x, now); err != nil {
			return err
		}
		return a.trouble(ctx, s, issueStranded, "", now)
	})
	if err != nil {
		return err
	}
	if len(stranded) > 0 {
		a.warn(ctx, "enrollments are stranded", "count", len(stranded))
	}
	if err := a.Store.EnrollmentIssueClearUnseen(ctx, issueStranded, now); err != nil {
		return fmt.Errorf("clear enrollment issues: %w", err)
	}
	return nil
}

// suspects calls look for every enrollment that should have moved before then.
func (a *Activities) suspects(ctx context.Context, before time.Time, look func(s suspect) error) error {
	active := storedb.ReconcileActiveParams{Before: before, RowLimit: reconcilePage}
	for more := true; more; {
		rows, err := a.Store.ReconcileActive(ctx, active)
		if err != nil {
			return fmt.Errorf("list untouched enrollments: %w", err)
		}
		for _, row := range rows {
			if err := look(suspect{row.ID, row.JourneyID, row.WorkflowID}); err != nil {
				return err
			}
			active.AfterAt, active.AfterID = row.UpdatedAt, row.ID
		}
		more = len(rows) == reconcilePage
	}
	overdue := storedb.ReconcileOverdueParams{Before: before, RowLimit: reconcilePage}
	for more := true; more; {
		rows, err := a.Store.ReconcileOverdue(ctx, overdue)
		if err != nil {
			return fmt.Errorf("list overdue enrollments: %w", err)
		}
		for _, row := range rows {
			if err := look(suspect{row.ID, row.JourneyID, row.WorkflowID}); err != nil {
				return err
			}
			overdue.AfterAt, overdue.AfterID = row.Deadline, row.WaitID
		}
		more = len(rows) == reconcilePage
	}
	woken := storedb.ReconcileWokenParams{AfterAt: before.Add(-wokenWindow), Before: before, RowLimit: reconcilePage}
	for more := true; more; {
		rows, err := a.Store.ReconcileWoken(ctx, woken)
		if err != nil {
			return fmt.Errorf("list woken enrollments: %w", err)
		}
		for _, row := range rows {
			if err := look(suspect{row.ID, row.JourneyID, row.WorkflowID}); err != nil {
				return err
			}
			woken.AfterAt, woken.AfterID = row.ClosedAt, row.WaitID
		}
		more = len(rows) == reconcilePage
	}
	return nil
}

// lose ends an enrollment whose workflow is gone (J-62, J-98).
func (a *Activities) lose(ctx context.Context, s suspect, status string) error {
	ended, err := a.Ingest.Finish(ctx, s.id, ingest.End{Status: contract.EnrollmentFailed, Error: "workflow lost: " + status})
	if errors.Is(err, store.ErrNotFound) {
		return nil // erased since
	}
	if err == nil && ended == contract.EnrollmentFailed {
		a.warn(ctx, "workflow of an enrollment is lost", "enrollment_id", s.id, "journey_id", s.journeyID, "status", status)
	}
	return err
}

// Inspect notes the enrollments that cannot go on, because the code they run has no
// answer for their history: within a minute, so that whoever deployed it hears of it
// (J-95). They go on by themselves once a corrected binary runs. It also ends the mails that
// nobody calls for any more (E-33).
func (a *Activities) Inspect(ctx context.Context) error {
	defer keepAlive(ctx)()
	now, err := a.Store.IngestClock(ctx)
	if err != nil {
		return fmt.Errorf("read clock: %w", err)
	}
	if err := a.endAbandonedSends(ctx, now); err != nil {
		a.warn(ctx, "abandoned mails are not ended", "error", err) // the next round does
	}
	before := now.Add(-settleTime)
	latest, err := a.Store.ReconcileLatest(ctx, before, inspectLimit)
	if err != nil {
		return fmt.Errorf("list enrollments to look at: %w", err)
	}
	woken, err := a.Store.ReconcileWoken(ctx, storedb.ReconcileWokenParams{AfterAt: before.Add(-strandedAfter), Before: before, RowLimit: inspectLimit})
	if err != nil {
		return fmt.Errorf("list woken enrollments: %w", err)
	}
	var suspects []suspect
	for _, row := range latest {
		suspects = append(suspects, suspect{row.ID, row.JourneyID, row.WorkflowID})
	}
	for _, row := range woken {
		suspects = append(suspects, suspect{row.ID, row.JourneyID, row.WorkflowID})
	}
	seen := map[uuid.UUID]bool{}
	for _, s := range suspects {
		if seen[s.id] {
			continue
		}
		seen[s.id] = true
		if err := a.look(ctx, s, now); err != nil {
			return err
		}
	}
	return a.clearBlocked(ctx, now)
}

func (a *Activities) look(ctx context.Context, s suspect, now time.Time) error {
	x, err := a.Executions.Look(ctx, s.workflowID)
	if err != nil {
		return fmt.Errorf("look at workflow: %w", err)
	}
	return a.judge(ctx, s, x, now)
}

// judge notes a workflow that is blocked.
func (a *Activities) judge(ctx context.Context, s suspect, x Execution, now time.Time) error {
	if x.Blocked == "" {
		return nil
	}
	return a.trouble(ctx, s, issueBlocked, x.Blocked, now)
}

// clearBlocked forgets who is blocked no more, of those who were not looked at for longest:
// a bad binary may block more than one round can look at.
func (a *Activities) clearBlocked(ctx context.Context, now time.Time) error {
	known, err := a.Store.EnrollmentIssuesOf(ctx, issueBlocked, clearLimit)
	if err != nil {
		return fmt.Errorf("list enrollment issues: %w", err)
	}
	var over []uuid.UUID
	for _, t := range known {
		var x Execution
		if t.Status.Live() {
			if x, err = a.Executions.Look(ctx, t.WorkflowID); err != nil {
				return fmt.Errorf("look at workflow: %w", err)
			}
		}
		if x.Blocked == "" {
			over = append(over, t.ID)
		} else if err := a.trouble(ctx, suspect{t.ID, t.JourneyID, t.WorkflowID}, issueBlocked, x.Blocked, now); err != nil {
			return err
		}
	}
	if len(over) == 0 {
		return nil
	}
	if err := a.Store.EnrollmentIssueClear(ctx, over, issueBlocked); err != nil {
		return fmt.Errorf("clear enrollment issues: %w", err)
	}
	return nil
}
