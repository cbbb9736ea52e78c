package app

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
)

// A shell completes with what lives on the server: journeys, people, enrollments.
func TestAShellCompletesLiveIDs(t *testing.T) {
	t.Parallel()
	d := newJourneyDesk(t, aJourney("dunning", "payment.failed", hogsend.Unlimited), aJourney("welcome", "user.created", hogsend.Once))
	d.did("payment.failed", "ada", "bob")
	d.exec(`update enrollments set status = 'failed' where contact_id = (select id from contacts where external_id = 'bob')`)
	complete := func(args ...string) []string {
		code, out := d.run(append([]string{"__complete"}, args...)...)
		require.Equal(t, 0, code, out)
		list, _, _ := strings.Cut(out, ":4\n") // no files
		return strings.Fields(list)
	}
	require.Equal(t, []string{"dunning", "welcome"}, complete("journeys", "pause", ""))
	require.Equal(t, []string{"welcome"}, complete("journeys", "states", "w"))
	require.Equal(t, []string{"ada", "ada@example.com"}, complete("contacts", "show", "ad"))
	require.Equal(t, []string{"bob"}, complete("journeys", "retry", "dunning", "b"))
	require.Equal(t, []string{"ada"}, complete("journeys", "cancel", "dunning", "a"))
	require.Empty(t, complete("journeys", "pause", "dunning", ""), "there is no second argument")
	require.Equal(t, statuses(), complete("journeys", "states", "--status", ""))
	require.Equal(t, []string{"welcome"}, complete("play", "w"))
	require.Equal(t, []string{"ada", "ada@example.com"}, complete("journeys", "states", "--user", "a"))
	// Where nobody can be asked there is nothing to choose, and no error in the prompt.
	code, out := call(t, IO{}, "__complete", "journeys", "pause", "--url", "http://127.0.0.1:1", "--api-key", "k", "")
	require.Equal(t, 0, code)
	require.Equal(t, ":4\n", out[:3])
}
