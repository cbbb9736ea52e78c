package hogsendtest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/examples/saas"
	"github.com/hogsend/hogsend/hogsendtest"
)

// T-14: the example's journeys come to the same wherever their worker is lost.
func TestTheExamplesSurviveTheLossOfTheirWorker(t *testing.T) {
	t.Parallel()
	s := hogsendtest.New(t, saas.Registry())
	person := s.Contact(ada())
	person.At(0, "user.created")
	person.At(0, "trial.started", hogsend.Properties{"trialDays": 14})
	person.At(time.Hour, "payment.failed", hogsend.Properties{"amount": 49, "invoiceId": "I-1"})
	person.At(3*hogsend.Day, "payment.succeeded", hogsend.Properties{"invoiceId": "I-1"})
	person.At(4*hogsend.Day, "order.completed", hogsend.Properties{"amount": 20})
	got := s.Run()
	require.Equal(t, []string{"welcome", "payment-failed", "nudge", "payment-reminder", "order-thanks", "trial-ending", "trial-ended"}, got.Mailbox.Templates("ada"))
}

// T-15: an activity that is not idempotent is told of.
func TestAnActivityThatRunsTwiceIsToldOf(t *testing.T) {
	t.Parallel()
	play := func(allowed, changes bool) string {
		return failure(t, func(x hogsendtest.T) {
			count := 0
			s := hogsendtest.New(x, registryOf(path(greets)))
			s.Activity("Greet", func(_ context.Context, id string) (string, error) {
				if count++; changes {
					return fmt.Sprint("hello ", count), nil
				}
				return "hello " + id, nil
			})
			s.Workflow("Aside", aside)
			s.Contact(ada()).At(0, "go")
			if allowed {
				s.Allow(hogsendtest.RanTwice, "Greet")
			}
			s.Run()
		})
	}
	require.Contains(t, play(false, false), "Greet ran twice with the worker lost after the effect of, and before recording, step 2, Greet")
	require.Empty(t, play(true, false))
	require.Contains(t, play(true, true), "with the worker lost before step 1, ClaimEnrollment") // it is allowed, and counts the runs of the script
}

func tenSteps(ctx workflow.Context, run hogsend.Run) error {
	for range 5 {
		if err := send(ctx, run, "note"); err != nil {
			return err
		}
		if err := run.Sleep(ctx, hogsend.Day); err != nil {
			return err
		}
	}
	return nil
}

// T-16.
//
//nolint:paralleltest // it measures time
func TestBothModesForTenStepsTakeSeconds(t *testing.T) {
	s := hogsendtest.New(t, registryOf(path(tenSteps)))
	s.Contact(ada()).At(0, "go")
	began := hogsendtest.Spent(t)
	s.Run()
	// The figure is the benchmark's; this is what any machine keeps.
	require.Less(t, hogsendtest.Spent(t)-began, 10*time.Second)
}

func unlimited(ctx workflow.Context, run hogsend.Run) error {
	e, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "word", Timeout: 63 * hogsend.Day})
	switch {
	case err != nil:
		return err
	case e == nil:
		return nil
	case e.Properties["word"] == "exit":
		return run.Exit(ctx, "asked to")
	}
	return fmt.Errorf("heard %v", e.Properties["word"])
}

// T-19: an unlimited journey completes, fails and exits three times each, and a sleep
// of 63 days passes.
func TestAnUnlimitedJourneyEndsInEveryWayAgainAndAgain(t *testing.T) {
	t.Parallel()
	s := hogsendtest.New(t, registryOf(path(unlimited)))
	s.Fails("path")
	person := s.Contact(ada())
	for round := range 3 {
		at := time.Duration(round) * 100 * hogsend.Day
		person.At(at, "go") // completes after 63 days
		person.At(at+70*hogsend.Day, "go")
		person.At(at+71*hogsend.Day, "word", hogsend.Properties{"word": "exit"})
		person.At(at+72*hogsend.Day, "go")
		person.At(at+73*hogsend.Day, "word", hogsend.Properties{"word": "trouble"})
	}
	got := s.Run()
	statuses := map[string]int{}
	for _, e := range got.Enrollments {
		statuses[e.Status+" "+e.ExitReason+e.Error]++
	}
	require.Equal(t, map[string]int{"completed ": 3, "exited asked to": 3, "failed heard trouble": 3}, statuses)
	require.Equal(t, 9, got.Enrollment("ada", "path").Entry)
}

func threeWaits(ctx workflow.Context, run hogsend.Run) error {
	for _, pause := range []time.Duration{hogsend.Day, 2 * hogsend.Day, 63 * hogsend.Day} {
		if err := run.Sleep(ctx, pause); err != nil {
			return err
		}
		if err := send(ctx, run, "note"); err != nil {
			return err
		}
	}
	return nil
}

// T-19: a Once journey with three waits survives a restart of its worker at each of
// them: the guards do not run again.
func TestAOnceJourneySurvivesARestartAtEachWait(t *testing.T) {
	t.Parallel()
	s := hogsendtest.New(t, registryOf(path(threeWaits, func(j *hogsend.Journey) { j.EntryLimit = hogsend.Once })))
	s.Contact(ada()).At(0, "go")
	for _, at := range []time.Duration{hogsend.Day, 3 * hogsend.Day, 66 * hogsend.Day} {
		s.Down(at-time.Hour, at+time.Hour)
	}
	got := s.Run()
	require.Equal(t, []string{"path: enrolled"}, got.DecisionsOf("ada"))
	require.Equal(t, []time.Duration{25 * time.Hour, 73*time.Hour + 0, 66*hogsend.Day + time.Hour}, []time.Duration{offsets(got, "ada")[0], offsets(got, "ada")[1], offsets(got, "ada")[2]})
}
