package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/hogsend/hogsend/internal/contract"
)

// scheduleAlerts makes sure that alert rules are evaluated every minute, one evaluation at a
// time; a missed one is not made up (O-13). The schedule of the first worker stands.
func (w *Worker) scheduleAlerts(ctx context.Context) error {
	_, err := w.cfg.Client.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID:   contract.AlertsID,
		Spec: client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: time.Minute}}},
		Action: &client.ScheduleWorkflowAction{
			ID: contract.AlertsID, Workflow: contract.AlertsType, TaskQueue: w.cfg.TaskQueue, WorkflowExecutionTimeout: 10 * time.Minute,
		},
		Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: 10 * time.Second,
	})
	if err != nil && !errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		return fmt.Errorf("schedule alerts: %w", err)
	}
	return nil
}
