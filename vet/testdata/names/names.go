// Package names names what does not exist (T-27).
package names

import (
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/vet/testdata/library"
)

const nudgeTemplate = "nudge"

var dormant = hogsend.Bucket{
	ID: "dormant", Name: "Dormant",
	Criteria:  hogsend.EmailEngagement("nudg").Opened(), // want `there is no template "nudg", did you mean "nudge"\?`
	Reactions: []hogsend.Reaction{hogsend.OnEnter(first), hogsend.OnLeave(second)},
}

// Registry is everything there is.
func Registry() hogsend.Registry {
	return hogsend.Registry{ // want `there is no template "helo", did you mean "hello"\? \(.*library/library.go:\d+\)`
		Journeys: []hogsend.Journey{library.Greet, {
			ID: "nudges", Run: nudges, EntryLimit: hogsend.Once,
			Trigger:   hogsend.On("bucket:entered:dorment"),            // want `there is no bucket "dorment", did you mean "dormant"\?`
			ExitOn:    []hogsend.Exit{{Event: hogsend.Left("dorman")}}, // want `there is no bucket "dorman"`
			Templates: []string{nudgeTemplate, "hello", "hullo"},       // want `there is no template "hullo"`
		}},
		Buckets:   []hogsend.Bucket{dormant},
		Templates: []hogsend.Template{library.Hello(), {Key: nudgeTemplate}},
	}
}

func nudges(ctx workflow.Context, run hogsend.Run) error {
	for _, id := range []string{"greet", "unknown"} {
		if _, err := run.History().Journey(ctx, id); err != nil { // not constant
			return err
		}
	}
	if _, err := run.History().Journey(ctx, "salute"); err != nil {
		return err
	}
	if _, err := run.History().Journey(ctx, "bucket-dormant-on-enter"); err != nil {
		return err
	}
	if _, err := run.History().Journey(ctx, "nudgess"); err != nil { // want `there is no journey "nudgess", did you mean "nudges"\?`
		return err
	}
	if _, err := run.History().Email(ctx, "goodbye"); err != nil { // want `there is no template "goodbye"`
		return err
	}
	if _, err := run.Throttle(ctx, hogsend.Throttle{Max: 1, Window: hogsend.Day, Journey: "greeting"}); err != nil { // want `there is no journey "greeting"`
		return err
	}
	mail := hogsend.Email{Template: nudgeTemplate}
	if run.Version(ctx, "other-mail", 1) > 0 {
		mail.Template = "nudge-2" // want `there is no template "nudge-2"`
	}
	if run.Version(ctx, "shorter", 1) > 0 {
		mail.Subject = "Short"
	}
	if _, err := run.Send(ctx, mail); err != nil {
		return err
	}
	return last(ctx, run)
}

func last(ctx workflow.Context, run hogsend.Run) error {
	if run.Version(ctx, "other-mail", 2) > 0 { // want `the change "other-mail" of Version is used at .*names.go:\d+ as well`
		return nil
	}
	_, err := run.WaitForEvent(ctx, hogsend.Wait{Event: dormant.Entered(), Timeout: hogsend.Day})
	return err
}

// Two journeys may use one name: each has its own marker.
func first(ctx workflow.Context, run hogsend.Run) error {
	_ = run.Version(ctx, "same", 1)
	return nil
}

func second(ctx workflow.Context, run hogsend.Run) error {
	_ = run.Version(ctx, "same", 1)
	_, err := run.WaitForEvent(ctx, hogsend.Wait{Event: hogsend.Entered("dormant"), Timeout: hogsend.Day})
	return err
}
