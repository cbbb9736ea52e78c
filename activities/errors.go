package activities

import (
	"errors"

	"go.temporal.io/sdk/temporal"

	"github.com/hogsend/hogsend"
)

// Types of the application errors that are final: Temporal does not retry them and
// the workflow hands them to the author as the Go errors they were made from.
const (
	TypeValidation = "ValidationError"
	TypeSend       = "SendError"
)

// final classifies an error once, at the edge of an activity: the product's own
// errors are final, everything else is transient and retried (J-93, J-94).
func final(err error) error {
	var invalid *hogsend.ValidationError
	if errors.As(err, &invalid) {
		return temporal.NewNonRetryableApplicationError("invalid "+invalid.Field, TypeValidation, nil, sealedValidation(*invalid))
	}
	var send *hogsend.SendError
	if errors.As(err, &send) {
		return temporal.NewNonRetryableApplicationError("send failed", TypeSend, nil, sealedSend(*send))
	}
	return err
}

// Details are encrypted like every other value: a message may quote what it refused.
type (
	sealedValidation hogsend.ValidationError
	sealedSend       hogsend.SendError
)

func (sealedValidation) Sealed() {}
func (sealedSend) Sealed()       {}
