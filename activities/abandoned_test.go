package activities_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/activities"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// E-33: a mail whose workflow was lost ends as the last word of its calls says, a day after
// the first, and no provider is called; one whose workflow goes on is its activity's.
func TestMailsWhoseWorkflowIsLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.lists()
	claim := w.enroll("start")
	var flow string
	w.scan(&flow, `select workflow_id from enrollments`)
	lost := func(kind email.ErrorKind) {
		w.provider.script = append(w.provider.script, &email.SendError{Kind: kind, Reason: "it says " + string(kind)})
	}
	for n, kind := range []email.ErrorKind{email.Transient, email.Unknown} {
		lost(kind)
		_, err := w.Send(t.Context(), hello(claim, n+1))
		require.ErrorContains(t, err, "provider call failed")
	}
	direct := uuid.Must(uuid.NewV7())
	var ada uuid.UUID
	w.scan(&ada, `select id from contacts`)
	_, err := w.SubmitDirect(t.Context(), contract.DirectSend{SendRequest: contract.SendRequest{Key: "api:1", Template: "hello"}, ID: direct, ContactID: ada})
	require.NoError(t, err)
	lost(email.Unknown)
	_, err = w.SendDirect(t.Context(), direct.String())
	require.ErrorContains(t, err, "provider call failed")
	campaign := w.campaign(func(c *storedb.CampaignInsertParams) { c.Props = nil })
	lost(email.Transient)
	w.play(campaign)
	calls := len(w.provider.calls)
	require.Equal(t, 4, calls)
	require.Equal(t, 4, w.count(`sends where status = 'queued' and first_attempt_at is not null`))

	gone := func() *executions {
		x := &executions{byID: map[string]activities.Execution{}}
		for _, id := range []string{flow, contract.SendWorkflowID(direct.String()), contract.CampaignWorkflowID(campaign.String())} {
			x.byID[id] = activities.Execution{Status: "terminated"}
		}
		return x
	}
	w.exec(`update sends set first_attempt_at = first_attempt_at - interval '23 hours'`)
	w.inspect(gone())
	require.Equal(t, 4, w.count(`sends where status = 'queued'`), "a day is not over")
	w.exec(`update sends set first_attempt_at = first_attempt_at - interval '2 hours'`)
	w.inspect(&executions{})
	require.Equal(t, 4, w.count(`sends where status = 'queued'`), "their workflows go on")
	for range 2 {
		w.inspect(gone())
		require.Equal(t, 2, w.count(`sends where status = 'failed' and reason = 'it says transient'`))
		require.Equal(t, 2, w.count(`sends where status = 'failed' and reason = 'unknown_outcome'`))
	}
	require.Len(t, w.provider.calls, calls)
	require.Equal(t, 2, w.count(`step_logs where action = 'send_failed'`))
	require.Equal(t, 1, w.count(`campaign_recipients where status = 'failed' and reason = 'it says transient'`))

	// Of a process that died in its call nobody knows what became of it.
	w.exec(`update sends set status = 'queued', reason = null, unclear = false where key = 'api:1'`)
	w.inspect(gone())
	require.Equal(t, 1, w.count(`sends where key = 'api:1' and status = 'failed' and reason = 'unknown_outcome'`))
}
