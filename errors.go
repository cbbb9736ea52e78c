package hogsend

import (
	"errors"
	"fmt"
)

// ErrExited is returned by effects and waits once the enrollment has ended, and
// by Run.Exit. A journey returns it as it is (J-68, J-77).
var ErrExited = errors.New("enrollment has ended")

// ValidationError is a usage error: it names the field, is never retried and
// leaves nothing outside (J-118).
type ValidationError struct {
	Field   string
	Message string
}

func (e *ValidationError) Error() string { return e.Field + ": " + e.Message }

// SendErrorKind says what is known about a failed send.
type SendErrorKind string

// The kinds of a SendError (J-132). After SendUnknownOutcome the mail may have
// arrived; it is never sent again by itself.
const (
	SendPermanent      SendErrorKind = "permanent"
	SendUnknownOutcome SendErrorKind = "unknown_outcome"
)

// SendError is a send that failed for good (E-31, E-32).
type SendError struct {
	SendID string
	Kind   SendErrorKind
	Reason string
}

func (e *SendError) Error() string { return fmt.Sprintf("send %s: %s", e.Kind, e.Reason) }
