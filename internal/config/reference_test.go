package config

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write docs/reference/environment.md anew")

const referencePage = "../../docs/reference/environment.md"

// O-53: the page of variables is what the code reads; `task gen` writes it.
func TestThePageOfVariablesIsWhatTheCodeReads(t *testing.T) {
	t.Parallel()
	var listed []string
	var b strings.Builder
	b.WriteString("# Environment\n\n<!-- Generated from internal/config by `task gen`. -->\n\nThe environment is read once, at start; every problem is named at once. An empty value counts as unset. Durations are written as\n" +
		"`30s`, `24h` or `7d`, lists with commas, booleans as `true` or `false`. What authors decide (caps, windows, time zones) is in `Registry.Defaults` instead.\n")
	for _, group := range Reference() {
		fmt.Fprintf(&b, "\n## %s\n\n| variable | default | meaning |\n|---|---|---|\n", group.Title)
		for _, v := range group.Variables {
			fallback := "–"
			if v.Default != "" {
				fallback = v.Default
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", v.Name, strings.ReplaceAll(fallback, "|", `\|`), strings.ReplaceAll(v.Meaning, "|", `\|`))
			listed = append(listed, v.Name)
		}
	}
	require.Equal(t, len(listed), len(slices.Compact(slices.Sorted(slices.Values(listed)))), "each once")

	r := newReader(nil)
	_, _ = load(r, Needs{Temporal: true, Service: true}) // what it asks for, not what it finds
	for name := range r.asked {
		require.Contains(t, listed, name, "Load reads it")
	}
	libraries := []string{"TEMPORAL_API_KEY", "TEMPORAL_TLS, TEMPORAL_TLS_…", "OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_…"}
	others := append(libraries, clientVariables...)
	for _, name := range listed {
		require.True(t, r.asked[name] || slices.Contains(others, name), "nobody reads %s", name)
	}

	if *update {
		require.NoError(t, os.WriteFile(referencePage, []byte(b.String()), 0o600))
	}
	page, err := os.ReadFile(referencePage)
	require.NoError(t, err)
	require.Equal(t, b.String(), string(page), "write it anew with task gen")
}
