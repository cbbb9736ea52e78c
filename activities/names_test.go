package activities_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/activities"
	"github.com/hogsend/hogsend/internal/contract"
)

func TestEveryActivityIsRegisteredUnderItsNameOfTheContract(t *testing.T) {
	t.Parallel()
	require.ElementsMatch(t, contract.ActivityNames(), slices.Collect(maps.Keys((&activities.Activities{}).All())))
}
