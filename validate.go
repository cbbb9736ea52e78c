package hogsend

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/hogsend/hogsend/internal/condition"
	"github.com/hogsend/hogsend/internal/naming"
)

var (
	journeyIDPattern   = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	templateKeyPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9/_-]{0,199}$`)
	categoryPattern    = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
)

// internalEvents are the names behind reserved prefixes that exist (J-5, E-75).
var internalEvents = []string{
	"journey:completed", "journey:failed", "journey:exited",
	"email.opened", "email.link_clicked", "email.bounced", "email.complained", "email.failed",
	"email.unsubscribed", "email.resubscribed",
}

// Validate reports every problem of the registry's journeys and of its template
// keys at once, one line each, sorted. What is inside a template is checked when it
// is compiled (J-1).
func (r Registry) Validate() error {
	v := registryValidator{templates: map[string]bool{}}
	v.templateKeys(r.Templates)
	v.journeyIDs(r.Journeys)
	v.bucketIDs(r)
	v.events = append(slices.Clone(internalEvents), bucketEvents(r.Buckets)...)
	v.events = append(v.events, scheduleEvents(r.Journeys)...)
	v.eventTypes(r.Events)
	for _, j := range r.Journeys {
		v.journey(j)
	}
	for _, b := range r.Buckets {
		v.bucket(b)
	}
	v.defaults(r.Defaults)
	v.linkSchemes(r.LinkSchemes)
	v.machineAgents(r.MachineAgents)
	v.addresses(r.Addresses)
	v.files(r.Files)
	v.lists(r.Lists)
	v.campaigns(r)
	v.sources(r.Sources)
	v.destinations(r)
	v.pages(r.Pages)
	if len(v.problems) == 0 {
		return nil
	}
	slices.Sort(v.problems)
	return errors.New(strings.Join(slices.Compact(v.problems), "\n"))
}

type registryValidator struct {
	problems  []string
	templates map[string]bool
	buckets   []string // their ids
	events    []string // names behind reserved prefixes that exist
	types     map[string]EventType
	declared  []string // their names
}

// bucketEvents are the names of the transitions that buckets can have, and the
// generic ones (J-5).
func bucketEvents(buckets []Bucket) []string {
	found := []string{AnyEntered, AnyLeft, AnyDwell}
	for _, b := range buckets {
		found = append(found, b.Entered(), b.Left())
		for _, r := range b.Reactions {
			if r.Kind == ReactionDwell {
				found = append(found, b.Dwell(r.Schedule))
			}
		}
	}
	return found
}

// scheduleEvents are the names of what happens by the clock.
func scheduleEvents(journeys []Journey) []string {
	var found []string
	for _, j := range journeys {
		if j.Trigger.Recurrence != nil {
			found = append(found, j.Trigger.Event)
		}
	}
	return found
}

func (v *registryValidator) defaults(d Defaults) {
	if err := d.Window.Validate(); err != nil { // S-30
		v.problems = append(v.problems, "defaults: Window."+err.Error())
	}
	if err := d.SendWindow.Validate(); err != nil { // E-25
		v.problems = append(v.problems, "defaults: SendWindow."+err.Error())
	}
	v.frequencyCap(d.FrequencyCap)
	if !d.Track.Valid() {
		v.problems = append(v.problems, "defaults: Track: must be TrackAll, TrackOpens, TrackClicks or TrackNothing")
	}
	if !d.OnBlocked.Valid() {
		v.problems = append(v.problems, "defaults: OnBlocked: must be Skip or Defer")
	}
	if d.MaxDefer < 0 {
		v.problems = append(v.problems, "defaults: MaxDefer: must not be negative")
	}
	if d.Timezone != "" { // S-2
		if _, err := LoadZone(d.Timezone); err != nil {
			v.problems = append(v.problems, "defaults: Timezone: "+err.Error())
		}
	}
}

// frequencyCap refuses caps that nothing or everything would reach (E-21).
func (v *registryValidator) frequencyCap(c FrequencyCap) {
	report := func(field, format string, args ...any) {
		v.problems = append(v.problems, fmt.Sprintf("defaults: FrequencyCap.%s: %s", field, fmt.Sprintf(format, args...)))
	}
	limit := func(field string, l CategoryCap) {
		if l.Count < 1 {
			report(field+"Count", "must be at least 1")
		}
		if l.Window <= 0 {
			report(field+"Window", "must be positive")
		}
	}
	if common := (CategoryCap{Count: c.Count, Window: c.Window}); common != (CategoryCap{}) {
		limit("", common)
	}
	for category, l := range c.ByCategory {
		if !categoryPattern.MatchString(category) {
			report("ByCategory", "%q must match %s", category, categoryPattern)
		}
		limit("ByCategory."+category+".", l)
	}
	for _, category := range c.ExemptCategories {
		if !categoryPattern.MatchString(category) {
			report("ExemptCategories", "%q must match %s", category, categoryPattern)
		}
	}
}

func (v *registryValidator) journeyProblem(id, field, format string, args ...any) {
	v.problems = append(v.problems, fmt.Sprintf("journey %s: %s: %s", id, field, fmt.Sprintf(format, args...)))
}

func (v *registryValidator) templateKeys(templates []Template) {
	for _, t := range templates {
		if !templateKeyPattern.MatchString(t.Key) {
			v.problems = append(v.problems, fmt.Sprintf("template %q: Key: must match %s", t.Key, templateKeyPattern))
		}
		if v.templates[t.Key] && !t.Override {
			v.problems = append(v.problems, fmt.Sprintf("template %s: Key: is defined twice; set Override to replace the earlier one", t.Key))
		}
		if t.Category != "" && !categoryPattern.MatchString(t.Category) {
			v.problems = append(v.problems, fmt.Sprintf("template %s: Category: must match %s", t.Key, categoryPattern))
		}
		if !t.Track.Valid() {
			v.problems = append(v.problems, fmt.Sprintf("template %s: Track: must be TrackAll, TrackOpens, TrackClicks or TrackNothing", t.Key))
		}
		v.templates[t.Key] = true
	}
}

// journeyIDs checks ids and aliases against each other: every name belongs to one
// journey (J-2, J-3).
func (v *registryValidator) journeyIDs(journeys []Journey) {
	owner := map[string]string{}
	claim := func(name string, j Journey, field string) {
		if !journeyIDPattern.MatchString(name) {
			v.journeyProblem(j.ID, field, "%q must match %s", name, journeyIDPattern)
		}
		if other, taken := owner[name]; taken {
			v.journeyProblem(j.ID, field, "%q is used by %s and by %s", name, other, describe(j))
		}
		owner[name] = describe(j)
	}
	for _, j := range journeys {
		claim(j.ID, j, "ID")
	}
	for _, j := range journeys {
		for _, alias := range j.Aliases {
			claim(alias, j, "Aliases")
		}
	}
}

func describe(j Journey) string { return fmt.Sprintf("journey %s (%q)", j.ID, j.Name) }

func (v *registryValidator) journey(j Journey) {
	if j.Reaction != nil {
		v.journeyProblem(j.ID, "Reaction", "belongs to the reactions of buckets; define the bucket instead")
	}
	if !j.EntryLimit.Valid() {
		v.journeyProblem(j.ID, "EntryLimit", "must be Once, OncePerPeriod or Unlimited")
	}
	if j.EntryPeriod < 0 || j.EntryPeriod != 0 && j.EntryLimit != OncePerPeriod {
		v.journeyProblem(j.ID, "EntryPeriod", "must be positive and goes with OncePerPeriod only")
	}
	if j.MinSendGap < 0 {
		v.journeyProblem(j.ID, "MinSendGap", "must not be negative")
	}
	report := func(field, format string, args ...any) { v.journeyProblem(j.ID, field, format, args...) }
	if problem := naming.Problem(j.Name, 1, 100); problem != "" {
		report("Name", "%s", problem)
	}
	if problem := naming.Problem(j.Description, 0, 1000); problem != "" {
		report("Description", "%s", problem)
	}
	v.trigger(j.Trigger, report)
	v.conditions("Trigger.Where", condition.CheckList(j.Trigger.Conditions), report)
	v.declaredConditions("Trigger.Where", j.Trigger.Event, "", j.Trigger.Conditions, report)
	v.key(j, report)
	v.declaredCriteria("Audience", j.Audience, report)
	if j.Audience != nil {
		known := func(id string) bool { return slices.Contains(v.buckets, id) }
		for _, p := range condition.CheckAudience("Audience", j.Audience, func(key string) bool { return v.templates[key] }, known) {
			report(p.Path, "%s", p.Message)
		}
	}
	if problem := runProblem(j.Run); problem != "" {
		report("Run", "%s", problem)
	}
	v.journeyParts(j, report)
}

// key refuses keys that no event of the trigger can have (J-154).
func (v *registryValidator) key(j Journey, report func(field, format string, args ...any)) {
	if j.Key == "" {
		return
	}
	if problem := naming.Problem(j.Key, 1, 200); problem != "" {
		report("Key", "%s", problem)
	}
	if j.Trigger.Recurrence != nil {
		report("Key", "does not go with OnSchedule, whose events are about no object")
		return
	}
	v.declaredProperty("Key", j.Trigger.Event, j.Key, report)
	if has := internalProperties(j.Trigger.Event); has != nil && !slices.Contains(has, j.Key) {
		report("Key", "%s never has the property %q%s", j.Trigger.Event, j.Key, naming.Suggestion(j.Key, has))
	}
}

// internalProperties are those that an event of hogsend's own may have; nil for other
// events (J-87 to J-89, B-31, E-75).
func internalProperties(event string) []string {
	switch {
	case strings.HasPrefix(event, "journey:"):
		return []string{"journeyId", "journeyName", "stateId", "userId", "entryCount", "key", "error", "reason"}
	case strings.HasPrefix(event, "bucket:"):
		return []string{"bucketId", "bucketName", "userId", "transition", "source", "entryCount", "reason", "dwellCount", "dueAt"}
	}
	return nil
}

func (v *registryValidator) trigger(t Trigger, report func(field, format string, args ...any)) {
	if t.Date != nil {
		t.checkDate(report)
		return
	}
	if t.Recurrence == nil {
		v.event("Trigger.Event", t.Event, report)
		return
	}
	if err := t.Recurrence.Validate(); err != nil {
		report("Trigger.Recurrence", "%s", err)
	}
	if !slices.Contains(v.buckets, t.BucketID) {
		report("Trigger.BucketID", "there is no bucket %q%s", t.BucketID, naming.Suggestion(t.BucketID, v.buckets))
	}
}

// maxPriority bounds priorities on both sides (J-6).
const maxPriority = 1000

// journeyParts checks what journeys and reactions have in common.
func (v *registryValidator) journeyParts(j Journey, report func(field, format string, args ...any)) {
	if problem := naming.Problem(j.Version, 0, 64); problem != "" {
		report("Version", "%s", problem)
	}
	if j.Priority < -maxPriority || j.Priority > maxPriority {
		report("Priority", "must be from -%d to %d", maxPriority, maxPriority)
	}
	if !j.InFlight.Valid() {
		report("InFlight", "must be Upgrade or Pinned")
	}
	if j.Category != "" && !categoryPattern.MatchString(j.Category) {
		report("Category", "must match %s", categoryPattern)
	}
	for i, exit := range j.ExitOn {
		v.event(fmt.Sprintf("ExitOn.%d.Event", i), exit.Event, report)
		v.conditions(fmt.Sprintf("ExitOn.%d.Where", i), condition.CheckRelated(exit.Where), report)
		v.declaredConditions(fmt.Sprintf("ExitOn.%d.Where", i), exit.Event, j.Trigger.Event, exit.Where, report)
	}
	for i, key := range j.Templates {
		if !v.templates[key] {
			report(fmt.Sprintf("Templates.%d", i), "there is no template %q%s", key, naming.Suggestion(key, slices.Collect(maps.Keys(v.templates))))
		}
	}
}

func (v *registryValidator) event(field, name string, report func(field, format string, args ...any)) {
	if problem := naming.Problem(name, 1, 200); problem != "" {
		report(field, "%s", problem)
		return
	}
	if naming.Reserved(name) && !slices.Contains(v.events, name) {
		report(field, "there is no event %q%s", name, naming.Suggestion(name, v.events))
	}
	v.declaredEvent(field, name, report)
}

func (*registryValidator) conditions(field string, problems []condition.Problem, report func(field, format string, args ...any)) {
	for _, p := range problems {
		report(strings.TrimSuffix(field+"."+p.Path, "."), "%s", p.Message)
	}
}

// runProblem says why a function cannot be a journey, "" if it can: only a named
// top-level function is seen by Temporal's analyzer and found in a stack (T-20).
func runProblem(run JourneyFunc) string {
	if run == nil {
		return "is missing"
	}
	pc := reflect.ValueOf(run).Pointer()
	f := runtime.FuncForPC(pc)
	if f == nil {
		return "must be a named top-level function"
	}
	file, line := f.FileLine(pc)
	name := f.Name()[strings.LastIndex(f.Name(), "/")+1:]
	_, name, _ = strings.Cut(name, ".") // the package
	// A literal is called outer.func1 or glob..func1, a method T.m or (*T).m-fm, and
	// an instance of a generic function is a closure over its types, f[...] or below.
	if strings.ContainsAny(name, ".-([") {
		return fmt.Sprintf("must be a named top-level function, not a literal, closure, method value or generic instance (%s:%d)", file, line)
	}
	return ""
}
