package hogsendtest

import (
	"encoding/json"
	"slices"
	"time"

	historypb "go.temporal.io/api/history/v1"

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
	// Calls are those of Run.Do that ended, in order, each once.
	Calls []Call
	// Captures are the events for PostHog, in order.
	Captures []Capture
	// Memberships are those of buckets, of each contact in the order in which they began.
	Memberships []Membership

	t        T
	contacts map[string]hogsend.Contact
	names    []string // of the events' contacts
	lines    []timelineRow
	stored   []storedHistory
}

// Mail is one mail that a journey asked for.
type Mail struct {
	// At is when the provider took it, or when it was refused.
	At time.Time
	// Contact is who gets it, by address for one of the registry, "" if there is nobody. About is
	// whose enrollment sends it: Contact, but for mails to a [hogsend.Recipient].
	Contact, About string
	To             string
	From           string
	ReplyTo        string
	Journey        string
	// Template is the key, Props what it was rendered with, as JSON.
	Template string
	Props    json.RawMessage
	Category string
	// Subject, HTML and Text are what would have been sent.
	Subject, HTML, Text string
	// Files are what it carried.
	Files []hogsend.File
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
	// Key is the value of Journey.Key, as far as the guards looked at it.
	Key string
	// Outcome is "enrolled" or "skipped", Reason the first guard that failed.
	Outcome, Reason string
	// Failed are the conditions that did not hold, for trigger_conditions_not_met and
	// not_in_audience.
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
	// Key is the value of Journey.Key, "" without one.
	Key   string
	Entry int
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

// Membership is one membership of a contact in a bucket.
type Membership struct {
	Contact, Bucket string
	// EntryCount is its ordinal, counted from 1.
	EntryCount int
	// LeftAt is zero and Reason "" while it goes on.
	EnteredAt, LeftAt time.Time
	Reason            hogsend.LeaveReason
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
	at                 time.Time
	contact, journey   string
	id                 string // of the journey
	text               string
	action, enrollment string
	event              string // of event_triggered
}

// storedHistory is a history that can be kept in a file: that of a journey, up to the
// wait with the label, or to its end.
type storedHistory struct {
	journey, label string
	events         []*historypb.HistoryEvent
}

// Call is one call of [hogsend.Run.Do], however often its activity was tried.
type Call struct {
	At                         time.Time // when it ended
	Contact, Journey, Activity string
	// Key is what the activity is given as hogsend.Step.Key.
	Key string
	// Input is what the activity was given first, nil for nothing; it is a value of the type
	// that the activity takes.
	Input any
	// Attempts is how many there were. Failed says that the last one failed for good.
	Attempts int
	Failed   bool
}
