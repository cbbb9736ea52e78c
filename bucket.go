package hogsend

import (
	"strconv"
	"time"
)

// Bucket is a named segment of contacts, defined by criteria. A contact is a member
// from the instant the criteria hold to the instant they stop, also when only the
// clock moved; each change is one transition and runs its reactions once (B-1).
// It is plain data, validated with the registry before anything starts.
type Bucket struct {
	// ID is the stable name, ^[a-z0-9][a-z0-9-]{0,62}$.
	ID string
	// Aliases are former ids: their stays and epochs go on under ID.
	Aliases []string
	// Name has 1 to 100 characters.
	Name, Description string
	// Disabled is the switch in code. The zero value is an enabled bucket (B-50).
	Disabled bool
	// Kind is BucketDynamic, also when empty. BucketManual is refused.
	Kind BucketKind
	// Criteria say who belongs to it; required.
	Criteria Condition
	// EntryLimit says how often a join emits "entered"; "" means Unlimited. It never
	// keeps a contact out (B-17).
	EntryLimit EntryLimit
	// EntryPeriod belongs to OncePerPeriod; 0 emits every time.
	EntryPeriod time.Duration
	// MinDwell holds a leave by criteria back until the stay is that old; 0 is none (B-19).
	MinDwell time.Duration
	// MaxDwell ends a stay at that age, whatever the criteria say; 0 is never (B-22).
	MaxDwell time.Duration
	// OnChange says what the joins and leaves of changed criteria do; "" makes joins
	// silent and emits leaves (W-23).
	OnChange ChangePolicy
	// ReconcileJoins false keeps the clock from making anybody join; nil and true are
	// the same (W-15).
	ReconcileJoins *bool
	// SyncToPostHog mirrors membership to a person property of PostHog; its name is
	// PostHogPropertyKey, "" means hogsend_bucket_<id> (B-54).
	SyncToPostHog      bool
	PostHogPropertyKey string
	// Reactions run on transitions, each as a Temporal workflow of its own (B-29).
	Reactions []Reaction
}

// BucketKind tells where the members of a bucket come from.
type BucketKind string

// The kinds of buckets. Only dynamic ones exist so far (B-1).
const (
	BucketDynamic BucketKind = "dynamic"
	BucketManual  BucketKind = "manual"
)

// ChangePolicy says what the joins and leaves of changed criteria do (W-23).
type ChangePolicy string

// The policies besides ReactAt. Silent changes memberships without events; React
// emits joins and leaves.
const (
	Silent ChangePolicy = "silent"
	React  ChangePolicy = "react"
)

const reactAt = "react-at-"

// ReactAt is React at no more than n transitions a second; n is at least 1.
func ReactAt(n int) ChangePolicy { return ChangePolicy(reactAt + strconv.Itoa(n)) }

// Rate is the limit that ReactAt set, in transitions a second; 0 for other policies.
func (p ChangePolicy) Rate() int {
	if len(p) <= len(reactAt) || p[:len(reactAt)] != reactAt {
		return 0
	}
	n, err := strconv.Atoi(string(p[len(reactAt):]))
	if err != nil {
		return 0
	}
	return n
}

// Entered is the name of the event of a join, to be used as trigger, exit or wait (B-4).
func (b Bucket) Entered() string { return Entered(b.ID) }

// Left is the name of the event of a leave.
func (b Bucket) Left() string { return Left(b.ID) }

// Dwell is the name of the event of a dwell reaction with that schedule.
func (b Bucket) Dwell(schedule DwellSchedule) string { return Dwell(b.ID, schedule.Label()) }

// Entered is the name of the event of a join of the bucket with that id (B-24).
func Entered(bucketID string) string { return "bucket:entered:" + bucketID }

// Left is the name of the event of a leave (B-24).
func Left(bucketID string) string { return "bucket:left:" + bucketID }

// Dwell is the name of the event of a dwell; label is that of a DwellSchedule (B-24).
func Dwell(bucketID, label string) string { return "bucket:dwell:" + bucketID + ":" + label }

// Due is the name of the event of OnSchedule; label is that of a Recurrence.
func Due(bucketID, label string) string { return "bucket:due:" + bucketID + ":" + label }

// The generic names of transitions: one event for any bucket, which exists only if
// something listens (B-26).
const (
	AnyEntered = "bucket:entered"
	AnyLeft    = "bucket:left"
	AnyDwell   = "bucket:dwell"
)

// DwellSchedule says when a dwell reaction fires, counted from the anchor of the
// stay; make it with After or Every (B-38).
type DwellSchedule struct {
	// Exactly one of them is given, at least a second.
	After, Every time.Duration
}

// After fires once, when the stay is d old.
func After(d time.Duration) DwellSchedule { return DwellSchedule{After: d} }

// Every fires whenever the age of the stay is a multiple of d.
func Every(d time.Duration) DwellSchedule { return DwellSchedule{Every: d} }

// Label is "after-<ms>" or "every-<ms>", the same on every machine (B-30).
func (s DwellSchedule) Label() string {
	if s.Every != 0 {
		return "every-" + strconv.FormatInt(s.Every.Milliseconds(), 10)
	}
	return "after-" + strconv.FormatInt(s.After.Milliseconds(), 10)
}

// ReactionKind is the transition that a reaction answers.
type ReactionKind string

// The kinds of reactions (B-29).
const (
	ReactionEnter ReactionKind = "enter"
	ReactionLeave ReactionKind = "leave"
	ReactionDwell ReactionKind = "dwell"
)

// LeaveReason says why a stay ended, where it is emitted (B-15).
type LeaveReason string

// The reasons that a leave event can have.
const (
	LeftByCriteria LeaveReason = "criteria"
	LeftByMaxDwell LeaveReason = "maxDwell"
)

// Overlap says what happens when a reaction is due while a run of it for the same
// contact is under way (B-34).
type Overlap string

// The overlap policies. The zero value is OverlapSkip.
const (
	OverlapSkip           Overlap = "skip"
	OverlapAllow          Overlap = "allow"
	OverlapCancelPrevious Overlap = "cancel-previous"
)

// Reaction is a journey that a bucket owns; make it with OnEnter, OnLeave or
// OnDwell. Its id is the bucket's with a suffix, see JourneyID.
type Reaction struct {
	Kind ReactionKind
	// Schedule belongs to dwell reactions.
	Schedule DwellSchedule
	// Run is a named top-level function, as of a journey (J-8).
	Run JourneyFunc
	// FirstEntryOnly belongs to enter reactions: only a first stay runs it.
	FirstEntryOnly bool
	// Reasons belong to leave reactions: only these run it; none means all.
	Reasons []LeaveReason
	Overlap Overlap
	// The rest is as of a Journey.
	Disabled           bool
	EnrollUnsubscribed bool
	ExitOn             []Exit
	Category, Version  string
	InFlight           InFlight
	Templates          []string
}

// ReactionOption changes a reaction that is being made.
type ReactionOption func(*Reaction)

// OnEnter runs when a contact enters the bucket.
func OnEnter(run JourneyFunc, options ...ReactionOption) Reaction {
	return newReaction(Reaction{Kind: ReactionEnter, Run: run}, options)
}

// OnLeave runs when a contact leaves the bucket.
func OnLeave(run JourneyFunc, options ...ReactionOption) Reaction {
	return newReaction(Reaction{Kind: ReactionLeave, Run: run}, options)
}

// OnDwell runs when a contact has been in the bucket without interruption for the
// time of the schedule.
func OnDwell(schedule DwellSchedule, run JourneyFunc, options ...ReactionOption) Reaction {
	return newReaction(Reaction{Kind: ReactionDwell, Schedule: schedule, Run: run}, options)
}

func newReaction(r Reaction, options []ReactionOption) Reaction {
	for _, option := range options {
		option(&r)
	}
	return r
}

// FirstEntryOnly limits an enter reaction to the first stay of each contact.
func FirstEntryOnly() ReactionOption { return func(r *Reaction) { r.FirstEntryOnly = true } }

// Reasons limits a leave reaction to leaves for one of these reasons.
func Reasons(reasons ...LeaveReason) ReactionOption {
	return func(r *Reaction) { r.Reasons = reasons }
}

// WithOverlap sets the overlap policy of a reaction.
func WithOverlap(policy Overlap) ReactionOption { return func(r *Reaction) { r.Overlap = policy } }

// ReactionExitsOn gives a reaction exit rules, as Journey.ExitOn.
func ReactionExitsOn(exits ...Exit) ReactionOption {
	return func(r *Reaction) { r.ExitOn = append(r.ExitOn, exits...) }
}

// JourneyID is the id of the reaction as a journey of the bucket, which is also its
// workflow type: bucket-<id>-on-enter, -on-leave, -on-dwell-after-<ms> or
// -on-dwell-every-<ms> (B-29).
func (r Reaction) JourneyID(bucketID string) string {
	id := "bucket-" + bucketID + "-on-" + string(r.Kind)
	if r.Kind == ReactionDwell {
		id += "-" + r.Schedule.Label()
	}
	return id
}

// ReactionOf says which reaction a generated journey is (J-10).
type ReactionOf struct {
	BucketID string
	Kind     ReactionKind
	Schedule DwellSchedule
}

// Membership is the membership that a reaction is about. It is zero in other journeys.
type Membership struct {
	BucketID string
	// EntryCount is the epoch: the contact's stays in the bucket, from 1.
	EntryCount int
	// Reason belongs to leave reactions.
	Reason LeaveReason
	// DwellCount is the ordinal of the fire, in dwell reactions: 1 for After, k for
	// the k-th multiple of Every.
	DwellCount int
}

// IsFirstEntry reports whether it is the contact's first membership of the bucket.
func (m Membership) IsFirstEntry() bool { return m.EntryCount == 1 }
