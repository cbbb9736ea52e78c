package worker

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/definition"
)

// registered notes down what a worker knows.
type registered struct{ names []string }

func (r *registered) RegisterWorkflowWithOptions(_ any, options workflow.RegisterOptions) {
	r.names = append(r.names, options.Name)
}

func (r *registered) RegisterActivityWithOptions(_ any, options activity.RegisterOptions) {
	r.names = append(r.names, options.Name)
}

type oneActivity struct{}

func (oneActivity) All() map[string]any { return map[string]any{"Send": func() {}} }

// J-12, J-13, B-29.
func TestEveryCompiledInJourneyIsRegisteredUnderItsIDAndAliases(t *testing.T) {
	t.Parallel()
	r := &registered{}
	register(r, Config{
		Journeys: []hogsend.Journey{
			{ID: "welcome", Aliases: []string{"hello", "greeting"}},
			{ID: "trial", Disabled: true},
		},
		Reactions: definition.Reactions(hogsend.Registry{Buckets: []hogsend.Bucket{{ID: "vip", Reactions: []hogsend.Reaction{
			hogsend.OnEnter(nil), hogsend.OnDwell(hogsend.After(time.Second), nil),
		}}}}),
		Activities: oneActivity{},
	})
	slices.Sort(r.names)
	require.Equal(t, []string{"Send", "bucket-vip-on-dwell-after-1000", "bucket-vip-on-enter", "hogsend-clock", "journey-greeting", "journey-hello", "journey-trial", "journey-welcome"}, r.names)
}

func TestAWorkerNamesEverythingThatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := New(Config{})
	require.ErrorContains(t, err, "client is required")
	require.ErrorContains(t, err, "store is required")
	require.ErrorContains(t, err, "activities are required")
}
