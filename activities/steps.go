package activities

import (
	"context"
	"encoding/json"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// stand queues where the enrollment stands from the commit on.
func (a *Activities) stand(ctx context.Context, tx *store.EnrollmentTx, status contract.EnrollmentStatus, node string) {
	tx.Add(func(q *storedb.Queries) error {
		return q.EnrollmentStand(ctx, storedb.EnrollmentStandParams{ID: tx.Enrollment.ID, Status: status, Node: node, Now: tx.Now})
	})
}

// log queues a row of the step log. A repeated step adds none (J-114).
func (a *Activities) log(ctx context.Context, tx *store.EnrollmentTx, step contract.Step, action, from, to string, detail map[string]any) {
	row := a.logRow(tx, step, action, from, to, detail)
	tx.Add(func(q *storedb.Queries) error { return q.StepLogInsert(ctx, row) })
	if step.LongHistory != "" {
		a.warnLongHistory(ctx, tx, step)
	}
}

// move queues a row of the step log that also says where the enrollment stands from
// the commit on. A repeated step moves nobody (J-66).
func (a *Activities) move(ctx context.Context, tx *store.EnrollmentTx, step contract.Step, action string, status contract.EnrollmentStatus, from, to string, detail map[string]any) {
	row := a.logRow(tx, step, action, from, to, detail)
	tx.Add(func(q *storedb.Queries) error {
		return q.StepMove(ctx, storedb.StepMoveParams{
			EnrollmentID: row.EnrollmentID, StepKey: row.StepKey, Action: row.Action, FromNode: row.FromNode, ToNode: row.ToNode, Detail: row.Detail,
			BuildID: row.BuildID, At: row.At, Status: status,
		})
	})
	if step.LongHistory != "" {
		a.warnLongHistory(ctx, tx, step)
	}
}

func (a *Activities) logRow(tx *store.EnrollmentTx, step contract.Step, action, from, to string, detail map[string]any) storedb.StepLogInsertParams {
	if detail == nil {
		detail = map[string]any{}
	}
	raw, err := json.Marshal(detail)
	if err != nil {
		raw = json.RawMessage("{}") // details are made here of strings and instants, which always encode
	}
	return storedb.StepLogInsertParams{
		EnrollmentID: tx.Enrollment.ID, StepKey: step.Key, Action: action, FromNode: from, ToNode: to, Detail: raw, BuildID: a.Config.BuildID, At: tx.Now,
	}
}

// warnLongHistory notes that the workflow's history has become long, once (J-99).
func (a *Activities) warnLongHistory(ctx context.Context, tx *store.EnrollmentTx, step contract.Step) {
	tx.Add(func(q *storedb.Queries) error {
		added, err := q.EnrollmentIssueSet(ctx, storedb.EnrollmentIssueSetParams{EnrollmentID: tx.Enrollment.ID, Kind: issueHistory, Detail: step.LongHistory, Now: tx.Now})
		if added > 0 {
			a.warn(ctx, "history of an enrollment has become long", "enrollment_id", tx.Enrollment.ID, "journey_id", tx.Enrollment.JourneyID, "history", step.LongHistory)
		}
		return err
	})
}
