package app

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/config"
)

// P-9, P-11: which stored events PostHog is told of.
func TestWhichEventsPostHogGets(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		key, mirror, name, source string
		told                      bool
	}{
		{"", config.MirrorAll, "click", "api", false},
		{"phc", config.MirrorOff, "email.opened", "tracking", false},
		{"phc", config.MirrorEmail, "email.opened", "tracking", true},
		{"phc", config.MirrorEmail, "email.unsubscribed", "tracking", true},
		{"phc", config.MirrorEmail, "click", "api", false},
		{"phc", config.MirrorAll, "click", "api", true},
		{"phc", config.MirrorAll, "$pageview", "posthog", false},
	} {
		told := captures(config.Config{PostHogAPIKey: tt.key, PostHogMirror: tt.mirror})
		require.Equal(t, tt.told, told != nil && told(tt.name, tt.source), "%+v", tt)
	}
	client, err := (&process{}).posthog()
	require.NoError(t, err)
	require.Nil(t, client)
	client, err = (&process{cfg: config.Config{PostHogAPIKey: "phc", PostHogHost: "https://eu.i.posthog.com"}}).posthog()
	require.NoError(t, err)
	require.NotNil(t, client)
}
