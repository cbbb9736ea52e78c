package steps_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide/steps"
)

func TestWhenAnEffectBegins(t *testing.T) { // J-77, J-101, J-108, J-116
	t.Parallel()
	held := steps.PausedEffect{N: 1}
	for name, c := range map[string]struct {
		status       contract.EnrollmentStatus
		done, paused bool
		effect       steps.PausedEffect
		want         steps.EffectOutcome
	}{
		"at once":                      {contract.EnrollmentActive, false, false, steps.PausedEffect{}, steps.EffectRuns},
		"waiting":                      {contract.EnrollmentWaiting, false, false, steps.PausedEffect{}, steps.EffectRuns},
		"never behind the end":         {contract.EnrollmentExited, true, true, held, steps.EffectEnded},
		"never again":                  {contract.EnrollmentActive, true, true, held, steps.EffectDone},
		"not in a pause":               {contract.EnrollmentActive, false, true, steps.PausedEffect{}, steps.EffectHeld},
		"held and resumed, not due":    {contract.EnrollmentWaiting, false, false, steps.PausedEffect{N: 1, DueAt: noon}, steps.EffectHeld},
		"held in a pause of before":    {contract.EnrollmentWaiting, false, false, held, steps.EffectRuns},
		"released":                     {contract.EnrollmentActive, false, false, steps.PausedEffect{N: 1, DueAt: noon, Closed: true}, steps.EffectRuns},
		"released late: it is no send": {contract.EnrollmentActive, false, false, steps.PausedEffect{N: 1, DueAt: noon, Closed: true, Skip: true}, steps.EffectRuns},
		"released and paused again":    {contract.EnrollmentActive, false, true, steps.PausedEffect{N: 1, DueAt: noon, Closed: true}, steps.EffectHeld},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, steps.Effect(c.status, c.done, c.paused, c.effect))
		})
	}
	require.True(t, held.Open())
	require.False(t, steps.PausedEffect{}.Open())
	require.False(t, steps.PausedEffect{N: 1, Closed: true}.Open())
}

func TestWhenAHeldEffectIsReleased(t *testing.T) { // J-103 to J-106
	t.Parallel()
	paused := noon.Add(-3 * hogsend.Day) // for three days
	for name, c := range map[string]struct {
		policy contract.ResumePolicy
		heldAt time.Time
		wasDue time.Time
		isSend bool
		due    time.Time
		skip   bool
	}{
		"catch_up: now":                       {contract.CatchUp, noon.Add(-2 * time.Hour), time.Time{}, true, noon, false},
		"skip_late: held an hour":             {contract.SkipLate, noon.Add(-time.Hour), time.Time{}, true, noon, false},
		"skip_late: held longer":              {contract.SkipLate, noon.Add(-time.Hour - 1), time.Time{}, true, noon, true},
		"skip_late: what is no send runs":     {contract.SkipLate, noon.Add(-hogsend.Day), time.Time{}, false, noon, false},
		"reschedule: by the pause's length":   {contract.Reschedule, noon.Add(-51 * time.Hour), time.Time{}, true, noon.Add(21 * time.Hour), false},
		"reschedule: from when it was due":    {contract.Reschedule, noon.Add(-9 * hogsend.Day), noon.Add(-2 * hogsend.Day), false, noon.Add(hogsend.Day), false},
		"reschedule: not before now":          {contract.Reschedule, noon.Add(-9 * hogsend.Day), noon.Add(-4 * hogsend.Day), true, noon, false},
		"skip_late: due after a pause before": {contract.SkipLate, noon.Add(-hogsend.Day), noon.Add(-time.Minute), true, noon, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			due, skip := steps.Resume{PausedAt: paused, Now: noon, Policy: c.policy, LateAfter: time.Hour}.Release(c.heldAt, c.wasDue, c.isSend)
			require.Equal(t, c.due, due)
			require.Equal(t, c.skip, skip)
		})
	}
}

func TestWhereAReleasedEnrollmentStands(t *testing.T) { // J-103
	t.Parallel()
	require.True(t, steps.Released(contract.EnrollmentWaiting, "paused:send:hello", "send:hello"))
	require.False(t, steps.Released(contract.EnrollmentWaiting, "wait-event:paid", "send:hello"), "another of its coroutines waits")
	require.False(t, steps.Released(contract.EnrollmentExited, "paused:send:hello", "send:hello"))
	require.False(t, steps.Released(contract.EnrollmentActive, "paused:send:hello", "send:hello"))
}

func TestWhichRunGetsTheEnrollment(t *testing.T) { // J-54, J-55
	t.Parallel()
	require.True(t, steps.ClaimsEnrollment(contract.EnrollmentActive, "", "run"))
	require.True(t, steps.ClaimsEnrollment(contract.EnrollmentWaiting, "run", "run"))
	require.False(t, steps.ClaimsEnrollment(contract.EnrollmentActive, "other", "run"))
	require.False(t, steps.ClaimsEnrollment(contract.EnrollmentCompleted, "run", "run"))
}

func TestAValueIsKeptOnce(t *testing.T) { // J-139
	t.Parallel()
	for _, c := range []struct {
		status             contract.EnrollmentStatus
		found, keep, ended bool
	}{
		{contract.EnrollmentActive, false, true, false},
		{contract.EnrollmentActive, true, false, false},
		{contract.EnrollmentFailed, true, false, false},
		{contract.EnrollmentFailed, false, false, true},
	} {
		keep, ended := steps.KeepsOnce(c.status, c.found)
		require.Equal(t, []bool{c.keep, c.ended}, []bool{keep, ended})
	}
}
