package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
)

// When implements hogsend.Run. The end of the chain is an activity, so that neither
// a later database of zones nor later code changes an instant (S-5).
func (r *journeyRun) When(ctx workflow.Context) hogsend.When {
	return hogsend.NewWhen(func(s hogsend.Schedule) (time.Time, error) {
		if err := r.readable(ctx); err != nil {
			return time.Time{}, err
		}
		request := contract.InstantRequest{EnrollmentID: r.enrollmentID, Now: workflow.Now(ctx), Schedule: s}
		var found contract.InstantValue
		if err := r.local(ctx, contract.FindInstantName, "when", request, &found); err != nil {
			return time.Time{}, err
		}
		if found.Past {
			return time.Time{}, hogsend.ErrPast
		}
		return found.At, nil
	})
}

// Timezone implements hogsend.Run.
func (r *journeyRun) Timezone(ctx workflow.Context) (hogsend.Zone, error) {
	if err := r.readable(ctx); err != nil {
		return hogsend.Zone{}, err
	}
	var value contract.ZoneValue
	err := r.local(ctx, contract.ReadTimezoneName, "timezone", r.enrollmentID, &value)
	return value.Zone, err
}

// Local implements hogsend.Run.
func (r *journeyRun) Local(ctx workflow.Context, t time.Time) (time.Time, error) {
	zone, err := r.Timezone(ctx)
	if err != nil {
		return time.Time{}, err
	}
	loc, err := hogsend.LoadZone(zone.Name)
	if err != nil {
		return time.Time{}, err
	}
	return t.In(loc), nil
}

// Version implements hogsend.Run.
func (r *journeyRun) Version(ctx workflow.Context, change string, newest int) int {
	if change == "" || newest < 0 {
		panic("hogsend: Version needs the name of a change and a newest version of 0 or more")
	}
	return int(workflow.GetVersion(ctx, change, workflow.DefaultVersion, workflow.Version(newest)))
}
