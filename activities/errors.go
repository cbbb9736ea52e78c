package activities

import (
	"errors"

	"go.temporal.io/sdk/temporal"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
)

// final classifies an error once, at the edge of an activity: the product's own
// errors are final, everything else is transient and retried (J-93, J-94).
func final(err error) error {
	var invalid *hogsend.ValidationError
	if errors.As(err, &invalid) {
		return temporal.NewNonRetryableApplicationError("invalid "+invalid.Field, contract.ErrorTypeValidation, nil, encryptedValidation(*invalid))
	}
	var send *hogsend.SendError
	if errors.As(err, &send) {
		return temporal.NewNonRetryableApplicationError("send failed", contract.ErrorTypeSend, nil, encryptedSend(*send))
	}
	return err
}

// Details are encrypted like every other value: a message may quote what it refused.
type (
	encryptedValidation hogsend.ValidationError
	encryptedSend       hogsend.SendError
)

func (encryptedValidation) Encrypted() {}
func (encryptedSend) Encrypted()       {}
