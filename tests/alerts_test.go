package tests

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/hogsend/hogsend/internal/contract"
)

// O-13, O-15, O-16: a rule is evaluated by the schedule, and tells once though it is
// evaluated again.
func TestAnAlertIsToldOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.client()
	out := r.run("alerts", "add", "Dead letters", "--type", "dead_letters", "--email", "ops@example.com")
	require.Contains(t, out, "added ")
	require.Contains(t, r.run("alerts", "list"), "count=1 windowMinutes=60")
	_, err := r.pool.Exec(t.Context(), `insert into dead_letters (id, source, payload, error, created_at, updated_at) values (gen_random_uuid(), 'test', '{}', 'x', now(), now())`)
	require.NoError(t, err)

	schedule := c.ScheduleClient().GetHandle(t.Context(), contract.AlertsID)
	require.NoError(t, schedule.Trigger(t.Context(), client.ScheduleTriggerOptions{}))
	r.eventually(1, `select count(*) from alert_history where status = 'delivered'`)
	id := r.text(`select id::text from alert_history`)
	require.Equal(t, 1, r.resend.callsOf("alert:"+id))

	before := evaluations(t, schedule)
	require.NoError(t, schedule.Trigger(t.Context(), client.ScheduleTriggerOptions{}))
	require.Eventually(t, func() bool { return evaluations(t, schedule) > before }, time.Minute, 100*time.Millisecond)
	require.Equal(t, 1, r.count(`select count(*) from alert_history`), "it cools")
	require.Equal(t, 1, strings.Count(r.run("alerts", "history"), "delivered"))
}

// evaluations is how often the schedule has started one.
func evaluations(t *testing.T, schedule client.ScheduleHandle) int {
	t.Helper()
	d, err := schedule.Describe(t.Context())
	require.NoError(t, err)
	if len(d.Info.RunningWorkflows) > 0 {
		return 0 // that one is not over
	}
	return d.Info.NumActions
}
