package bucket

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/definition"
)

// Definition is a bucket as it is stored and evaluated by every process, whichever
// build it is (B-5). Durations are whole milliseconds.
type Definition struct {
	ID          string          `json:"id"`
	Aliases     []string        `json:"aliases,omitempty"`
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Disabled    bool            `json:"disabled,omitempty"`
	Criteria    json.RawMessage `json:"criteria"`
	Hash        string          `json:"hash"`
	// Revision gave the criteria the meaning they have; 0 is any (W-37).
	Revision           int                  `json:"revision,omitempty"`
	EntryLimit         hogsend.EntryLimit   `json:"entryLimit"`
	EntryPeriodMS      int64                `json:"entryPeriodMs,omitempty"`
	MinDwellMS         int64                `json:"minDwellMs,omitempty"`
	MaxDwellMS         int64                `json:"maxDwellMs,omitempty"`
	OnChange           hogsend.ChangePolicy `json:"onChange,omitempty"`
	ReconcileJoins     *bool                `json:"reconcileJoins,omitempty"`
	SyncToPostHog      bool                 `json:"syncToPostHog,omitempty"`
	PostHogPropertyKey string               `json:"postHogPropertyKey"`
	Reactions          []Reaction           `json:"reactions,omitempty"`
}

// Reaction is a reaction as ingest sees it: without its code.
type Reaction struct {
	JourneyID          string                `json:"journeyId"`
	Name               string                `json:"name"`
	Trigger            string                `json:"trigger"`
	Kind               hogsend.ReactionKind  `json:"kind"`
	Schedule           *Schedule             `json:"schedule,omitempty"`
	FirstEntryOnly     bool                  `json:"firstEntryOnly,omitempty"`
	Reasons            []hogsend.LeaveReason `json:"reasons,omitempty"`
	Overlap            hogsend.Overlap       `json:"overlap,omitempty"`
	Disabled           bool                  `json:"disabled,omitempty"`
	EnrollUnsubscribed bool                  `json:"enrollUnsubscribed,omitempty"`
	ExitOn             []Exit                `json:"exitOn,omitempty"`
	Version            string                `json:"version,omitempty"`
}

// Exit is an exit rule of a reaction.
type Exit struct {
	Event string          `json:"event"`
	Where json.RawMessage `json:"where"`
}

// Describe makes the stored form of a valid bucket.
func Describe(b hogsend.Bucket) (Definition, error) {
	tree, err := criteria.MarshalTree(b.Criteria)
	if err != nil {
		return Definition{}, fmt.Errorf("describe bucket %s: %w", b.ID, err)
	}
	hash, err := criteria.HashTree(b.Criteria)
	if err != nil {
		return Definition{}, fmt.Errorf("describe bucket %s: %w", b.ID, err)
	}
	d := Definition{
		ID: b.ID, Aliases: slices.Clone(b.Aliases), Name: b.Name, Description: b.Description, Disabled: b.Disabled,
		Criteria: tree, Hash: hash, Revision: criteria.RevisionOf(b.Criteria), EntryLimit: b.EntryLimit, EntryPeriodMS: b.EntryPeriod.Milliseconds(),
		MinDwellMS: b.MinDwell.Milliseconds(), MaxDwellMS: b.MaxDwell.Milliseconds(), OnChange: b.OnChange,
		ReconcileJoins: b.ReconcileJoins, SyncToPostHog: b.SyncToPostHog, PostHogPropertyKey: b.PostHogPropertyKey,
	}
	if d.EntryLimit == "" {
		d.EntryLimit = hogsend.Unlimited
	}
	if d.PostHogPropertyKey == "" {
		d.PostHogPropertyKey = "hogsend_bucket_" + b.ID
	}
	for _, r := range b.Reactions {
		described, err := describeReaction(b, r)
		if err != nil {
			return Definition{}, err
		}
		d.Reactions = append(d.Reactions, described)
	}
	return d, nil
}

func describeReaction(b hogsend.Bucket, r hogsend.Reaction) (Reaction, error) {
	d := Reaction{
		JourneyID: r.JourneyID(b.ID), Name: b.Name + " — on " + string(r.Kind), Trigger: definition.ReactionEvent(b, r), Kind: r.Kind,
		FirstEntryOnly: r.FirstEntryOnly, Reasons: slices.Clone(r.Reasons), Overlap: r.Overlap, Disabled: r.Disabled,
		EnrollUnsubscribed: r.EnrollUnsubscribed || r.Category == definition.Transactional, Version: r.Version, // J-41
	}
	if r.Kind == hogsend.ReactionDwell {
		every := r.Schedule.Every != 0
		d.Schedule = &Schedule{Label: r.Schedule.Label(), Milliseconds: (r.Schedule.After + r.Schedule.Every).Milliseconds(), Repeats: every}
	}
	for _, exit := range r.ExitOn {
		where, err := criteria.Marshal(exit.Where)
		if err != nil {
			return Reaction{}, fmt.Errorf("describe reaction %s: %w", d.JourneyID, err)
		}
		d.ExitOn = append(d.ExitOn, Exit{Event: exit.Event, Where: where})
	}
	return d, nil
}

// DescribeAll makes the stored form of all buckets of a registry.
func DescribeAll(buckets []hogsend.Bucket) ([]Definition, error) {
	all := make([]Definition, 0, len(buckets))
	for _, b := range buckets {
		d, err := Describe(b)
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

func milliseconds(ms int64) time.Duration { return time.Duration(ms) * time.Millisecond }

// EntryPeriod is the shortest time between two emitted joins under OncePerPeriod.
func (d *Definition) EntryPeriod() time.Duration { return milliseconds(d.EntryPeriodMS) }

// MinDwell is how long a membership lasts at least.
func (d *Definition) MinDwell() time.Duration { return milliseconds(d.MinDwellMS) }

// MaxDwell is how long a membership lasts at most; 0 for ever.
func (d *Definition) MaxDwell() time.Duration { return milliseconds(d.MaxDwellMS) }

// ClockJoins reports whether the clock makes contacts join (W-15).
func (d *Definition) ClockJoins() bool { return d.ReconcileJoins == nil || *d.ReconcileJoins }

// Entered and Left are the names of its events (B-24).
func (d *Definition) Entered() string { return hogsend.Entered(d.ID) }

// Left is the name of the event of a leave.
func (d *Definition) Left() string { return hogsend.Left(d.ID) }

// Journey is the reaction as a journey without code: what guards and exits look at.
func (r *Reaction) Journey(bucketID string) (hogsend.Journey, error) {
	j := hogsend.Journey{
		ID: r.JourneyID, Name: r.Name, Trigger: hogsend.On(r.Trigger), EntryLimit: hogsend.Unlimited, Disabled: r.Disabled,
		EnrollUnsubscribed: r.EnrollUnsubscribed, Version: r.Version, Reaction: &hogsend.ReactionOf{BucketID: bucketID, Kind: r.Kind},
	}
	if r.Schedule != nil {
		j.Reaction.Schedule.After = r.Schedule.duration()
		if r.Schedule.Repeats {
			j.Reaction.Schedule = hogsend.Every(r.Schedule.duration())
		}
	}
	for _, exit := range r.ExitOn {
		where, err := criteria.Unmarshal(exit.Where)
		if err != nil {
			return j, fmt.Errorf("read exits of %s: %w", r.JourneyID, err)
		}
		j.ExitOn = append(j.ExitOn, hogsend.Exit{Event: exit.Event, Where: where})
	}
	return j, nil
}
