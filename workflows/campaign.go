package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend/internal/contract"
)

const (
	// callsPerRun bounds the history of a campaign (E-71).
	callsPerRun = 100
	// freezeTimeout bounds one call: the freeze of a large audience is the longest.
	freezeTimeout = time.Hour
	// maxCampaignPause is how long a campaign waits at most before it tries a provider again
	// that takes no mails.
	maxCampaignPause = time.Minute
)

// Campaign lets an activity do the next step of a campaign until it is over, and sleeps
// meanwhile: until it is scheduled, until the next recipient is due, until it is resumed.
func Campaign(ctx workflow.Context, campaignID string) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: freezeTimeout, HeartbeatTimeout: sendHeartbeat, RetryPolicy: transientRetries(),
	})
	wake := workflow.GetSignalChannel(ctx, contract.SignalWake)
	failures := 0
	for range callsPerRun {
		for wake.ReceiveAsync(nil) { // what it is woken for, the activity reads itself
		}
		var next contract.CampaignResult
		if err := workflow.ExecuteActivity(ctx, contract.CampaignName, campaignID).Get(ctx, &next); err != nil {
			return err
		}
		if next.Done {
			return nil
		}
		var pause time.Duration
		if next.Until != nil {
			pause = max(next.Until.Sub(workflow.Now(ctx)), minRetry)
		}
		if failures++; next.Failing {
			pause = max(pause, min(time.Second<<min(failures-1, 6), maxCampaignPause))
		} else {
			failures = 0
		}
		if !next.Sleeps && pause == 0 {
			continue
		}
		if err := awaken(ctx, wake, pause); err != nil {
			return err
		}
	}
	return workflow.NewContinueAsNewError(ctx, contract.CampaignType, campaignID)
}

// awaken waits for the signal, or for as long as pause says; 0 is for ever.
func awaken(ctx workflow.Context, wake workflow.ReceiveChannel, pause time.Duration) error {
	timer, cancel := workflow.WithCancel(ctx)
	defer cancel()
	s := workflow.NewSelector(ctx).AddReceive(wake, func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, nil) })
	if pause > 0 {
		s.AddFuture(workflow.NewTimer(timer, pause), func(workflow.Future) {})
	}
	s.AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) {})
	s.Select(ctx)
	return ctx.Err()
}
