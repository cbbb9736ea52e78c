package hogsend

import (
	"time"

	"go.temporal.io/sdk/workflow"
)

// History tells a journey what its contact did and got before, as committed at the
// call. Nothing found is the zero value, never an error; an empty name is a
// *ValidationError (J-141).
type History interface {
	// Event looks at the contact's events of that name that occurred within the last
	// while, the trigger included; a within of 0 means all of them, a negative one is a
	// *ValidationError.
	Event(ctx workflow.Context, name string, within time.Duration) (PastEvents, error)
	// Journey looks at the contact's other enrollments in a journey, under its id and
	// its aliases.
	Journey(ctx workflow.Context, id string) (PastEntries, error)
	// Email looks at the mails of a template that went out to the contact.
	Email(ctx workflow.Context, template string) (PastMails, error)
}

// PastEvents are the events of one name.
type PastEvents struct {
	Found bool
	Count int
	// FirstAt and LastAt are when the first and the last of them occurred.
	FirstAt, LastAt time.Time
}

// PastEntries are the enrollments in one journey, apart from the one that asks.
type PastEntries struct {
	// Completed reports that one of them was completed, the last at LastCompletedAt.
	Completed       bool
	LastCompletedAt time.Time
	// Entries counts them all, whatever became of them.
	Entries int
}

// PastMails are the mails of one template that went out: not those that failed or
// were refused.
type PastMails struct {
	Sent       bool
	Count      int
	LastSentAt time.Time
	// Opened and Clicked tell of the newest.
	Opened, Clicked bool
}

// Throttle asks whether few enough mails went to the contact lately (J-144).
type Throttle struct {
	// Max is how many make it too many; at least 1.
	Max int
	// Window is how far back they count, to the instant; positive.
	Window time.Duration
	// Journey, Template and Category narrow what counts; "" counts all.
	Journey, Template, Category string
	// Label names the step in the log; "" means "throttle".
	Label string
}

// Arm is one way that a variant can go.
type Arm struct {
	// Name is unique among the arms and not empty.
	Name string
	// Weight is the arm's share of the sum of all weights; an arm of weight 0 is never
	// chosen.
	Weight int
}
