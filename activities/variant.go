package activities

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide/steps"
	"github.com/hogsend/hogsend/internal/store"
)

// variantDetail is what the step log keeps of a choice.
type variantDetail struct {
	Name string `json:"name"`
	Arm  string `json:"arm"`
}

// ChooseVariant chooses an arm, once per enrollment and name: what was chosen first
// stays, whatever became of the arms.
func (a *Activities) ChooseVariant(ctx context.Context, r contract.VariantRequest) (string, error) {
	id, err := parseID(r.Step.EnrollmentID)
	if err != nil {
		return "", final(err)
	}
	chosen := variantDetail{Name: r.Name}
	err = a.Store.WithEnrollment(ctx, id, nil, func(tx *store.EnrollmentTx) error {
		kept, err := tx.Q.StepLogFind(ctx, id, r.Step.Key, "variant")
		if err != nil {
			return fmt.Errorf("find variant: %w", err)
		}
		if len(kept) > 0 {
			return json.Unmarshal(kept[0], &chosen)
		}
		e := tx.Enrollment
		chosen.Arm = steps.ChooseArm(r.Journey, r.Name, e.ContactID.String(), r.Arms)
		if e.Status.Live() {
			a.log(ctx, tx, r.Step, "variant", e.Node, e.Node, map[string]any{"name": chosen.Name, "arm": chosen.Arm})
		}
		return nil
	})
	return chosen.Arm, err
}
