package hogsend

import (
	"time"

	"go.temporal.io/sdk/workflow"
)

// Day is exactly 24 hours; calendar days are computed in a time zone (S-13).
const Day = 24 * time.Hour

// JourneyFunc is what an author writes: a named top-level function that waits,
// branches and sends through run. It is executed as a Temporal workflow, so it
// must be deterministic; everything on run is (invariant 8).
type JourneyFunc func(ctx workflow.Context, run Run) error

// Journey is the definition of one durable path a contact can take. It is plain
// data, validated as a whole with the registry before anything starts (J-1).
type Journey struct {
	// ID is the stable name, ^[a-z0-9][a-z0-9-]{0,62}$ (J-2).
	ID string
	// Name has 1 to 100 characters, Description at most 1,000 (J-4).
	Name, Description string
	// Aliases are former ids; people enrolled under them go on (J-13).
	Aliases []string
	// Disabled is the switch in code. The zero value is an enabled journey (J-32).
	Disabled bool
	// Trigger names the event that enrolls.
	Trigger Trigger
	// EntryLimit says how often one contact may enter; required (J-6).
	EntryLimit EntryLimit
	// EntryPeriod belongs to OncePerPeriod; 0 means 24 hours (J-29).
	EntryPeriod time.Duration
	// EnrollUnsubscribed enrolls contacts that are unsubscribed from everything (J-41).
	EnrollUnsubscribed bool
	// ExitOn ends the enrollment when one of the rules matches an event (J-71).
	ExitOn []Exit
	// Suppress is the least time between two mails of the journey to one contact, in
	// whatever enrollments; a mail that comes sooner is skipped as suppress_gap. 0 means
	// none (E-24, J-133).
	Suppress time.Duration
	// Category is the category of the journey's sends unless a send names one;
	// "" means "journey" (E-19).
	Category string
	// Templates lists the template keys the journey sends. It is optional; listed
	// keys are checked at start instead of at the first send (E-3).
	Templates []string
	// Version is the author's label for the code, at most 64 characters (J-110).
	Version string
	// InFlight says which build runs the people who are under way when a new one is
	// deployed. The zero value is Upgrade.
	InFlight InFlight
	// Run is the journey itself: a named top-level function (J-8).
	Run JourneyFunc
	// Reaction is set on the journeys that Registry.Reactions makes, and only there.
	Reaction *ReactionOf
}

// EntryLimit says how often one contact may enter a journey. Its values are the
// words used on the wire (J-6).
type EntryLimit string

// The entry limits (J-24 to J-29). The zero value is refused.
const (
	Once          EntryLimit = "once"
	OncePerPeriod EntryLimit = "once_per_period"
	Unlimited     EntryLimit = "unlimited"
)

// Valid reports whether l is one of the declared limits.
func (l EntryLimit) Valid() bool {
	return l == Once || l == OncePerPeriod || l == Unlimited
}

// InFlight says how people in flight move on a deploy. It counts where workers run
// under a Temporal worker deployment (HOGSEND_DEPLOYMENT); elsewhere everybody
// upgrades, since one build runs at a time.
type InFlight string

// Upgrade lets people in flight go on with the newest build (J-111); what it changed
// incompatibly stands behind Run.Version. Pinned keeps them on the build that began
// their run, whose workers must run until they are through.
const (
	Upgrade InFlight = "upgrade"
	Pinned  InFlight = "pinned"
)

// Valid reports whether f is one of the declared values or the zero value.
func (f InFlight) Valid() bool { return f == "" || f == Upgrade || f == Pinned }

// Trigger is the event that enrolls a contact, optionally narrowed by conditions
// on the event's own properties (J-18).
type Trigger struct {
	Event      string
	Conditions []Condition
	// Recurrence, made by OnSchedule, lets the event happen to every member of a
	// bucket whenever it comes; nil for events that happen otherwise.
	Recurrence *Recurrence
	BucketID   string
}

// On triggers on every event of that exact name.
func On(event string) Trigger { return Trigger{Event: event} }

// OnEnterOf triggers when a contact enters the bucket. Unlike a reaction the journey
// is nobody's: it has an id, an entry limit and a switch of its own.
func OnEnterOf(b Bucket) Trigger { return On(b.Entered()) }

// OnLeaveOf triggers when a contact leaves the bucket.
func OnLeaveOf(b Bucket) Trigger { return On(b.Left()) }

// OnSchedule triggers at every instant of a recurrence for each contact that is a
// member of the bucket then, once for each contact and instant, under the usual
// guards. It begins with the first instant after the first worker with the journey
// started. What fell due while no worker ran is made up for by one run, that of the
// newest such instant. The event is "bucket:due:<bucket>:<recurrence>", with the
// instant as dueAt.
func OnSchedule(r Recurrence, b Bucket) Trigger {
	return Trigger{Event: Due(b.ID, r.Label()), Recurrence: &r, BucketID: b.ID}
}

// Where narrows the trigger: all conditions must hold on the event's properties.
// The receiver is not changed.
func (t Trigger) Where(conditions ...Condition) Trigger {
	t.Conditions = append(append([]Condition(nil), t.Conditions...), conditions...)
	return t
}

// Exit ends an enrollment when an event of that name arrives whose properties
// satisfy every condition of Where; an empty Where always holds (J-71).
type Exit struct {
	Event string
	Where []Condition
}
