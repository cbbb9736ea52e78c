package hogsend

import (
	"time"

	"go.temporal.io/sdk/workflow"
)

// Properties are the properties of an event or a contact: JSON values under
// top-level keys. Numbers decode as float64.
type Properties map[string]any

// Run is a journey's handle on the world. Every method is deterministic: what it
// returns is recorded in the workflow's history once, and a replay reads the
// record (J-115). Methods may be called from several workflow.Go coroutines.
//
// Usage errors are *ValidationError. After the enrollment has ended, effects and
// waits return ErrExited and do nothing (J-77, J-78); reads still answer.
type Run interface {
	// Enrollment describes the enrollment this run serves. It never changes.
	Enrollment() Enrollment
	// Event is the trigger. It stays the same whatever happens to the stored row (J-121).
	Event() StoredEvent
	// Membership is the membership that a reaction is about; zero in other journeys (B-29).
	Membership() Membership
	// Contact reads the contact as committed now; two calls with a change between
	// them differ (J-115, J-121).
	Contact(ctx workflow.Context) (Contact, error)

	// Sleep wakes at the call plus d, never earlier and within a second after. A d
	// of zero or less returns at once without a timer. There is no upper limit.
	// The label defaults to "wait:<d>", for example "wait:48h" (J-122).
	Sleep(ctx workflow.Context, d time.Duration, label ...string) error
	// SleepUntil wakes at t; a past t returns at once, the zero time is a
	// *ValidationError. The label defaults to "wait-until:<RFC 3339 UTC>" (J-123).
	SleepUntil(ctx workflow.Context, t time.Time, label ...string) error
	// WaitForEvent returns the first matching event of this contact received after
	// the previous wait ended (or after the trigger) and not after the deadline,
	// or nil when the deadline passes. No event is lost between two waits (J-124 to J-128).
	WaitForEvent(ctx workflow.Context, wait Wait) (*StoredEvent, error)
	// WaitForAny is WaitForEvent for the first of several events, with one deadline for
	// all. Whichever was received first wins, and of several that it matches the first
	// in the list; no other outcome is lost, since later waits look back as usual. Names
	// of transitions, as Entered(id), wait for the next one (J-130).
	WaitForAny(ctx workflow.Context, of AnyOf) (Outcome, error)

	// Send mails the contact through the send gate and returns when the provider
	// has accepted the mail or the gate has refused it; a deferred one when it is sent
	// or refused in the end (J-134). A refusal is a verdict, not an error. Errors are
	// *SendError and *ValidationError (J-131, J-132).
	Send(ctx workflow.Context, email Email) (Verdict, error)
	// Trigger ingests an event, by default for this contact, exactly once (J-135).
	Trigger(ctx workflow.Context, event TriggerEvent) error
	// Checkpoint sets the node where the enrollment stands and logs it (J-138).
	Checkpoint(ctx workflow.Context, label string) error
	// Once calls fn, keeps its JSON value (at most 64 KiB) with the enrollment for
	// ever and decodes it into out; later calls with the label read the kept value.
	// fn must have no effect outside: it may run again if the process dies before
	// the value is kept (J-139).
	Once(ctx workflow.Context, label string, out any, fn func() (any, error)) error
	// IsSubscribed reports whether opt-outs and suppression would let a send pass
	// now; with a category also the opt-out of that category (J-140).
	IsSubscribed(ctx workflow.Context, category ...string) (bool, error)
	// Exit ends the enrollment now and returns ErrExited, to be returned by the
	// journey. The reason has 1 to 200 characters; "" means "code" (J-136).
	Exit(ctx workflow.Context, reason string) error

	// Identify merges properties into the contact, exactly once; a nil removes one.
	// Buckets see it at once, no event is stored. Without properties nothing happens
	// (J-137).
	Identify(ctx workflow.Context, properties Properties) error
	// Capture sends one event to PostHog by way of the outbox, exactly once. It neither
	// waits for PostHog nor fails because of it; without PostHog it only logs (J-137).
	Capture(ctx workflow.Context, event string, properties Properties) error

	// When starts a chain that finds an instant by the clock on the contact's wall, as
	// in run.When(ctx).Next(time.Friday).At("09:00"). It counts from workflow time, in
	// the zone that the contact has when the chain ends, and the result is recorded: it
	// stays when the contact moves or the code changes (S-5, S-7 to S-14).
	When(ctx workflow.Context) When
	// Timezone is the contact's zone as committed now, and what said so (S-1).
	Timezone(ctx workflow.Context) (Zone, error)
	// History looks at what the contact did and got before (J-141).
	History() History
	// Variant chooses one of the arms for the contact, the same in every enrollment as
	// long as the arms are the same, and keeps it for this one: arms that change later
	// move nobody who is under way. Arms without a positive weight, or with names that
	// are empty or not unique, are a *ValidationError (J-142).
	Variant(ctx workflow.Context, name string, arms ...Arm) (string, error)
	// Throttle reports whether fewer than Max mails that count went to the contact in
	// the window. It reserves nothing (J-144).
	Throttle(ctx workflow.Context, throttle Throttle) (bool, error)
	// Digest opens a window and returns what happened until its end: the events of a
	// name, the trigger's by default, received up to that instant, the trigger
	// included, with those of the Lookback before the call and those that came between
	// the digest before and the end of its enrollment. No event is in two digests of a
	// contact, journey and label, and none falls between two (J-143).
	Digest(ctx workflow.Context, digest Digest) (Collected, error)
	// Version tells which code an enrollment runs where the code was changed
	// incompatibly: -1 if it passed here before the change existed, else newest, the same
	// for ever. An empty name and a negative newest panic (J-145).
	Version(ctx workflow.Context, change string, newest int) int
}

// Enrollment identifies one run of a journey for one contact.
type Enrollment struct {
	ID        string // uuid
	JourneyID string
	// Entry counts the contact's enrollments in this journey from 1 (J-48).
	Entry      int
	Version    string
	EnrolledAt time.Time
}

// Contact is one person as committed at the moment it was read.
type Contact struct {
	ID         string // uuid
	ExternalID string // "" if none
	Email      string // "" if none
	Timezone   string // "" if none
	Properties Properties
}

// StoredEvent is an event as it was stored.
type StoredEvent struct {
	ID         string // uuid
	Name       string
	Properties Properties
	OccurredAt time.Time
	ReceivedAt time.Time
	// Source is "api", "journey", "bucket", "email" or the id of a webhook source (I-47).
	Source string
	// Truncated is true when the properties exceeded 256 KiB and only the
	// top-level scalars are here (J-121).
	Truncated bool
}

// Forever as a Wait's Timeout waits without a deadline (J-127).
const Forever time.Duration = 1<<63 - 1

// Wait says what to wait for and how long. Exactly one of Timeout and Until is
// given; neither is a *ValidationError (J-127).
type Wait struct {
	// Event is the exact event name; required.
	Event string
	// Where narrows by the event's own properties (J-18).
	Where []Condition
	// Timeout is the longest wait; Forever for none. A negative one only looks back.
	Timeout time.Duration
	// Until is the deadline as an instant; a past one only looks back.
	Until time.Time
	// Lookback also accepts events that occurred up to this long before the
	// previous wait ended; 0 accepts none, negative is a *ValidationError (J-128).
	Lookback time.Duration
	// Label names the wait in log and node; "" means "wait-event:<event>".
	Label string
}

// AnyOf says which events to wait for. Exactly one of Timeout and Until is given, as of
// a Wait; the waits have none of their own, and no labels.
type AnyOf struct {
	// Waits are 1 to 20.
	Waits []Wait
	// Timeout is the longest wait; Forever for none. Until is the deadline as an instant.
	Timeout time.Duration
	Until   time.Time
	// Label names the wait in log and node; "" means "wait-any".
	Label string
}

// TimedOut is the Index of an Outcome without an event.
const TimedOut = -1

// Outcome is what ended a WaitForAny.
type Outcome struct {
	// Index is the place of the wait that the event ended, TimedOut if none came.
	Index int
	Event *StoredEvent
}

// Digest says what to collect and how long. Exactly one of Window and Until is given.
type Digest struct {
	// Event is the exact name; "" means the trigger's.
	Event string
	// Where narrows by the events' own properties; for the trigger's event, nil means
	// the trigger's conditions.
	Where []Condition
	// Window is how long to collect, positive; Until is the end as an instant.
	Window time.Duration
	Until  time.Time
	// Lookback also takes what occurred up to this long before the call; 0 means 15
	// minutes, negative none.
	Lookback time.Duration
	// Max is how many events are returned, the newest; 0 means 500, which is the most.
	Max int
	// Label names the digest in log and node; "" means "digest:<event>".
	Label string
}

// Collected is what a digest has collected. It stays the same for ever.
type Collected struct {
	// Events are the newest, oldest first: at most Max, and 1 MiB as JSON.
	Events []StoredEvent
	// Total counts all.
	Total int
}

// TriggerEvent is an event a journey causes (J-135).
type TriggerEvent struct {
	// Event is the name; reserved prefixes are a *ValidationError.
	Event string
	// Properties stay on the event; ContactProperties merge into the contact.
	Properties, ContactProperties Properties
	// UserID or Email target somebody else; both empty mean this contact. Nothing
	// of this contact is attached to another target.
	UserID, Email string
}

// Email is one send of a journey.
type Email struct {
	// Template is the key of a registered template; required.
	Template string
	// Props are the template's props: a value of its props type, or nil for its zero value.
	Props any
	// Subject, From and ReplyTo override the template's; "" keeps it. From must
	// have an allowed domain (E-10).
	Subject, From, ReplyTo string
	// Category is what opt-outs look at; "" falls back by E-19.
	Category string
	// Label names the step; it may be used once in an enrollment (J-116).
	Label string
	// Window replaces Defaults.SendWindow for this send; two equal times switch that
	// off, the zero value keeps it (E-25).
	Window Window
	// OnHold replaces Defaults.OnHold for this send, and defers it for a suppress gap
	// too; "" keeps it (E-26).
	OnHold OnHold
	// SkipPreferenceCheck passes opt-outs, windows, gaps and caps, never a suppression
	// (E-15).
	SkipPreferenceCheck bool
}

// SendStatus is the outcome of a send (E-14).
type SendStatus string

// The outcomes of Run.Send.
const (
	SendSent         SendStatus = "sent"
	SendSuppressed   SendStatus = "suppressed"
	SendUnsubscribed SendStatus = "unsubscribed"
	SendSkipped      SendStatus = "skipped"
)

// Verdict is what became of a send.
type Verdict struct {
	SendID string // uuid of the send's row
	Status SendStatus
	// Reason is the gate's reason, "" when sent (E-13).
	Reason string
	// At is when it was sent or refused.
	At time.Time
}

// Sent reports whether the provider accepted the mail.
func (v Verdict) Sent() bool { return v.Status == SendSent }
