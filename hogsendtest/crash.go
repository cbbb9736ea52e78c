package hogsendtest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hogsend/hogsend/hogsendtest/internal/virtual"
)

// crash plays the script again with the worker lost before each step, after its
// effect and before its recording, and after it. What comes of it must be the same
// (T-14).
func (h *host) crash(first *play) error {
	want := first.world.outcome()
	var twice []problem
	for _, l := range losses(first.steps) {
		p, err := h.newPlay(&l, first.world)
		if err == nil {
			err = p.run()
		}
		where := fmt.Sprintf("with the worker lost %s step %d, %s", l.when, l.at, first.steps[l.at-1])
		var failed *virtual.TaskError
		if errors.As(err, &failed) {
			return fmt.Errorf("%s, %s cannot go on: %s", where, failed.WorkflowType, failed.Message)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", where, err)
		}
		for _, again := range p.world.problems {
			if again.kind == RanTwice {
				again.text += " " + where
				twice = append(twice, again)
			}
		}
		if h.scenario.refused(twice) != nil {
			continue // said below, and what came of it is no wonder
		}
		if difference := differ(want, p.world.outcome()); difference != "" {
			return fmt.Errorf("%s, something else comes of it:\n%s", where, difference)
		}
	}
	if lines := h.scenario.refused(twice); len(lines) > 0 {
		return fmt.Errorf("an activity that is not idempotent has its effect twice; Allow(RanTwice, name) says that it is:\n  %s", lines[0])
	}
	return nil
}

// losses are the moments at which a worker can be lost. Steps of one task are
// recorded together: a loss before one of them is one after that before it.
func losses(steps []step) []loss {
	var all []loss
	for i, s := range steps {
		at := i + 1
		if i == 0 || steps[i-1].task != s.task {
			all = append(all, loss{at, lostBefore})
		}
		all = append(all, loss{at, lostAfter})
		if at == len(steps) || steps[at].task != s.task {
			all = append(all, loss{at, lostRecorded})
		}
	}
	return all
}

// outcome is everything that a script makes, a line each.
func (w *world) outcome() []string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for _, s := range w.sends {
		add("mail %s to %s at %s: %s %s %q %s", s.mail.Template, s.contact, s.mail.At.Sub(w.began), s.status, s.reason, s.mail.Subject, s.mail.Props)
		lines = append(lines, s.mail.Text)
	}
	for _, e := range w.events {
		add("event %s of %s at +%s %s", e.Name, e.person.name(), e.ReceivedAt.Sub(w.began), e.raw)
	}
	for _, c := range w.captures {
		add("capture %s of %s at +%s %s", c.Event, c.Contact, c.At.Sub(w.began), detailOf(c.Properties))
	}
	for _, d := range w.decisions {
		add("decision about %s at +%s: %s", d.Contact, d.At.Sub(w.began), d)
	}
	for _, p := range w.contacts {
		add("contact %s %s %s %s", p.name(), p.email, p.timezone, detailOf(p.properties))
	}
	for _, n := range w.enrollments {
		add("enrollment of %s in %s: %s %s %s at %s until +%s", n.person.name(), n.journeyID, n.status, n.exitReason, n.failure, n.node, n.endedAt.Sub(w.began))
	}
	for _, row := range w.logs {
		add("log of %s at +%s: %s", row.enrollment.person.name(), row.at.Sub(w.began), row.text(w.began))
	}
	for _, id := range slices.Sorted(maps.Keys(w.once)) {
		add("kept %s %s", id, w.once[id])
	}
	return lines
}

// differ is the first difference of two outcomes; "" for none.
func differ(want, got []string) string {
	for i := range max(len(want), len(got)) {
		was, is := "nothing more", "nothing more"
		if i < len(want) {
			was = want[i]
		}
		if i < len(got) {
			is = got[i]
		}
		if was != is {
			return strings.Join([]string{"  undisturbed: " + was, "  disturbed:   " + is}, "\n")
		}
	}
	return ""
}
