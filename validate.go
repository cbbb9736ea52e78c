package hogsend

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

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
// keys at once, one line each, sorted (J-1). What is inside a template is checked
// when it is compiled.
func (r Registry) Validate() error {
	v := registryValidator{templates: map[string]bool{}}
	v.templateKeys(r.Templates)
	v.journeyIDs(r.Journeys)
	v.bucketIDs(r)
	v.events = append(slices.Clone(internalEvents), bucketEvents(r.Buckets)...)
	v.events = append(v.events, scheduleEvents(r.Journeys)...)
	for _, j := range r.Journeys {
		v.journey(j)
	}
	for _, b := range r.Buckets {
		v.bucket(b)
	}
	v.defaults(r.Defaults)
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
}

// bucketEvents are the names of the transitions that buckets can have, and the
// generic ones (J-5).
func bucketEvents(buckets []Bucket) []string {
	found := []string{AnyEntered, AnyLeft, AnyDwell}
	for _, b := range buckets {
		found = append(found, b.Entered(), b.Left())
		for _, r := range b.Reactions {
			if r.Kind == ReactionDwell {
				found = append(found, r.Trigger(b.ID))
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
	if !d.OnHold.Valid() {
		v.problems = append(v.problems, "defaults: OnHold: must be Skip or Defer")
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
	if j.Suppress < 0 {
		v.journeyProblem(j.ID, "Suppress", "must not be negative")
	}
	report := func(field, format string, args ...any) { v.journeyProblem(j.ID, field, format, args...) }
	if problem := naming.Problem(j.Name, 1, 100); problem != "" {
		report("Name", "%s", problem)
	}
	if problem := naming.Problem(j.Description, 0, 1000); problem != "" {
		report("Description", "%s", problem)
	}
	v.trigger(j.Trigger, report)
	v.conditions("Trigger.Where", j.Trigger.Conditions, report)
	if problem := runProblem(j.Run); problem != "" {
		report("Run", "%s", problem)
	}
	v.journeyParts(j, report)
}

func (v *registryValidator) trigger(t Trigger, report func(field, format string, args ...any)) {
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

// journeyParts checks what journeys and reactions have in common.
func (v *registryValidator) journeyParts(j Journey, report func(field, format string, args ...any)) {
	if problem := naming.Problem(j.Version, 0, 64); problem != "" {
		report("Version", "%s", problem)
	}
	if !j.InFlight.Valid() {
		report("InFlight", "must be Upgrade or Pinned")
	}
	if j.Category != "" && !categoryPattern.MatchString(j.Category) {
		report("Category", "must match %s", categoryPattern)
	}
	for i, exit := range j.ExitOn {
		v.event(fmt.Sprintf("ExitOn.%d.Event", i), exit.Event, report)
		v.conditions(fmt.Sprintf("ExitOn.%d.Where", i), exit.Where, report)
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
}

func (v *registryValidator) conditions(field string, conditions []Condition, report func(field, format string, args ...any)) {
	for _, p := range condition.CheckList(conditions) {
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

// Clone copies the definitions, with conditions in plain form: a later change to
// the author's slices and maps has no effect (J-9).
func (r Registry) Clone() Registry {
	r.Defaults.FrequencyCap.ByCategory = maps.Clone(r.Defaults.FrequencyCap.ByCategory)
	r.Defaults.FrequencyCap.ExemptCategories = slices.Clone(r.Defaults.FrequencyCap.ExemptCategories)
	r.Templates = slices.Clone(r.Templates)
	for i := range r.Templates {
		r.Templates[i].Examples = maps.Clone(r.Templates[i].Examples)
	}
	r.Journeys = slices.Clone(r.Journeys)
	for i := range r.Journeys {
		j := &r.Journeys[i]
		j.Aliases, j.Templates = slices.Clone(j.Aliases), slices.Clone(j.Templates)
		j.Trigger.Conditions = condition.Plain(j.Trigger.Conditions)
		j.ExitOn = slices.Clone(j.ExitOn)
		for k := range j.ExitOn {
			j.ExitOn[k].Where = condition.Plain(j.ExitOn[k].Where)
		}
	}
	r.Buckets = slices.Clone(r.Buckets)
	for i := range r.Buckets {
		r.Buckets[i] = r.Buckets[i].clone()
	}
	return r
}

func (b Bucket) clone() Bucket {
	b.Aliases = slices.Clone(b.Aliases)
	b.Criteria = condition.Plain([]Condition{b.Criteria})[0]
	if b.ReconcileJoins != nil {
		joins := *b.ReconcileJoins
		b.ReconcileJoins = &joins
	}
	b.Reactions = slices.Clone(b.Reactions)
	for i := range b.Reactions {
		r := &b.Reactions[i]
		r.Reasons, r.Templates, r.ExitOn = slices.Clone(r.Reasons), slices.Clone(r.Templates), slices.Clone(r.ExitOn)
		for k := range r.ExitOn {
			r.ExitOn[k].Where = condition.Plain(r.ExitOn[k].Where)
		}
	}
	return b
}

// Reactions are the journeys that the buckets own, in the order of the registry
// (B-29, J-10).
func (r Registry) Reactions() []Journey {
	var reactions []Journey
	for _, b := range r.Buckets {
		for _, reaction := range b.Reactions {
			reactions = append(reactions, reaction.journey(b))
		}
	}
	return reactions
}

// EnabledBuckets are the buckets that a comma list of ids leaves, as Enabled is for
// journeys (B-3).
func (r Registry) EnabledBuckets(list string) (enabled []Bucket, unknown []string) {
	wanted := entries(list)
	if strings.TrimSpace(list) == "" || wanted["*"] {
		return r.Buckets, nil
	}
	for _, b := range r.Buckets {
		if wanted[b.ID] {
			enabled = append(enabled, b)
			delete(wanted, b.ID)
		}
	}
	return enabled, slices.Sorted(maps.Keys(wanted))
}

// entries are the trimmed entries of a comma list.
func entries(list string) map[string]bool {
	wanted := map[string]bool{}
	for entry := range strings.SplitSeq(list, ",") {
		if entry = strings.TrimSpace(entry); entry != "" {
			wanted[entry] = true
		}
	}
	return wanted
}

// Enabled are the journeys that a comma list of ids and aliases leaves (J-11): all
// for "" and "*", none for a list that matches nothing. unknown are its entries
// that name no journey.
func (r Registry) Enabled(list string) (enabled []Journey, unknown []string) {
	wanted := entries(list)
	if strings.TrimSpace(list) == "" || wanted["*"] {
		return r.Journeys, nil
	}
	for _, j := range r.Journeys {
		names := append([]string{j.ID}, j.Aliases...)
		if slices.ContainsFunc(names, func(name string) bool { return wanted[name] }) {
			enabled = append(enabled, j)
		}
		for _, name := range names {
			delete(wanted, name)
		}
	}
	return enabled, slices.Sorted(maps.Keys(wanted))
}

// Digest identifies the definitions: processes with one digest know the same
// journeys and templates (O-32). The code of the journeys is not part of it.
func (r Registry) Digest() string {
	type exit struct {
		Event string
		Where any
	}
	type journey struct {
		ID, Name          string
		Description       string
		Aliases           []string
		Disabled          bool
		Event             string
		Where             any
		Limit             EntryLimit
		Period            time.Duration
		Suppress          time.Duration
		Unsubscribed      bool
		Exits             []exit
		Category, Version string
		Templates         []string
	}
	type reaction struct {
		ID                     string
		FirstEntryOnly         bool
		Reasons                []LeaveReason
		Overlap                Overlap
		Disabled, Unsubscribed bool
		Exits                  []exit
		Category, Version      string
		Templates              []string
	}
	type bucket struct {
		Bucket
		Criteria  any
		Reactions []reaction
	}
	type template struct{ Key, Subject, HTML, Text, Layout, Preview, Category, Props string }
	var content struct {
		Layout    string
		Defaults  Defaults
		Journeys  []journey
		Buckets   []bucket
		Templates []template
	}
	exits := func(rules []Exit) (all []exit) {
		for _, e := range rules {
			all = append(all, exit{Event: e.Event, Where: digestible(e.Where)})
		}
		return all
	}
	content.Layout, content.Defaults = r.Layout, r.Defaults
	for _, j := range r.Clone().Journeys {
		d := journey{
			ID: j.ID, Name: j.Name, Description: j.Description, Aliases: j.Aliases, Templates: j.Templates, Disabled: j.Disabled, Event: j.Trigger.Event, Where: digestible(j.Trigger.Conditions),
			Limit: j.EntryLimit, Period: j.EntryPeriod, Suppress: j.Suppress, Unsubscribed: j.EnrollUnsubscribed, Category: j.Category, Version: j.Version,
		}
		d.Exits = exits(j.ExitOn)
		content.Journeys = append(content.Journeys, d)
	}
	for _, b := range r.Clone().Buckets {
		d := bucket{Bucket: b, Criteria: digestible([]Condition{b.Criteria})}
		for _, o := range b.Reactions {
			d.Reactions = append(d.Reactions, reaction{
				ID: o.JourneyID(b.ID), FirstEntryOnly: o.FirstEntryOnly, Reasons: o.Reasons, Overlap: o.Overlap, Disabled: o.Disabled,
				Unsubscribed: o.EnrollUnsubscribed, Exits: exits(o.ExitOn), Category: o.Category, Version: o.Version, Templates: o.Templates,
			})
		}
		content.Buckets = append(content.Buckets, d)
	}
	for _, t := range r.Templates {
		content.Templates = append(content.Templates, template{
			Key: t.Key, Subject: t.Subject, HTML: t.HTML, Text: t.Text, Layout: t.Layout,
			Preview: t.Preview, Category: t.Category, Props: fmt.Sprintf("%T", t.Props),
		})
	}
	slices.SortFunc(content.Journeys, func(a, b journey) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(content.Buckets, func(a, b bucket) int { return strings.Compare(a.ID, b.ID) })
	slices.SortStableFunc(content.Templates, func(a, b template) int { return strings.Compare(a.Key, b.Key) })
	raw, err := json.Marshal(content)
	if err != nil {
		// Only a condition that validation refuses cannot be written.
		raw = []byte(err.Error())
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// digestible names the node types, which JSON alone would not tell apart.
func digestible(conditions []Condition) []any {
	nodes := make([]any, 0, len(conditions))
	for _, c := range conditions {
		if n, ok := c.(condition.Composite); ok {
			nodes = append(nodes, map[string]any{"operator": n.Operator, "conditions": digestible(n.Conditions)})
			continue
		}
		nodes = append(nodes, c)
	}
	return nodes
}
