package hogsendtest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/hogsendtest"
)

// promotes makes the contact enter the bucket, and tells somebody else.
func promotes(ctx workflow.Context, run hogsend.Run) error {
	if err := run.Sleep(ctx, 2*hogsend.Day+90*time.Minute); err != nil {
		return err
	}
	if err := run.Identify(ctx, hogsend.Properties{"plan": "pro"}); err != nil {
		return err
	}
	if err := run.Trigger(ctx, hogsend.TriggerEvent{Event: "promoted"}); err != nil {
		return err
	}
	return run.Trigger(ctx, hogsend.TriggerEvent{Event: "friend.promoted", UserID: "bob"})
}

func completesAtOnce(workflow.Context, hogsend.Run) error { return nil }

// T-8: events that come, of scripts, people, dates and other journeys, transitions of
// buckets and rows of the step log, each before what it causes; an event that a row tells
// of has no line of its own.
func TestATimelineHasEventsTransitionsAndSteps(t *testing.T) {
	t.Parallel()
	registry := registryOf(path(promotes), hogsend.Journey{
		ID: "yearly", Name: "Yearly", Trigger: hogsend.OnDate("birthday").At("9:00"), EntryLimit: hogsend.Once, Run: completesAtOnce,
	})
	registry.Buckets = []hogsend.Bucket{{
		ID: "pros", Name: "Pros", Criteria: hogsend.All(hogsend.Prop("plan").Eq("pro"), hogsend.Event("left").NotExists()),
		Reactions: []hogsend.Reaction{hogsend.OnEnter(completesAtOnce)},
	}}
	s := hogsendtest.New(t, registry)
	ada := s.Contact(hogsendtest.Person{UserID: "ada", Email: "ada@example.com", Properties: hogsend.Properties{"birthday": "2026-01-09"}})
	s.Contact(hogsendtest.Person{UserID: "bob", Email: "bob@example.com"})
	ada.At(1500*time.Millisecond, "go")
	ada.At(5*hogsend.Day, "left")
	s.Unheard("friend.promoted")
	got := s.Run()
	require.Equal(t, `+1s 500ms event go
+1s 500ms path enrolled path
+1s 500ms path wait_started wait:49h30m until +2d 1h 30m 1s 500ms
+2d 1h 30m 1s 500ms path wait_ended wait:49h30m timeout
+2d 1h 30m 1s 500ms path identified wait:49h30m plan
+2d 1h 30m 1s 500ms entered pros
+2d 1h 30m 1s 500ms bucket-pros-on-enter enrolled bucket-pros-on-enter
+2d 1h 30m 1s 500ms path event_triggered promoted
+2d 1h 30m 1s 500ms path event_triggered friend.promoted
+2d 1h 30m 1s 500ms path completed
+2d 1h 30m 1s 500ms bucket-pros-on-enter completed
+3d 23h event hogsend:date:yearly
+3d 23h yearly enrolled yearly
+3d 23h yearly completed
+5d event left
+5d left pros
`, got.Timeline("ada"))
	require.Equal(t, "+2d 1h 30m 1s 500ms event friend.promoted\n", got.Timeline("bob"))
}

// T-8
func TestOffsetsAreInTheLargestUnitsWithoutZeroParts(t *testing.T) {
	t.Parallel()
	got := hogsendtest.Result{Start: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}
	for d, want := range map[time.Duration]string{
		0: "+0s", time.Second: "+1s", 90 * time.Minute: "+1h 30m", 5*hogsend.Day + 3*time.Hour: "+5d 3h", 48 * time.Hour: "+2d",
		400*hogsend.Day + time.Microsecond: "+400d 1µs", 61 * time.Second: "+1m 1s", 250 * time.Millisecond: "+250ms", -25 * time.Hour: "-1d 1h",
	} {
		require.Equal(t, want, got.Offset(got.Start.Add(d)))
	}
}
