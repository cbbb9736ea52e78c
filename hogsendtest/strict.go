package hogsendtest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/hogsendtest/internal/backend"
	"github.com/hogsend/hogsend/internal/condition"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/definition"
	"github.com/hogsend/hogsend/internal/naming"
)

// Fails says that a journey ends failed in this script: then it must.
func (s *Scenario) Fails(journeyID string) {
	s.journey(journeyID)
	s.fails[journeyID] = true
}

// Unheard lets events of a name come that nothing listens to.
func (s *Scenario) Unheard(event string) { s.Allow(UnheardEvent, event) }

// listeners are the names of events that something of a run named.
type listeners struct {
	mu    sync.Mutex
	names map[string]bool
	// sent are the events that journeys sent, by name: their properties.
	sent map[string][]hogsend.Properties
}

// newListeners begins with the names that definitions have.
func newListeners(s *Scenario) *listeners {
	l := &listeners{names: map[string]bool{}, sent: map[string][]hogsend.Properties{}}
	for _, j := range s.journeys {
		l.names[j.Trigger.Event] = true
		for _, e := range j.ExitOn {
			l.names[e.Event] = true
		}
		if j.Audience != nil {
			l.criteria(j.Audience)
		}
	}
	for _, b := range s.registry.Buckets {
		l.criteria(b.Criteria)
	}
	return l
}

func (l *listeners) criteria(tree hogsend.Condition) {
	condition.Walk(tree, func(leaf condition.Condition, _ bool) {
		if e, ok := leaf.(condition.Event); ok {
			l.name(e.EventName)
		}
	})
}

func (l *listeners) name(events ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range events {
		l.names[e] = true
	}
}

// asked notes the events that a step of a journey names.
func (l *listeners) asked(activity string, arg any) {
	switch r := arg.(type) {
	case contract.BeginWaitRequest:
		l.name(append(r.Events(), r.Event)...)
	case contract.MatchesRequest:
		if tree, _, err := criteria.ParseMatches(r.Condition, nil, nil); err == nil {
			l.criteria(tree)
		}
	case contract.HistoryRequest:
		if activity == contract.PastEventsName {
			l.name(r.Name)
		}
	case contract.TriggerRequest:
		l.mu.Lock()
		defer l.mu.Unlock()
		l.sent[r.Event.Event] = append(l.sent[r.Event.Event], r.Event.Properties)
	}
}

// undeclared are the events that Registry.Events does not have, or has with other
// properties: of the script, of what journeys sent, and of what they looked out for.
func (s *Scenario) undeclared(heard *listeners) (found []problem) {
	declared := definition.NewEvents(s.registry)
	sent := maps.Clone(heard.sent)
	for name := range heard.names {
		if text := declared.Undeclared(name); text != "" && name != "" {
			found = append(found, problem{UndeclaredEvent, name, fmt.Sprintf("%q %s", name, text)})
		}
	}
	for _, it := range s.script() {
		if e, ok := it.action.(backend.Event); ok {
			sent[e.Name] = append(slices.Clone(sent[e.Name]), e.Properties)
		}
	}
	for name, all := range sent {
		if text := declared.Undeclared(name); text != "" && !heard.names[name] {
			found = append(found, problem{UndeclaredEvent, name, fmt.Sprintf("%q %s", name, text)})
		}
		for _, properties := range all {
			raw, err := backend.Object(properties)
			if err != nil {
				continue // of what does not encode the backend tells
			}
			for _, m := range declared.Mismatches(name, raw) {
				found = append(found, problem{UndeclaredEvent, name, fmt.Sprintf("%q: the property %s %s", name, m.Property, m.Message)})
			}
		}
	}
	slices.SortFunc(found, func(a, b problem) int { return cmp.Compare(a.text, b.text) })
	return found
}

// mistakes are the problems that a script shows in what came of it (T-43).
func (s *Scenario) mistakes(o *backend.Outcome, heard *listeners) []problem {
	var found []problem
	if s.lax {
		return nil
	}
	add := func(kind Problem, name, format string, args ...any) {
		found = append(found, problem{kind: kind, name: name, text: fmt.Sprintf(format, args...)})
	}
	failed := map[string]bool{}
	for i := range o.Enrollments {
		n := &o.Enrollments[i]
		if n.Status != contract.EnrollmentFailed {
			continue
		}
		failed[n.Journey] = true
		if !s.fails[n.Journey] {
			add(FailedEnrollment, n.Journey, "%s failed for %s at %s: %s; Fails says that it is to", n.Journey, n.Contact, n.Node, n.Error)
		}
	}
	for _, journey := range slices.Sorted(maps.Keys(s.fails)) {
		if !failed[journey] {
			add(FailedEnrollment, journey, "%s was to fail, and did not", journey)
		}
	}
	for _, d := range o.Decisions {
		if d.Reason == string(contract.GuardLoop) {
			add(LoopGuard, d.Journey, "%s would have enrolled %s again and again: its event %s comes of itself", d.Journey, d.Contact, d.Event)
		}
	}
	for i := range o.Sends {
		if m := &o.Sends[i]; m.Reason == string(contract.SendNoEmail) {
			add(NoAddress, m.Contact, "%s has no address, so that %s of %s did not go", m.Contact, m.Template, m.Journey)
		} else if m.Reason == string(contract.SendNoRecipient) {
			add(NoAddress, m.About, "%s of %s for %s did not go: nobody is who it was for", m.Template, m.Journey, m.About)
		}
	}
	heard.mu.Lock()
	defer heard.mu.Unlock()
	found = append(found, s.undeclared(heard)...)
	for _, it := range s.script() {
		if e, ok := it.action.(backend.Event); ok && !heard.names[e.Name] {
			add(UnheardEvent, e.Name, "nothing listens to %q%s; Unheard says that nothing is to", e.Name, naming.Suggestion(e.Name, slices.Sorted(maps.Keys(heard.names))))
		}
	}
	for _, key := range slices.SortedFunc(maps.Keys(s.arms), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }) {
		if !slices.ContainsFunc(s.people, func(p backend.Person) bool { return p.Name() == key[0] }) {
			add(UnknownContact, key[0], "Variant names %q, whom the script does not have%s", key[0], naming.Suggestion(key[0], s.names()))
		}
	}
	return found
}

// names are those of the people of the script.
func (s *Scenario) names() []string {
	names := make([]string, len(s.people))
	for i, p := range s.people {
		names[i] = p.Name()
	}
	return names
}
