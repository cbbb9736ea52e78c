package activities

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/bits"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/store"
)

// ChooseVariantName is the name of the activity that chooses an arm.
const ChooseVariantName = "ChooseVariant"

// VariantRequest asks for the arm of a contact (J-142).
type VariantRequest struct {
	Step Step `json:"step"`
	// Journey is the one name of the journey that a rename does not change.
	Journey string        `json:"journey"`
	Name    string        `json:"name"`
	Arms    []hogsend.Arm `json:"arms"`
}

// variantDetail is what the step log keeps of a choice.
type variantDetail struct {
	Name string `json:"name"`
	Arm  string `json:"arm"`
}

// ChooseVariant chooses an arm, once per enrollment and name: what was chosen first
// stays, whatever became of the arms.
func (a *Activities) ChooseVariant(ctx context.Context, r VariantRequest) (string, error) {
	id, err := parseID(r.Step.EnrollmentID)
	if err != nil {
		return "", final(err)
	}
	chosen := variantDetail{Name: r.Name}
	err = a.Store.WithEnrollment(ctx, id, func(tx *store.EnrollmentTx) error {
		kept, err := tx.Q.StepLogFind(ctx, id, r.Step.Key, "variant")
		if err != nil {
			return fmt.Errorf("find variant: %w", err)
		}
		if len(kept) > 0 {
			return json.Unmarshal(kept[0], &chosen)
		}
		e := tx.Enrollment
		chosen.Arm = ChooseArm(r.Journey, r.Name, e.ContactID.String(), r.Arms)
		if store.Live(e.Status) {
			a.log(ctx, tx, r.Step, "variant", e.Node, e.Node, map[string]any{"name": chosen.Name, "arm": chosen.Arm})
		}
		return nil
	})
	return chosen.Arm, err
}

// ChooseArm is the arm at the place of a contact's hash in the sum of the weights,
// which must be positive: a contact keeps its arm as long as the arms are the same,
// and when the first one grows nobody leaves it.
func ChooseArm(journey, name, contactID string, arms []hogsend.Arm) string {
	sum := uint64(0)
	for _, arm := range arms {
		sum += uint64(arm.Weight) //nolint:gosec // weights are not negative
	}
	digest := sha256.Sum256([]byte(journey + "/" + name + "/" + contactID))
	place, _ := bits.Mul64(binary.BigEndian.Uint64(digest[:8]), sum) // of 2^64
	for _, arm := range arms {
		weight := uint64(arm.Weight) //nolint:gosec // as above
		if place < weight {
			return arm.Name
		}
		place -= weight
	}
	return ""
}
