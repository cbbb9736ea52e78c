package hogsendtest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/email"
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
	catalog  *catalog
	renderer *email.Renderer

	start  time.Time
	end    *time.Duration
	people []Person
	items  []item
	sends  sendScript
	arms   map[[2]string]string // by contact and name
	quick  bool
	allow  map[allowance]bool

	activities, workflows map[string]any
	problems              []problem
}

// New starts a script for the journeys of a registry, which is validated as a
// program would at its start: what a program refuses fails the test.
func New(t T, registry hogsend.Registry) *Scenario {
	t.Helper()
	s := &Scenario{
		t: t, registry: registry, start: Start(), sends: sendScript{once: map[string][]Outcome{}, always: map[string]Outcome{}},
		arms: map[[2]string]string{}, allow: map[allowance]bool{}, activities: map[string]any{}, workflows: map[string]any{},
	}
	if err := registry.Validate(); err != nil {
		s.fail("the registry is not valid:\n%s", err)
	}
	renderer, err := email.Compile(registry)
	if err != nil {
		s.fail("the templates are not valid:\n%s", err)
	}
	s.renderer, s.catalog = renderer, newCatalog(registry)
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

// Activity registers an activity of the author's own under a name, as the author's
// worker does.
func (s *Scenario) Activity(name string, fn any) { s.activities[name] = fn }

// Workflow registers a workflow of the author's own, such as the child of a journey.
func (s *Scenario) Workflow(name string, fn any) { s.workflows[name] = fn }

// Variant forces an arm of Run.Variant for a contact. An arm that does not exist
// fails the test (T-7).
func (s *Scenario) Variant(contact, name, arm string) { s.arms[[2]string{contact, name}] = arm }

// OnSend scripts what becomes of the sends of a template that the gate lets pass.
func (s *Scenario) OnSend(template string) *Send {
	if _, ok := s.renderer.Lookup(template); !ok {
		s.note(UnknownTemplate, template, "OnSend names the template %q, which is not registered%s", template, hogsend.Suggestion(template, s.renderer.Keys()))
	}
	return &Send{scenario: s, template: template}
}

// Send is a template whose sends are scripted.
type Send struct {
	scenario *Scenario
	template string
}

// Return gives the next sends of the template these outcomes, one each; later ones go
// out.
func (o *Send) Return(outcomes ...Outcome) {
	script := o.scenario.sends.once
	script[o.template] = append(script[o.template], outcomes...)
}

// Always gives every send of the template that Return has none for this outcome.
func (o *Send) Always(outcome Outcome) { o.scenario.sends.always[o.template] = outcome }

// Outcome is what becomes of a send. The zero value goes out.
type Outcome struct {
	kind           outcomeKind
	status, reason string
	retries        int
}

type outcomeKind int

const (
	outcomeSent outcomeKind = iota
	outcomeVerdict
	outcomeRefused
	outcomeUnknown
)

// Suppressed is the verdict of a suppressed address; reason is bounce, complaint,
// manual or import.
func Suppressed(reason string) Outcome {
	return Outcome{kind: outcomeVerdict, status: sendSuppressed, reason: reason}
}

// Skipped is the verdict of a send that the gate leaves out, for example for the
// reason frequency_capped (E-13).
func Skipped(reason string) Outcome {
	return Outcome{kind: outcomeVerdict, status: sendSkipped, reason: reason}
}

// Unsubscribed is the verdict of a contact that is unsubscribed from everything.
func Unsubscribed() Outcome {
	return Outcome{kind: outcomeVerdict, status: sendSuppressed, reason: "unsubscribed_all"}
}

// Retried goes out after the provider has failed n times for a while: a second after
// each other, then two, four and so on up to a minute (E-31).
func Retried(n int) Outcome { return Outcome{retries: n} }

// Refused is a provider that refuses the mail for good, with its text (E-32).
func Refused(text string) Outcome { return Outcome{kind: outcomeRefused, reason: text} }

// UnknownOutcome is a send of which nobody knows whether it arrived. In production
// that is known a day later; here at once.
func UnknownOutcome() Outcome { return Outcome{kind: outcomeUnknown} }

// Person is a contact as it is before the script starts. UserID or Email is required.
type Person struct {
	UserID, Email string
	Timezone      string
	Properties    hogsend.Properties
}

// Contact adds a person to the script.
func (s *Scenario) Contact(p Person) *Contact {
	s.t.Helper()
	name := cmp.Or(p.UserID, p.Email)
	if name == "" {
		s.fail("a Person needs a UserID or an Email")
	}
	if slices.ContainsFunc(s.people, func(o Person) bool { return cmp.Or(o.UserID, o.Email) == name }) {
		s.fail("there are two people named %s", name)
	}
	s.people = append(s.people, p)
	return &Contact{scenario: s, name: name}
}

// Contact is a person of the script.
type Contact struct {
	scenario *Scenario
	name     string
}

// Event is an event of a script, in full.
type Event struct {
	Name string
	// Properties stay on the event; ContactProperties merge into the contact, nil
	// removes a key.
	Properties, ContactProperties hogsend.Properties
	// OccurredAt is when it happened; the zero time means when it arrives.
	OccurredAt time.Time
}

// item is one line of a script.
type item struct {
	at    time.Duration
	what  string // for messages
	apply func(on stage) error
	down  int // begins or ends an outage
}

func (s *Scenario) add(at time.Duration, what string, apply func(on stage) error) {
	s.items = append(s.items, item{at: at, what: what, apply: apply})
}

// stage is where a script is played: a world in memory, or Postgres in the tests of
// the kit.
type stage interface {
	event(contact string, e Event) error
	change(contact string, properties hogsend.Properties) error
	move(contact, zone string) error
	prefer(contact string, out bool, categories []string) error
	suppress(contact, reason string) error
	enter(contact, bucketID string) error
	leave(contact, bucketID string, reason hogsend.LeaveReason) error
	cancel(contact, journeyID string) error
	enable(journeyID string, on bool) error
	engage(contact, template, link string) error
	pause(journeyID string) error
	resume(journeyID string, policy ResumePolicy) error

	// take is what Temporal is to be told.
	take() ([]message, error)
	// release lets go on what was held and is due; next is when more is.
	release() (next time.Time, more bool, err error)
}

// script is all lines in the order in which they happen.
func (s *Scenario) script() []item {
	items := slices.Clone(s.items)
	slices.SortStableFunc(items, func(a, b item) int { return cmp.Compare(a.at, b.at) })
	return items
}

// At lets an event of the contact arrive at an offset.
func (c *Contact) At(offset time.Duration, event string, properties ...hogsend.Properties) {
	e := Event{Name: event}
	if len(properties) > 0 {
		e.Properties = properties[0]
	}
	c.Does(offset, e)
}

// Does lets an event of the contact arrive at an offset. What the API would refuse
// fails the test.
func (c *Contact) Does(offset time.Duration, e Event) {
	s := c.scenario
	s.t.Helper()
	if e.Name == "" || hogsend.IsReservedEvent(e.Name) {
		s.fail("%s at +%s: an event cannot be named %q; use Enters, Leaves, Unsubscribes or a journey", c.name, offset, e.Name)
	}
	s.add(offset, fmt.Sprintf("event %s of %s", e.Name, c.name), func(on stage) error { return on.event(c.name, e) })
}

// Changes writes properties of the contact without an event; nil removes one.
func (c *Contact) Changes(offset time.Duration, properties hogsend.Properties) {
	c.add(offset, "change of", func(on stage) error { return on.change(c.name, properties) })
}

// Moves gives the contact another time zone.
func (c *Contact) Moves(offset time.Duration, zone string) {
	c.add(offset, "move of", func(on stage) error { return on.move(c.name, zone) })
}

// Unsubscribes opts the contact out of everything, or of categories (E-57).
func (c *Contact) Unsubscribes(offset time.Duration, categories ...string) {
	c.add(offset, "opt-out of", func(on stage) error { return on.prefer(c.name, true, categories) })
}

// Resubscribes undoes Unsubscribes.
func (c *Contact) Resubscribes(offset time.Duration, categories ...string) {
	c.add(offset, "opt-in of", func(on stage) error { return on.prefer(c.name, false, categories) })
}

// Suppress suppresses the contact's address; reason is bounce, complaint, manual or
// import.
func (c *Contact) Suppress(offset time.Duration, reason string) {
	c.add(offset, "suppression of", func(on stage) error { return on.suppress(c.name, reason) })
}

// Unsuppress lifts the suppression of the contact's address.
func (c *Contact) Unsuppress(offset time.Duration) {
	c.add(offset, "lifted suppression of", func(on stage) error { return on.suppress(c.name, "") })
}

// Opens opens the newest mail of a template that the contact got.
func (c *Contact) Opens(offset time.Duration, template string) {
	c.add(offset, "opening of "+template+" by", func(on stage) error { return on.engage(c.name, template, "") })
}

// Clicks follows a link of the newest mail of a template that the contact got.
func (c *Contact) Clicks(offset time.Duration, template, link string) {
	c.add(offset, "click in "+template+" by", func(on stage) error { return on.engage(c.name, template, link) })
}

// Enters makes the contact a member of a bucket: its event is stored and its
// reactions run. A member stays one.
func (c *Contact) Enters(offset time.Duration, bucketID string) {
	c.scenario.t.Helper()
	c.scenario.bucket(bucketID)
	c.add(offset, "entry into "+bucketID+" of", func(on stage) error { return on.enter(c.name, bucketID) })
}

// Leaves ends the membership because the criteria do not hold any more.
func (c *Contact) Leaves(offset time.Duration, bucketID string) {
	c.scenario.t.Helper()
	c.LeavesBecause(offset, bucketID, hogsend.LeftByCriteria)
}

// LeavesBecause ends the membership for a reason.
func (c *Contact) LeavesBecause(offset time.Duration, bucketID string, reason hogsend.LeaveReason) {
	c.scenario.t.Helper()
	c.scenario.bucket(bucketID)
	c.add(offset, "leave from "+bucketID+" of", func(on stage) error { return on.leave(c.name, bucketID, reason) })
}

// Cancel ends the contact's enrollment in a journey as an operator does (J-82).
func (c *Contact) Cancel(offset time.Duration, journeyID string) {
	c.scenario.journey(journeyID)
	c.add(offset, "cancel of "+journeyID+" of", func(on stage) error { return on.cancel(c.name, journeyID) })
}

func (c *Contact) add(offset time.Duration, what string, apply func(on stage) error) {
	c.scenario.add(offset, what+" "+c.name, apply)
}

// journey notes a journey that is not registered.
func (s *Scenario) journey(id string) {
	if s.catalog.byID[id] != nil {
		return
	}
	var known []string
	for name := range s.catalog.byID {
		known = append(known, name)
	}
	s.note(UnknownJourney, id, "there is no journey %q%s", id, hogsend.Suggestion(id, known))
}

func (s *Scenario) bucket(id string) {
	s.t.Helper()
	if s.catalog.buckets[id] == nil {
		var known []string
		for name := range s.catalog.buckets {
			known = append(known, name)
		}
		s.fail("there is no bucket %q%s", id, hogsend.Suggestion(id, known))
	}
}

// Disable switches a journey off as an operator does (J-33); Enable undoes it.
func (s *Scenario) Disable(offset time.Duration, journeyID string) {
	s.journey(journeyID)
	s.add(offset, "disabling of "+journeyID, func(on stage) error { return on.enable(journeyID, false) })
}

// Enable switches a journey on again.
func (s *Scenario) Enable(offset time.Duration, journeyID string) {
	s.journey(journeyID)
	s.add(offset, "enabling of "+journeyID, func(on stage) error { return on.enable(journeyID, true) })
}

// ResumePolicy says what becomes of the effects that a pause held (J-104 to J-106).
type ResumePolicy string

// The policies. The zero value is CatchUp.
const (
	CatchUp    ResumePolicy = "catch_up"
	SkipLate   ResumePolicy = "skip_late"
	Reschedule ResumePolicy = "reschedule"
)

// Pause pauses a journey: no effect of it begins until it is resumed (J-100).
func (s *Scenario) Pause(offset time.Duration, journeyID string) {
	s.journey(journeyID)
	s.add(offset, "pause of "+journeyID, func(on stage) error { return on.pause(journeyID) })
}

// Resume ends a pause. Held effects go on at once, not at most 50 a second.
func (s *Scenario) Resume(offset time.Duration, journeyID string, policy ...ResumePolicy) {
	s.journey(journeyID)
	how := CatchUp
	if len(policy) > 0 {
		how = policy[0]
	}
	s.add(offset, "resume of "+journeyID, func(on stage) error { return on.resume(journeyID, how) })
}

// Down leaves the journeys without a worker from one offset to another: events are
// still stored, and everything goes on at the end (T-3).
func (s *Scenario) Down(from, to time.Duration) {
	s.t.Helper()
	if to < from {
		s.fail("Down: +%s is before +%s", to, from)
	}
	s.items = append(s.items, item{at: from, what: "outage", down: 1}, item{at: to, what: "end of outage", down: -1})
}

// Problem is what a run is failed for although nothing went wrong in production
// terms (T-9). Each kind can be allowed by name.
type Problem string

// The problems, and whose name Allow takes.
const (
	// LateScript is a scripted event after the end of all enrollments of its contact,
	// which nothing listens to: the event's name.
	LateScript Problem = "an event after the end"
	// UnknownJourney is a journey that is not registered: its id.
	UnknownJourney Problem = "an unknown journey"
	// UnknownTemplate is a template that is not registered: its key.
	UnknownTemplate Problem = "an unknown template"
	// OpenWait is a journey that still waits for ever at the end: its id.
	OpenWait Problem = "an endless wait"
	// DiscardedError is an error of a Run method that a journey discards: its id.
	DiscardedError Problem = "a discarded error"
	// UnknownArm is an arm of a variant that does not exist: the arm's name.
	UnknownArm Problem = "an unknown arm"
	// BadTemplate is a mail that cannot be rendered: the template's key (T-5).
	BadTemplate Problem = "a mail that cannot be rendered"
	// RanTwice is an activity of the author's that ran twice because a worker was lost
	// before it was recorded: its name. Allow it for one that is idempotent (T-15).
	RanTwice Problem = "an activity that ran twice"
	// Unsupported is what production does and the kit does not: the event's name.
	Unsupported Problem = "not supported"
)

type allowance struct {
	kind Problem
	name string
}

// Allow lets a run pass with a problem of that name.
func (s *Scenario) Allow(kind Problem, name string) { s.allow[allowance{kind, name}] = true }

type problem struct {
	kind Problem
	name string
	text string
}

func (s *Scenario) note(kind Problem, name, format string, args ...any) {
	s.problems = append(s.problems, problem{kind: kind, name: name, text: fmt.Sprintf(format, args...)})
}

// problem notes one once.
func (w *world) problem(p problem) {
	if !slices.Contains(w.problems, p) {
		w.problems = append(w.problems, p)
	}
}

// refused are the problems that are not allowed, a line each.
func (s *Scenario) refused(problems []problem) []string {
	var lines []string
	for _, p := range problems {
		if s.allow[allowance{p.kind, p.name}] {
			continue
		}
		line := string(p.kind) + ": " + p.text
		if !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return lines
}

func list(lines []string) string { return "  " + strings.Join(lines, "\n  ") }
