package workflows_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/workflows"
)

// stage runs one journey in virtual time. Its activities answer by a script: an
// effect is held as often as its list of holds says.
type stage struct {
	env      *testsuite.TestWorkflowEnvironment
	holds    map[string][]string // ids of holds by step key, used up from the front
	asked    []string            // "instant step" of every effect that was asked for
	begun    []string            // those that were not held
	dropped  []string            // holds that were given up
	finished contract.FinishRequest
	start    time.Time
}

func newStage(holds map[string][]string) *stage {
	s := &stage{env: environment(new(testsuite.WorkflowTestSuite)), holds: holds}
	s.env.SetStartTime(time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC))
	s.start = s.env.Now()
	register := func(name string, fn any) {
		s.env.RegisterActivityWithOptions(fn, activity.RegisterOptions{Name: name})
	}
	register(contract.ClaimEnrollmentName, func(context.Context, contract.ClaimRequest) (contract.Claim, error) {
		return contract.Claim{Claimed: true, Enrollment: hogsend.Enrollment{ID: "e", JourneyID: "j"}}, nil
	})
	register(contract.FinishEnrollmentName, func(_ context.Context, r contract.FinishRequest) (contract.Finish, error) {
		s.finished = r
		return contract.Finish{Status: r.Status}, nil
	})
	register(contract.SendName, func(_ context.Context, r contract.SendRequest) (contract.SendResult, error) {
		held := s.effect(r.Step)
		return contract.SendResult{Held: held, Verdict: hogsend.Verdict{Status: hogsend.SendSent}}, nil
	})
	register(contract.TriggerName, func(_ context.Context, r contract.TriggerRequest) (contract.Effect, error) {
		return contract.Effect{Held: s.effect(r.Step)}, nil
	})
	register(contract.AbandonPausedEffectName, func(_ context.Context, h contract.PausedEffect) (contract.Effect, error) {
		s.dropped = append(s.dropped, h.ID)
		return contract.Effect{}, nil
	})
	return s
}

func (s *stage) effect(step contract.Step) *contract.PausedEffect {
	at := s.env.Now().Sub(s.start).String() + " " + step.Key
	s.asked = append(s.asked, at)
	if left := s.holds[step.Key]; len(left) > 0 {
		s.holds[step.Key] = left[1:]
		return &contract.PausedEffect{EnrollmentID: "e", ID: left[0], Node: "paused:" + step.Node}
	}
	s.begun = append(s.begun, at)
	return nil
}

// release signals a hold at an instant after the start.
func (s *stage) release(at time.Duration, id string) {
	s.env.RegisterDelayedCallback(func() { s.env.SignalWorkflow(contract.SignalWait, map[string]string{"waitId": id}) }, at)
}

func (s *stage) state(t *testing.T) workflows.State {
	t.Helper()
	value, err := s.env.QueryWorkflow(contract.QueryState)
	require.NoError(t, err)
	var state workflows.State
	require.NoError(t, value.Get(&state))
	return state
}

func (s *stage) run(run func(workflow.Context, hogsend.Run) error) error {
	s.env.RegisterWorkflowWithOptions(workflows.Journey(hogsend.Journey{ID: "j", Run: run}), workflow.RegisterOptions{Name: "journey-j"})
	s.env.ExecuteWorkflow("journey-j", "e")
	return s.env.GetWorkflowError()
}

func twoEffects(ctx workflow.Context, run hogsend.Run) error {
	if err := run.Trigger(ctx, hogsend.TriggerEvent{Event: "mine"}); err != nil {
		return err
	}
	_, err := run.Send(ctx, hogsend.Email{Template: "hello"})
	return err
}

// J-101, J-103, J-149: a held effect is asked for again when its signal comes, and
// the next one then; the query shows where the enrollment is held.
func TestHeldEffectsGoOn(t *testing.T) {
	t.Parallel()
	s := newStage(map[string][]string{"trigger:mine#1": {"h1"}, "send:hello#1": {"h2"}})
	s.env.RegisterDelayedCallback(func() {
		state := s.state(t)
		require.Equal(t, "waiting paused:start", string(state.Status)+" "+state.Node)
		require.True(t, state.Paused)
	}, time.Hour)
	s.release(2*time.Hour, "h1")
	s.release(2*time.Hour, "h1") // told twice
	s.release(50*time.Hour, "h2")
	require.NoError(t, s.run(twoEffects))
	require.Equal(t, []string{"0s trigger:mine#1", "2h0m0s trigger:mine#1", "2h0m0s send:hello#1", "50h0m0s send:hello#1"}, s.asked)
	require.Equal(t, []string{"2h0m0s trigger:mine#1", "50h0m0s send:hello#1"}, s.begun)
	require.Equal(t, contract.EnrollmentCompleted, s.finished.Status)
	state := s.state(t)
	require.False(t, state.Paused)
	require.Equal(t, "completed send:hello", string(state.Status)+" "+state.Node)
}

// J-108: paused anew before it began, an effect is held anew.
func TestHeldAgain(t *testing.T) {
	t.Parallel()
	s := newStage(map[string][]string{"send:hello#1": {"h1", "h2"}})
	s.release(time.Minute, "h1")
	s.release(time.Hour, "h2")
	require.NoError(t, s.run(twoEffects))
	require.Equal(t, []string{"0s trigger:mine#1", "1h0m0s send:hello#1"}, s.begun)
}

// J-108: a release that is told before the workflow knows of the hold is not lost.
func TestReleaseComesFirst(t *testing.T) {
	t.Parallel()
	s := newStage(map[string][]string{"send:hello#1": {"h1"}})
	s.release(time.Minute, "h1")
	require.NoError(t, s.run(func(ctx workflow.Context, run hogsend.Run) error {
		if err := workflow.Sleep(ctx, time.Hour); err != nil {
			return err
		}
		return twoEffects(ctx, run)
	}))
	require.Equal(t, []string{"1h0m0s trigger:mine#1", "1h0m0s send:hello#1"}, s.begun)
}

// J-102: a held enrollment ends when it is canceled, also in a disconnected context.
func TestHeldEnrollmentIsCanceled(t *testing.T) {
	t.Parallel()
	for _, disconnected := range []bool{false, true} {
		s := newStage(map[string][]string{"send:hello#1": {"h1"}})
		s.env.RegisterDelayedCallback(s.env.CancelWorkflow, time.Hour)
		var got error
		require.Error(t, s.run(func(ctx workflow.Context, run hogsend.Run) error {
			if disconnected {
				ctx, _ = workflow.NewDisconnectedContext(ctx)
			}
			_, got = run.Send(ctx, hogsend.Email{Template: "hello"})
			return got
		}))
		require.ErrorIs(t, got, hogsend.ErrExited)
		require.Empty(t, s.begun)
		require.Equal(t, contract.EnrollmentExited, s.finished.Status)
		require.Empty(t, s.dropped, "the exit closes what is open")
	}
}

// J-119: an author who cancels his own context gives a held effect up; the
// enrollment goes on.
func TestHeldEffectIsGivenUp(t *testing.T) {
	t.Parallel()
	s := newStage(map[string][]string{"send:hello#1": {"h1"}})
	var got error
	require.NoError(t, s.run(func(ctx workflow.Context, run hogsend.Run) error {
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
	require.Equal(t, []string{"h1"}, s.dropped)
	require.Equal(t, []string{"1h0m0s trigger:mine#1"}, s.begun)
}
