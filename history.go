package hogsend

import (
	"time"

	"go.temporal.io/sdk/workflow"
)

// History tells a journey what its contact did and got before, as it is at the call.
// Where nothing is found the result is its zero value and no error; an empty name is a
// [*ValidationError].
type History interface {
	// Event looks at the contact's events of that name that occurred within the last while,
	// the trigger included; 0 looks at all of them.
	Event(ctx workflow.Context, name string, within time.Duration) (PastEvents, error)
	// Journey looks at the contact's other enrollments in the journey of that id.
	Journey(ctx workflow.Context, id string) (PastEntries, error)
	// Email looks at the mails of a template that the contact got.
	Email(ctx workflow.Context, template string) (PastMails, error)
}

// PastEvents are the events of one name.
type PastEvents struct {
	Found bool
	Count int
	// FirstAt and LastAt are when the first and the last of them occurred.
	FirstAt, LastAt time.Time
}

// PastEntries are the enrollments in one journey, without the one that asks.
type PastEntries struct {
	// Completed is true if one of them was completed, the last one at LastCompletedAt.
	Completed       bool
	LastCompletedAt time.Time
	// Entries counts all of them, whatever became of them.
	Entries int
}

// PastMails are the mails of one template that were sent. Those that failed or were held
// back do not count.
type PastMails struct {
	Sent       bool
	Count      int
	LastSentAt time.Time
	// Opened and Clicked tell of the newest of them.
	Opened, Clicked bool
}
