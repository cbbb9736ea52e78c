package activities_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
)

// J-114, J-142: what was chosen first stays for the enrollment, logged once.
func TestTheFirstChoiceStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	claim := w.enroll("start")
	choose := func(name string, arms ...hogsend.Arm) string {
		got, err := w.ChooseVariant(t.Context(), contract.VariantRequest{
			Step: contract.Step{EnrollmentID: claim.Enrollment.ID, Key: "variant:" + name}, Journey: "welcome", Name: name, Arms: arms,
		})
		require.NoError(t, err)
		return got
	}
	require.Equal(t, "a", choose("subject", hogsend.Arm{Name: "a", Weight: 1}))
	require.Equal(t, "a", choose("subject", hogsend.Arm{Name: "b", Weight: 1}), "arms that change move nobody")
	require.Equal(t, "b", choose("button", hogsend.Arm{Name: "b", Weight: 1}))
	require.Equal(t, 2, w.count(`step_logs where action = 'variant'`))
	require.Equal(t, 1, w.count(`step_logs where action = 'variant' and detail = '{"arm": "a", "name": "subject"}'`))

	w.event("stop", "")
	require.Equal(t, "a", choose("subject", hogsend.Arm{Name: "c", Weight: 1}), "reads answer after the end (J-119)")
	require.Equal(t, "c", choose("late", hogsend.Arm{Name: "c", Weight: 1}))
	require.Equal(t, 2, w.count(`step_logs where action = 'variant'`))
}
