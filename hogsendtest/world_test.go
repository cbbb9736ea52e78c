package hogsendtest

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/activities"
)

// Every activity that a journey can ask for has its part in the kit.
func TestTheKitKnowsEveryActivity(t *testing.T) {
	t.Parallel() // T-1
	known := worldActivities(&host{})
	for _, name := range slices.Sorted(maps.Keys((&activities.Activities{}).All())) {
		switch name {
		case activities.ClockName, activities.ReconcileName, activities.InspectName: // of the installation, not of journeys
		default:
			require.Contains(t, known, name)
		}
	}
}
