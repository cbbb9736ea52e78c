package tests

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// document is a file of the repository.
func document(t *testing.T, name string) string {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("..", name))
	require.NoError(t, err)
	return string(body)
}

// scraped are the names of the metrics that a process tells, without the suffixes of
// histograms.
func (r *rig) scraped(url string) map[string]bool {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, url, nil)
	require.NoError(r.t, err)
	req.Header.Set("Authorization", "Bearer "+apiKey)
	res, err := http.DefaultClient.Do(req)
	require.NoError(r.t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(r.t, err)
	require.Equal(r.t, http.StatusOK, res.StatusCode, string(body))
	require.NotContains(r.t, string(body), "lovelace", "nothing of a person is in them")
	names := map[string]bool{}
	for line := range strings.Lines(string(body)) {
		if name, _, ok := strings.Cut(strings.TrimPrefix(line, "# TYPE "), " "); ok && strings.HasPrefix(line, "# TYPE ") {
			names[name] = true
		}
	}
	return names
}

// O-43, R-34: what the dashboard, the alert rules and the page name is told by the processes
// of an installation in which a mail went out and a call of the provider failed.
func TestWhatTheDashboardShowsIsTold(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.mustPost(event{Name: "user.created", UserID: "lovelace", Email: "lovelace@example.com"})
	r.eventually(1, `select count(*) from enrollments where status = 'waiting' and node = 'wait-event:feature.used'`)
	r.mustPost(event{Name: "feature.used", UserID: "lovelace"})
	r.eventually(1, `select count(*) from enrollments where status = 'completed'`)
	r.closed(r.client(), r.texts(`select workflow_id from enrollments`)[0])

	told := r.scraped(r.apiURL + "/metrics")
	worker := r.scraped(r.metricsURL)
	// What tells nothing as long as nothing fails, or no time passes.
	quiet := []string{"hogsend_activity_failures_total", "hogsend_temporal_workflow_task_failures_total", "hogsend_temporal_request_failures_total", "hogsend_clock_flips_total", "hogsend_bucket_transitions_total", "hogsend_enrollments_blocked", "hogsend_enrollments_stranded"}
	name := regexp.MustCompile(`\b(?:hogsend|process|go)_[a-z_]+`)
	suffix := regexp.MustCompile(`_(bucket|sum|count)$`)
	found := map[string]bool{}
	var untold, unsaid []string
	for _, file := range []string{"deploy/grafana/hogsend.json", "deploy/prometheus/alerts.yaml"} {
		for _, named := range name.FindAllString(document(t, file), -1) {
			metric := suffix.ReplaceAllString(named, "")
			found[metric] = true
			if !told[metric] && !worker[metric] && !slices.Contains(quiet, metric) {
				untold = append(untold, file+" names "+named)
			}
		}
	}
	page := document(t, "docs/metrics.md")
	for _, metrics := range []map[string]bool{told, worker} {
		for metric := range metrics {
			short, ours := strings.CutPrefix(metric, "hogsend_")
			if !ours {
				continue
			}
			if !strings.Contains(page, "`"+short) || !found[metric] {
				unsaid = append(unsaid, metric)
			}
		}
	}
	require.Empty(t, untold)
	require.Empty(t, unsaid, "the page or the dashboard leaves them out")
}
