// Package drill is the application of the deploy drill: three builds of one journey.
package drill

import (
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/app"
)

// Main runs a build whose journey is run. Without buckets it has lost a reaction that
// people are in.
func Main(version string, run hogsend.JourneyFunc, buckets ...hogsend.Bucket) {
	app.Main(app.Options{Registry: hogsend.Registry{
		Journeys: []hogsend.Journey{
			{ID: "drill", Name: "Drill", Version: version, Trigger: hogsend.On("drill.started"), EntryLimit: hogsend.Unlimited, Run: run},
			{
				ID: "pinned", Name: "Pinned", Version: version, Trigger: hogsend.On("pinned.started"), EntryLimit: hogsend.Unlimited, Run: run,
				InFlight: hogsend.Pinned,
			},
		},
		Buckets: buckets,
		Templates: []hogsend.Template{
			{Key: "hello", Subject: "Hello", HTML: "<p>Hello</p>"},
			{Key: "extra", Subject: "Extra", HTML: "<p>Extra</p>"},
			{Key: "done", Subject: "Done", HTML: "<p>Done</p>"},
		},
	}})
}

// Staying holds everybody who started, with a timer asleep for a day.
func Staying() hogsend.Bucket {
	return hogsend.Bucket{
		ID: "staying", Name: "Staying", Criteria: hogsend.All(hogsend.Event("drill.started").Exists(), hogsend.Event("drill.go").NotExists()),
		Reactions: []hogsend.Reaction{hogsend.OnDwell(hogsend.After(hogsend.Day), stayed)},
	}
}

func stayed(ctx workflow.Context, run hogsend.Run) error { return Send(ctx, run, "extra") }

// Send sends a template.
func Send(ctx workflow.Context, run hogsend.Run, template string) error {
	_, err := run.Send(ctx, hogsend.Email{Template: template})
	return err
}

// WaitAndFinish is how every build goes on from the parked place.
func WaitAndFinish(ctx workflow.Context, run hogsend.Run) error {
	if _, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "drill.go", Timeout: 48 * hogsend.Day, Label: "wait:48d"}); err != nil {
		return err
	}
	return Send(ctx, run, "done")
}
