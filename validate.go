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

// IsReservedEvent reports whether clients and journeys are refused the name (I-14).
func IsReservedEvent(name string) bool {
	for _, prefix := range []string{"bucket:", "journey:", "email.", "hogsend:"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// Validate reports every problem of the registry's journeys and of its template
// keys at once, one line each, sorted (J-1). What is inside a template is checked
// when it is compiled.
func (r Registry) Validate() error {
	v := registryValidator{templates: map[string]bool{}}
	v.templateKeys(r.Templates)
	v.journeyIDs(r.Journeys)
	for _, j := range r.Journeys {
		v.journey(j)
	}
	if len(v.problems) == 0 {
		return nil
	}
	slices.Sort(v.problems)
	return errors.New(strings.Join(slices.Compact(v.problems), "\n"))
}

type registryValidator struct {
	problems  []string
	templates map[string]bool
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
	text := func(field, value string, low, high int) {
		if problem := textProblem(value, low, high); problem != "" {
			v.journeyProblem(j.ID, field, "%s", problem)
		}
	}
	text("Name", j.Name, 1, 100)
	text("Description", j.Description, 0, 1000)
	text("Version", j.Version, 0, 64)
	if !j.EntryLimit.Valid() {
		v.journeyProblem(j.ID, "EntryLimit", "must be Once, OncePerPeriod or Unlimited")
	}
	if j.EntryPeriod < 0 || j.EntryPeriod != 0 && j.EntryLimit != OncePerPeriod {
		v.journeyProblem(j.ID, "EntryPeriod", "must be positive and goes with OncePerPeriod only")
	}
	if j.Category != "" && !categoryPattern.MatchString(j.Category) {
		v.journeyProblem(j.ID, "Category", "must match %s", categoryPattern)
	}
	v.event(j, "Trigger.Event", j.Trigger.Event)
	v.conditions(j, "Trigger.Where", j.Trigger.Conditions)
	for i, exit := range j.ExitOn {
		v.event(j, fmt.Sprintf("ExitOn.%d.Event", i), exit.Event)
		v.conditions(j, fmt.Sprintf("ExitOn.%d.Where", i), exit.Where)
	}
	for i, key := range j.Templates {
		if !v.templates[key] {
			v.journeyProblem(j.ID, fmt.Sprintf("Templates.%d", i), "there is no template %q%s", key, Suggestion(key, slices.Collect(maps.Keys(v.templates))))
		}
	}
	if problem := runProblem(j.Run); problem != "" {
		v.journeyProblem(j.ID, "Run", "%s", problem)
	}
}

func (v *registryValidator) event(j Journey, field, name string) {
	if problem := textProblem(name, 1, 200); problem != "" {
		v.journeyProblem(j.ID, field, "%s", problem)
		return
	}
	if IsReservedEvent(name) && !slices.Contains(internalEvents, name) {
		v.journeyProblem(j.ID, field, "there is no event %q%s", name, Suggestion(name, internalEvents))
	}
}

func (v *registryValidator) conditions(j Journey, field string, conditions []Condition) {
	for _, p := range CheckConditions(conditions) {
		v.journeyProblem(j.ID, strings.TrimSuffix(field+"."+p.Path, "."), "%s", p.Message)
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
	r.Templates = slices.Clone(r.Templates)
	for i := range r.Templates {
		r.Templates[i].Examples = maps.Clone(r.Templates[i].Examples)
	}
	r.Journeys = slices.Clone(r.Journeys)
	for i := range r.Journeys {
		j := &r.Journeys[i]
		j.Aliases, j.Templates = slices.Clone(j.Aliases), slices.Clone(j.Templates)
		j.Trigger.Conditions = plainConditions(j.Trigger.Conditions)
		j.ExitOn = slices.Clone(j.ExitOn)
		for k := range j.ExitOn {
			j.ExitOn[k].Where = plainConditions(j.ExitOn[k].Where)
		}
	}
	return r
}

// Enabled are the journeys that a comma list of ids and aliases leaves (J-11): all
// for "" and "*", none for a list that matches nothing. unknown are its entries
// that name no journey.
func (r Registry) Enabled(list string) (enabled []Journey, unknown []string) {
	wanted := map[string]bool{}
	for entry := range strings.SplitSeq(list, ",") {
		if entry = strings.TrimSpace(entry); entry != "" {
			wanted[entry] = true
		}
	}
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
		Unsubscribed      bool
		Exits             []exit
		Category, Version string
		Templates         []string
	}
	type template struct{ Key, Subject, HTML, Text, Layout, Preview, Category, Props string }
	var content struct {
		Layout    string
		Journeys  []journey
		Templates []template
	}
	content.Layout = r.Layout
	for _, j := range r.Clone().Journeys {
		d := journey{
			ID: j.ID, Name: j.Name, Description: j.Description, Aliases: j.Aliases, Templates: j.Templates, Disabled: j.Disabled, Event: j.Trigger.Event, Where: digestible(j.Trigger.Conditions),
			Limit: j.EntryLimit, Period: j.EntryPeriod, Unsubscribed: j.EnrollUnsubscribed, Category: j.Category, Version: j.Version,
		}
		for _, e := range j.ExitOn {
			d.Exits = append(d.Exits, exit{Event: e.Event, Where: digestible(e.Where)})
		}
		content.Journeys = append(content.Journeys, d)
	}
	for _, t := range r.Templates {
		content.Templates = append(content.Templates, template{
			Key: t.Key, Subject: t.Subject, HTML: t.HTML, Text: t.Text, Layout: t.Layout,
			Preview: t.Preview, Category: t.Category, Props: fmt.Sprintf("%T", t.Props),
		})
	}
	slices.SortFunc(content.Journeys, func(a, b journey) int { return strings.Compare(a.ID, b.ID) })
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
		if n, ok := c.(CompositeCondition); ok {
			nodes = append(nodes, map[string]any{"operator": n.Operator, "conditions": digestible(n.Conditions)})
			continue
		}
		nodes = append(nodes, c)
	}
	return nodes
}

// Suggestion is `, did you mean "x"?` for the nearest of the known names, or "" if
// none is near.
func Suggestion(name string, known []string) string {
	best, distance := "", len(name)/2+1
	for _, k := range slices.Sorted(slices.Values(known)) {
		if d := editDistance(name, k); d < distance {
			best, distance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(", did you mean %q?", best)
}

// editDistance counts the insertions, deletions and replacements between two names.
func editDistance(a, b string) int {
	previous := make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(row[j]+1, previous[j+1]+1, previous[j]+cost)
		}
		previous = row
	}
	return previous[len(b)]
}
