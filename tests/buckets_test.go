package tests

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
)

// occurred is an instant a while ago, as clients write it.
func occurred(ago time.Duration) string { return time.Now().Add(-ago).UTC().Format(time.RFC3339Nano) }

const (
	day  = 24 * time.Hour
	soon = 15 * time.Second // long enough that the instant has not come when it is noticed
)

// The whole of a bucket on the built binary: the clock makes people enter at the
// instant a window passes them, reactions run as workflows of their own, dwell counts
// from the historical anchor, and who comes back leaves (B-29, B-38, W-1, W-26, W-27).
func TestBucketsFromTheClockToTheMail(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	// Ada's window of 7 days passes in a moment; so does Bob's, and his dwell of 14
	// days after it: he was last seen 21 days ago.
	r.mustPost(event{Name: "app.active", UserID: "ada", Email: "ada@example.com", Timestamp: occurred(7*day - soon)})
	r.mustPost(event{Name: "app.active", UserID: "bob", Email: "bob@example.com", Timestamp: occurred(20 * day)})
	r.eventually(2, `select count(*) from memberships where bucket_id = 'went-dormant' and status = 'active'`)
	require.Equal(t, 1, r.count(`select count(*) from memberships m join contacts c on c.id = m.contact_id where c.external_id = 'ada' and m.source = 'reconcile'
		and m.entered_at = (select occurred_at + interval '7 days 1 microsecond' from events where contact_id = c.id and name = 'app.active')`), "W-6: the instant itself")
	r.eventually(2, `select count(*) from enrollments where journey_id = 'bucket-went-dormant-on-enter' and status = 'completed'`)
	require.Equal(t, map[string]int{"ada@example.com": 1, "bob@example.com": 1}, r.resend.perRecipient("win-back"))

	// The timers of both sleep in Temporal under the ids of their stays (B-39).
	c := r.client()
	r.until("there are not two timers", func() bool {
		list, err := c.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{
			Query: `HogsendBucket="went-dormant" AND WorkflowType="bucket-went-dormant-on-dwell-after-1209600000" AND ExecutionStatus="Running"`,
		})
		return err == nil && len(list.Executions) == 2
	})

	// Who comes back leaves, and the timer with them (B-43).
	r.mustPost(event{Name: "app.active", UserID: "ada"})
	r.eventually(1, `select count(*) from events where name = 'user.returned' and (properties ->> 'stay')::int = 1`)
	r.eventually(0, `select count(*) from outbox where kind = 'cancel' and status = 'pending'`)
	require.Equal(t, 1, r.count(`select count(*) from memberships where bucket_id = 'went-dormant' and status = 'left' and left_reason = 'criteria'`))
}
