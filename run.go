package hogsend

import (
	"time"

	"go.temporal.io/sdk/workflow"
)

// Run is what a journey does things with, for the one enrollment that it serves. Every
// result is recorded once with the enrollment and stays the same when the code is
// executed again, after a crash, a deploy or years. Methods may be called from several
// workflow.Go coroutines.
//
// An effect or a wait that is used wrongly returns a [*ValidationError]. Once the
// enrollment has ended, by an exit rule for example, they do nothing and return
// [ErrExited]; methods that only read still answer. A journey returns both as they are.
//
// The label of a step names it in the log and in Studio, and has at most 200 characters.
type Run interface {
	// Enrollment describes the enrollment. It never changes.
	Enrollment() Enrollment
	// Event is the event that started the journey. It never changes.
	Event() StoredEvent
	// Membership is the membership that started a reaction of a bucket; the zero value in
	// other journeys.
	Membership() Membership
	// Contact reads the contact as it is now. Two calls differ if it changed in between.
	Contact(ctx workflow.Context) (Contact, error)

	// Sleep waits for d, for years if need be; zero or less returns at once. The label
	// defaults to one like "wait:48h" (J-122).
	Sleep(ctx workflow.Context, d time.Duration, label ...string) error
	// SleepUntil waits until t; an instant that has passed returns at once, the zero time
	// is a *ValidationError. The label defaults to "wait-until:" and the instant (J-123).
	SleepUntil(ctx workflow.Context, t time.Time, label ...string) error
	// WaitForEvent returns the first event of the contact that matches and was received not
	// after the deadline, or nil when the deadline passes. Events count from the end of the
	// last WaitForEvent, WaitForAny or Digest on, or from the trigger: what came during a
	// Sleep or a Send in between is found at once. Wait.Fresh waits for new ones only. An
	// event never ends two waits of one coroutine; where several coroutines wait, none hides
	// an event from another (J-117).
	WaitForEvent(ctx workflow.Context, wait Wait) (*StoredEvent, error)
	// WaitForAny waits for the first of several events, with one deadline for all. If an
	// event matches several, it is the first of them in the list. Events that did not
	// win are found by later waits (J-130).
	WaitForAny(ctx workflow.Context, of AnyOf) (Outcome, error)
	// Digest waits until the end of a window and returns what happened in it: events of one
	// name, the trigger's by default, the trigger included. No event is in two digests of a
	// contact, a journey and a label, and none falls between two (J-143).
	Digest(ctx workflow.Context, digest Digest) (Collected, error)

	// Send mails the contact, exactly once, and returns when the mail service has accepted
	// the mail or when it was decided that it must not go: opt-outs, suppressed addresses,
	// caps and windows are looked at in that moment. Such a decision is a verdict and no
	// error. Errors are *SendError and *ValidationError (J-131).
	Send(ctx workflow.Context, email Email) (Verdict, error)
	// Trigger stores an event, exactly once, by default for this contact. It does what an
	// event from outside would: it may start journeys, end waits, or end this enrollment.
	Trigger(ctx workflow.Context, event TriggerEvent) error
	// Identify merges properties into the contact, exactly once; nil removes one. Buckets
	// see them at once. No event is stored, and without properties nothing happens.
	Identify(ctx workflow.Context, properties Properties) error
	// Capture sends an event to PostHog in the background, exactly once. It never waits for
	// PostHog and never fails because of it; without PostHog it is only logged.
	Capture(ctx workflow.Context, event string, properties Properties) error
	// Do runs an activity of your own and decodes what it returns, at most 256 KiB as JSON,
	// into out; nil drops it. The activity runs at least once: after a crash or an error it
	// is tried again under the key that [StepOf] gives it. What fails for good is a
	// *CallError; an unknown activity, an input that it cannot take and an out that cannot
	// hold the result are a *ValidationError (J-161).
	Do(ctx workflow.Context, call Call, out any) error
	// Checkpoint names where the enrollment stands, for people who look at it.
	Checkpoint(ctx workflow.Context, label string) error
	// Once keeps a value of your own: it calls fn, stores what it returns as JSON, at most
	// 64 KiB, and decodes it into out. Later calls with the label decode the stored value
	// and do not call fn. An error of fn is returned and nothing is stored. After a crash
	// fn may be called again, so it must have no effect outside (J-139).
	Once(ctx workflow.Context, label string, out any, fn func() (any, error)) error
	// Exit ends the enrollment, with a reason of 1 to 200 characters; "" means "code". It
	// returns ErrExited, to be returned (J-136).
	Exit(ctx workflow.Context, reason string) error

	// IsSubscribed reports whether opt-outs and suppressions would let a mail pass now;
	// with a category, also the opt-outs of that category (J-140).
	IsSubscribed(ctx workflow.Context, category ...string) (bool, error)
	// Matches reports whether a condition, of the kinds that a [Journey.Audience] takes, holds
	// for the contact now. An unknown bucket or template is a *ValidationError (J-165).
	Matches(ctx workflow.Context, condition Condition) (bool, error)
	// InBucket reports whether the contact is a member of the bucket now. An unknown bucket is
	// a *ValidationError (J-165).
	InBucket(ctx workflow.Context, bucketID string) (bool, error)
	// History looks at what the contact did and got before.
	History() History
	// Throttle reports whether few enough mails went to the contact lately. It reserves
	// nothing: two journeys that ask at once may both get true (J-144).
	Throttle(ctx workflow.Context, throttle Throttle) (bool, error)
	// Variant chooses one of the arms, in proportion to their weights: the same for the
	// contact in every enrollment as long as the arms are the same, and for this enrollment
	// whatever becomes of them. Names that are empty or not unique and arms without any
	// weight are a *ValidationError (J-142).
	Variant(ctx workflow.Context, name string, arms ...Arm) (string, error)

	// When starts a chain that finds an instant in the contact's time zone, such as
	//
	//	run.When(ctx).Next(time.Friday).At("09:00")
	//
	// It counts from now, in the zone that the contact has at the end of the chain. The
	// instant stays when the contact moves (S-5).
	When(ctx workflow.Context) When
	// Timezone is the contact's time zone as it is now, and where it is from.
	Timezone(ctx workflow.Context) (Zone, error)
	// Local is the same instant on the contact's clock: what it prints, and its day and hour,
	// are those of the contact's time zone as it is now.
	Local(ctx workflow.Context, t time.Time) (time.Time, error)
	// Version tells which code an enrollment runs where the code was changed in an
	// incompatible way: -1 if it passed here before the change, else newest; the same for
	// ever. An empty name and a negative newest panic (J-145).
	Version(ctx workflow.Context, change string, newest int) int
}

// Enrollment is one passage of a contact through a journey.
type Enrollment struct {
	ID        string // a UUID
	JourneyID string
	// Key is the value of Journey.Key that it is about; "" without one.
	Key string
	// Entry numbers the contact's enrollments in the journey, from 1.
	Entry int
	// Version is the Journey.Version with which it began.
	Version    string
	EnrolledAt time.Time
}

// Contact is somebody that events are about, as read at one moment.
type Contact struct {
	ID         string // a UUID, given by hogsend
	ExternalID string // the user id of events; "" if none
	Email      string // "" if none
	Timezone   string // a name such as "Europe/Berlin"; "" if none is known for certain
	Properties Properties
}

// TriggerEvent is an event that a journey stores with [Run.Trigger].
type TriggerEvent struct {
	// Event is the name; required. Names of hogsend's own events are a *ValidationError.
	Event string
	// Properties belong to the event; ContactProperties are merged into the contact.
	Properties, ContactProperties Properties
	// UserID or Email says whose event it is; both empty mean this contact's.
	UserID, Email string
}

// Throttle asks how many mails went to the contact lately.
type Throttle struct {
	// Max is how many are too many; at least 1.
	Max int
	// Window is how far back they count; positive.
	Window time.Duration
	// Journey, Template and Category narrow which mails count; "" does not narrow.
	Journey, Template, Category string
	// Label names the step; "" means "throttle".
	Label string
}

// Arm is one of the ways that a variant can go.
type Arm struct {
	// Name is unique among the arms and not empty.
	Name string
	// Weight is the arm's share of the sum of all weights; an arm of weight 0 is never
	// chosen.
	Weight int
}
