package hogsendtest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/hogsendtest/internal/backend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/definition"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/naming"
)

// Start is the instant at which a script starts unless it says otherwise: a Monday,
// 2026-01-05T10:00:00Z.
func Start() time.Time { return time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC) }

// T is what the kit needs of a test; *testing.T and *testing.B have it. An Example
// function uses InExample.
type T interface {
	Helper()
	Name() string
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	FailNow()
}

// InExample is the T of Example functions: a failure panics.
func InExample() T { return exampleT{} }

type exampleT struct{}

func (exampleT) Helper()                           {}
func (exampleT) Name() string                      { return "Example" }
func (exampleT) Logf(string, ...any)               {}
func (exampleT) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (exampleT) FailNow()                          { panic("hogsendtest: failed") }

// Scenario is a script: people, what happens to them and when. Its methods only
// write the script down; Run plays it. What happens at one instant happens in the
// order of the script (T-3).
type Scenario struct {
	t        T
	registry hogsend.Registry
	// journeys are those of the registry and the reactions of its buckets.
	journeys []hogsend.Journey
	renderer *email.Renderer

	start  time.Time
	end    *time.Duration
	people []backend.Person
	items  []item
	sends  sendScript
	arms   map[[2]string]string // by contact and name
	quick  bool
	allow  map[allowance]bool
	fails  map[string]bool // journeys that are to
	lax    bool            // lets all of T-43 pass, for scripts that are made at random
	// fromDomains and timezone are of the environment.
	fromDomains []string
	timezone    string

	activities, workflows map[string]any
	problems              []problem
}

// New starts a script for the journeys of a registry, which is validated as a
// program would at its start: what a program refuses fails the test.
func New(t T, registry hogsend.Registry) *Scenario {
	t.Helper()
	s := &Scenario{
		t: t, registry: registry, start: Start(), sends: sendScript{once: map[string][]Outcome{}, always: map[string]Outcome{}},
		arms: map[[2]string]string{}, allow: map[allowance]bool{}, fails: map[string]bool{}, activities: map[string]any{}, workflows: map[string]any{},
	}
	if err := registry.Validate(); err != nil {
		s.fail("the registry is not valid:\n%s", err)
	}
	renderer, err := email.Compile(registry)
	if err != nil {
		s.fail("the templates are not valid:\n%s", err)
	}
	s.renderer, s.journeys = renderer, slices.Concat(registry.Journeys, definition.Reactions(registry))
	return s
}

func (s *Scenario) fail(format string, args ...any) {
	s.t.Helper()
	s.t.Errorf("hogsendtest: "+format, args...)
	s.t.FailNow()
}

// StartAt sets the instant that offsets count from.
func (s *Scenario) StartAt(start time.Time) { s.start = start.UTC() }

// Until ends the run at an offset, whatever still goes on then: for journeys that
// have no end of their own.
func (s *Scenario) Until(offset time.Duration) { s.end = &offset }

// Offset is that of an instant.
func (s *Scenario) Offset(instant time.Time) time.Duration { return instant.Sub(s.start) }

// Quick leaves replay and crash mode out of this run; its output says so (T-16).
func (s *Scenario) Quick() { s.quick = true }

// Activity registers an activity of the author's own under a name, as Options.Activities
// of package app does. fn is the author's or stands for it, and may be a literal.
func (s *Scenario) Activity(name string, fn any) {
	s.t.Helper()
	if problem := cmp.Or(definition.OwnNameProblem(name), definition.ActivityProblem(fn)); problem != "" {
		s.fail("Activity %q: %s", name, problem)
	}
	s.activities[name] = fn
}

// Files lets source stand for the registry's under a name, so that a test reaches for no
// store of files.
func (s *Scenario) Files(name string, source hogsend.FileSource) {
	s.t.Helper()
	if s.registry.Files[name] == nil {
		s.fail("Files: the registry has none %q%s", name, naming.Suggestion(name, slices.Sorted(maps.Keys(s.registry.Files))))
	}
	s.registry.Files = maps.Clone(s.registry.Files)
	s.registry.Files[name] = source
}

// Workflow registers a workflow of the author's own, such as the child of a journey.
func (s *Scenario) Workflow(name string, fn any) {
	s.t.Helper()
	if problem := definition.OwnNameProblem(name); problem != "" {
		s.fail("Workflow %q: %s", name, problem)
	}
	s.workflows[name] = fn
}

// Variant forces an arm of Run.Variant for a contact. An arm that does not exist
// fails the test (T-7).
func (s *Scenario) Variant(contact, name, arm string) { s.arms[[2]string{contact, name}] = arm }

// OnSend scripts what becomes of the sends of a template that the gate lets pass.
func (s *Scenario) OnSend(template string) *Send {
	if _, ok := s.renderer.Lookup(template); !ok {
		s.note(UnknownTemplate, template, "OnSend names the template %q, which is not registered%s", template, naming.Suggestion(template, s.renderer.Keys()))
	}
	return &Send{scenario: s, template: template}
}

// find is the journey with an id or a former id; nil for none.
func (s *Scenario) find(id string) *hogsend.Journey {
	for i := range s.journeys {
		if j := &s.journeys[i]; j.ID == id || slices.Contains(j.Aliases, id) {
			return j
		}
	}
	return nil
}

// journey notes a journey that is not registered.
func (s *Scenario) journey(id string) {
	if s.find(id) != nil {
		return
	}
	var known []string
	for _, j := range s.journeys {
		known = append(append(known, j.ID), j.Aliases...)
	}
	s.note(UnknownJourney, id, "there is no journey %q%s", id, naming.Suggestion(id, known))
}

func (s *Scenario) bucket(id string) {
	s.t.Helper()
	var known []string
	for i := range s.registry.Buckets {
		known = append(known, s.registry.Buckets[i].ID)
	}
	if !slices.Contains(known, id) {
		s.fail("there is no bucket %q%s", id, naming.Suggestion(id, known))
	}
}

// Disable switches a journey off as an operator does; Enable undoes it (J-33).
func (s *Scenario) Disable(offset time.Duration, journeyID string) {
	s.t.Helper()
	s.journey(journeyID)
	s.add(offset, "disabling of "+journeyID, backend.Switch{JourneyID: journeyID})
}

// Enable switches a journey on again.
func (s *Scenario) Enable(offset time.Duration, journeyID string) {
	s.t.Helper()
	s.journey(journeyID)
	s.add(offset, "enabling of "+journeyID, backend.Switch{JourneyID: journeyID, On: true})
}

// Due lets an instant of a journey's OnSchedule come: who is a member of its bucket
// then is told. The offset must be one of the recurrence; Offset helps to find it.
func (s *Scenario) Due(offset time.Duration, journeyID string) {
	s.t.Helper()
	j := s.find(journeyID)
	if j == nil || j.Trigger.Recurrence == nil {
		s.fail("Due: %q is no journey with a schedule", journeyID)
	}
	at := s.start.Add(offset)
	next, err := j.Trigger.Recurrence.Next(at.Add(-1))
	if err != nil || !next.Equal(at) {
		s.fail("Due: +%s is no instant of %s; the next one is at +%s", offset, j.Trigger.Recurrence.Label(), s.Offset(next))
	}
	s.add(offset, "schedule of "+journeyID, backend.Due{Trigger: j.Trigger})
}

// ResumePolicy says what becomes of the effects that a pause held (J-103).
type ResumePolicy string

// The policies. The zero value is CatchUp.
const (
	CatchUp    ResumePolicy = "catch_up"
	SkipLate   ResumePolicy = "skip_late"
	Reschedule ResumePolicy = "reschedule"
)

// PauseEntries says what a pause does with new entries.
type PauseEntries = contract.PauseEntries

// What a pause does with new entries (J-168).
const (
	HoldEntries = contract.HoldEntries
	DropEntries = contract.DropEntries
)

// Pause pauses a journey: no effect of it begins until it is resumed. New entries are
// held at their start, or with DropEntries refused (J-168).
func (s *Scenario) Pause(offset time.Duration, journeyID string, entries ...PauseEntries) {
	s.t.Helper()
	s.journey(journeyID)
	pause := backend.Pause{JourneyID: journeyID, Entries: HoldEntries}
	if len(entries) > 0 {
		pause.Entries = entries[0]
	}
	s.add(offset, "pause of "+journeyID, pause)
}

// Resume ends a pause. Held effects go on at once, not at most 50 a second.
func (s *Scenario) Resume(offset time.Duration, journeyID string, policy ...ResumePolicy) {
	s.t.Helper()
	s.journey(journeyID)
	how := CatchUp
	if len(policy) > 0 {
		how = policy[0]
	}
	s.add(offset, "resume of "+journeyID, backend.Resume{JourneyID: journeyID, Policy: contract.ResumePolicy(how)})
}

// Down leaves the journeys without a worker from one offset to another: events are
// still stored, and everything goes on at the end (T-3).
func (s *Scenario) Down(from, to time.Duration) {
	s.t.Helper()
	if from < 0 {
		s.fail("Down: the offset %s must not be negative", from)
	}
	if to < from {
		s.fail("Down: +%s is before +%s", to, from)
	}
	s.items = append(s.items, item{at: from, what: "outage", down: 1}, item{at: to, what: "end of outage", down: -1})
}

// item is one line of a script.
type item struct {
	at     time.Duration
	what   string // for messages
	action backend.Action
	down   int // begins or ends an outage
}

func (s *Scenario) add(at time.Duration, what string, action backend.Action) {
	s.t.Helper()
	if at < 0 {
		s.fail("%s at %s: an offset must not be negative", what, at)
	}
	s.items = append(s.items, item{at: at, what: what, action: action})
}

// script is all lines in the order in which they happen.
func (s *Scenario) script() []item {
	items := slices.Clone(s.items)
	slices.SortStableFunc(items, func(a, b item) int { return cmp.Compare(a.at, b.at) })
	return items
}

// setting is what a backend needs to know of the script.
func (s *Scenario) setting() backend.Script {
	scripted := map[string]bool{}
	for _, it := range s.items {
		switch a := it.action.(type) {
		case backend.Enter:
			scripted[a.BucketID] = true
		case backend.Leave:
			scripted[a.BucketID] = true
		}
	}
	return backend.Script{
		Registry: s.registry, Start: s.start, People: s.people, Scripted: scripted, Schedules: s.end != nil, Sends: s.sends.clone(),
		FromDomains: s.fromDomains, Timezone: s.timezone,
	}
}
