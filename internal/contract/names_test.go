package contract_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/contract"
)

const contactID = "5f0a1c9e-2b7d-4a60-8a8e-6f5d1b0c7e42"

func TestWorkflowIDsRoundTrip(t *testing.T) {
	t.Parallel() // J-50
	require.Equal(t, "journey-trial-nudge", contract.JourneyType("trial-nudge"))
	id := contract.JourneyWorkflowID("trial-nudge", contactID, 12)
	require.Equal(t, "journey-trial-nudge/"+contactID+"/12", id)
	journey, of, entry, ok := contract.ParseJourneyWorkflowID(id)
	require.True(t, ok)
	require.Equal(t, []any{"trial-nudge", contactID, 12}, []any{journey, of, entry})
}

func TestOtherIDsAreNotTakenForOurs(t *testing.T) {
	t.Parallel()
	for _, id := range []string{
		"", "journey-", "journey-a", "journey-a/b", "journey-a/b/", "journey-a/b/0", "journey-a/b/-1", "journey-a/b/01", "journey-a/b/1x",
		"journey-a/b/1/2", "journey-/b/1", "journey-a//1", "bucket-a-on-enter/b/1", "Journey-a/b/1", "journey-a/b/99999999999999999999",
	} {
		_, _, _, ok := contract.ParseJourneyWorkflowID(id)
		require.False(t, ok, id)
	}
}

func TestEffectsHaveKeysOfTheirOwn(t *testing.T) {
	t.Parallel() // J-51
	keys := map[string]bool{contract.StartKey("j", "1"): true, contract.SignalKey("1"): true, contract.CancelKey("1"): true, contract.CaptureKey("1", "capture:x#1"): true}
	require.Len(t, keys, 4)
	require.Equal(t, "journey/j/1", contract.StartKey("j", "1"))
}

func FuzzParseJourneyWorkflowID(f *testing.F) {
	f.Add("journey-a/" + contactID + "/1")
	f.Fuzz(func(t *testing.T, id string) {
		journey, of, entry, ok := contract.ParseJourneyWorkflowID(id)
		if ok {
			require.Equal(t, id, contract.JourneyWorkflowID(journey, of, entry))
			require.False(t, strings.Contains(journey, "/"))
		}
	})
}
