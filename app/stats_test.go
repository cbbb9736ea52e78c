package app

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
)

//
func TestStatsPrintsFigures(t *testing.T) {
	t.Parallel()
	d := newJourneyDesk(t, aJourney("welcome", "user.created", hogsend.Once))
	d.did("user.created", "ada", "bob")
	d.exec(`update enrollments set status = 'completed', completed_at = created_at + interval '90 s' where contact_id = (select id from contacts where external_id = 'ada')`)
	require.Equal(t, []string{
		"contacts 2 0.0% unsubscribed", "mails 0 in 24 h, 0 in 7 days, 0 in 30 days 0.0% bounced", "in journeys 1", "in buckets 0 0 buckets", "",
		"JOURNEY ENROLLED ACTIVE COMPLETED FAILED EXITED RATE TAKES", "welcome 2 1 1 0 0 50.0% 1m30s", "", "BUCKET MEMBERS ENTERED LEFT STAY",
	}, d.lines("stats"))
	code, out := d.run("stats", "--json")
	require.Equal(t, 0, code)
	var all map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(out), &all))
	require.JSONEq(t, `[]`, string(all["buckets"]))
}
