package hogsend

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Activity is a function of your own that journeys call with [Run.Do], for what hogsend
// does not do itself: a coupon of the billing system, a message to a chat, a webhook.
type Activity struct {
	// Name is what journeys call it by: 1 to 200 characters, not beginning with "journey-",
	// "bucket-" or "hogsend". Enrollments under way call it by its name: keep one that is
	// in use.
	Name string
	// Func is a function or a method, no literal, of the form
	//
	//	func(context.Context[, In]) ([Out, ]error)
	//
	// In and Out are values of JSON. It may run more than once for a call: see [StepOf].
	Func any
}

// Workflow is a workflow of your own, such as a child of a journey.
type Workflow struct {
	// Name follows the rules of Activity.Name.
	Name string
	// Func is a top-level function of Temporal's form for workflows.
	Func any
}

// Call says which activity [Run.Do] runs, and how.
type Call struct {
	// Activity is the name of an [Activity]; required.
	Activity string
	// Input is its argument, at most 256 KiB as JSON; nil for none.
	Input any
	// Label names the step; "" means "do:" and the activity.
	Label string
	// Timeout is how long one attempt may take, from 1 s to 1 h; 0 means 1 minute.
	Timeout time.Duration
	// Retry says how often a failed attempt is repeated.
	Retry Retry
}

// Retry says how often an activity is tried. There is a pause of 1 s after the first
// failed attempt, and of twice the one before after each other, 1 minute at most.
type Retry struct {
	// MaxAttempts is how many attempts there are in all; 0 means until it succeeds.
	MaxAttempts int
}

// CallError is an activity that failed for good. The enrollment goes on unless the
// journey returns the error.
type CallError struct {
	Activity string
	// Reason is what its last attempt said, for people to read.
	Reason string
	// Attempts is how many there were.
	Attempts int
}

func (e *CallError) Error() string {
	return fmt.Sprintf("do %s: %s (attempt %d)", e.Activity, e.Reason, e.Attempts)
}

// Final makes an error of an activity one that is not tried again. The final error of nil
// is nil.
func Final(err error) error {
	if err == nil {
		return nil
	}
	return &finalError{err}
}

type finalError struct{ err error }

func (e *finalError) Error() string { return e.err.Error() }

func (e *finalError) Unwrap() error { return e.err }

// IsFinal reports whether an error was made by [Final], or wraps one that was.
func IsFinal(err error) bool {
	var final *finalError
	return errors.As(err, &final)
}

// Step is the call that an activity runs for.
type Step struct {
	// Key is the same for every attempt of the call and for no other call. Hand it on as
	// the idempotency key of what the activity does: an attempt may have had its effect
	// although nobody learned of it.
	Key string
	// EnrollmentID and ContactID are UUIDs.
	EnrollmentID, JourneyID, ContactID string
	// Attempt counts the attempts from 1; Retry counts the times that the failed enrollment
	// was taken up again, from 0.
	Attempt, Retry int
}

type stepKey struct{}

// StepOf is the call that an activity runs for; the zero value if [Run.Do] did not call it.
func StepOf(ctx context.Context) Step {
	step, _ := ctx.Value(stepKey{}).(Step)
	return step
}

// WithStep makes a context in which [StepOf] finds the step: for a test that calls an
// activity itself.
func WithStep(ctx context.Context, step Step) context.Context {
	return context.WithValue(ctx, stepKey{}, step)
}
