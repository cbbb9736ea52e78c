package hogsend

import (
	"fmt"
	"slices"
	"time"

	"github.com/hogsend/hogsend/internal/condition"
	"github.com/hogsend/hogsend/internal/naming"
)

func (v *registryValidator) bucketProblem(id, field, format string, args ...any) {
	v.problems = append(v.problems, fmt.Sprintf("bucket %s: %s: %s", id, field, fmt.Sprintf(format, args...)))
}

// bucketIDs checks ids and aliases against each other and the ids of reactions
// against those of journeys: every name belongs to one definition (B-1, B-2).
func (v *registryValidator) bucketIDs(r Registry) {
	owner := map[string]string{}
	claim := func(name string, b Bucket, field string) {
		if !journeyIDPattern.MatchString(name) {
			v.bucketProblem(b.ID, field, "%q must match %s", name, journeyIDPattern)
		}
		if other, taken := owner[name]; taken {
			v.bucketProblem(b.ID, field, "%q is used by %s and by %s", name, other, describeBucket(b))
		}
		owner[name] = describeBucket(b)
	}
	for _, b := range r.Buckets {
		claim(b.ID, b, "ID")
		v.buckets = append(v.buckets, b.ID)
	}
	for _, b := range r.Buckets {
		for _, alias := range b.Aliases {
			claim(alias, b, "Aliases")
		}
	}
	journeys := map[string]Journey{}
	for _, j := range r.Journeys {
		for _, name := range append([]string{j.ID}, j.Aliases...) {
			journeys[name] = j
		}
	}
	for _, b := range r.Buckets {
		seen := map[string]bool{}
		for i, reaction := range b.Reactions {
			field, id := fmt.Sprintf("Reactions.%d", i), reaction.JourneyID(b.ID)
			if seen[id] {
				v.bucketProblem(b.ID, field, "there are two %s", id)
			}
			seen[id] = true
			if j, taken := journeys[id]; taken {
				v.bucketProblem(b.ID, field, "%q is used by %s and by %s", id, describe(j), describeBucket(b))
			}
		}
	}
}

func describeBucket(b Bucket) string { return fmt.Sprintf("bucket %s (%q)", b.ID, b.Name) }

func (v *registryValidator) bucket(b Bucket) {
	text := func(field, value string, low, high int) {
		if problem := naming.Problem(value, low, high); problem != "" {
			v.bucketProblem(b.ID, field, "%s", problem)
		}
	}
	text("Name", b.Name, 1, 100)
	text("Description", b.Description, 0, 1000)
	text("PostHogPropertyKey", b.PostHogPropertyKey, 0, 200)
	switch b.Kind {
	case "", BucketDynamic:
		for _, p := range condition.CheckCriteria(b.Criteria, func(key string) bool { return v.templates[key] }) {
			v.bucketProblem(b.ID, p.Path, "%s", p.Message)
		}
		v.declaredCriteria("Criteria", b.Criteria, func(field, format string, args ...any) { v.bucketProblem(b.ID, field, format, args...) })
	case BucketManual:
		v.bucketProblem(b.ID, "Kind", "manual buckets are not implemented")
	default:
		v.bucketProblem(b.ID, "Kind", "must be dynamic")
	}
	if b.EntryLimit != "" && !b.EntryLimit.Valid() {
		v.bucketProblem(b.ID, "EntryLimit", "must be Once, OncePerPeriod or Unlimited")
	}
	duration := func(field string, d time.Duration) {
		if d < 0 || d%time.Millisecond != 0 {
			v.bucketProblem(b.ID, field, "must be positive and in whole milliseconds")
		}
	}
	duration("EntryPeriod", b.EntryPeriod)
	duration("MinDwell", b.MinDwell)
	duration("MaxDwell", b.MaxDwell)
	if b.EntryPeriod != 0 && b.EntryLimit != OncePerPeriod {
		v.bucketProblem(b.ID, "EntryPeriod", "goes with OncePerPeriod only")
	}
	if b.MaxDwell != 0 && b.MaxDwell < b.MinDwell {
		v.bucketProblem(b.ID, "MaxDwell", "must not be less than MinDwell")
	}
	if b.OnChange != "" && b.OnChange != Silent && b.OnChange != React && b.OnChange.Rate() < 1 {
		v.bucketProblem(b.ID, "OnChange", "must be Silent, React or ReactAt with at least 1 a second")
	}
	for i, r := range b.Reactions {
		v.reaction(b, fmt.Sprintf("Reactions.%d", i), r)
	}
}

func (v *registryValidator) reaction(b Bucket, field string, r Reaction) {
	report := func(name, format string, args ...any) {
		v.bucketProblem(b.ID, field+"."+name, format, args...)
	}
	if !slices.Contains([]ReactionKind{ReactionEnter, ReactionLeave, ReactionDwell}, r.Kind) {
		report("Kind", "must be made with OnEnter, OnLeave or OnDwell")
		return
	}
	if problem := runProblem(r.Run); problem != "" {
		report("Run", "%s", problem)
	}
	given := r.Schedule.After + r.Schedule.Every
	switch {
	case r.Kind != ReactionDwell && r.Schedule != DwellSchedule{}:
		report("Schedule", "goes with OnDwell only")
	case r.Kind == ReactionDwell && (r.Schedule.After != 0) == (r.Schedule.Every != 0):
		report("Schedule", "takes exactly one of After and Every")
	case r.Kind == ReactionDwell && (given < time.Second || given%time.Millisecond != 0):
		report("Schedule", "must be at least a second, in whole milliseconds")
	}
	if r.FirstEntryOnly && r.Kind != ReactionEnter {
		report("FirstEntryOnly", "goes with OnEnter only")
	}
	if len(r.Reasons) > 0 && r.Kind != ReactionLeave {
		report("Reasons", "go with OnLeave only")
	}
	for _, reason := range r.Reasons {
		if reason != LeftByCriteria && reason != LeftByMaxDwell {
			report("Reasons", "there is no reason %q", reason)
		}
	}
	if r.Overlap != "" && r.Overlap != OverlapSkip && r.Overlap != OverlapAllow && r.Overlap != OverlapCancelPrevious {
		report("Overlap", "must be OverlapSkip, OverlapAllow or OverlapCancelPrevious")
	}
	parts := Journey{Version: r.Version, InFlight: r.InFlight, Category: r.Category, ExitOn: r.ExitOn, Templates: r.Templates}
	v.journeyParts(parts, func(name, format string, args ...any) { report(name, format, args...) })
}
