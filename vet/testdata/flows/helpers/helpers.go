// Package helpers has what several journeys do.
package helpers

import (
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
)

// Greet mails and waits.
func Greet(ctx workflow.Context, run hogsend.Run) error {
	if _, err := run.Send(ctx, hogsend.Email{Template: "hello"}); err != nil {
		return err
	}
	_, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "paid", Timeout: hogsend.Forever, Label: "paid"})
	return err
}
