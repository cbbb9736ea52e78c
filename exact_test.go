package hogsend_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/hogsendtest"
)

// waitsForItsOrder waits for the order of its trigger, and tells of it in an event.
func waitsForItsOrder(ctx workflow.Context, run hogsend.Run) error {
	order := run.Event().Properties["orderId"]
	shipped, err := run.WaitForEvent(ctx, hogsend.Wait{
		Event: "shipped", Where: []hogsend.Condition{hogsend.Prop("orderId").Eq(order)}, Timeout: hogsend.Day,
	})
	if err != nil || shipped == nil {
		return err
	}
	return run.Trigger(ctx, hogsend.TriggerEvent{Event: "thanked", Properties: hogsend.Properties{"orderId": shipped.Properties["orderId"]}})
}

// C-4, C-27, J-167: no other order is taken for this one, on the whole way from an event
// through the journey's code and its condition to the event that it stores.
func TestAWaitForOneOrderIsNotEndedByAnother(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ own, other any }{
		{int64(1234567890123456789), int64(1234567890123456700)},
		{int64(-1234567890123456789), int64(-1234567890123456788)},
		{uint64(18446744073709551615), uint64(18446744073709551614)},
		{0.1 + nearly(), 0.3},
	} {
		t.Run(fmt.Sprint(tt.own), func(t *testing.T) {
			t.Parallel()
			s := hogsendtest.New(t, only(waitsForItsOrder))
			person := s.Contact(ada())
			person.At(0, "go", hogsend.Properties{"orderId": tt.own})
			person.At(time.Hour, "shipped", hogsend.Properties{"orderId": tt.other})
			person.At(2*time.Hour, "shipped", hogsend.Properties{"orderId": tt.own})
			got := s.Run()
			require.Equal(t, []string{"go", "shipped", "shipped", "thanked", "journey:completed"}, got.EventsOf("ada"))
			require.Equal(t, got.Start.Add(2*time.Hour), got.Enrollment("ada", "example").EndedAt)
			require.Equal(t, got.Events[0].Properties["orderId"], got.Events[3].Properties["orderId"])
		})
	}
}

// nearly is 0.2, added to 0.1 at run time: a constant sum would be exact.
func nearly() float64 { return 0.2 }
