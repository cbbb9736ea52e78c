package tests

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/tests/cdnow"
)

// purchases are the first 10,000 of the real purchase history.
func purchases(t *testing.T) []cdnow.Purchase {
	t.Helper()
	all, err := cdnow.Purchases()
	require.NoError(t, err)
	require.Len(t, all, 69_659)
	return all[:10_000]
}

// jsonLines writes the purchases as items of the batch endpoint.
func jsonLines(t *testing.T, all []cdnow.Purchase, timestamps bool) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "purchases.jsonl")
	f, err := os.Create(file)
	require.NoError(t, err)
	out := json.NewEncoder(f)
	for _, p := range all {
		item := map[string]any{
			"name": "order.completed", "userId": "cdnow-" + p.Customer, "idempotencyKey": fmt.Sprintf("cdnow-%d", p.Line),
			"eventProperties": map[string]any{"cds": p.CDs, "amount": p.Amount},
		}
		if timestamps {
			item["timestamp"] = p.At.Format(time.RFC3339)
		}
		require.NoError(t, out.Encode(item))
	}
	require.NoError(t, f.Close())
	return file
}

const enrolledInThanks = `select count(*) from enrollments where journey_id = 'order-thanks'`

// The first order of each customer enrolls, every other one is refused with a
// reason; the counts come from the file.
func TestRealPurchasesEnrollEachCustomerOnce(t *testing.T) {
	t.Parallel()
	all := purchases(t)
	customers := map[string]bool{}
	for _, p := range all {
		customers[p.Customer] = true
	}
	r := newRig(t)
	file := jsonLines(t, all, false)
	require.Equal(t, "accepted 10000, duplicates 0, rejected 0\n", r.run("events", "send", "--file", file))
	require.Equal(t, len(all), r.count(`select count(*) from events where name = 'order.completed'`))
	require.Equal(t, len(customers), r.count(enrolledInThanks))
	require.Equal(t, len(customers), r.count(`select count(distinct contact_id) from enrollments`))
	require.Equal(t, len(all)-len(customers), r.count(`select count(*) from decisions where journey_id = 'order-thanks' and outcome = 'skipped'
		and reason in ('already_active', 'already_entered_once')`))
	require.Equal(t, "accepted 0, duplicates 10000, rejected 0\n", r.run("events", "send", "--file", file), "I-36: the same file again")
	require.Equal(t, len(customers), r.count(enrolledInThanks))
}

// I-40, J-35: with their own instants the purchases are history: stored where they
// belong, enrolling nobody, and each says why.
func TestRealPurchasesOfThePastEnrollNobody(t *testing.T) {
	t.Parallel()
	all := purchases(t)
	r := newRig(t)
	require.Equal(t, "accepted 10000, duplicates 0, rejected 0\n", r.run("events", "send", "--file", jsonLines(t, all, true)))
	require.Zero(t, r.count(enrolledInThanks))
	require.Equal(t, len(all), r.count(`select count(*) from decisions where journey_id = 'order-thanks' and reason = 'late_event'`))

	lines, instants := make([]string, len(all)), make([]time.Time, len(all))
	for i, p := range all {
		lines[i], instants[i] = fmt.Sprintf("cdnow-%d", p.Line), p.At
	}
	require.Equal(t, len(all), r.count(`select count(*) from unnest($1::text[], $2::timestamptz[]) as w(key, at)
		join event_keys k on k.space = 'client' and k.key = w.key
		join events e on e.id = k.event_id and e.occurred_at = w.at`, lines, instants), "each at its instant")
	first := all[0]
	require.Equal(t, 1, r.count(`select count(*) from contacts where external_id = $1 and first_seen_at = $2`, "cdnow-"+first.Customer, first.At)) // I-31
}
