package steps_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/decide/steps"
)

// E-46: whoever is nearest to the mail says what is tracked of it.
func TestTracks(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		mail, template, registry hogsend.Tracking
		opens, clicks            bool
	}{
		{"", "", "", true, true},
		{"", "", hogsend.TrackNothing, false, false},
		{"", hogsend.TrackOpens, hogsend.TrackNothing, true, false},
		{hogsend.TrackClicks, hogsend.TrackNothing, "", false, true},
		{hogsend.TrackAll, hogsend.TrackNothing, hogsend.TrackNothing, true, true},
	} {
		opens, clicks := steps.Tracks(tt.mail, tt.template, tt.registry)
		require.Equal(t, []bool{tt.opens, tt.clicks}, []bool{opens, clicks}, tt)
	}
}
