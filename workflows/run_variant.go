package workflows

import (
	"math"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
)

// Variant implements hogsend.Run.
func (r *journeyRun) Variant(ctx workflow.Context, name string, arms ...hogsend.Arm) (string, error) {
	if name == "" {
		return "", invalid("name", "is required")
	}
	if err := short("name", name); err != nil {
		return "", err
	}
	if err := checkArms(arms); err != nil {
		return "", err
	}
	if err := r.readable(ctx); err != nil {
		return "", err
	}
	// One step, however often the journey asks: the first choice stays.
	step := contract.Step{EnrollmentID: r.enrollmentID, Key: "variant:" + name, Node: r.node}
	request := contract.VariantRequest{Step: step, Journey: r.firstID, Name: name, Arms: arms}
	var arm string
	err := r.local(ctx, contract.ChooseVariantName, step.Key, request, &arm)
	return arm, err
}

func checkArms(arms []hogsend.Arm) error {
	sum, seen := 0, map[string]bool{}
	for _, arm := range arms {
		switch {
		case arm.Name == "":
			return invalid("arms", "an arm has no name")
		case seen[arm.Name]:
			return invalid("arms", "%q is the name of two arms", arm.Name)
		case arm.Weight < 0:
			return invalid("arms", "the weight of %q is negative", arm.Name)
		case arm.Weight > math.MaxInt-sum:
			return invalid("arms", "the weights are too large")
		}
		if err := short("arms", arm.Name); err != nil {
			return err
		}
		seen[arm.Name], sum = true, sum+arm.Weight
	}
	if sum == 0 {
		return invalid("arms", "one of them needs a positive weight")
	}
	return nil
}
