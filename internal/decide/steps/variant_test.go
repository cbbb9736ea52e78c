package steps_test

import (
	"math/rand/v2"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/decide/steps"
)

// someContacts are the same on every run.
func someContacts(n int) []string {
	random := rand.New(rand.NewPCG(1, 2))
	ids := make([]string, n)
	for i := range ids {
		var id uuid.UUID
		for j := range id {
			id[j] = byte(random.Uint32())
		}
		ids[i] = id.String()
	}
	return ids
}

func TestArmsHaveTheirShares(t *testing.T) { // J-142
	t.Parallel()
	const people = 10_000
	chosen := map[string]int{}
	arms := []hogsend.Arm{{Name: "a", Weight: 90}, {Name: "none"}, {Name: "b", Weight: 10}}
	for _, id := range someContacts(people) {
		chosen[steps.ChooseArm("welcome", "subject", id, arms)]++
	}
	require.Len(t, chosen, 2)
	require.InDelta(t, people/10, chosen["b"], people/100)
}

// A contact keeps its arm, tests are independent of each other, and when the
// first arm grows nobody leaves it.
func TestArmsAreKept(t *testing.T) { // J-142
	t.Parallel()
	arms := func(first int) []hogsend.Arm {
		return []hogsend.Arm{{Name: "a", Weight: first}, {Name: "b", Weight: 50}}
	}
	moved, other := 0, 0
	people := someContacts(1000)
	for _, id := range people {
		before := steps.ChooseArm("welcome", "subject", id, arms(50))
		require.Equal(t, before, steps.ChooseArm("welcome", "subject", id, arms(50)))
		after := steps.ChooseArm("welcome", "subject", id, arms(150))
		if before == "a" {
			require.Equal(t, "a", after)
		} else if after == "a" {
			moved++
		}
		if before != steps.ChooseArm("welcome", "button", id, arms(50)) {
			other++
		}
	}
	require.InDelta(t, 250, moved, 60)
	require.InDelta(t, 500, other, 80)
	require.Equal(t, "only", steps.ChooseArm("j", "n", people[0], []hogsend.Arm{{Name: "only", Weight: 1}}))
	// The first 8 bytes of SHA-256("j/n/c") are f6a19362: computed apart.
	require.Equal(t, "high", steps.ChooseArm("j", "n", "c", []hogsend.Arm{{Name: "low", Weight: 1}, {Name: "high", Weight: 1}}))
}
