package hogsendtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/address"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/definition"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/workflows"
)

// What production is configured with unless told otherwise.
const (
	lateHorizon = 24 * time.Hour
	hopLimit    = 10
	buildID     = "hogsendtest"
	sender      = "Test <test@example.com>"
	publicURL   = "https://example.com"
)

// world is what Postgres holds in production, and what ingest and activities do with
// it: contacts, events, enrollments, waits, sends, decisions and the outbox. Its
// methods are called by one goroutine at a time; mu makes that visible to all.
type world struct {
	mu       sync.Mutex
	now      func() time.Time
	began    time.Time
	registry *catalog
	renderer *email.Renderer
	script   *sendScript
	attempt  int // of the activity that is under way

	contacts    []*person
	names       map[string]*person // as the script names them
	events      []*event
	keys        map[string]bool // idempotency keys of internal events
	enrollments []*enrollment
	byID        map[string]*enrollment
	waits       []*wait
	digests     []*digest
	holds       []*hold
	preferences []*preference
	sends       []*send
	deferrals   map[string]*deferral // by the key of the send
	once        map[string]json.RawMessage
	// kept are the values of an earlier run of the script: what a function of
	// Run.Once returns may be random.
	kept      map[string]json.RawMessage
	decisions []Decision
	logs      []logRow
	captures  []Capture
	arms      map[[2]string]string // forced, by contact and name
	switches  map[string]*journeySwitch
	told      []message // the outbox
	causes    int       // how many there were
	problems  []problem
}

func newWorld(c *catalog, renderer *email.Renderer, now func() time.Time) *world {
	return &world{
		now: now, began: now(), registry: c, renderer: renderer, names: map[string]*person{}, keys: map[string]bool{}, byID: map[string]*enrollment{},
		once: map[string]json.RawMessage{}, switches: map[string]*journeySwitch{}, deferrals: map[string]*deferral{},
	}
}

// person is a contact.
type person struct {
	id                             string
	userID, email, timezone        string
	properties                     hogsend.Properties
	firstSeen, lastSeen, changedAt time.Time
	stays                          map[string]*stay // active ones, by bucket
	epochs                         map[string]int
	changes                        []Change
	live                           []*enrollment // non-terminal, by entry
	entries                        map[string]int
	ended                          map[string]time.Time // the newest ended enrollment of a journey
}

// key is how a contact is named in events and by its author.
func (p *person) key() string {
	return cmp.Or(p.userID, p.id)
}

// name is how the author of a test names the contact.
func (p *person) name() string { return cmp.Or(p.userID, p.email, p.id) }

func (p *person) contact() hogsend.Contact {
	return hogsend.Contact{ID: p.id, ExternalID: p.userID, Email: p.email, Timezone: p.timezone, Properties: clone(p.properties)}
}

// event is an event as stored.
type event struct {
	hogsend.StoredEvent
	seq    int64
	person *person
	raw    json.RawMessage
	late   bool
	hops   int
	// root is what was asked for that caused it (J-73).
	root *cause
	// about is the transition it tells of.
	about *transition
}

// cause is one thing that was asked for: an event, an end, a transition. What it
// makes at an instant comes after what an earlier one made at the same instant.
type cause struct{ place int }

type enrollment struct {
	id, journeyID, workflowID, workflowType string
	person                                  *person
	entry, hops, retries                    int
	status                                  contract.EnrollmentStatus
	node, version                           string
	createdAt, endedAt                      time.Time
	exitReason                              contract.ExitReason
	failure                                 string
	trigger                                 *event
	firstRun                                string
	bornOf                                  *cause
}

func (n *enrollment) isLive() bool { return n.status.Live() }

type logRow struct {
	enrollment       *enrollment
	key, action      string
	from, to, detail string
	at               time.Time
}

type journeySwitch struct {
	off      bool
	pausedAt *time.Time
}

// message is a row of the outbox: what Temporal is told.
type message struct {
	kind                string // start, signal, cancel, dwell
	workflowID, what    string
	enrollment, waitID  string
	eventID             string
	dwell               workflows.DwellInput
	journeyID, personID string
}

const (
	tellStart  = "start"
	tellSignal = "signal"
	tellCancel = "cancel"
	tellDwell  = "dwell"
)

// space is the name space of the ids of a world: the same script makes the same ids.
var space = uuid.MustParse("6f1c1d5e-6a0c-4b53-9d3b-6f5f6a3f7a10")

func idOf(parts ...any) string {
	return uuid.NewSHA1(space, []byte(strings.TrimSuffix(fmt.Sprintln(parts...), "\n"))).String()
}

// catalog is the registry as events look at it.
type catalog struct {
	registry  hogsend.Registry
	triggers  map[string][]*hogsend.Journey
	byID      map[string]*hogsend.Journey // by id and alias
	journeys  []hogsend.Journey           // reactions included
	buckets   map[string]*hogsend.Bucket
	reactions map[string]hogsend.Reaction // by journey id
}

func newCatalog(r hogsend.Registry) *catalog {
	c := &catalog{
		registry: r, triggers: map[string][]*hogsend.Journey{}, byID: map[string]*hogsend.Journey{}, buckets: map[string]*hogsend.Bucket{},
		reactions: map[string]hogsend.Reaction{}, journeys: slices.Concat(r.Journeys, definition.Reactions(r)),
	}
	for i := range c.journeys {
		j := &c.journeys[i]
		c.triggers[j.Trigger.Event] = append(c.triggers[j.Trigger.Event], j)
		for _, id := range append([]string{j.ID}, j.Aliases...) {
			c.byID[id] = j
		}
	}
	for _, journeys := range c.triggers {
		slices.SortFunc(journeys, func(a, b *hogsend.Journey) int { return strings.Compare(a.ID, b.ID) })
	}
	for i := range r.Buckets {
		b := &r.Buckets[i]
		c.buckets[b.ID] = b
		for _, reaction := range b.Reactions {
			c.reactions[reaction.JourneyID(b.ID)] = reaction
		}
	}
	return c
}

// typeOf is the workflow type of a journey.
func typeOf(j *hogsend.Journey) string {
	if j.Reaction != nil {
		return j.ID
	}
	return contract.JourneyType(j.ID)
}

func clone(p hogsend.Properties) hogsend.Properties {
	if p == nil {
		return hogsend.Properties{}
	}
	return maps.Clone(p)
}

// asJSON brings properties into the form in which they come back from the database.
func asJSON(p hogsend.Properties) (raw json.RawMessage, plain hogsend.Properties, err error) {
	if len(p) == 0 {
		return json.RawMessage("{}"), hogsend.Properties{}, nil
	}
	if raw, err = json.Marshal(p); err != nil {
		return nil, nil, fmt.Errorf("encode properties: %w", err)
	}
	if err = json.Unmarshal(raw, &plain); err != nil {
		return nil, nil, fmt.Errorf("decode properties: %w", err)
	}
	return raw, plain, nil
}

// person finds a contact by user id, uuid or address, as an event does (I-20, I-22).
func (w *world) person(userID, address string) *person {
	var byAddress *person
	for _, p := range w.contacts {
		if userID != "" && (p.userID == userID || p.id == userID) {
			return p
		}
		if userID == "" && address != "" && emailKey(p.email) == emailKey(address) && (byAddress == nil || stronger(p, byAddress)) {
			byAddress = p
		}
	}
	return byAddress
}

// stronger orders the contacts of one address: identified ones first, of these the
// one last seen.
func stronger(a, b *person) bool {
	if (a.userID != "") != (b.userID != "") {
		return a.userID != ""
	}
	return a.userID != "" && a.lastSeen.After(b.lastSeen)
}

func emailKey(email string) string { return address.Key(email) }

// add makes a contact.
func (w *world) add(userID, address string) *person {
	p := &person{
		id: idOf("contact", cmp.Or(userID, emailKey(address))), userID: userID, email: strings.TrimSpace(address), properties: hogsend.Properties{},
		stays: map[string]*stay{}, epochs: map[string]int{}, entries: map[string]int{}, ended: map[string]time.Time{}, changedAt: w.now(),
	}
	w.contacts = append(w.contacts, p)
	return p
}

// identify finds or makes the contact of an event.
func (w *world) identify(userID, address string) (*person, error) {
	p := w.person(userID, address)
	if p == nil && userID != "" && address != "" {
		if q := w.person("", address); q != nil && q.userID == "" {
			q.userID, p = userID, q // it has become known
		}
	}
	if p == nil {
		p = w.add(userID, address)
	}
	if address != "" && emailKey(p.email) != emailKey(address) {
		if q := w.person("", address); q != nil && q.userID == "" && q != p {
			return nil, fmt.Errorf("the event of %s would merge the contact %s: hogsendtest does not merge contacts", p.name(), q.name())
		}
		p.email, p.changedAt = strings.TrimSpace(address), w.now()
	}
	return p, nil
}

// patch merges properties into a contact; nil removes a key (I-32).
func (w *world) patch(p *person, properties hogsend.Properties) error {
	if len(properties) == 0 {
		return nil
	}
	_, plain, err := asJSON(properties)
	if err != nil {
		return err
	}
	p.properties = clone(p.properties)
	for _, key := range slices.Sorted(maps.Keys(plain)) {
		p.changes = append(p.changes, Change{At: w.now(), Contact: p.name(), Property: key, Value: plain[key]})
		if plain[key] == nil {
			delete(p.properties, key)
			continue
		}
		p.properties[key] = plain[key]
	}
	p.changedAt = w.now()
	return nil
}

// log adds a row of the step log, once per step and action (J-114).
func (w *world) log(n *enrollment, key, action, from, to, detail string) {
	for i := range w.logs {
		if w.logs[i].enrollment == n && w.logs[i].key == key && w.logs[i].action == action {
			return
		}
	}
	w.logs = append(w.logs, logRow{enrollment: n, key: key, action: action, from: from, to: to, detail: detail, at: w.now()})
}

func (w *world) tell(m message) { w.told = append(w.told, m) }

// stand moves a live enrollment (J-59, J-60).
func (n *enrollment) stand(status contract.EnrollmentStatus, node string) {
	if n.isLive() {
		n.status, n.node = status, node
	}
}
