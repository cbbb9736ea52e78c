package hogsend_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
)

func TestRecurrencesComeByTheClockOnTheWall(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		r     hogsend.Recurrence
		label string
		after string
		want  []string
	}{
		{hogsend.Daily("9:00"), "daily-09:00-UTC", "2026-01-05T09:00:00Z", []string{"2026-01-06T09:00:00Z", "2026-01-07T09:00:00Z"}},
		{hogsend.Daily("9:00"), "daily-09:00-UTC", "2026-01-05T08:59:59.999999999Z", []string{"2026-01-05T09:00:00Z"}},
		{hogsend.Weekly(time.Tuesday, "17:30"), "weekly-tuesday-17:30-UTC", "2026-01-05T10:00:00Z", []string{"2026-01-06T17:30:00Z", "2026-01-13T17:30:00Z"}},
		// S-14: Berlin sets its clocks forward at two on March 29th and back at three on October 25th.
		{hogsend.Weekly(time.Sunday, "2:30").TZ("Europe/Berlin"), "weekly-sunday-02:30-Europe/Berlin", "2026-03-23T00:00:00Z", []string{"2026-03-29T01:30:00Z", "2026-04-05T00:30:00Z"}},
		{hogsend.Daily("2:30").TZ("Europe/Berlin"), "daily-02:30-Europe/Berlin", "2026-10-24T12:00:00Z", []string{"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}},
		{hogsend.Monthly(28, "0:00").TZ("America/New_York"), "monthly-28-00:00-America/New_York", "2026-01-28T05:00:00Z", []string{"2026-02-28T05:00:00Z", "2026-03-28T04:00:00Z", "2026-04-28T04:00:00Z"}},
	} {
		require.NoError(t, tt.r.Validate())
		require.Equal(t, tt.label, tt.r.Label())
		at, err := time.Parse(time.RFC3339Nano, tt.after)
		require.NoError(t, err)
		for _, want := range tt.want {
			at, err = tt.r.Next(at)
			require.NoError(t, err)
			require.Equal(t, want, at.Format(time.RFC3339Nano), tt.label)
		}
	}
}

func TestScheduledJourneysAreCheckedAtStart(t *testing.T) {
	t.Parallel()
	readers := hogsend.Bucket{ID: "readers", Name: "Readers", Criteria: hogsend.Event("read").Exists()}
	check := func(trigger hogsend.Trigger) error {
		return hogsend.Registry{Buckets: []hogsend.Bucket{readers}, Journeys: []hogsend.Journey{
			{ID: "digest", Name: "Digest", EntryLimit: hogsend.Unlimited, Trigger: trigger, Run: noRun},
			{ID: "ends", Name: "Ends", EntryLimit: hogsend.Once, Trigger: hogsend.On("read"), Run: noRun, ExitOn: []hogsend.Exit{{Event: trigger.Event}}},
		}}.Validate()
	}
	weekly := hogsend.Weekly(time.Monday, "9:00")
	require.NoError(t, check(hogsend.OnSchedule(weekly, readers)))
	require.NoError(t, check(hogsend.OnEnterOf(readers)))
	require.NoError(t, check(hogsend.OnLeaveOf(readers)))
	for want, trigger := range map[string]hogsend.Trigger{
		`journey digest: Trigger.BucketID: there is no bucket "reader", did you mean "readers"?`: hogsend.OnSchedule(weekly, hogsend.Bucket{ID: "reader"}),
		`journey digest: Trigger.Event: there is no event "bucket:entered:reader"`:               hogsend.OnEnterOf(hogsend.Bucket{ID: "reader"}),
		`journey digest: Trigger.Recurrence: at:`:                                                hogsend.OnSchedule(hogsend.Daily("25:00"), readers),
		`journey digest: Trigger.Recurrence: zone:`:                                              hogsend.OnSchedule(weekly.TZ("Europe/Berln"), readers),
		`journey digest: Trigger.Recurrence: day: must be 1 to 31`:                               hogsend.OnSchedule(hogsend.Monthly(32, "9:00"), readers),
		`journey digest: Trigger.Recurrence: period:`:                                            hogsend.OnSchedule(hogsend.Recurrence{At: "9:00"}, readers),
	} {
		require.ErrorContains(t, check(trigger), want)
	}
}

func noRun(workflow.Context, hogsend.Run) error { return nil }
