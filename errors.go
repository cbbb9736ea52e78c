package hogsend

import (
	"errors"
	"fmt"
)

// ErrExited says that the enrollment has ended. Effects and waits return it from then
// on, [Run.Exit] returns it, and a journey returns it as it is.
var ErrExited = errors.New("enrollment has ended")

// ErrPast says that the date of a chain of [When] has passed; see [When.On].
var ErrPast = errors.New("the date has passed")

// ValidationError is a call that can never succeed, such as a wait without a deadline.
// Nothing has happened outside, and trying again would not help. A journey that returns
// it fails.
type ValidationError struct {
	// Field is the field or the argument that is wrong, such as "timeout".
	Field string
	// Message says what is wrong with it.
	Message string
}

func (e *ValidationError) Error() string { return e.Field + ": " + e.Message }

func invalid(field, format string, args ...any) error {
	return &ValidationError{Field: field, Message: fmt.Sprintf(format, args...)}
}
