package workflows_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/workflows"
)

// J-54, J-55: a row that is terminal, or claimed by another run, is left alone.
func TestAJourneyThatIsNotToRunEndsAtOnce(t *testing.T) {
	t.Parallel()
	for _, before := range []row{
		{status: "exited", reason: "admin"}, {status: "completed"}, {status: "failed", firstRun: "mine"}, {status: "unknown"}, {status: "waiting", firstRun: "another"},
	} {
		w := newWorld(t)
		w.row = before
		result, err := w.run(func(workflow.Context, hogsend.Run) error { panic("called") })
		require.NoError(t, err)
		require.Equal(t, workflows.JourneyResult{StateID: enrollmentID, Status: before.status}, result)
		require.Equal(t, before, w.row)
		require.Equal(t, []string{contract.ClaimEnrollmentName}, w.asked)
	}
}

// J-61, J-62, J-63, J-68, J-70, J-94: what the row and Temporal say of each outcome.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	const completed, failed, canceled = "completed", "failed", "canceled" // of the workflow
	for _, tt := range []struct {
		name     string
		run      func(workflow.Context, hogsend.Run) error
		want     row
		workflow string
	}{
		{"nil", func(workflow.Context, hogsend.Run) error { return nil }, row{status: "completed"}, completed},
		{"error", func(workflow.Context, hogsend.Run) error { return errors.New("no such plan") }, row{status: "failed", errorText: "no such plan"}, failed},
		{
			"ErrExited out of thin air", func(workflow.Context, hogsend.Run) error { return fmt.Errorf("leave: %w", hogsend.ErrExited) },
			row{status: "exited", reason: "code"},
			completed,
		},
		{"Exit", func(ctx workflow.Context, run hogsend.Run) error { return run.Exit(ctx, "enough") }, row{status: "exited", reason: "enough"}, completed},
		{"Exit without a reason", func(ctx workflow.Context, run hogsend.Run) error { return run.Exit(ctx, "") }, row{status: "exited", reason: "code"}, completed},
		{"Exit and nil", func(ctx workflow.Context, run hogsend.Run) error { _ = run.Exit(ctx, "enough"); return nil }, row{status: "exited", reason: "enough"}, completed},
		{
			"a context of the author's own", func(ctx workflow.Context, run hogsend.Run) error {
				mine, cancel := workflow.WithCancel(ctx)
				cancel()
				return run.Sleep(mine, time.Hour)
			}, row{status: "failed", errorText: "canceled"}, failed,
		},
		{
			"validation", func(ctx workflow.Context, run hogsend.Run) error { return run.Checkpoint(ctx, "") },
			row{status: "failed", errorText: "label: is required"},
			failed,
		},
	} {
		w := newWorld(t)
		result, err := w.run(tt.run)
		tt.want.firstRun = w.row.firstRun
		require.Equal(t, tt.want, w.row, tt.name)
		switch tt.workflow {
		case completed:
			require.NoError(t, err, tt.name)
			require.Equal(t, workflows.JourneyResult{StateID: enrollmentID, Status: tt.want.status}, result)
		case failed:
			var failure *temporal.ApplicationError
			require.ErrorAs(t, err, &failure, tt.name)
			require.NotContains(t, failure.Error(), "plan", "the text may be personal")
		}
	}
}

// J-67, J-68, J-70: the first commit stands; an error that comes too late is not kept.
func TestAnEndFromOutsideStands(t *testing.T) {
	t.Parallel()
	for _, outcome := range []error{nil, errors.New("too late"), hogsend.ErrExited} {
		w := newWorld(t)
		w.slow = true
		w.during[contract.FinishEnrollmentName] = func() { w.cancel("admin") }
		_, err := w.run(func(workflow.Context, hogsend.Run) error { return outcome })
		require.Equal(t, row{status: "exited", reason: "admin", firstRun: w.row.firstRun}, w.row)
		if outcome == nil || !errors.Is(outcome, hogsend.ErrExited) {
			require.True(t, temporal.IsCanceledError(err), "%v", err)
		}
	}
	w := newWorld(t) // completed first: the exit finds nothing
	w.complete(func(workflow.Context, hogsend.Run) error { return nil })
	w.cancel("admin")
	require.Equal(t, contract.EnrollmentCompleted, w.row.status)
}

// J-69: the terminal state is recorded however long it takes, also of a canceled run.
func TestTheEndIsRecordedAfterAnOutage(t *testing.T) {
	t.Parallel()
	for _, canceled := range []bool{false, true} {
		w := newWorld(t)
		for range 60 {
			w.fails[contract.FinishEnrollmentName] = append(w.fails[contract.FinishEnrollmentName], errors.New("database is away"))
		}
		if canceled {
			w.after(time.Hour, w.env.CancelWorkflow)
		}
		_, err := w.run(func(ctx workflow.Context, run hogsend.Run) error { return run.Sleep(ctx, 2*time.Hour) })
		require.Equal(t, canceled, err != nil)
		require.Len(t, w.finishes, 1)
		require.Equal(t, map[bool]contract.EnrollmentStatus{false: contract.EnrollmentCompleted, true: contract.EnrollmentExited}[canceled], w.row.status)
		require.GreaterOrEqual(t, w.env.Now().Sub(w.start), time.Hour+50*time.Minute, "1 s, doubling, to 1 min (J-93)")
	}
}

// J-66: a wait begins and ends once, one without length needs no timer.
func TestAWaitBeginsAndEndsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.complete(func(ctx workflow.Context, run hogsend.Run) error {
		return errors.Join(run.Sleep(ctx, time.Hour), run.Sleep(ctx, 0), run.Sleep(ctx, -time.Hour, "back"))
	})
	require.Equal(t, []string{
		contract.ClaimEnrollmentName, contract.BeginWaitName, contract.EndWaitName, contract.BeginWaitName, contract.BeginWaitName, contract.FinishEnrollmentName,
	}, w.asked)
	require.Equal(t, []time.Duration{time.Hour}, w.timers)
	require.Equal(t, []string{"sleep:wait:1h#1", "sleep:wait:0s#1", "sleep:back#1"}, w.keys())
}

// effectsOf are all effects; each is to do nothing once the enrollment has ended.
func effectsOf(ctx workflow.Context, run hogsend.Run) map[string]func() error {
	return map[string]func() error{
		"Send":       func() error { _, err := run.Send(ctx, hogsend.Email{Template: "hello"}); return err },
		"Trigger":    func() error { return run.Trigger(ctx, hogsend.TriggerEvent{Event: "mine"}) },
		"Identify":   func() error { return run.Identify(ctx, hogsend.Properties{"plan": "pro"}) },
		"Capture":    func() error { return run.Capture(ctx, "mine", nil) },
		"Checkpoint": func() error { return run.Checkpoint(ctx, "here") },
		"Exit":       func() error { return run.Exit(ctx, "later") },
		"Once": func() error {
			var out int
			return run.Once(ctx, "value", &out, func() (any, error) { return 1, nil })
		},
	}
}

func waitsOf(ctx workflow.Context, run hogsend.Run) map[string]func() error {
	return map[string]func() error{
		"Sleep":      func() error { return run.Sleep(ctx, time.Hour) },
		"SleepUntil": func() error { return run.SleepUntil(ctx, workflow.Now(ctx).Add(time.Hour)) },
		"WaitForEvent": func() error {
			_, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "never", Timeout: time.Hour})
			return err
		},
		"WaitForAny": func() error {
			_, err := run.WaitForAny(ctx, hogsend.AnyOf{Waits: []hogsend.Wait{{Event: "never"}, {Event: "nowhere"}}, Timeout: time.Hour})
			return err
		},
		"Digest": func() error {
			_, err := run.Digest(ctx, hogsend.Digest{Window: time.Hour})
			return err
		},
	}
}

var effectNames = []string{"Send", "Trigger", "Identify", "Capture", "Checkpoint", "Exit", "Once"}

var waitNames = []string{"Sleep", "SleepUntil", "WaitForEvent", "WaitForAny", "Digest"}

// J-76, J-77, J-78: after the end every effect and wait is ErrExited and does
// nothing: with the error swallowed, in another coroutine, in a disconnected context,
// and before the cancel has come.
func TestNothingHappensAfterTheEnd(t *testing.T) {
	t.Parallel()
	for _, name := range append(append([]string{}, effectNames...), waitNames...) {
		for _, canceled := range []bool{false, true} {
			w := newWorld(t)
			w.slow = !canceled
			w.exitsOn = []string{"stop"}
			w.at(time.Minute, "stop")
			var got []error
			_, err := w.run(func(ctx workflow.Context, run hogsend.Run) error {
				_ = workflow.Sleep(ctx, time.Hour) // Temporal's own, which an exit ends only by the cancel
				call := func(ctx workflow.Context) {
					do, ok := effectsOf(ctx, run)[name]
					if !ok {
						do = waitsOf(ctx, run)[name]
					}
					got = append(got, do(), do())
				}
				call(ctx)
				done := workflow.NewChannel(ctx)
				disconnected, _ := workflow.NewDisconnectedContext(ctx)
				workflow.Go(disconnected, func(ctx workflow.Context) {
					call(ctx)
					done.Send(ctx, true)
				})
				done.Receive(disconnected, nil)
				return nil
			})
			require.True(t, temporal.IsCanceledError(err), "%s: %v", name, err)
			require.Len(t, got, 4)
			for _, err := range got {
				require.ErrorIs(t, err, hogsend.ErrExited, name)
			}
			require.Empty(t, w.steps, name)
			require.Empty(t, w.waits, name)
			require.Equal(t, "exited event:stop", string(w.row.status)+" "+string(w.row.reason))
			if name != "Exit" { // which the workflow may ask for, once
				require.LessOrEqual(t, len(w.timers), 1, name)
			}
		}
	}
}

// J-78: a wait ends with the enrollment, even if the event that ended it is the one
// that was waited for.
func TestAnExitEndsAWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exitsOn = []string{"stop"}
	w.at(time.Hour, "stop")
	var got error
	_, err := w.run(func(ctx workflow.Context, run hogsend.Run) error {
		event, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "stop", Timeout: hogsend.Forever})
		require.Nil(t, event)
		got = err
		return err
	})
	require.ErrorIs(t, got, hogsend.ErrExited)
	require.True(t, temporal.IsCanceledError(err))
	require.Equal(t, time.Hour, w.env.Now().Sub(w.start), "at once")
}

func cleanUp(context.Context) (string, error) { return "clean", nil }

// J-85: a cancel interrupts waits at once, what is under way finishes and is
// recorded, and the author's own cleanup runs; Run's effects are closed.
func TestACancelLetsFinish(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.env.RegisterActivityWithOptions(cleanUp, activity.RegisterOptions{Name: "clean-up"})
	w.during[contract.SendName] = func() { w.env.CancelWorkflow() } // Temporal's, before the row has ended
	var verdict hogsend.Verdict
	var sendErr, effectErr, waitErr error
	var cleaned string
	_, err := w.run(func(ctx workflow.Context, run hogsend.Run) error {
		verdict, sendErr = run.Send(ctx, hogsend.Email{Template: "hello"})
		waitErr = run.Sleep(ctx, time.Hour)
		effectErr = run.Trigger(ctx, hogsend.TriggerEvent{Event: "mine"})
		disconnected, _ := workflow.NewDisconnectedContext(ctx)
		disconnected = workflow.WithActivityOptions(disconnected, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
		return workflow.ExecuteActivity(disconnected, "clean-up").Get(disconnected, &cleaned)
	})
	require.NoError(t, sendErr)
	require.True(t, verdict.Sent())
	require.ErrorIs(t, waitErr, hogsend.ErrExited)
	require.ErrorIs(t, effectErr, hogsend.ErrExited)
	require.Equal(t, "clean", cleaned)
	require.True(t, temporal.IsCanceledError(err))
	require.Equal(t, []string{"send:hello#1"}, w.keys())
	require.Equal(t, "exited canceled", string(w.row.status)+" "+string(w.row.reason)) // J-86
}

// J-86, J-85
func TestACancelFromTemporalExits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.after(time.Hour, w.env.CancelWorkflow)
	_, err := w.run(func(ctx workflow.Context, run hogsend.Run) error {
		err := run.Sleep(ctx, 400*hogsend.Day)
		require.ErrorIs(t, err, hogsend.ErrExited)
		return nil // swallowed
	})
	require.True(t, temporal.IsCanceledError(err))
	require.Equal(t, "exited canceled", string(w.row.status)+" "+string(w.row.reason))
	require.Equal(t, time.Hour, w.env.Now().Sub(w.start))
}

// J-93, J-94, J-132: transient errors are retried inside the step under one key;
// final ones are the author's, and fail the enrollment only if he returns them.
func TestErrorsOfASend(t *testing.T) {
	t.Parallel()
	final := func(kind string, detail any) error {
		return temporal.NewNonRetryableApplicationError("final", kind, nil, detail)
	}
	w := newWorld(t)
	for range 9 { // of a provider that is down
		w.fails[contract.SendName] = append(w.fails[contract.SendName], errors.New("503"))
	}
	w.complete(func(ctx workflow.Context, run hogsend.Run) error {
		verdict, err := run.Send(ctx, hogsend.Email{Template: "hello"})
		require.True(t, verdict.Sent())
		return err
	})
	require.Equal(t, []string{"send:hello#1"}, w.keys())
	require.Equal(t, 243*time.Second, w.env.Now().Sub(w.start), "1 s, doubling, at most 1 min apart")

	for _, want := range []error{
		&hogsend.SendError{SendID: "s", Kind: hogsend.SendPermanent, Reason: "422"},
		&hogsend.SendError{SendID: "s", Kind: hogsend.SendUnknownOutcome, Reason: "unknown_outcome"},
		&hogsend.ValidationError{Field: "template", Message: `there is no template "hello"`},
	} {
		fail := func() *world {
			w := newWorld(t)
			kind := contract.ErrorTypeSend
			var invalid *hogsend.ValidationError
			if errors.As(want, &invalid) {
				kind = contract.ErrorTypeValidation
			}
			w.fails[contract.SendName] = []error{final(kind, want)}
			return w
		}
		w := fail()
		w.complete(func(ctx workflow.Context, run hogsend.Run) error { // handled
			_, err := run.Send(ctx, hogsend.Email{Template: "hello"})
			require.Equal(t, want, err)
			return run.Checkpoint(ctx, "went on")
		})
		w = fail()
		_, err := w.run(func(ctx workflow.Context, run hogsend.Run) error {
			_, err := run.Send(ctx, hogsend.Email{Template: "hello"})
			return err
		})
		require.Error(t, err)
		require.Equal(t, "failed "+want.Error(), string(w.row.status)+" "+w.row.errorText)
	}
}

// J-116: keys count per name in execution order; a label is used once.
func TestStepKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fails[contract.TriggerName] = []error{errors.New("died after it")}
	w.complete(func(ctx workflow.Context, run hogsend.Run) error {
		for _, e := range []hogsend.Email{{Template: "tip"}, {Template: "nudge"}, {Template: "tip"}, {Template: "tip", Label: "last"}} {
			if _, err := run.Send(ctx, e); err != nil {
				return err
			}
		}
		_, err := run.Send(ctx, hogsend.Email{Template: "other", Label: "last"})
		var invalid *hogsend.ValidationError
		require.ErrorAs(t, err, &invalid)
		require.Contains(t, invalid.Message, "duplicate_send_label")
		for range 2 {
			if err := run.Trigger(ctx, hogsend.TriggerEvent{Event: "mine"}); err != nil {
				return err
			}
		}
		return errors.Join(run.Capture(ctx, "seen", nil), run.Checkpoint(ctx, "a"), run.Checkpoint(ctx, "a"))
	})
	require.Equal(t, []string{
		"send:tip#1", "send:nudge#1", "send:tip#2", "send:last#1", "trigger:mine#1", "trigger:mine#2", "capture:seen#1", "node:a#1", "node:a#2",
	}, w.keys())
	for _, s := range w.sends {
		require.Equal(t, enrollmentID+":"+s.Step.Key, s.Key) // E-28
	}
}

// J-117: work between waits takes no logical time.
func TestTheLogicalNow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fails[contract.SendName] = []error{errors.New("503"), errors.New("503"), errors.New("503")}
	w.at(2*time.Hour, "used")
	var clock time.Time
	w.complete(func(ctx workflow.Context, run hogsend.Run) error {
		for _, wait := range []hogsend.Wait{
			{Event: "used", Timeout: hogsend.Day}, {Event: "never", Timeout: time.Hour}, {Event: "never", Timeout: -1}, {Event: "never", Timeout: -1},
		} {
			if _, err := run.Send(ctx, hogsend.Email{Template: "hello"}); err != nil {
				return err
			}
			if len(w.begun) == 0 {
				clock = workflow.Now(ctx)
			}
			if _, err := run.WaitForEvent(ctx, wait); err != nil {
				return err
			}
		}
		return nil
	})
	require.Greater(t, clock, w.start.Add(2*time.Second), "workflow.Now is Temporal's clock")
	after := func(i int) time.Duration { return w.begun[i].After.At.Sub(w.start) }
	require.Equal(t, contract.EventPosition{At: w.start, Seq: 1}, w.begun[0].After, "the trigger")
	require.Equal(t, 2*time.Hour, after(1), "the event's reception")
	require.Equal(t, 3*time.Hour, after(2).Truncate(time.Minute), "the deadline")
	require.Equal(t, after(2), after(3), "a wait that only looked back moves nothing")
}

// J-118, J-127, J-128, J-142, J-144: a usage error names the field, and nothing is
// asked of the world.
func TestUsageErrors(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 201)
	cases := map[string][]func(workflow.Context, hogsend.Run) error{}
	add := func(field string, do func(workflow.Context, hogsend.Run) error) {
		cases[field] = append(cases[field], do)
	}
	send := func(e hogsend.Email) func(workflow.Context, hogsend.Run) error {
		return func(ctx workflow.Context, run hogsend.Run) error { _, err := run.Send(ctx, e); return err }
	}
	wait := func(wait hogsend.Wait) func(workflow.Context, hogsend.Run) error {
		return func(ctx workflow.Context, run hogsend.Run) error { _, err := run.WaitForEvent(ctx, wait); return err }
	}
	trigger := func(e hogsend.TriggerEvent) func(workflow.Context, hogsend.Run) error {
		return func(ctx workflow.Context, run hogsend.Run) error { return run.Trigger(ctx, e) }
	}
	arms := func(arms ...hogsend.Arm) func(workflow.Context, hogsend.Run) error {
		return func(ctx workflow.Context, run hogsend.Run) error {
			_, err := run.Variant(ctx, "v", arms...)
			return err
		}
	}
	throttle := func(th hogsend.Throttle) func(workflow.Context, hogsend.Run) error {
		return func(ctx workflow.Context, run hogsend.Run) error { _, err := run.Throttle(ctx, th); return err }
	}
	add("template", send(hogsend.Email{}))
	add("label", send(hogsend.Email{Template: "hello", Label: long}))
	add("props", send(hogsend.Email{Template: "hello", Props: func() {}}))
	add("start", send(hogsend.Email{Template: "hello", Window: hogsend.Window{Start: "x"}}))
	add("subject", send(hogsend.Email{Template: "hello", Subject: "\x00"}))
	add("label", func(ctx workflow.Context, run hogsend.Run) error { return run.Sleep(ctx, time.Hour, long) })
	add("t", func(ctx workflow.Context, run hogsend.Run) error { return run.SleepUntil(ctx, time.Time{}) })
	add("event", wait(hogsend.Wait{Timeout: time.Hour}))
	add("event", wait(hogsend.Wait{Event: long, Timeout: time.Hour}))
	add("label", wait(hogsend.Wait{Event: "x", Timeout: time.Hour, Label: long}))
	add("timeout", wait(hogsend.Wait{Event: "x"}))
	add("timeout", wait(hogsend.Wait{Event: "x", Timeout: 1, Until: time.Unix(1, 0)}))
	add("lookback", wait(hogsend.Wait{Event: "x", Timeout: 1, Lookback: -1}))
	add("lookback", wait(hogsend.Wait{Event: "x", Timeout: 1, Lookback: 1, Fresh: true})) // J-160
	add("where.0", wait(hogsend.Wait{Event: "x", Timeout: 1, Where: []hogsend.Condition{hogsend.Event("y").Exists()}}))
	add("event", trigger(hogsend.TriggerEvent{}))
	for _, reserved := range []string{"bucket:entered:b", "journey:completed", "email.opened", "hogsend:x"} {
		add("event", trigger(hogsend.TriggerEvent{Event: reserved})) // J-135
	}
	add("properties", trigger(hogsend.TriggerEvent{Event: "x", Properties: hogsend.Properties{"f": func() {}}}))
	add("contactProperties", trigger(hogsend.TriggerEvent{Event: "x", ContactProperties: hogsend.Properties{"f": func() {}}}))
	add("event", func(ctx workflow.Context, run hogsend.Run) error { return run.Capture(ctx, "", nil) })
	add("event", func(ctx workflow.Context, run hogsend.Run) error { return run.Capture(ctx, long, nil) })
	add("properties", func(ctx workflow.Context, run hogsend.Run) error {
		return run.Capture(ctx, "x", hogsend.Properties{"f": func() {}})
	})
	add("properties", func(ctx workflow.Context, run hogsend.Run) error {
		return run.Identify(ctx, hogsend.Properties{"f": func() {}})
	})
	add("label", func(ctx workflow.Context, run hogsend.Run) error { return run.Checkpoint(ctx, "") })
	add("label", func(ctx workflow.Context, run hogsend.Run) error { return run.Checkpoint(ctx, long) })
	add("label", func(ctx workflow.Context, run hogsend.Run) error { return run.Once(ctx, "", nil, nil) })
	add("reason", func(ctx workflow.Context, run hogsend.Run) error { return run.Exit(ctx, long) })
	add("name", func(ctx workflow.Context, run hogsend.Run) error {
		_, err := run.Variant(ctx, "", hogsend.Arm{Name: "a", Weight: 1})
		return err
	})
	add("arms", arms())
	add("arms", arms(hogsend.Arm{Name: "a"}))
	add("arms", arms(hogsend.Arm{Weight: 1}))
	add("arms", arms(hogsend.Arm{Name: "a", Weight: 2}, hogsend.Arm{Name: "b", Weight: -1}))
	add("arms", arms(hogsend.Arm{Name: "a", Weight: 1}, hogsend.Arm{Name: "a", Weight: 1}))
	add("arms", arms(hogsend.Arm{Name: "a", Weight: 1 << 62}, hogsend.Arm{Name: "b", Weight: 1 << 62}))
	add("max", throttle(hogsend.Throttle{Window: time.Hour}))
	add("window", throttle(hogsend.Throttle{Max: 1}))
	add("window", throttle(hogsend.Throttle{Max: 1, Window: -1}))
	add("within", func(ctx workflow.Context, run hogsend.Run) error {
		_, err := run.History().Event(ctx, "x", -1)
		return err
	})
	add("name", func(ctx workflow.Context, run hogsend.Run) error {
		_, err := run.History().Event(ctx, "", 0)
		return err
	})
	add("id", func(ctx workflow.Context, run hogsend.Run) error {
		_, err := run.History().Journey(ctx, "")
		return err
	})
	add("template", func(ctx workflow.Context, run hogsend.Run) error { _, err := run.History().Email(ctx, ""); return err })
	add("at", func(ctx workflow.Context, run hogsend.Run) error {
		_, err := run.When(ctx).Tomorrow().At("9")
		return err
	})
	add("in", func(ctx workflow.Context, run hogsend.Run) error {
		_, err := run.When(ctx).In(-1).At("9:00")
		return err
	})

	w := newWorld(t)
	w.complete(func(ctx workflow.Context, run hogsend.Run) error {
		for field, dos := range cases {
			for i, do := range dos {
				err := do(ctx, run)
				var invalid *hogsend.ValidationError
				require.ErrorAs(t, err, &invalid, "%s %d", field, i)
				require.Equal(t, field, invalid.Field, "%d: %s", i, invalid)
			}
		}
		return nil
	})
	require.Equal(t, []string{contract.ClaimEnrollmentName, contract.FinishEnrollmentName}, w.asked)
	require.Empty(t, w.timers)
}

// J-119: with a context that the author canceled himself nothing happens, and the
// enrollment goes on.
func TestAContextOfTheAuthorsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.complete(func(ctx workflow.Context, run hogsend.Run) error {
		mine, cancel := workflow.WithCancel(ctx)
		cancel()
		for _, name := range effectNames {
			require.True(t, temporal.IsCanceledError(effectsOf(mine, run)[name]()), name)
		}
		for _, name := range waitNames {
			require.True(t, temporal.IsCanceledError(waitsOf(mine, run)[name]()), name)
		}
		for i, read := range readsOf(mine, run) {
			require.True(t, temporal.IsCanceledError(read()), "%d", i)
		}
		return run.Checkpoint(ctx, "goes on")
	})
	require.Equal(t, []string{"node:goes on#1"}, w.keys())
	require.Equal(t, []string{contract.ClaimEnrollmentName, contract.CheckpointName, contract.FinishEnrollmentName}, w.asked)
}

func readsOf(ctx workflow.Context, run hogsend.Run) []func() error {
	return []func() error{
		func() error { _, err := run.Contact(ctx); return err },
		func() error { _, err := run.IsSubscribed(ctx); return err },
		func() error { _, err := run.Timezone(ctx); return err },
		func() error { _, err := run.Local(ctx, time.Time{}); return err },
		func() error { _, err := run.When(ctx).NextLocal("9:00"); return err },
		func() error { _, err := run.History().Event(ctx, "x", 0); return err },
		func() error { _, err := run.History().Journey(ctx, "j"); return err },
		func() error { _, err := run.History().Email(ctx, "hello"); return err },
		func() error { _, err := run.Variant(ctx, "v", hogsend.Arm{Name: "a", Weight: 1}); return err },
		func() error { _, err := run.Throttle(ctx, hogsend.Throttle{Max: 1, Window: time.Hour}); return err },
	}
}

// J-119: reads answer after the end; coroutines that still wait are dropped with it.
func TestReadsAnswerAfterTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	result, err := w.run(func(ctx workflow.Context, run hogsend.Run) error {
		workflow.Go(ctx, func(ctx workflow.Context) { _ = run.Sleep(ctx, 400*hogsend.Day) })
		if err := run.Sleep(ctx, time.Hour); err != nil {
			return err
		}
		_ = run.Exit(ctx, "enough")
		for i, read := range readsOf(ctx, run) {
			require.NoError(t, read(), "%d", i)
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, contract.EnrollmentExited, result.Status)
	require.Equal(t, time.Hour, w.env.Now().Sub(w.start))
}

// J-120
func TestTheLoggerKnowsTheEnrollment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var out bytes.Buffer
	w.suite.SetLogger(log.NewStructuredLogger(slog.New(slog.NewTextHandler(&out, nil))))
	w.reset()
	w.env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{workflows.LogFields()}})
	w.complete(func(ctx workflow.Context, _ hogsend.Run) error {
		workflow.GetLogger(ctx).Info("hello")
		return nil
	})
	require.Contains(t, out.String(), "enrollment_id="+enrollmentID+" journey_id=j contact_id="+contactID)
}

// J-115, J-121: the enrollment and its trigger stay; the contact is read at the call.
func TestWhatARunTellsOfItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.complete(func(ctx workflow.Context, run hogsend.Run) error {
		require.Equal(t, hogsend.Enrollment{ID: enrollmentID, JourneyID: "j", Entry: 3, Version: "v1", EnrolledAt: w.start}, run.Enrollment())
		require.Equal(t, "started pro", run.Event().Name+" "+run.Event().Properties["plan"].(string))
		before, err := run.Contact(ctx)
		require.NoError(t, err)
		require.Equal(t, w.contact, before)
		w.contact.Email, w.contact.ID = "ada@new.example", "survivor"
		after, err := run.Contact(ctx)
		require.NoError(t, err)
		require.Equal(t, "ada@new.example survivor", after.Email+" "+after.ID)
		return nil
	})
}

// J-122, J-123
func TestSleeps(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		sleep func(ctx workflow.Context, run hogsend.Run) error
		timer time.Duration // 0 for none
		label string
	}{
		{func(ctx workflow.Context, run hogsend.Run) error { return run.Sleep(ctx, 48*time.Hour) }, 48 * time.Hour, "wait:48h"},
		{func(ctx workflow.Context, run hogsend.Run) error { return run.Sleep(ctx, 90*time.Minute) }, 90 * time.Minute, "wait:1h30m"},
		{func(ctx workflow.Context, run hogsend.Run) error { return run.Sleep(ctx, 1500*time.Millisecond) }, 1500 * time.Millisecond, "wait:1.5s"},
		{func(ctx workflow.Context, run hogsend.Run) error { return run.Sleep(ctx, 400*hogsend.Day, "long") }, 400 * hogsend.Day, "long"},
		{func(ctx workflow.Context, run hogsend.Run) error { return run.Sleep(ctx, 0) }, 0, "wait:0s"},
		{func(ctx workflow.Context, run hogsend.Run) error { return run.Sleep(ctx, -time.Hour) }, 0, "wait:-1h"},
		{
			func(ctx workflow.Context, run hogsend.Run) error {
				return run.SleepUntil(ctx, workflow.Now(ctx).Add(time.Minute))
			},
			60_000 * time.Millisecond, "wait-until:2026-01-05T10:01:00Z",
		},
		{
			func(ctx workflow.Context, run hogsend.Run) error {
				return run.SleepUntil(ctx, time.Date(2026, 1, 5, 12, 0, 0, 0, time.FixedZone("", 3600)))
			}, time.Hour, "wait-until:2026-01-05T11:00:00Z",
		},
		{func(ctx workflow.Context, run hogsend.Run) error { return run.SleepUntil(ctx, time.Unix(1, 0)) }, 0, "wait-until:1970-01-01T00:00:01Z"},
	} {
		w := newWorld(t)
		w.complete(tt.sleep)
		require.Equal(t, tt.label, w.begun[0].Label)
		require.Equal(t, tt.timer, w.env.Now().Sub(w.start), tt.label)
		if tt.timer == 0 {
			require.Empty(t, w.timers)
		} else {
			require.Equal(t, []time.Duration{tt.timer}, w.timers)
		}
	}
}

// J-124: the first event with the name that matches, and nothing when none comes.
func TestWaitForEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.at(time.Hour, "used", hogsend.Properties{"n": 1})
	w.at(2*time.Hour, "other", hogsend.Properties{"n": 2})
	w.at(3*time.Hour, "used", hogsend.Properties{"n": 2})
	w.complete(func(ctx workflow.Context, run hogsend.Run) error {
		event, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "used", Timeout: hogsend.Day, Where: []hogsend.Condition{hogsend.Prop("n").Eq(2)}})
		require.NoError(t, err)
		require.Equal(t, "used", event.Name)
		require.Equal(t, 3*time.Hour, workflow.Now(ctx).Sub(w.start))
		event, err = run.WaitForEvent(ctx, hogsend.Wait{Event: "used", Timeout: hogsend.Day, Label: "again"})
		require.Nil(t, event, "the one that ended an earlier wait never counts again")
		return err
	})
	require.Equal(t, []string{"wait:wait-event:used#1", "wait:again#1"}, w.keys())
	require.Equal(t, 27*time.Hour, w.env.Now().Sub(w.start))
}

// J-125: an event that came during the preceding send is found.
func TestAnEventDuringASendIsFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.during[contract.SendName] = func() { w.receive("used", nil) }
	w.complete(func(ctx workflow.Context, run hogsend.Run) error {
		_, err := run.Send(ctx, hogsend.Email{Template: "hello"})
		require.NoError(t, err)
		event, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "used", Timeout: hogsend.Day})
		require.NotNil(t, event)
		return err
	})
	require.Zero(t, w.env.Now().Sub(w.start))
}

// J-126: Postgres decides. An event that was received in time wins although its
// signal was lost and the timer fired; one that is late does not.
func TestEventAgainstDeadline(t *testing.T) {
	t.Parallel()
	for received, wins := range map[time.Duration]bool{hogsend.Day - time.Millisecond: true, hogsend.Day + time.Millisecond: false} {
		w := newWorld(t)
		w.deaf = true
		w.at(received, "used")
		w.complete(func(ctx workflow.Context, run hogsend.Run) error {
			event, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "used", Timeout: hogsend.Day})
			require.Equal(t, wins, event != nil, received)
			if err != nil || wins {
				return err
			}
			event, err = run.WaitForEvent(ctx, hogsend.Wait{Event: "used", Timeout: time.Hour})
			require.NotNil(t, event, "visible to the next wait")
			return err
		})
	}
}

// J-126: a timer that fires before the deadline has passed for Postgres decides nothing.
func TestATimerThatFiresEarly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	asked := 0
	w.env.RegisterActivityWithOptions(func(ctx context.Context, r contract.EndWaitRequest) (contract.WaitState, error) {
		if asked++; asked <= 3 {
			return contract.WaitState{WaitID: r.WaitID, Deadline: w.begun[0].Deadline}, nil
		}
		return w.endWait(ctx, r)
	}, activity.RegisterOptions{Name: contract.EndWaitName, DisableAlreadyRegisteredCheck: true})
	w.complete(func(ctx workflow.Context, run hogsend.Run) error { return run.Sleep(ctx, time.Hour) })
	require.Equal(t, 4, asked)
	require.Equal(t, time.Hour+300*time.Millisecond, w.env.Now().Sub(w.start))
}

// J-127
func TestDeadlines(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		wait hogsend.Wait
		want time.Duration
	}{
		{hogsend.Wait{Timeout: 7 * hogsend.Day}, 604_800_000 * time.Millisecond},
		{hogsend.Wait{Timeout: 31 * hogsend.Day}, 31 * hogsend.Day},
		{hogsend.Wait{Timeout: 720 * time.Hour}, 720 * time.Hour},
		{hogsend.Wait{Timeout: 730 * hogsend.Day}, 730 * hogsend.Day},
		{hogsend.Wait{Until: time.Date(2026, 1, 5, 11, 0, 0, 0, time.UTC)}, time.Hour},
		{hogsend.Wait{Timeout: -time.Hour}, 0},
		{hogsend.Wait{Until: time.Unix(1, 0)}, 0},
	} {
		w := newWorld(t)
		tt.wait.Event = "never"
		w.complete(func(ctx workflow.Context, run hogsend.Run) error {
			event, err := run.WaitForEvent(ctx, tt.wait)
			require.Nil(t, event)
			return err
		})
		require.Equal(t, tt.want, w.env.Now().Sub(w.start))
		if tt.want == 0 {
			require.Empty(t, w.timers)
		} else {
			require.Equal(t, []time.Duration{tt.want}, w.timers)
		}
	}
	w := newWorld(t)
	w.at(1000*hogsend.Day, "used")
	w.complete(func(ctx workflow.Context, run hogsend.Run) error {
		event, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "used", Timeout: hogsend.Forever})
		require.NotNil(t, event)
		return err
	})
	require.Nil(t, w.begun[0].Deadline)
	require.Empty(t, w.timers)
}

// J-129: one event ends a wait in each coroutine; a signal that comes twice, or for a
// wait that is closed, changes nothing.
func TestOneEventEndsManyWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.at(time.Hour, "used")
	w.after(90*time.Minute, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.signal(w.waits[0])
		w.signal(w.waits[0])
	})
	woken := 0
	w.complete(func(ctx workflow.Context, run hogsend.Run) error {
		group := workflow.NewWaitGroup(ctx)
		for range 3 {
			group.Add(1)
			workflow.Go(ctx, func(ctx workflow.Context) {
				defer group.Done()
				event, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "used", Timeout: hogsend.Day})
				require.NoError(t, err)
				require.NotNil(t, event)
				woken++
			})
		}
		group.Wait(ctx)
		return run.Sleep(ctx, time.Hour)
	})
	require.Equal(t, 3, woken)
	require.ElementsMatch(t, []string{"wait:wait-event:used#1", "wait:wait-event:used#2", "wait:wait-event:used#3", "sleep:wait:1h#1"}, w.keys())
	require.Equal(t, 2*time.Hour, w.env.Now().Sub(w.start))
}

// J-119, J-129: the author who cancels the context of a wait removes it.
func TestAWaitIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.at(2*time.Hour, "used")
	w.complete(func(ctx workflow.Context, run hogsend.Run) error {
		mine, cancel := workflow.WithCancel(ctx)
		workflow.Go(ctx, func(ctx workflow.Context) {
			_ = workflow.Sleep(ctx, time.Hour)
			cancel()
		})
		_, err := run.WaitForEvent(mine, hogsend.Wait{Event: "used", Timeout: hogsend.Forever})
		require.True(t, temporal.IsCanceledError(err))
		require.Equal(t, contract.WaitClosed, w.waits[0].status)
		return run.Sleep(ctx, 2*time.Hour)
	})
	require.Equal(t, contract.WaitClosed, w.waits[0].status, "the event found no wait")
}

// J-131: what is asked of the gate, where the enrollment stands, and that a verdict
// is no error.
func TestSend(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.during[contract.SendName] = func() { require.Equal(t, "send:hello", w.state().Node) }
	w.complete(func(ctx workflow.Context, run hogsend.Run) error {
		verdict, err := run.Send(ctx, hogsend.Email{
			Template: "hello", Props: map[string]any{"n": 1}, Subject: "s", From: "a@b.example", ReplyTo: "r@b.example", Category: "tips", SkipPreferenceCheck: true,
		})
		require.NoError(t, err)
		require.Equal(t, hogsend.Verdict{SendID: "send", Status: hogsend.SendSent, At: w.start}, verdict)
		w.optedOut[""] = true
		verdict, err = run.Send(ctx, hogsend.Email{Template: "hello", Label: "second"})
		require.Equal(t, hogsend.Verdict{SendID: "send", Status: hogsend.SendUnsubscribed, Reason: "unsubscribed_all", At: w.start}, verdict)
		require.False(t, verdict.Sent())
		return err
	})
	first := w.sends[0]
	require.JSONEq(t, `{"n":1}`, string(first.Props))
	first.Props, first.Step.LongHistory = nil, ""
	require.Equal(t, contract.SendRequest{
		Step: contract.Step{EnrollmentID: enrollmentID, Key: "send:hello#1", Node: "send:hello"}, Key: enrollmentID + ":send:hello#1",
		Template: "hello", Subject: "s", From: "a@b.example", ReplyTo: "r@b.example", Category: "tips", SkipPreferenceCheck: true,
	}, first)
	require.Equal(t, "second", w.sends[1].Step.Node)
}

// J-135: the event and when it occurred; it may end this very enrollment.
func TestTrigger(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exitsOn = []string{"last"}
	event := hogsend.TriggerEvent{
		Event: "mine", Properties: hogsend.Properties{"n": 1.0}, ContactProperties: hogsend.Properties{"plan": "pro"}, UserID: "grace", Email: "grace@example.com",
	}
	var got error
	_, err := w.run(func(ctx workflow.Context, run hogsend.Run) error {
		require.NoError(t, run.Sleep(ctx, time.Hour))
		require.NoError(t, run.Trigger(ctx, event))
		require.NoError(t, run.Trigger(ctx, hogsend.TriggerEvent{Event: "last"}))
		_, got = run.Send(ctx, hogsend.Email{Template: "hello"})
		return got
	})
	require.ErrorIs(t, got, hogsend.ErrExited)
	require.True(t, temporal.IsCanceledError(err))
	require.Equal(t, event, w.caused[0].Event)
	require.Equal(t, w.start.Add(time.Hour), w.caused[0].OccurredAt)
	require.Empty(t, w.sends)
	require.Equal(t, contract.ExitByEvent("last"), w.row.reason)
}

// J-136: the first reason stays, and the rest of the journey has no effect.
func TestExit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	result, err := w.run(func(ctx workflow.Context, run hogsend.Run) error {
		require.ErrorIs(t, run.Exit(ctx, strings.Repeat("é", 200)), hogsend.ErrExited)
		require.ErrorIs(t, run.Exit(ctx, "second"), hogsend.ErrExited)
		_, err := run.Send(ctx, hogsend.Email{Template: "hello"})
		require.ErrorIs(t, err, hogsend.ErrExited)
		return errors.New("lost")
	})
	require.NoError(t, err)
	require.Equal(t, contract.EnrollmentExited, result.Status)
	require.Equal(t, contract.ExitReason(strings.Repeat("é", 200)), w.row.reason)
	require.Empty(t, w.row.errorText)
	require.Len(t, w.steps, 1)
}

// J-138
func TestCheckpoint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.complete(func(ctx workflow.Context, run hogsend.Run) error {
		require.NoError(t, errors.Join(run.Checkpoint(ctx, "here"), run.Checkpoint(ctx, "here")))
		require.Equal(t, "here", w.state().Node)
		return nil
	})
	require.Equal(t, []string{"node:here#1", "node:here#2"}, w.keys())
}

// J-139
func TestOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.once["kept before"] = []byte(`7`)
	calls := 0
	w.complete(func(ctx workflow.Context, run hogsend.Run) error {
		var out, again, before int
		fn := func() (any, error) { calls++; return 40 + calls, nil }
		require.NoError(t, run.Once(ctx, "value", &out, fn))
		require.NoError(t, run.Once(ctx, "value", &again, fn))
		require.NoError(t, run.Once(ctx, "kept before", &before, fn))
		require.Equal(t, []int{41, 41, 7, 1}, []int{out, again, before, calls})

		var invalid *hogsend.ValidationError
		var text string
		require.ErrorAs(t, run.Once(ctx, "value", &text, fn), &invalid)
		require.Equal(t, "out", invalid.Field)
		require.EqualError(t, run.Once(ctx, "fails", &out, func() (any, error) { return nil, errors.New("no luck") }), "no luck")
		require.ErrorAs(t, run.Once(ctx, "large", &text, func() (any, error) { return strings.Repeat("x", 64<<10), nil }), &invalid)
		require.NoError(t, run.Once(ctx, "fits", &text, func() (any, error) { return strings.Repeat("x", 64<<10-2), nil }))
		return nil
	})
	require.Len(t, w.once, 3, "nothing is kept of an error")
}

// J-140
func TestIsSubscribed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.complete(func(ctx workflow.Context, run hogsend.Run) error {
		ask := func(category ...string) bool {
			subscribed, err := run.IsSubscribed(ctx, category...)
			require.NoError(t, err)
			return subscribed
		}
		require.True(t, ask())
		w.optedOut["tips"] = true
		require.Equal(t, []bool{true, false, true}, []bool{ask(), ask("tips"), ask("news")})
		w.optedOut[""] = true
		require.False(t, ask())
		return nil
	})
}

func (w *world) state() workflows.State {
	value, err := w.env.QueryWorkflow(contract.QueryState)
	require.NoError(w.t, err)
	var state workflows.State
	require.NoError(w.t, value.Get(&state))
	return state
}

// J-149: the query tells where the enrollment stands, while it waits, when it is
// canceled and after its end, and changes nothing.
func TestStateQuery(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	until := w.start.Add(hogsend.Day)
	base := workflows.State{StateID: enrollmentID, JourneyID: "j", ContactID: contactID, Entry: 3, Version: "v1", BuildID: "build"}
	with := func(change func(*workflows.State)) workflows.State {
		state := base
		change(&state)
		return state
	}
	w.after(time.Hour, func() {
		for range 2 {
			state := w.state()
			require.Equal(t, []string{"used"}, state.WaitingFor.Events)
			require.True(t, until.Equal(*state.WaitingFor.Until))
			state.WaitingFor = nil
			require.Equal(t, with(func(s *workflows.State) { s.Status, s.Node, s.Steps = "waiting", "wait-event:used", 1 }), state)
		}
	})
	w.after(30*time.Hour, func() {
		state := w.state()
		require.Empty(t, state.WaitingFor.Events, "a sleep")
		w.cancel("admin")
	})
	_, err := w.run(func(ctx workflow.Context, run hogsend.Run) error {
		if _, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "used", Timeout: hogsend.Day}); err != nil {
			return err
		}
		require.Equal(t, with(func(s *workflows.State) { s.Status, s.Node, s.Steps = "active", "wait-event:used", 1 }), w.state())
		err := run.Sleep(ctx, hogsend.Day, "rest")
		require.Equal(t, contract.EnrollmentActive, w.state().Status)
		return err
	})
	require.True(t, temporal.IsCanceledError(err))
	require.Equal(t, with(func(s *workflows.State) { s.Status, s.Node, s.Steps = "exited", "rest", 2 }), w.state())
}
