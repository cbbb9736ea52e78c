package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
)

const (
	digestLookback = 15 * time.Minute
	digestEvents   = 500
)

// Digest implements hogsend.Run.
func (r *journeyRun) Digest(ctx workflow.Context, digest hogsend.Digest) (hogsend.Collected, error) {
	request, until, err := r.digestRequest(digest, workflow.Now(ctx))
	if err != nil {
		return hogsend.Collected{}, err
	}
	request.After, request.CalledAt, request.Several = r.mark, workflow.Now(ctx), r.several
	window, err := r.wait(ctx, contract.BeginWaitRequest{
		Label: request.Label, Event: request.Event, Conditions: request.Where, Deadline: &until, Digest: true,
	}, "window")
	if err != nil {
		return hogsend.Collected{}, err
	}
	request.Step, request.WaitID = r.step("digest", request.Label, request.Label), window.WaitID
	var result contract.CollectResult
	if err := r.local(ctx, contract.CollectDigestName, request.Label, request, &result); err != nil {
		return hogsend.Collected{}, err
	}
	if result.Ended {
		return hogsend.Collected{}, r.end()
	}
	return result.Collected, nil
}

// digestRequest checks what the author asked, and when the window ends.
func (r *journeyRun) digestRequest(digest hogsend.Digest, now time.Time) (request contract.CollectRequest, until time.Time, err error) {
	trigger := r.claim.Event.Name
	if digest.Event == "" {
		digest.Event = trigger
	}
	if digest.Where == nil && digest.Event == trigger {
		digest.Where = r.trigger
	}
	awaited, err := r.alternative("", hogsend.Wait{Event: digest.Event, Where: digest.Where})
	if err != nil {
		return request, until, err
	}
	request = contract.CollectRequest{Event: awaited.Event, Where: awaited.Where, Lookback: digest.Lookback, Max: digest.Max}
	if digest.Lookback == 0 {
		request.Lookback = digestLookback
	}
	switch {
	case digest.Window < 0 || digest.Window == hogsend.Forever:
		return request, until, invalid("window", "must be positive, and end")
	case digest.Window == 0 && digest.Until.IsZero():
		return request, until, invalid("window", "Window or Until is required")
	case digest.Window != 0 && !digest.Until.IsZero():
		return request, until, invalid("window", "give either Window or Until")
	case digest.Max < 0 || digest.Max > digestEvents:
		return request, until, invalid("max", "must be 1 to %d", digestEvents)
	case digest.Max == 0:
		request.Max = digestEvents
	}
	if until = digest.Until; until.IsZero() {
		until = now.Add(digest.Window)
	}
	request.Label, err = labelOr(digest.Label, "digest:"+digest.Event)
	return request, until, err
}
