package tests

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// purchase is one line of the real purchase history of testdata/purchases.txt.gz:
// the first 10,000 purchases of the CDNOW data set in date order, each with its line
// in the original file.
type purchase struct {
	line     int
	customer string
	at       time.Time
	cds      int
	amount   float64
}

func purchases(t *testing.T) []purchase {
	t.Helper()
	f, err := os.Open("testdata/purchases.txt.gz")
	require.NoError(t, err)
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	require.NoError(t, err)
	var all []purchase
	onDay := map[string]int{}
	for lines := bufio.NewScanner(unzipped); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		require.Len(t, fields, 5)
		var p purchase
		p.line, err = strconv.Atoi(fields[0])
		require.NoError(t, err)
		p.customer = fields[1]
		day, err := time.Parse("20060102", fields[2])
		require.NoError(t, err)
		// Several orders of one person on one day are a minute apart.
		key := p.customer + fields[2]
		p.at = day.Add(12*time.Hour + time.Duration(onDay[key])*time.Minute)
		onDay[key]++
		p.cds, err = strconv.Atoi(fields[3])
		require.NoError(t, err)
		p.amount, err = strconv.ParseFloat(fields[4], 64)
		require.NoError(t, err)
		all = append(all, p)
	}
	require.Len(t, all, 10_000)
	return all
}

// jsonLines writes the purchases as items of the batch endpoint.
func jsonLines(t *testing.T, all []purchase, timestamps bool) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "purchases.jsonl")
	f, err := os.Create(file)
	require.NoError(t, err)
	out := json.NewEncoder(f)
	for _, p := range all {
		item := map[string]any{
			"name": "order.completed", "userId": "cdnow-" + p.customer, "idempotencyKey": fmt.Sprintf("cdnow-%d", p.line),
			"eventProperties": map[string]any{"cds": p.cds, "amount": p.amount},
		}
		if timestamps {
			item["timestamp"] = p.at.Format(time.RFC3339)
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
		customers[p.customer] = true
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
		lines[i], instants[i] = fmt.Sprintf("cdnow-%d", p.line), p.at
	}
	require.Equal(t, len(all), r.count(`select count(*) from unnest($1::text[], $2::timestamptz[]) as w(key, at)
		join event_keys k on k.space = 'client' and k.key = w.key
		join events e on e.id = k.event_id and e.occurred_at = w.at`, lines, instants), "each at its instant")
	first := all[0]
	require.Equal(t, 1, r.count(`select count(*) from contacts where external_id = $1 and first_seen_at = $2`, "cdnow-"+first.customer, first.at)) // I-31
}
