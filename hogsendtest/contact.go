package hogsendtest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/hogsendtest/internal/backend"
	"github.com/hogsend/hogsend/internal/naming"
)

// Person is a contact as it is before the script starts: who matches a bucket then is a
// member from the start, silently. One of UserID, Email and AnonymousID is required; the
// first that is given names the contact.
type Person struct {
	UserID, Email, AnonymousID string
	Timezone                   string
	Properties                 hogsend.Properties
}

// Contact adds a person to the script.
func (s *Scenario) Contact(p Person) *Contact {
	s.t.Helper()
	person := backend.Person(p)
	name := person.Name()
	if name == "" {
		s.fail("a Person needs a UserID, an Email or an AnonymousID")
	}
	if slices.ContainsFunc(s.people, func(o backend.Person) bool { return o.Name() == name }) {
		s.fail("there are two people named %s", name)
	}
	s.zone(name, p.Timezone)
	s.people = append(s.people, person)
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
	// UserID, Email and AnonymousID are keys that the event comes with besides those of its
	// contact, or instead of them: a contact without a UserID that they lead to is merged, as
	// in production (I-21).
	UserID, Email, AnonymousID string
	// Properties stay on the event; ContactProperties merge into the contact, nil
	// removes a key.
	Properties, ContactProperties hogsend.Properties
	// Lists are choices about lists by their ids, for a contact with an address (E-59).
	Lists map[string]bool
	// OccurredAt is when it happened; the zero time means when it arrives.
	OccurredAt time.Time
}

// At lets an event of the contact arrive at an offset.
func (c *Contact) At(offset time.Duration, event string, properties ...hogsend.Properties) {
	c.scenario.t.Helper()
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
	if e.Name == "" || naming.Reserved(e.Name) {
		s.fail("%s at +%s: an event cannot be named %q; use Enters, Leaves, Unsubscribes or a journey", c.name, offset, e.Name)
	}
	s.add(offset, fmt.Sprintf("event %s of %s", e.Name, c.name), backend.Event{
		Contact: c.name, Name: e.Name, UserID: e.UserID, Email: e.Email, AnonymousID: e.AnonymousID,
		Properties: e.Properties, ContactProperties: e.ContactProperties, Lists: e.Lists, OccurredAt: e.OccurredAt,
	})
}

// Changes writes properties of the contact without an event; nil removes one.
func (c *Contact) Changes(offset time.Duration, properties hogsend.Properties) {
	c.scenario.t.Helper()
	c.add(offset, "change of", backend.Change{Contact: c.name, Properties: properties})
}

// Moves gives the contact another time zone.
func (c *Contact) Moves(offset time.Duration, zone string) {
	c.scenario.t.Helper()
	c.scenario.zone("move of "+c.name, zone)
	c.add(offset, "move of", backend.Timezone{Contact: c.name, Zone: zone})
}

// Unsubscribes opts the contact out of everything, or of categories (E-57).
func (c *Contact) Unsubscribes(offset time.Duration, categories ...string) {
	c.scenario.t.Helper()
	c.add(offset, "opt-out of", backend.Preference{Contact: c.name, Out: true, Categories: categories})
}

// Resubscribes undoes Unsubscribes.
func (c *Contact) Resubscribes(offset time.Duration, categories ...string) {
	c.scenario.t.Helper()
	c.add(offset, "opt-in of", backend.Preference{Contact: c.name, Categories: categories})
}

// Suppress suppresses the contact's address; reason is bounce, complaint, manual or
// import.
func (c *Contact) Suppress(offset time.Duration, reason string) {
	c.scenario.t.Helper()
	c.add(offset, "suppression of", backend.Suppression{Contact: c.name, Reason: reason})
}

// Unsuppress lifts the suppression of the contact's address.
func (c *Contact) Unsuppress(offset time.Duration) {
	c.scenario.t.Helper()
	c.add(offset, "lifted suppression of", backend.Suppression{Contact: c.name})
}

// Opens opens the newest mail of a template that the contact got.
func (c *Contact) Opens(offset time.Duration, template string) {
	c.scenario.t.Helper()
	c.add(offset, "opening of "+template+" by", backend.Engagement{Contact: c.name, Template: template})
}

// Clicks follows a link of the newest mail of a template that the contact got.
func (c *Contact) Clicks(offset time.Duration, template, link string) {
	c.scenario.t.Helper()
	c.add(offset, "click in "+template+" by", backend.Engagement{Contact: c.name, Template: template, Link: link})
}

// Answers follows a link of the newest mail of a template that the contact got, which the
// template function answer made with these properties, as a person; a comment is what they
// add on the page behind it. The first answer of a mail stays. A mail without such a link
// fails the test (E-86).
func (c *Contact) Answers(offset time.Duration, template string, answer hogsend.Properties, comment ...string) {
	c.scenario.t.Helper()
	raw, err := json.Marshal(answer)
	if err != nil {
		c.scenario.fail("%s answers %s: %s", c.name, template, err)
	}
	c.add(offset, "answer to "+template+" of", backend.Answer{Contact: c.name, Template: template, Properties: raw, Comment: strings.Join(comment, "\n")})
}

// Enters makes the contact a member of a bucket: its event is stored and its
// reactions run. A member stays one. The criteria of a bucket that a script enters or
// leaves by itself are not evaluated in that script.
func (c *Contact) Enters(offset time.Duration, bucketID string) {
	c.scenario.t.Helper()
	c.scenario.bucket(bucketID)
	c.add(offset, "entry into "+bucketID+" of", backend.Enter{Contact: c.name, BucketID: bucketID})
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
	c.add(offset, "leave from "+bucketID+" of", backend.Leave{Contact: c.name, BucketID: bucketID, Reason: reason})
}

// Cancel ends the contact's enrollment in a journey as an operator does (J-82).
func (c *Contact) Cancel(offset time.Duration, journeyID string) {
	c.scenario.t.Helper()
	c.scenario.journey(journeyID)
	c.add(offset, "cancel of "+journeyID+" of", backend.Cancel{Contact: c.name, JourneyID: journeyID})
}

// Deleted deletes the contact softly, as an operator does (I-48).
func (c *Contact) Deleted(offset time.Duration) {
	c.scenario.t.Helper()
	c.add(offset, "deletion of", backend.Delete{Contact: c.name})
}

func (c *Contact) add(offset time.Duration, what string, action backend.Action) {
	c.scenario.t.Helper()
	c.scenario.add(offset, what+" "+c.name, action)
}
