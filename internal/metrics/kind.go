package metrics

import (
	"context"
	"errors"

	"github.com/hogsend/hogsend/internal/engine"
	"github.com/hogsend/hogsend/internal/store"
)

// The kinds of failures.
const (
	kindClosed      = "closed"
	kindPaused      = "paused"
	kindCanceled    = "canceled"
	kindUnavailable = "unavailable"
	kindRefused     = "refused"
)

// kindOf is the bounded name of a failure.
func kindOf(err error) string {
	switch {
	case errors.Is(err, engine.ErrClosed):
		return kindClosed
	case errors.Is(err, engine.ErrPaused):
		return kindPaused
	case errors.Is(err, context.Canceled):
		return kindCanceled
	case store.IsUnavailable(err):
		return kindUnavailable
	}
	return kindRefused
}
