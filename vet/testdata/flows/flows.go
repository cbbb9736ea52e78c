// Package flows has journeys whose way is not plain.
package flows

import (
	"errors"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/vet/testdata/flows/helpers"
)

// Journey goes through functions of this and another package.
var Journey = hogsend.Journey{ID: "flows", Run: journey}

func journey(ctx workflow.Context, run hogsend.Run) error {
	if err := helpers.Greet(ctx, run); err != nil {
		return err
	}
	if err := receipt(ctx, run); err != nil {
		return err
	}
	got, err := run.WaitForAny(ctx, hogsend.AnyOf{Waits: []hogsend.Wait{{Event: "a"}}, Timeout: hogsend.Forever})
	if err != nil {
		return err
	}
	switch got.Index {
	case 0:
		if err := run.Do(ctx, hogsend.Call{Activity: "Charge"}, nil); err != nil {
			return err
		}
	default:
		return errors.New("none")
	}
	return endless(ctx, run)
}

func receipt(ctx workflow.Context, run hogsend.Run) error {
	if run.Enrollment().Key == "" {
		return nil
	}
	if _, err := run.Send(ctx, hogsend.Email{Template: "receipt"}); err != nil {
		return err
	}
	return run.Sleep(ctx, 3*hogsend.Day)
}

func endless(ctx workflow.Context, run hogsend.Run) error {
	for {
		if _, err := run.Send(ctx, hogsend.Email{Template: "tip"}); err != nil {
			return err
		}
		in, err := run.InBucket(ctx, "power")
		if err != nil {
			return err
		}
		if in {
			break
		}
		if err := endless(ctx, run); err != nil {
			return err
		}
	}
	return nil
}
