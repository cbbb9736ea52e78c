package hogsendtest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/examples/saas"
	"github.com/hogsend/hogsend/hogsendtest"
)

func TestWelcomeNudgesOnce(t *testing.T) {
	t.Parallel()
	s := hogsendtest.New(t, saas.Registry())
	ada := s.Contact(hogsendtest.Person{UserID: "ada", Email: "ada@example.com", Timezone: "Europe/London"})
	ada.At(0, "user.created", hogsend.Properties{"plan": "free"})
	got := s.Run()
	require.Equal(t, []string{"welcome", "nudge"}, got.Mailbox.Templates("ada"))
}
