package ingest_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/engine"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/traceparent"
)

func parent(digit string) string {
	return "00-0af7651916cd43dd8448eb211c80319" + digit + "-b7ad6b7169203331-01"
}

// O-54: changes that share a transaction keep their own traces, and so do the rows that an
// event causes by way of an internal one; without a trace a row has none.
func TestRowsOfTheOutboxGoOnWithTheTraceOfTheirCause(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var applied []engine.Applied
	b := setupWith(t, ingest.Config{
		Journeys: []hogsend.Journey{journey("first", "a", exitOn("b")), journey("second", "journey:exited")},
		Measure: engine.Measure{Applied: func(a engine.Applied) {
			mu.Lock()
			defer mu.Unlock()
			applied = append(applied, a)
		}},
	})
	of := func(name, user, trace string) *decide.Change {
		c := b.ingester.Engine().Change(&decide.Occurrence{Event: ingest.Event{Name: name, UserID: user}})
		c.Trace = trace
		return c
	}
	require.NoError(t, b.ingester.Engine().Apply(t.Context(), of("a", "ada", parent("1")), of("a", "bob", parent("2")), of("a", "eve", "")))
	require.NoError(t, b.ingester.Engine().Apply(t.Context(), of("b", "bob", parent("3")), of("b", "eve", ""), of("b", "ada", parent("4"))))
	rows := func() []string {
		var found []string
		require.NoError(t, b.store.Pool.QueryRow(t.Context(), `select array_agg(concat_ws(' ', c.external_id, o.kind, right(o.trace, 21)) order by o.seq)
			from outbox o join contacts c on c.id = o.ordering_key`).Scan(&found))
		return found
	}
	end := func(digit string) string { return digit + "-b7ad6b7169203331-01" }
	require.ElementsMatch(t, []string{
		"ada start " + end("1"), "bob start " + end("2"), "eve start",
		"bob cancel " + end("3"), "bob start " + end("3"), "eve cancel", "eve start", "ada cancel " + end("4"), "ada start " + end("4"),
	}, rows())

	// O-43: what both did is told once they are committed.
	mu.Lock()
	defer mu.Unlock()
	require.Len(t, applied, 2)
	require.Equal(t, 3, applied[0].Changes)
	require.Positive(t, applied[0].Took)
	require.Len(t, applied[1].Decisions, 3)
	require.Equal(t, engine.Decided{JourneyID: "second"}, applied[1].Decisions[0])
}

// O-54: what comes with a context of a trace goes on with it, by a lane and alone.
func TestAContextsTraceIsThatOfItsChanges(t *testing.T) {
	t.Parallel()
	var shared []error
	b := setupWith(t, ingest.Config{
		Journeys: []hogsend.Journey{journey("first", "a"), journey("second", "journey:completed")},
		Measure: engine.Measure{Shared: func(changes int, took time.Duration, err error) {
			require.Positive(t, took)
			require.Equal(t, 1, changes)
			shared = append(shared, err)
		}},
	})
	ctx := traceparent.With(t.Context(), parent("1"))
	result, err := b.ingester.Ingest(ctx, ingest.Event{Name: "a", UserID: "ada"})
	require.NoError(t, err)
	require.Len(t, shared, 1)
	require.NoError(t, shared[0])
	_, err = b.ingester.Finish(traceparent.With(t.Context(), parent("2")), result.Decisions[0].EnrollmentID, ingest.End{Status: contract.EnrollmentCompleted})
	require.NoError(t, err)
	var traces []string
	require.NoError(t, b.store.Pool.QueryRow(t.Context(), `select array_agg(trace order by seq) from outbox`).Scan(&traces))
	require.Equal(t, []string{parent("1"), parent("2")}, traces)
}
