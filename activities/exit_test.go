package activities_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/contract"
)

// J-70, J-136: an exit of the author's own is known again when its step is repeated;
// one that comes after another end leaves the first reason and says so.
func TestExitKnowsItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	claim := w.enroll("start")
	exit := func(claim contract.Claim, key string) contract.Effect {
		effect, err := w.Exit(t.Context(), contract.ExitRequest{Step: step(claim, key), Reason: "enough"})
		require.NoError(t, err)
		return effect
	}
	require.False(t, exit(claim, "exit:enough#1").Ended)
	require.False(t, exit(claim, "exit:enough#1").Ended)
	require.True(t, exit(claim, "exit:enough#2").Ended)
	require.Equal(t, 1, w.count(`events where name = 'journey:exited'`))

	claim = w.enroll("start")
	w.event("stop", "")
	require.True(t, exit(claim, "exit:enough#1").Ended)
	require.Equal(t, 1, w.count(`enrollments where exit_reason = 'event:stop'`))
}
