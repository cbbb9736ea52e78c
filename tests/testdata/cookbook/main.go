// Command cookbook runs the recipes of examples/cookbook as they are, but for what they
// wait before their first mail: that is over at once.
package main

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/app"
	"github.com/hogsend/hogsend/examples/cookbook"
)

func main() {
	registry := cookbook.Registry()
	soon := map[string]hogsend.JourneyFunc{"cart": cart, "onboarding": onboarding, "nps": nps, "team-digest": teamDigest, "review": review}
	for i, j := range registry.Journeys {
		if run, ok := soon[j.ID]; ok {
			registry.Journeys[i].Run = run
		}
	}
	for i, b := range registry.Buckets {
		if b.ID == cookbook.WithoutReports.ID {
			registry.Buckets[i].Reactions = []hogsend.Reaction{hogsend.OnDwell(hogsend.After(time.Second), nudge)}
		}
	}
	app.Main(app.Options{Registry: registry, Activities: cookbook.Activities()})
}

func cart(ctx workflow.Context, run hogsend.Run) error { return cookbook.Cart.Run(ctx, hurry(run)) }

func onboarding(ctx workflow.Context, run hogsend.Run) error {
	return cookbook.Onboarding.Run(ctx, hurry(run))
}

func nps(ctx workflow.Context, run hogsend.Run) error { return cookbook.NPS.Run(ctx, hurry(run)) }

func teamDigest(ctx workflow.Context, run hogsend.Run) error {
	return cookbook.TeamDigest.Run(ctx, hurry(run))
}

func review(ctx workflow.Context, run hogsend.Run) error { return cookbook.Review.Run(ctx, hurry(run)) }

func nudge(ctx workflow.Context, run hogsend.Run) error {
	return cookbook.WithoutReports.Reactions[0].Run(ctx, hurry(run))
}

// hurried is a Run that waits a moment only until it has sent a mail.
type hurried struct {
	hogsend.Run
	sent bool
}

func hurry(run hogsend.Run) hogsend.Run { return &hurried{Run: run} }

const moment = 100 * time.Millisecond

func (h *hurried) Send(ctx workflow.Context, email hogsend.Email) (hogsend.Verdict, error) {
	verdict, err := h.Run.Send(ctx, email)
	h.sent = true
	return verdict, err
}

func (h *hurried) Sleep(ctx workflow.Context, d time.Duration, label ...string) error {
	if !h.sent {
		d = moment
	}
	return h.Run.Sleep(ctx, d, label...)
}

func (h *hurried) SleepUntil(ctx workflow.Context, t time.Time, label ...string) error {
	if !h.sent {
		t = workflow.Now(ctx).Add(moment)
	}
	return h.Run.SleepUntil(ctx, t, label...)
}

func (h *hurried) WaitForEvent(ctx workflow.Context, wait hogsend.Wait) (*hogsend.StoredEvent, error) {
	if !h.sent {
		wait.Timeout = moment
	}
	return h.Run.WaitForEvent(ctx, wait)
}

func (h *hurried) Digest(ctx workflow.Context, digest hogsend.Digest) (hogsend.Collected, error) {
	digest.Window = moment
	return h.Run.Digest(ctx, digest)
}
