package hogsendtest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/contract"
)

// Every activity that a journey can ask for has its part in the kit.
func TestTheKitKnowsEveryActivity(t *testing.T) {
	t.Parallel() // T-1
	known := worldActivities(&host{})
	for _, name := range contract.ActivityNames() {
		switch name {
		case contract.ClockName, contract.ReconcileName, contract.InspectName: // of the installation, not of journeys
		default:
			require.Contains(t, known, name)
		}
	}
}
