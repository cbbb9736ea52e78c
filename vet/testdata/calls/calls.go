// Package calls calls activities.
package calls

import (
	"context"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
)

func createCoupon(context.Context, int) (string, error) { return "", nil }

var journey = hogsend.Journey{
	ID: "coupons", Name: "Coupons", Trigger: hogsend.On("go"), EntryLimit: hogsend.Once, Run: run,
	Activities: []string{"CreateCoupon", "CreateCopuon"}, // want `there is no activity "CreateCopuon", did you mean "CreateCoupon"\?`
}

func run(ctx workflow.Context, run hogsend.Run) error {
	run.Do(ctx, hogsend.Call{Activity: "CreateCoupon"}, nil) // want `the error of run.Do is discarded`
	call := hogsend.Call{Activity: "Coupon"}                 // want `there is no activity "Coupon"`
	return run.Do(ctx, call, nil)
}

// Options are those of package app.
type Options struct {
	Registry   hogsend.Registry
	Activities []hogsend.Activity
}

// Program is the whole program.
func Program() Options {
	return Options{
		Registry:   hogsend.Registry{Journeys: []hogsend.Journey{journey}},
		Activities: []hogsend.Activity{{Name: "CreateCoupon", Func: createCoupon}},
	}
}
