package workflows

import (
	"errors"

	"go.temporal.io/sdk/temporal"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
)

// authorError turns an activity's final error into the one that the author's code
// is promised; any other error stays as it is.
func authorError(err error) error {
	var failure *temporal.ApplicationError
	if !errors.As(err, &failure) {
		return err
	}
	switch failure.Type() {
	case contract.ErrorTypeValidation:
		var invalid hogsend.ValidationError
		if failure.Details(&invalid) == nil {
			return &invalid
		}
	case contract.ErrorTypeSend:
		var send hogsend.SendError
		if failure.Details(&send) == nil {
			return &send
		}
	}
	return err
}
