package hogsend

import (
	"strconv"
	"time"
)

// Bucket is a group of contacts that its criteria define. A contact is a member from the
// instant the criteria hold to the instant they stop, also when only time has passed:
// "no login for 7 days" makes a member seven days after the last login. Each membership
// of a contact is numbered, from 1. It is plain data, checked with the rest of the
// [Registry] before anything starts.
type Bucket struct {
	// ID is the stable name of small letters, digits and hyphens, at most 63 characters.
	// Required. Memberships belong to it: to rename a bucket keep the former id in Aliases.
	ID string
	// Aliases are former ids. Memberships and their numbers go on under ID.
	Aliases []string
	// Name is shown to people: 1 to 100 characters. Description has at most 1,000.
	Name, Description string
	// Disabled freezes the bucket: nobody enters or leaves, and members stay members.
	Disabled bool
	// Kind is BucketDynamic, also when empty.
	Kind BucketKind
	// Criteria say who is a member; required. They must be such that a contact has to have
	// or to do something: "never bought" alone is refused, as it holds for everybody. A
	// change of criteria is applied to all contacts in the background (OnChange).
	Criteria Condition
	// EntryLimit says which entries are told: it bounds the event of Entered and what it
	// starts, and keeps nobody out. "" means Unlimited.
	EntryLimit EntryLimit
	// EntryPeriod is the least time between two entries that are told under OncePerPeriod,
	// and goes with it only; 0 tells them all.
	EntryPeriod time.Duration
	// MinDwell keeps a member for at least that long: who does not meet the criteria any
	// more leaves when the membership is that old. 0 means none.
	MinDwell time.Duration
	// MaxDwell ends a membership at that age, whatever the criteria say. 0 means never.
	MaxDwell time.Duration
	// OnChange says what entries and leaves do that come from changed criteria and not from
	// the contact; "" lets leaves start journeys and entries not.
	OnChange ChangePolicy
	// ReconcileJoins false keeps time alone from making anybody a member: contacts enter
	// only when they do something. nil and true are the same.
	ReconcileJoins *bool
	// SyncToPostHog keeps a person property in PostHog that is true for members and absent
	// for others. PostHogPropertyKey is its name, "" means hogsend_bucket_<id>.
	SyncToPostHog      bool
	PostHogPropertyKey string
	// Reactions are journeys of the bucket, started by its transitions.
	Reactions []Reaction
}

// BucketKind tells where the members of a bucket come from.
type BucketKind string

// The kinds. BucketManual is reserved, and refused at start.
const (
	BucketDynamic BucketKind = "dynamic"
	BucketManual  BucketKind = "manual"
)

// ChangePolicy says what entries and leaves do that come from changed criteria.
type ChangePolicy string

// The policies besides [ReactAt].
const (
	// Silent changes memberships and tells nobody.
	Silent ChangePolicy = "silent"
	// React tells entries and leaves as usual, so that they start journeys.
	React ChangePolicy = "react"
)

const reactAt = "react-at-"

// ReactAt is [React] with at most n transitions a second; n is at least 1.
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

// Entered is the name of the event that a contact has when it enters the bucket; it can
// be a trigger, an exit or the event of a wait.
func (b Bucket) Entered() string { return Entered(b.ID) }

// Left is the name of the event that a contact has when it leaves the bucket.
func (b Bucket) Left() string { return Left(b.ID) }

// Dwell is the name of the event of the bucket's dwell reaction with that schedule.
func (b Bucket) Dwell(schedule DwellSchedule) string { return Dwell(b.ID, schedule.Label()) }

// Entered is [Bucket.Entered] for the id of a bucket.
func Entered(bucketID string) string { return "bucket:entered:" + bucketID }

// Left is [Bucket.Left] for the id of a bucket.
func Left(bucketID string) string { return "bucket:left:" + bucketID }

// Dwell is [Bucket.Dwell] for the id of a bucket and the Label of a schedule.
func Dwell(bucketID, label string) string { return "bucket:dwell:" + bucketID + ":" + label }

// Due is the name of the event of [OnSchedule]; label is that of the Recurrence.
func Due(bucketID, label string) string { return "bucket:due:" + bucketID + ":" + label }

// The events of transitions of any bucket. One occurs only if something in the registry
// names it.
const (
	AnyEntered = "bucket:entered"
	AnyLeft    = "bucket:left"
	AnyDwell   = "bucket:dwell"
)

// IsFirstEntry reports whether it is the contact's first membership of the bucket.
func (m Membership) IsFirstEntry() bool { return m.EntryCount == 1 }
