package app

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
)

// written is a file of the test's own.
func written(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

func content(t *testing.T, file string) string {
	t.Helper()
	body, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(body)
}

const eventsOfAda = `{"name": "active", "userId": "ada", "timestamp": "2026-01-01T10:00:00Z", "contactProperties": {"plan": "free"}}

{"name": "active", "userId": "ada", "timestamp": "2026-01-03T10:00:00+01:00", "contactProperties": {"plan": "pro"}, "idempotencyKey": "k"}
{"name": "active", "userId": "ada", "timestamp": "2026-01-04T10:00:00Z", "idempotencyKey": "k"}
`

// B-59: over a file of events, in order of instant, with counts at the end.
func TestBucketsSimulateOverAFile(t *testing.T) {
	t.Parallel()
	quiet := hogsend.Bucket{
		ID: "quiet", Name: "Quiet", Criteria: hogsend.Event("active").Within(hogsend.Day).NotExists(), EntryLimit: hogsend.Once,
		Reactions: []hogsend.Reaction{hogsend.OnDwell(hogsend.After(12*time.Hour), nothing)},
	}
	d := newDesk(t, dormant(), quiet)
	out := written(t, strings.Repeat("what was there before\n", 100))
	require.Equal(t, []string{
		"DAY BUCKET ENTERED MUTED LEFT DWELL",
		"2026-01-02 quiet 1 0 0 1",
		"2026-01-03 quiet 0 0 1 0",
		"2026-01-04 quiet 1 1 0 1",
		"all quiet 2 1 1 2",
		"5 transitions of 1 people; nothing was changed.",
	}, without(d.lines("buckets", "simulate", "--from", "2026-01-01", "--to", "2026-01-05T00:00:00Z", "--bucket", "quiet", "--events", written(t, eventsOfAda), "--out", out), "people"))
	require.Equal(t, `{"at":"2026-01-02T10:00:00.000001Z","bucket":"quiet","contact":"ada","transition":"entered","epoch":1,"label":"","ordinal":0,"reason":"","muted":false}
{"at":"2026-01-02T22:00:00.000001Z","bucket":"quiet","contact":"ada","transition":"dwell","epoch":1,"label":"after-43200000","ordinal":1,"reason":"","muted":false}
{"at":"2026-01-03T09:00:00Z","bucket":"quiet","contact":"ada","transition":"left","epoch":1,"label":"","ordinal":0,"reason":"criteria","muted":false}
{"at":"2026-01-04T09:00:00.000001Z","bucket":"quiet","contact":"ada","transition":"entered","epoch":2,"label":"","ordinal":0,"reason":"","muted":true}
{"at":"2026-01-04T21:00:00.000001Z","bucket":"quiet","contact":"ada","transition":"dwell","epoch":2,"label":"after-43200000","ordinal":1,"reason":"","muted":false}
`, content(t, out), "the second key is a repeat (I-36)")

	tree := written(t, `{"type": "property", "property": "plan", "operator": "eq", "value": "pro"}`)
	code, printed := d.run("buckets", "simulate", "--from", "2026-01-01", "--to", "2026-01-05", "--criteria", tree, "--events", written(t, eventsOfAda), "--out", "-")
	require.Equal(t, 0, code, printed)
	require.Contains(t, printed, `{"at":"2026-01-03T09:00:00Z","bucket":"criteria","contact":"ada","transition":"entered","epoch":1,`)
	require.NotContains(t, printed, "warning")
}

// without leaves out the lines of progress.
func without(lines []string, suffix string) (kept []string) {
	for _, line := range lines {
		if !strings.HasSuffix(line, suffix) {
			kept = append(kept, line)
		}
	}
	return kept
}

// B-59, B-61: over what is stored.
func TestBucketsSimulateOverWhatIsStored(t *testing.T) {
	t.Parallel()
	pro := hogsend.Bucket{ID: "pro", Name: "Pro", Criteria: hogsend.Prop("plan").Eq("pro")}
	d := newDesk(t, dormant(), pro)
	d.did("active", "ada", "bob")
	out := filepath.Join(t.TempDir(), "out")
	code, printed := d.run("buckets", "simulate", "--from", "2026-01-01", "--to", time.Now().Add(40*time.Hour).Format(time.RFC3339), "--out", out, "--json")
	require.Equal(t, 0, code, printed)
	require.Contains(t, printed, "warning: property history is not kept\n")
	var report simulateReport
	require.NoError(t, json.Unmarshal([]byte(printed[strings.Index(printed, "{"):]), &report))
	require.Equal(t, 2, report.People)
	require.Equal(t, 4, report.Transitions)
	require.Equal(t, []string{"property history is not kept"}, report.Warnings)
	require.Equal(t, []*simulateCounts{{Bucket: "dormant", Entered: 2, Left: 2}, {Bucket: "pro"}}, report.Buckets)
	require.Contains(t, content(t, out), `"contact":"bob","transition":"left","epoch":1,"label":"","ordinal":0,"reason":"maxDwell"`)
}

func TestBucketsSimulateSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	d := newDesk(t, dormant())
	for _, tt := range []struct {
		args []string
		want string
	}{
		{nil, `required flag(s) "from", "out", "to" not set`},
		{[]string{"--from", "yesterday", "--to", "2026-01-02", "--out", "-"}, `--from: "yesterday" is neither an RFC 3339 time nor a day`},
		{[]string{"--from", "2026-01-02", "--to", "2026-01-02", "--out", "-"}, `--to: must be after --from`},
		{[]string{"--from", "2026-01-01", "--to", "2026-01-02", "--out", "-", "--bucket", "none"}, `--bucket: this binary has no bucket none`},
		{[]string{"--from", "2026-01-01", "--to", "2026-01-02", "--out", "-", "--bucket", "dormant", "--criteria", "-"}, `--criteria: give either a bucket or criteria`},
		{[]string{"--from", "2026-01-01", "--to", "2026-01-02", "--out", "-", "--criteria", written(t, `{"type": "property", "property": "plan", "operator": "is"}`)}, `--criteria: `},
		{[]string{"--from", "2026-01-01", "--to", "2026-01-02", "--out", t.TempDir()}, `--out: `},
		{
			[]string{"--from", "2026-01-01", "--to", "2026-01-02", "--out", "-", "--events", written(t, "{\"name\": \"a\", \"userId\": \"u\"}\nnonsense\n{\"userId\": \"u\"}\n")},
			"--events: 3 problems\nline 1: timestamp: must not be empty\nline 2: ",
		},
	} {
		code, printed := d.run(append([]string{"buckets", "simulate"}, tt.args...)...)
		require.Equal(t, 1, code)
		require.Contains(t, printed, tt.want)
	}
}
