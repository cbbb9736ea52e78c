package hogsend

import (
	"time"

	"go.temporal.io/sdk/workflow"
)

// JourneyFunc is the code of a journey: a named top-level function, no literal and no
// method. It runs as a Temporal workflow, which is executed again from its recorded
// history after a restart; so it must be deterministic, as every method of [Run] is. It
// may use the rest of Temporal's workflow package too.
//
// The enrollment is completed when the function returns nil, exited when it returns
// [ErrExited], and failed, with the error's text, when it returns any other error.
type JourneyFunc func(ctx workflow.Context, run Run) error

// Journey defines a path that contacts take: which event starts it, how often, what ends
// it early, and the code. It is plain data, checked with the rest of the [Registry]
// before anything starts.
type Journey struct {
	// ID is the stable name of small letters, digits and hyphens, at most 63 characters.
	// Required. People under way belong to it: to rename a journey keep the former id in
	// Aliases.
	ID string
	// Name is shown to people: 1 to 100 characters. Description has at most 1,000.
	Name, Description string
	// Aliases are former ids. Contacts enrolled under them go on.
	Aliases []string
	// Disabled keeps contacts from entering; those under way go on to their end.
	Disabled bool
	// Trigger names the event that enrolls a contact; required.
	Trigger Trigger
	// EntryLimit says how often one contact may enter; required.
	EntryLimit EntryLimit
	// EntryPeriod is the least time between two entries under OncePerPeriod, and goes with
	// it only; 0 means 24 hours.
	EntryPeriod time.Duration
	// Key names a property of the trigger's event: the journey is then one of objects, such
	// as invoices or orders. A contact has an enrollment for each value of it, and entry
	// limits, digests and "already under way" hold for each value by itself. The value is a
	// string of 1 to 200 characters or a number, of which 77 and "77" are one key; an event
	// without it does not enroll (key_missing). "" means one enrollment per contact (J-153).
	Key string
	// Audience says who may enter, by what is known of the contact when the event comes:
	// properties, events, mails and buckets, the event itself and what it changed included.
	// Who is not in it is passed over without using up the entry limit (not_in_audience).
	// nil means everybody (J-151).
	Audience Condition
	// EnrollUnsubscribed also enrolls contacts that are unsubscribed from everything.
	EnrollUnsubscribed bool
	// ExitOn ends an enrollment when an event matches one of the rules.
	ExitOn []Exit
	// MinSendGap is the least time between two mails of the journey to one contact, over all
	// its enrollments. A mail that comes sooner is skipped, with the reason suppress_gap. 0
	// means none.
	MinSendGap time.Duration
	// Category is the category of the journey's mails where a send names none; "" means
	// "journey". Contacts can unsubscribe from a category. A journey of the category
	// "transactional", such as receipts, also enrolls and mails who is unsubscribed from
	// everything; a suppressed address gets nothing.
	Category string
	// Priority says whose mails go first where a frequency cap has few places: from -1,000 to
	// 1,000, higher goes first. A mail leaves the last places to deferred ones of a higher
	// priority: it is skipped, with the reason priority, or deferred itself (E-82).
	Priority int
	// Templates lists the keys of the templates that the journey sends. It is optional: a
	// listed key that does not exist is told at start, any other at its first send.
	Templates []string
	// Activities lists the names of activities that the journey calls with Run.Do. It is
	// optional: a listed name that the program does not have is told at start, any other at
	// its first call.
	Activities []string
	// Version is a label of your own for the code, at most 64 characters. It is stored with
	// each enrollment and changes nothing.
	Version string
	// InFlight says which build runs the contacts that are under way when a new one is
	// deployed. The zero value is Upgrade.
	InFlight InFlight
	// Run is the code; required.
	Run JourneyFunc
	// Reaction tells which reaction of a bucket the journey is. It is set by hogsend, and
	// refused in a registry.
	Reaction *ReactionOf
}

// EntryLimit says how often one contact may enter a journey. A contact is never twice in
// a journey at the same time, whatever the limit.
type EntryLimit string

// The entry limits. A journey must name one.
const (
	// Once lets a contact enter once, ever.
	Once EntryLimit = "once"
	// OncePerPeriod lets a contact enter again when the EntryPeriod since the last entry
	// has passed.
	OncePerPeriod EntryLimit = "once_per_period"
	// Unlimited lets a contact enter whenever it is not under way.
	Unlimited EntryLimit = "unlimited"
)

// Valid reports whether l is one of the declared limits.
func (l EntryLimit) Valid() bool {
	return l == Once || l == OncePerPeriod || l == Unlimited
}

// InFlight says how contacts that are under way go on after a deploy. It counts where
// workers run under a Temporal worker deployment (HOGSEND_DEPLOYMENT); elsewhere one
// build runs at a time, and everybody goes on with the newest.
type InFlight string

// The ways to go on.
const (
	// Upgrade lets contacts go on with the newest build. Code that was changed in an
	// incompatible way stands behind Run.Version.
	Upgrade InFlight = "upgrade"
	// Pinned keeps contacts on the build that began their run; its workers must run until
	// they are through.
	Pinned InFlight = "pinned"
)

// Valid reports whether f is one of the declared values or the zero value.
func (f InFlight) Valid() bool { return f == "" || f == Upgrade || f == Pinned }

// Trigger is what enrolls a contact. Make one with [On], [OnEnterOf], [OnLeaveOf],
// [OnSchedule] or [OnDate].
type Trigger struct {
	// Event is the exact name of the event; required.
	Event string
	// Conditions must all hold on the event's own properties; none means always.
	Conditions []Condition
	// Recurrence and BucketID belong to OnSchedule.
	Recurrence *Recurrence
	BucketID   string
	// Date belongs to OnDate; Event is DateEvent of the journey then and may be left out.
	Date *DateTrigger
}

// On triggers on every event of that exact name.
func On(event string) Trigger { return Trigger{Event: event} }

// Where returns a trigger that is narrowed: all conditions must hold on the event's own
// properties, besides those that it had. The receiver is not changed.
func (t Trigger) Where(conditions ...Condition) Trigger {
	t.Conditions = append(append([]Condition(nil), t.Conditions...), conditions...)
	return t
}

// Exit ends an enrollment when an event of the contact comes. It takes effect with the
// event: no mail whose sending begins later goes out (J-71).
type Exit struct {
	// Event is the exact name of the event; required.
	Event string
	// Where must hold on the event's own properties; none means always. With [SameAsTrigger]
	// only the enrollments end that the event is about.
	Where []Condition
}

// ReactionOf tells which reaction a journey of a bucket is.
type ReactionOf struct {
	BucketID string
	Kind     ReactionKind
	Schedule DwellSchedule
}
