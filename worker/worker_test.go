package worker

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
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
	require.Equal(t, []string{"Send", "bucket-vip-on-dwell-after-1000", "bucket-vip-on-enter", "hogsend-alert", "hogsend-alerts", "hogsend-campaign", "hogsend-clock", "hogsend-import", "hogsend-reconciler", "hogsend-send", "journey-greeting", "journey-hello", "journey-trial", "journey-welcome"}, r.names)
}

func TestAWorkerNamesEverythingThatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := New(Config{})
	require.ErrorContains(t, err, "client is required")
	require.ErrorContains(t, err, "store is required")
	require.ErrorContains(t, err, "activities are required")
}

// O-41: with a line in the log for each attempt.
func TestAWorkerWaitsForTemporalAndGivesUpInTheEnd(t *testing.T) {
	t.Parallel()
	c, err := client.NewLazyClient(client.Options{HostPort: "127.0.0.1:1", Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	var logs bytes.Buffer
	w := &Worker{cfg: Config{Client: c, Namespace: "shop", StartTimeout: 1100 * time.Millisecond, Logger: slog.New(slog.NewJSONHandler(&logs, nil))}}
	err = w.Run(t.Context())
	require.ErrorContains(t, err, "reach temporal within 1.1s")
	require.GreaterOrEqual(t, strings.Count(logs.String(), `"temporal is not reachable, trying again"`), 2)
	require.Contains(t, logs.String(), `"try":2,"namespace":"shop"`)

	ended, end := context.WithCancel(t.Context())
	end()
	require.NoError(t, w.Run(ended), "told to stop meanwhile, it stops in order")
}
