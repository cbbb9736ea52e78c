package memory

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/hogsendtest/internal/backend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/decide/steps"
	"github.com/hogsend/hogsend/internal/email"
)

// contact is a row of contacts, with the rows that refer to it.
type contact struct {
	id uuid.UUID
	decide.Identity
	timezone                                       string
	properties                                     map[string]json.RawMessage
	firstSeen, lastSeen, created, updated, written time.Time
	merged                                         bool // into another one
	history                                        criteria.History
	events                                         []*event
	enrollments                                    []*enrollment
	memberships                                    []*membership   // active and ended
	ordered                                        map[string]bool // buckets that the script has put it into
}

// name is how the author of a test names the contact.
func (c *contact) name() string {
	for _, name := range []string{c.ExternalID, c.Email, c.AnonymousID} {
		if name != "" {
			return name
		}
	}
	return c.id.String()
}

func (c *contact) contact() (hogsend.Contact, error) {
	found := hogsend.Contact{ID: c.id.String(), ExternalID: c.ExternalID, Email: c.Email, Timezone: c.timezone}
	if c.id == uuid.Nil { // an address of the registry
		found.ID = ""
	}
	raw, err := json.Marshal(c.properties)
	if err != nil {
		return found, fmt.Errorf("encode properties of %s: %w", c.name(), err)
	}
	if err := json.Unmarshal(raw, &found.Properties); err != nil {
		return found, fmt.Errorf("decode properties of %s: %w", c.name(), err)
	}
	return found, nil
}

// learn lets criteria see the properties as they are now.
func (c *contact) learn() error {
	values, err := valuesOf(c.properties, nil)
	c.history.Properties, c.history.Timezone = values, c.timezone
	return err
}

// valuesOf are properties as criteria see them, with a patch that counts as written.
func valuesOf(properties, patch map[string]json.RawMessage) (criteria.Values, error) {
	all := make(map[string]json.RawMessage, len(properties)+len(patch))
	for _, list := range []map[string]json.RawMessage{properties, patch} {
		for key, value := range list {
			all[key] = value
		}
	}
	raw, err := json.Marshal(all)
	if err != nil {
		return nil, fmt.Errorf("encode properties: %w", err)
	}
	return criteria.ParseValues(raw)
}

// newest is the contact's event of a name that occurred last; nil for none.
func (c *contact) newest(name string) *event {
	var newest *event
	for _, e := range c.events {
		if e.Name == name && (newest == nil || e.OccurredAt.After(newest.OccurredAt)) {
			newest = e
		}
	}
	return newest
}

func (c *contact) active(bucketID string) *membership {
	i := slices.IndexFunc(c.memberships, func(m *membership) bool { return m.BucketID == bucketID && m.left.IsZero() })
	if i < 0 {
		return nil
	}
	return c.memberships[i]
}

// event is a row of events.
type event struct {
	decide.StoredEvent
	seq     int64
	contact *contact
}

// stored is the event as a journey gets it.
func (e *event) stored() (hogsend.StoredEvent, error) {
	s := hogsend.StoredEvent{ID: e.ID.String(), Name: e.Name, OccurredAt: e.OccurredAt.UTC(), ReceivedAt: e.ReceivedAt.UTC(), Source: e.Source}
	var err error
	s.Properties, s.Truncated, err = steps.Properties(e.Properties)
	return s, err
}

// enrollment is a row of enrollments.
type enrollment struct {
	decide.NewEnrollment
	contact        *contact
	status         contract.EnrollmentStatus
	node, firstRun string
	exitReason     contract.ExitReason
	failed         string
	endedAt        time.Time
	trigger        *event
	mark           int64 // the last event that came of what enrolled; 0 for none (J-117)
}

func (n *enrollment) live() bool { return n.status.Live() }

// stand moves a live enrollment (J-59, J-60).
func (n *enrollment) stand(status contract.EnrollmentStatus, node string) {
	if n.live() {
		n.status, n.node = status, node
	}
}

// membership is a row of memberships.
type membership struct {
	bucket.Membership
	source bucket.Source
	left   time.Time // zero while it is active
	reason string
}

// wait is a row of waits: a sleep, a wait for events, the window of a digest or a
// deferral.
type wait struct {
	decide.Wait
	enrollment *enrollment
	step       string
	begun      time.Time
	status     contract.WaitStatus
	matched    *event
	place      int
	deferred   *deferredSend // of a deferral
}

// deferredSend is what a deferral is to others that wait for the same places (E-82).
type deferredSend struct {
	to                 *contact // who gets it
	priority           int
	category, emailKey string
}

// digest is what was collected for a contact, journey and label.
type digest struct {
	enrollment  *enrollment
	step, label string
	flushed     time.Time
	events      []*event
}

// pausedEffect is an effect that a pause did not let begin (J-101).
type pausedEffect struct {
	steps.PausedEffect
	id         uuid.UUID
	enrollment *enrollment
	step, node string
	isSend     bool
	entry      *decide.HeldEntry // of an entry
	heldAt     time.Time
}

// preference is a preference record (E-20).
type preference struct {
	steps.Preference
	contact *contact // nil for one that is linked to nobody
}

type journeySwitch struct {
	off      bool
	pausedAt time.Time // zero while it is not paused
	entries  contract.PauseEntries
}

type logKey struct {
	enrollment  uuid.UUID
	key, action string
}

type stepLog struct {
	decide.StepLog
	at time.Time
}

// log adds a row of the step log, once per step and action (J-114). It reports whether
// there was none.
func (b *Backend) log(n *enrollment, key, action, from, to string, detail map[string]any) bool {
	return b.addLog(decide.StepLog{EnrollmentID: n.ID, StepKey: key, Action: action, From: from, To: to, Detail: detail})
}

func (b *Backend) addLog(row decide.StepLog) bool {
	k := logKey{row.EnrollmentID, row.StepKey, row.Action}
	if _, done := b.logged[k]; done {
		return false
	}
	if row.Detail == nil {
		row.Detail = map[string]any{}
	}
	b.logged[k] = len(b.logs)
	b.logs = append(b.logs, stepLog{StepLog: row, at: b.Now()})
	return true
}

// move logs a step that also says where the enrollment stands. A repeated step moves
// nobody (J-66).
func (b *Backend) move(n *enrollment, key, action string, status contract.EnrollmentStatus, from, to string, detail map[string]any) {
	if b.log(n, key, action, from, to, detail) {
		n.stand(status, to)
	}
}

func (b *Backend) hasLog(n *enrollment, key, action string) bool {
	_, done := b.logged[logKey{n.ID, key, action}]
	return done
}

// send is a row of sends, by its key (E-28).
type send struct {
	id                      uuid.UUID
	key, template, category string
	to, from, replyTo       string
	subject, html, text     string
	props                   json.RawMessage
	files                   []hogsend.File
	answers                 []email.Answer             // that it has links for
	answered                map[string]json.RawMessage // by event
	// contact is who gets it: of no id for an address that is nobody's, or if nobody says
	// that there is nobody. elsewhere says that it is not the enrollment's contact.
	contact           *contact
	elsewhere, nobody bool
	enrollment        *enrollment
	journeyID         string
	status            contract.SendStatus
	reason            contract.SendReason
	claimedAt, at     time.Time // at is when it took its status
	outcome           backend.SendOutcome
	opened, clicked   bool
}

// name is who gets it, "" for nobody.
func (s *send) name() string {
	if s.nobody {
		return ""
	}
	return s.contact.name()
}

// deferral is how a send was deferred so far: each time is a wait of its own (E-26).
type deferral struct {
	waits  []*wait
	since  time.Time
	reason contract.SendReason
}

func (b *Backend) enrollment(id string) (*enrollment, error) {
	parsed, err := uuid.Parse(id)
	if n := b.enrollments[parsed]; n != nil {
		return n, nil
	}
	return nil, errors.Join(fmt.Errorf("enrollment %s: %w", id, errNotFound), err)
}

func (b *Backend) pausedNow(journeyID string) bool {
	s := b.switches[b.canonical(journeyID)]
	return s != nil && !s.pausedAt.IsZero()
}

func (b *Backend) switchOf(journeyID string) *journeySwitch {
	id := b.canonical(journeyID)
	if b.switches[id] == nil {
		b.switches[id] = &journeySwitch{}
	}
	return b.switches[id]
}

// record is the preference record of a contact's address, made if need be.
func (b *Backend) record(c *contact) *preference {
	for _, p := range b.preferences {
		if c.EmailKey != "" && p.EmailKey == c.EmailKey || p.contact == c && p.EmailKey == c.EmailKey {
			return p
		}
	}
	return b.newRecord(c.EmailKey, c)
}

// recordOf is the record of an address, made for the contact if need be.
func (b *Backend) recordOf(emailKey string, c *contact) *preference {
	for _, p := range b.preferences {
		if p.EmailKey == emailKey {
			return p
		}
	}
	return b.newRecord(emailKey, c)
}

func (b *Backend) newRecord(emailKey string, c *contact) *preference {
	p := &preference{Preference: steps.Preference{EmailKey: emailKey, Categories: map[string]bool{}}}
	if c.id != uuid.Nil {
		p.contact = c
	}
	b.preferences = append(b.preferences, p)
	return p
}

// records are those of the contact and of its address (E-20).
func (b *Backend) records(c *contact) []steps.Preference {
	var found []steps.Preference
	for _, p := range b.preferences {
		if p.contact == c || c.EmailKey != "" && p.EmailKey == c.EmailKey {
			found = append(found, p.Preference)
		}
	}
	return found
}

func (b *Backend) membership(id uuid.UUID) *membership {
	for _, c := range b.contacts {
		for _, m := range c.memberships {
			if m.ID == id {
				return m
			}
		}
	}
	return nil
}

// mailed lets criteria see what became of the newest mail of a template that left (C-10).
func (b *Backend) mailed(s *send) {
	var newest *send
	for _, other := range b.sends {
		if other.contact == s.contact && other.template == s.template && other.status == contract.SendSent && (newest == nil || other.at.After(newest.at)) {
			newest = other
		}
	}
	if s.status == contract.SendSent && (newest == nil || s.at.After(newest.at)) {
		newest = s // it is not among them yet
	}
	if newest == nil {
		return
	}
	h := &s.contact.history
	if h.Mails == nil {
		h.Mails = map[string]criteria.Mail{}
	}
	h.Mails[s.template] = criteria.Mail{Opened: newest.opened, Clicked: newest.clicked}
}

// copy is a membership that a decider may change.
func (m *membership) copy() bucket.Membership {
	working := m.Membership
	working.Fired = maps.Clone(m.Fired)
	return working
}
