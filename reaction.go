package hogsend

import (
	"strconv"
	"time"
)

// Reaction is a journey that a [Bucket] owns: it is started by a contact's transition
// and needs no id, trigger or limit. Make one with [OnEnter], [OnLeave] or [OnDwell].
type Reaction struct {
	Kind ReactionKind
	// Schedule belongs to dwell reactions.
	Schedule DwellSchedule
	// Run is the code, as of a Journey.
	Run JourneyFunc
	// FirstEntryOnly starts it for the first membership of a contact only. It belongs to
	// enter reactions.
	FirstEntryOnly bool
	// Reasons are the only ones that start it; none means all. They belong to leave
	// reactions.
	Reasons []LeaveReason
	// Overlap says what happens while an earlier run for the contact is under way. The zero
	// value is OverlapSkip.
	Overlap Overlap
	// The rest is as of a Journey.
	Disabled           bool
	EnrollUnsubscribed bool
	ExitOn             []Exit
	Category, Version  string
	Priority           int
	InFlight           InFlight
	Templates          []string
}

// ReactionKind is the transition that starts a reaction.
type ReactionKind string

// The kinds of reactions.
const (
	ReactionEnter ReactionKind = "enter"
	ReactionLeave ReactionKind = "leave"
	ReactionDwell ReactionKind = "dwell"
)

// The reasons that start leave reactions. Memberships that end otherwise, as by the
// deletion of a contact, start nothing.
const (
	// LeftByCriteria: the criteria stopped to hold.
	LeftByCriteria LeaveReason = "criteria"
	// LeftByMaxDwell: the membership was as old as MaxDwell allows.
	LeftByMaxDwell LeaveReason = "maxDwell"
)

// Overlap says what happens when a reaction is due while a run of it for the same contact
// is under way.
type Overlap string

// The ways to deal with an overlap.
const (
	// OverlapSkip leaves the new run out.
	OverlapSkip Overlap = "skip"
	// OverlapAllow lets both run.
	OverlapAllow Overlap = "allow"
	// OverlapCancelPrevious ends the run under way and starts the new one.
	OverlapCancelPrevious Overlap = "cancel-previous"
)

// DwellSchedule says when a dwell reaction is due, counted from the beginning of the
// membership. Make one with [After] or [Every].
type DwellSchedule struct {
	// Exactly one of them is given: at least a second, in whole milliseconds.
	After, Every time.Duration
}

// After is due once, when the membership is d old.
func After(d time.Duration) DwellSchedule { return DwellSchedule{After: d} }

// Every is due whenever the age of the membership is a multiple of d.
func Every(d time.Duration) DwellSchedule { return DwellSchedule{Every: d} }

// Label is the schedule as part of names, such as "after-3600000": its milliseconds.
func (s DwellSchedule) Label() string {
	if s.Every != 0 {
		return "every-" + strconv.FormatInt(s.Every.Milliseconds(), 10)
	}
	return "after-" + strconv.FormatInt(s.After.Milliseconds(), 10)
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

// OnDwell runs when a contact has been in the bucket, without a break, for the time of
// the schedule.
func OnDwell(schedule DwellSchedule, run JourneyFunc, options ...ReactionOption) Reaction {
	return newReaction(Reaction{Kind: ReactionDwell, Schedule: schedule, Run: run}, options)
}

func newReaction(r Reaction, options []ReactionOption) Reaction {
	for _, option := range options {
		option(&r)
	}
	return r
}

// FirstEntryOnly limits an enter reaction to the first membership of each contact.
func FirstEntryOnly() ReactionOption { return func(r *Reaction) { r.FirstEntryOnly = true } }

// Reasons limits a leave reaction to leaves for one of these reasons.
func Reasons(reasons ...LeaveReason) ReactionOption {
	return func(r *Reaction) { r.Reasons = reasons }
}

// WithOverlap says what happens while an earlier run for the contact is under way.
func WithOverlap(policy Overlap) ReactionOption { return func(r *Reaction) { r.Overlap = policy } }

// ReactionExitsOn adds exit rules, as [Journey].ExitOn has them.
func ReactionExitsOn(exits ...Exit) ReactionOption {
	return func(r *Reaction) { r.ExitOn = append(r.ExitOn, exits...) }
}

// JourneyID is the id that the reaction has as a journey, in commands, Studio and tests:
// bucket-<id>-on-enter, -on-leave, -on-dwell-after-<ms> or -on-dwell-every-<ms>.
func (r Reaction) JourneyID(bucketID string) string {
	id := "bucket-" + bucketID + "-on-" + string(r.Kind)
	if r.Kind == ReactionDwell {
		id += "-" + r.Schedule.Label()
	}
	return id
}
