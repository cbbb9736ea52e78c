// Package hogsend is for authors of lifecycle messaging: it has the types with which
// journeys, buckets and templates are written, and the [Registry] that lists them. It
// does no I/O. Package app turns a registry into a program, package hogsendtest runs
// journeys in virtual time in tests.
//
// A [Journey] is a Go function that is started for a contact when an event comes. It
// waits, branches and sends mails through its [Run], for minutes or for months; it
// survives restarts and deploys, because Temporal executes it as a workflow. So it must
// be deterministic: use Run for time, waits and everything that comes from outside.
//
// A [Bucket] is a group of contacts, kept up to date by criteria on their events,
// properties and mails. Whoever enters, leaves or stays for a while can start a journey.
//
// A complete program:
//
//	package main
//
//	import (
//		"go.temporal.io/sdk/workflow"
//
//		"github.com/hogsend/hogsend"
//		"github.com/hogsend/hogsend/app"
//		"github.com/hogsend/hogsend/standalone"
//	)
//
//	func welcome(ctx workflow.Context, run hogsend.Run) error {
//		if _, err := run.Send(ctx, hogsend.Email{Template: "welcome"}); err != nil {
//			return err
//		}
//		project, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "project.created", Timeout: 3 * hogsend.Day})
//		if err != nil || project != nil {
//			return err // something failed, or the contact needs no reminder
//		}
//		_, err = run.Send(ctx, hogsend.Email{Template: "first-project"})
//		return err
//	}
//
//	func main() {
//		app.Main(app.Options{
//			Embedded: standalone.Embedded{}, // for the command dev: all on this machine
//			Registry: hogsend.Registry{
//				Journeys: []hogsend.Journey{{
//					ID: "welcome", Name: "Welcome",
//					Trigger:    hogsend.On("user.created"),
//					EntryLimit: hogsend.Once,
//					ExitOn:     []hogsend.Exit{{Event: "user.deleted"}},
//					Run:        welcome,
//				}},
//				Templates: []hogsend.Template{
//					{Key: "welcome", Subject: "Hello, {{.Name}}", HTML: "<p>Good to have you here.</p>"},
//					{Key: "first-project", Subject: "Your first project", HTML: "<p>It takes a minute.</p>"},
//				},
//			},
//		})
//	}
//
// Durations are time.Duration; [Day] is exactly 24 hours. Instants are in UTC, local
// times of day are texts such as "9:00" in the contact's time zone. Ids are stable names
// of small letters, digits and hyphens. A mistake in a definition is told at start, by
// [Registry.Validate]; a mistake in a call is a [*ValidationError]. The rules in
// parentheses, such as (J-124), are in docs/spec.
package hogsend
