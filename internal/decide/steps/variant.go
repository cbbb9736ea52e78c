package steps

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"

	"github.com/hogsend/hogsend"
)

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
