package workflows_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
)

// deferring is a stage whose sends are deferred until instants after the start, as
// often as there are any, and then get a verdict. Its holds come first.
type deferring struct {
	*stage
	until   []time.Duration
	verdict hogsend.Verdict
	ended   bool
	dropped []contract.EndWaitRequest
}

func newDeferring(until ...time.Duration) *deferring {
	d := &deferring{stage: newStage(map[string][]string{}), until: until, verdict: hogsend.Verdict{Status: hogsend.SendSent}}
	d.env.RegisterActivityWithOptions(func(_ context.Context, r contract.SendRequest) (contract.SendResult, error) {
		if held := d.effect(r.Step); held != nil {
			return contract.SendResult{Held: held}, nil
		}
		if len(d.until) == 0 {
			return contract.SendResult{Verdict: d.verdict, Ended: d.ended}, nil
		}
		next := d.until[0]
		d.until = d.until[1:]
		return contract.SendResult{Deferred: &contract.Deferral{WaitID: "w", StepKey: r.Step.Key + ":defer#1", Node: "defer:hello", Until: d.start.Add(next)}}, nil
	}, activity.RegisterOptions{Name: contract.SendName, DisableAlreadyRegisteredCheck: true})
	d.env.RegisterActivityWithOptions(func(_ context.Context, r contract.EndWaitRequest) (contract.WaitState, error) {
		d.dropped = append(d.dropped, r)
		return contract.WaitState{Closed: true}, nil
	}, activity.RegisterOptions{Name: contract.EndWaitName})
	return d
}

// at does something a while after the start.
func (d *deferring) at(after time.Duration, do func()) { d.env.RegisterDelayedCallback(do, after) }

// E-26, J-134, J-149: the send is asked for again at the instant, with the same key,
// as often as it is deferred; only the last verdict is returned.
func TestADeferredSendIsAskedForAgain(t *testing.T) {
	t.Parallel()
	d := newDeferring(26*time.Hour, 200*24*time.Hour)
	d.verdict = hogsend.Verdict{Status: hogsend.SendUnsubscribed, Reason: "unsubscribed_all"} // an opt-out in between
	seen := []string{}
	look := func() {
		state := d.state(t)
		until := "nothing"
		if state.WaitingFor != nil {
			require.Empty(t, state.WaitingFor.Events)
			until = state.WaitingFor.Until.Sub(d.start).String()
		}
		seen = append(seen, string(state.Status)+" "+state.Node+" "+until)
	}
	d.at(time.Hour, look)
	d.at(27*time.Hour, look)
	var got hogsend.Verdict
	require.NoError(t, d.run(func(ctx workflow.Context, run hogsend.Run) (err error) {
		got, err = run.Send(ctx, hogsend.Email{Template: "hello", OnBlocked: hogsend.Defer})
		look()
		return err
	}))
	require.Equal(t, []string{"0s send:hello#1", "26h0m0s send:hello#1", "4800h0m0s send:hello#1"}, d.asked)
	require.Equal(t, d.verdict, got)
	require.Equal(t, []string{"waiting defer:hello 26h0m0s", "waiting defer:hello 4800h0m0s", "active send:hello nothing"}, seen)
	require.Equal(t, contract.EnrollmentCompleted, d.finished.Status)
	require.Empty(t, d.dropped)
}

// J-134, J-78: an enrollment that ends while a send is deferred does not ask again,
// also in a disconnected context; one whose end the gate tells first neither.
func TestADeferredSendEndsWithItsEnrollment(t *testing.T) {
	t.Parallel()
	for _, disconnected := range []bool{false, true} {
		d := newDeferring(26 * time.Hour)
		d.at(time.Hour, d.env.CancelWorkflow)
		var got error
		require.Error(t, d.run(func(ctx workflow.Context, run hogsend.Run) error {
			if disconnected {
				ctx, _ = workflow.NewDisconnectedContext(ctx)
			}
			_, got = run.Send(ctx, hogsend.Email{Template: "hello"})
			return got
		}))
		require.ErrorIs(t, got, hogsend.ErrExited)
		require.Equal(t, []string{"0s send:hello#1"}, d.asked)
		require.Empty(t, d.dropped, "the exit closes what is open")
	}
	d := newDeferring(26 * time.Hour)
	d.ended = true
	require.ErrorIs(t, d.send(), hogsend.ErrExited)
	require.Equal(t, []string{"0s send:hello#1", "26h0m0s send:hello#1"}, d.asked)
}

// send runs a journey of one send and returns what the author got.
func (d *deferring) send() (got error) {
	_ = d.run(func(ctx workflow.Context, run hogsend.Run) error {
		_, got = run.Send(ctx, hogsend.Email{Template: "hello"})
		return nil
	})
	return got
}

// J-119: an author who cancels his own context gives a deferred send up.
func TestADeferredSendIsGivenUp(t *testing.T) {
	t.Parallel()
	d := newDeferring(26 * time.Hour)
	var got error
	require.NoError(t, d.run(func(ctx workflow.Context, run hogsend.Run) error {
		mine, cancel := workflow.WithCancel(ctx)
		workflow.Go(ctx, func(ctx workflow.Context) {
			_ = workflow.Sleep(ctx, time.Hour)
			cancel()
		})
		_, got = run.Send(mine, hogsend.Email{Template: "hello"})
		return run.Trigger(ctx, hogsend.TriggerEvent{Event: "mine"})
	}))
	require.Error(t, got)
	require.False(t, errors.Is(got, hogsend.ErrExited))
	require.Equal(t, []string{"0s send:hello#1", "1h0m0s trigger:mine#1"}, d.asked)
	require.Len(t, d.dropped, 1)
	require.True(t, d.dropped[0].Abandon)
	require.Equal(t, contract.Step{EnrollmentID: "e", Key: "send:hello#1:defer#1", Node: "defer:hello"}, d.dropped[0].Step)
}

// J-101: a pause that comes meanwhile holds the send when it is due.
func TestADeferredSendIsHeld(t *testing.T) {
	t.Parallel()
	d := newDeferring(26*time.Hour, 50*time.Hour)
	d.at(time.Hour, func() { d.holds["send:hello#1"] = []string{"h1"} })
	d.release(30*time.Hour, "h1")
	require.NoError(t, d.send())
	require.Equal(t, []string{"0s send:hello#1", "26h0m0s send:hello#1", "30h0m0s send:hello#1", "50h0m0s send:hello#1"}, d.asked)
}

// Postgres' clock decides: where it is behind, the send is asked for a moment later.
func TestADeferredSendThatIsNotDue(t *testing.T) {
	t.Parallel()
	d := newDeferring(time.Hour, time.Hour, time.Hour)
	require.NoError(t, d.send())
	require.Equal(t, []string{"0s send:hello#1", "1h0m0s send:hello#1", "1h0m0.1s send:hello#1", "1h0m0.2s send:hello#1"}, d.asked)
}

// J-118.
func TestOnBlockedIsChecked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.complete(func(ctx workflow.Context, run hogsend.Run) error {
		_, err := run.Send(ctx, hogsend.Email{Template: "hello", OnBlocked: "later"})
		var invalid *hogsend.ValidationError
		require.ErrorAs(t, err, &invalid)
		require.Equal(t, "onBlocked", invalid.Field)
		return nil
	})
	require.Empty(t, w.sends)
}
