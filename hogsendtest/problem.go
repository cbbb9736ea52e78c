package hogsendtest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hogsend/hogsend/hogsendtest/internal/backend"
)

// Problem is what a run is failed for although nothing went wrong in production
// terms. Each kind can be allowed by name (T-9).
type Problem string

// The problems, and whose name Allow takes.
const (
	// LateScript is a scripted event after the end of all enrollments of its contact,
	// which nothing listens to: the event's name.
	LateScript = Problem(backend.LateScript)
	// UnknownJourney is a journey that is not registered: its id.
	UnknownJourney Problem = "an unknown journey"
	// UnknownTemplate is a template that is not registered: its key.
	UnknownTemplate Problem = "an unknown template"
	// OpenWait is a journey that still waits for ever at the end: its id.
	OpenWait = Problem(backend.OpenWait)
	// DiscardedError is an error of a Run method that a journey discards: its id.
	DiscardedError Problem = "a discarded error"
	// UnknownArm is an arm of a variant that does not exist: the arm's name.
	UnknownArm = Problem(backend.UnknownArm)
	// BadTemplate is a mail that cannot be rendered: the template's key (T-5).
	BadTemplate = Problem(backend.BadTemplate)
	// RanTwice is an activity of the author's that ran twice because a worker was lost
	// before it was recorded: its name. One that asks [hogsend.StepOf] for its key is taken
	// to be idempotent; allow it for any other that is (T-44).
	RanTwice Problem = "an activity that ran twice"
	// FailedEnrollment is a journey that ended failed: its id. [Scenario.Fails] expects it.
	FailedEnrollment Problem = "a failed enrollment"
	// UnheardEvent is an event of the script that no trigger, exit, bucket, wait, digest or
	// look-up of the run named: its name. [Scenario.Unheard] allows it.
	UnheardEvent Problem = "an event that nothing listens to"
	// UndeclaredEvent is an event that the script sends, or a journey names, and
	// Registry.Events does not declare, or declares with other properties: its name (J-170).
	UndeclaredEvent Problem = "an undeclared event"
	// LoopGuard is a journey that would have gone on for ever, because it causes the event
	// that starts it: its id.
	LoopGuard Problem = "an endless loop"
	// UnknownContact is somebody whom the script does not have: the name.
	UnknownContact Problem = "an unknown contact"
	// NoAddress is a mail to somebody without an address: the contact's name.
	NoAddress Problem = "a mail without an address"
	// UnknownActivity is an activity that a journey calls with Run.Do and the script does
	// not have: its name.
	UnknownActivity Problem = "an unknown activity"
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
