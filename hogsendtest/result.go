package hogsendtest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hogsend/hogsend"
)

// Result is what came of a script. Contacts are named as the script names them: by
// user id, or by address for those without one.
type Result struct {
	// Start is the instant that offsets count from, End that of the last thing that
	// happened.
	Start, End time.Time
	// Mailbox holds every mail that a journey asked for, in order.
	Mailbox Mailbox
	// Decisions holds one row for each journey that an event could have entered.
	Decisions []Decision
	// Enrollments are in the order in which they were made.
	Enrollments []Enrollment
	// Events are all that were stored, of scripts, journeys and buckets, in order.
	Events []hogsend.StoredEvent
	// Changes are what events and journeys wrote to contacts, in order.
	Changes []Change
	// Captures are the events for PostHog, in order.
	Captures []Capture

	t        T
	contacts map[string]hogsend.Contact
	names    []string // of the events' contacts
	lines    []timelineRow
	stored   []storedHistory
}

// Mail is one mail that a journey asked for.
type Mail struct {
	// At is when the provider took it, or when it was refused.
	At      time.Time
	Contact string
	To      string
	From    string
	ReplyTo string
	Journey string
	// Template is the key, Props what it was rendered with, as JSON.
	Template string
	Props    json.RawMessage
	Category string
	// Subject, HTML and Text are what would have been sent.
	Subject, HTML, Text string
	// Verdict is what the journey was told; its Status is "failed" where that was an
	// error (J-132).
	Verdict hogsend.Verdict
}

// Mailbox is a list of mails.
type Mailbox []Mail

// Of are the mails to one contact, refused ones included.
func (m Mailbox) Of(contact string) Mailbox {
	return slices.DeleteFunc(slices.Clone(m), func(mail Mail) bool { return mail.Contact != contact })
}

// Sent are those that the provider took.
func (m Mailbox) Sent() Mailbox {
	return slices.DeleteFunc(slices.Clone(m), func(mail Mail) bool { return !mail.Verdict.Sent() })
}

// Templates are the keys of the mails that a contact got, in order.
func (m Mailbox) Templates(contact string) []string {
	keys := []string{}
	for _, mail := range m.Of(contact).Sent() {
		keys = append(keys, mail.Template)
	}
	return keys
}

// Decision is what the guards of a journey said of one event (J-44).
type Decision struct {
	At                      time.Time
	Contact, Journey, Event string
	// Outcome is "enrolled" or "skipped", Reason the first guard that failed.
	Outcome, Reason string
	// Failed are the conditions that did not hold, for trigger_conditions_not_met.
	Failed []hogsend.Condition
	// Digest is the label of the open digest that the event goes into, for already_active.
	Digest string
}

// String is "<journey>: enrolled" or "<journey>: <reason>".
func (d Decision) String() string {
	if d.Reason == "" {
		return d.Journey + ": " + d.Outcome
	}
	return d.Journey + ": " + d.Reason
}

// Enrollment is how far one person got in one journey.
type Enrollment struct {
	ID, Contact, Journey string
	Entry                int
	// Status is active, waiting, completed, failed or exited.
	Status, ExitReason, Error string
	// Node is where it stands, or where it ended; Nodes are all it stood at, in order.
	Node  string
	Nodes []string
	// Events are the names of the events that it caused by Run.Trigger, in order.
	Events []string
	// Variants are the arms that it was given, by name.
	Variants map[string]string
	// EnrolledAt and EndedAt are instants; EndedAt is zero while it goes on.
	EnrolledAt, EndedAt time.Time
}

// Change is one property of a contact that an event or a journey wrote; Value is nil
// for one that was removed.
type Change struct {
	At                time.Time
	Contact, Property string
	Value             any
}

// Capture is one event that a journey had for PostHog (J-137).
type Capture struct {
	At             time.Time
	Contact, Event string
	Properties     hogsend.Properties
}

// Enrollment is the newest one of a contact in a journey. The test fails if there is
// none.
func (r *Result) Enrollment(contact, journey string) Enrollment {
	r.t.Helper()
	for _, e := range slices.Backward(r.Enrollments) {
		if e.Contact == contact && e.Journey == journey {
			return e
		}
	}
	r.t.Errorf("hogsendtest: %s was never enrolled in %s", contact, journey)
	r.t.FailNow()
	return Enrollment{}
}

// Contact is a contact as it was at the end. The test fails if there is none.
func (r *Result) Contact(name string) hogsend.Contact {
	r.t.Helper()
	c, ok := r.contacts[name]
	if !ok {
		r.t.Errorf("hogsendtest: there is no contact %s", name)
		r.t.FailNow()
	}
	return c
}

// EventsOf are the names of the stored events of a contact, in order.
func (r *Result) EventsOf(contact string) []string {
	found := []string{}
	for i, e := range r.Events {
		if r.names[i] == contact {
			found = append(found, e.Name)
		}
	}
	return found
}

// DecisionsOf are the decisions about a contact, in order, as Decision.String writes
// them.
func (r *Result) DecisionsOf(contact string) []string {
	found := []string{}
	for _, d := range r.Decisions {
		if d.Contact == contact {
			found = append(found, d.String())
		}
	}
	return found
}

// timelineRow is one row of the step log.
type timelineRow struct {
	at               time.Time
	contact, journey string
	text             string
}

// Timeline is the step log of a contact, one line per row: the time since the start,
// what happened, where and how. With several journeys each line names its own (J-113).
func (r *Result) Timeline(contact string) string {
	var b strings.Builder
	journeys := map[string]bool{}
	for _, row := range r.lines {
		if row.contact == contact {
			journeys[row.journey] = true
		}
	}
	for _, row := range r.lines {
		if row.contact != contact {
			continue
		}
		text := row.text
		if len(journeys) > 1 {
			text = row.journey + " " + text
		}
		fmt.Fprintf(&b, "+%s %s\n", row.at.Sub(r.Start), text)
	}
	return b.String()
}

// text is a row of the step log as a line of a timeline.
func (row logRow) text(start time.Time) string {
	words := []string{row.action}
	switch row.action {
	case "enrolled", "completed", "failed", "exited", "event_triggered":
	default:
		words = append(words, row.to)
	}
	detail := row.detail
	if before, instant, ok := strings.Cut(detail, "until "); ok {
		if at, err := time.Parse(time.RFC3339Nano, instant); err == nil {
			detail = before + "until +" + at.Sub(start).String()
		}
	}
	if detail != "" {
		words = append(words, detail)
	}
	return strings.Join(words, " ")
}

// result reads off a world what became of a script.
func (w *world) result(t T, start time.Time) *Result {
	r := &Result{t: t, Start: start, End: w.now(), Decisions: slices.Clone(w.decisions), Captures: slices.Clone(w.captures), contacts: map[string]hogsend.Contact{}}
	for _, s := range w.sends {
		mail := s.mail
		mail.Verdict = s.verdict()
		r.Mailbox = append(r.Mailbox, mail)
	}
	for _, e := range w.events {
		r.Events = append(r.Events, e.stored())
		r.names = append(r.names, e.person.name())
	}
	for _, p := range w.contacts {
		r.contacts[p.name()] = p.contact()
		r.Changes = append(r.Changes, p.changes...)
	}
	slices.SortStableFunc(r.Changes, func(a, b Change) int { return a.At.Compare(b.At) })
	for _, n := range w.enrollments {
		r.Enrollments = append(r.Enrollments, w.summary(n))
	}
	for _, row := range w.logs {
		n := row.enrollment
		name := n.journeyID
		if n.entry > 1 {
			name += fmt.Sprintf("#%d", n.entry)
		}
		r.lines = append(r.lines, timelineRow{at: row.at, contact: n.person.name(), journey: name, text: row.text(start)})
	}
	return r
}

func (w *world) summary(n *enrollment) Enrollment {
	e := Enrollment{
		ID: n.id, Contact: n.person.name(), Journey: n.journeyID, Entry: n.entry, Status: string(n.status), ExitReason: string(n.exitReason), Error: n.failure,
		Node: n.node, EnrolledAt: n.createdAt, EndedAt: n.endedAt, Variants: map[string]string{},
	}
	for _, row := range w.logs {
		if row.enrollment != n {
			continue
		}
		if node := row.to; row.action != string(n.status) && (len(e.Nodes) == 0 || e.Nodes[len(e.Nodes)-1] != node) {
			e.Nodes = append(e.Nodes, node)
		}
		if row.action == "event_triggered" {
			e.Events = append(e.Events, row.detail)
		}
		if name, arm, ok := strings.Cut(row.detail, " "); ok && row.action == "variant" {
			e.Variants[name] = arm
		}
	}
	return e
}
