package app

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/replay"
)

// O-50: what dev says of those under way. Nobody who was not looked at can be said to go on.
func TestWhatTheGateFoundIsSaidInALine(t *testing.T) {
	t.Parallel()
	for want, found := range map[string]map[replay.Verdict]int{
		"nobody is under way":   {},
		"2 under way can go on": {replay.OK: 1, replay.Skipped: 1},
		"2 of a at w cannot go on (run.Version keeps them, --reset forgets them)": {replay.OK: 1, replay.Broken: 1},
		"1 of a at w go on, past a step that is another now":                      {replay.Changed: 1},
		"1 of a at w could not be looked at":                                      {replay.Unreadable: 1},
	} {
		var r replay.Report
		for verdict, n := range found {
			for range n {
				s := r.Stratum("a", "", "w")
				s.Open++
				s.Add("id", replay.Outcome{Verdict: verdict})
			}
		}
		require.Equal(t, want, gateReport{Strata: r.Strata(), Totals: r.Totals()}.line())
	}
}
