// Package whois is a naive model of who is who: what the rules I-19 to I-22, I-25, I-31,
// I-32, I-48, I-49, I-55 and I-62 say, by looking at everybody each time. It shares nothing
// with the product, so that a property test can hold both against each other.
package whois

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Address is an address: what it is compared by, and one spelling of it, trimmed.
type Address struct{ Key, Shown string }

// Keys are what names a person. User may be the ID of a person instead of an external id.
type Keys struct {
	User      string
	Email     Address
	Anonymous string
}

// Person is one person. One that was merged away leads to the survivor.
type Person struct {
	// ID is how replies call the person, which the test knows: "" until it was told.
	ID         string
	External   string
	Email      Address
	Zone       string
	Properties map[string]string
	Deleted    bool
	// Events are those that are this person's, by number; Seen those of them that it was
	// seen by. Written says that it was made by a write without an event.
	Events, Seen []int
	Written      bool

	into              *Person
	made, wrote, gone int // instants; wrote is 0 for never
	seen              int // the latest instant
}

// World is everybody. Instants are counted from 1.
type World struct {
	everybody        []*Person
	users, anonymous map[string]*Person // name spaces: who has the key
	now              int
}

// New is a world without people.
func New() *World {
	return &World{users: map[string]*Person{}, anonymous: map[string]*Person{}}
}

// Now is the present instant, Pass the next one.
func (w *World) Now() int { return w.now }

// Pass lets time pass.
func (w *World) Pass() int { w.now++; return w.now }

// Refused is why nothing happened.
type Refused string

func (r Refused) Error() string { return string(r) }

// What is refused.
const (
	TakenID      Refused = "external id taken"
	TakenAddress Refused = "address taken"
	Unknown      Refused = "unknown"
	Same         Refused = "the same person"
)

// Event is an event with keys that occurred at an instant: whose it is, and whether
// somebody else keeps a key of it.
func (w *World) Event(number int, k Keys, occurred int, patch map[string]string) (who *Person, conflict bool) {
	who, conflict, applies := w.identify(k, occurred, patch)
	who.Events = append(who.Events, number)
	if applies {
		who.Seen, who.seen = append(who.Seen, number), max(who.seen, occurred)
	}
	return who, conflict
}

// Write is a write by keys without an event.
func (w *World) Write(k Keys, patch map[string]string) *Person {
	who, _, _ := w.identify(k, w.now, patch)
	if who.seen == 0 {
		who.seen, who.Written = w.now, true // of one that it made
	}
	return who
}

// identify is I-21. applies is false for a person who was deleted afterwards.
func (w *World) identify(k Keys, occurred int, patch map[string]string) (who *Person, conflict, applies bool) {
	user, email, anonymous := w.user(k.User), w.withAddress(k.Email.Key), w.anonymous[k.Anonymous].survivor()
	var weaker []*Person
	switch { // the strongest given key decides
	case k.User != "":
		who, weaker = user, []*Person{email, anonymous}
	case k.Email.Key != "":
		who, weaker = email, []*Person{anonymous}
	default:
		who = anonymous
	}
	reaches := func(p *Person) bool { return !p.Deleted || occurred > p.gone }
	if who != nil && !reaches(who) {
		return who, false, false // stored, and changes nothing else (I-49)
	}
	weaker = slices.DeleteFunc(weaker, func(p *Person) bool { return p == nil || p.External != "" || !reaches(p) })
	if who == nil && len(weaker) > 0 {
		who, weaker = weaker[0], weaker[1:] // taken
	}
	if who == nil {
		who = &Person{made: w.now, Properties: map[string]string{}}
		w.everybody = append(w.everybody, who)
	}
	who.Deleted = false
	conflict = anonymous != nil && anonymous != who && anonymous.External != ""
	if k.User != "" && user == nil {
		who.External, w.users[k.User] = k.User, who
	}
	who = w.unite(append([]*Person{who}, weaker...))
	if k.Anonymous != "" && anonymous == nil {
		w.anonymous[k.Anonymous] = who
	}
	if k.Email.Key != "" {
		who = w.moveTo(who, k.Email, reaches)
	}
	w.write(who, patch)
	return who, conflict, true
}

// moveTo gives a person an address. Somebody without an external id has it alone.
func (w *World) moveTo(who *Person, a Address, reaches func(*Person) bool) *Person {
	if who.External == "" {
		for _, other := range w.everybody {
			if other.into != nil || other == who || other.External != "" || other.Email.Key != a.Key {
				continue
			}
			shared := slices.ContainsFunc(w.everybody, func(p *Person) bool {
				return p.into == nil && p.External != "" && !p.Deleted && p.Email.Key == a.Key
			})
			if other.Deleted && (shared || !reaches(other)) {
				other.Email = Address{}
			} else {
				who = w.unite([]*Person{who, other})
			}
		}
	}
	if who.Email != a {
		who.Email, who.wrote = a, w.now
	}
	return who
}

func (w *World) write(who *Person, patch map[string]string) {
	for key, value := range patch {
		if value == "null" {
			delete(who.Properties, key)
		} else {
			who.Properties[key] = value
		}
		who.wrote = w.now
	}
}

// user is who has the external id, or the id of a reply.
func (w *World) user(name string) *Person {
	if p := w.users[name].survivor(); p != nil || name == "" {
		return p
	}
	for _, p := range w.everybody {
		if p.ID == name {
			return p.survivor()
		}
	}
	return nil
}

// withAddress is I-22.
func (w *World) withAddress(key string) *Person {
	if key == "" {
		return nil
	}
	var best *Person
	rank := func(p *Person) int {
		switch {
		case p == nil:
			return 0
		case p.Deleted && p.External == "":
			return 1
		case p.Deleted:
			return 2
		case p.External == "":
			return 3
		}
		return 4
	}
	for _, p := range w.everybody {
		if p.into != nil || p.Email.Key != key {
			continue
		}
		if rank(p) > rank(best) || rank(p) == rank(best) && (p.seen > best.seen || p.seen == best.seen && p.ID < best.ID) {
			best = p
		}
	}
	return best
}

func (p *Person) survivor() *Person {
	for p != nil && p.into != nil {
		p = p.into
	}
	return p
}

// Find is who an id leads to, nil for nobody.
func (w *World) Find(id string) *Person {
	for _, p := range w.everybody {
		if p.ID == id {
			return p.survivor()
		}
	}
	return nil
}

// unite makes one of some people (I-25).
func (w *World) unite(some []*Person) *Person {
	all := some[:0:0]
	for _, p := range some {
		if p = p.survivor(); p != nil && !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	if len(all) == 1 {
		return all[0]
	}
	into := all[0]
	for _, p := range all[1:] {
		older := p.made < into.made || p.made == into.made && p.ID < into.ID
		if a, b := p.External != "", into.External != ""; a && !b || a == b && older {
			into = p
		}
	}
	byWrite := slices.Clone(all)
	slices.SortFunc(byWrite, func(a, b *Person) int {
		switch { // at one instant the survivor's stay
		case a.wrote != b.wrote:
			return a.wrote - b.wrote
		case a == into:
			return 1
		case b == into:
			return -1
		}
		return 0
	})
	values, email, zone := map[string]string{}, Address{}, ""
	for _, p := range byWrite {
		maps.Copy(values, p.Properties)
		if p.Email.Key != "" {
			email = p.Email
		}
		if p.Zone != "" {
			zone = p.Zone
		}
		into.wrote, into.seen = max(into.wrote, p.wrote), max(into.seen, p.seen)
	}
	into.Properties, into.Email, into.Zone, into.Deleted = values, email, zone, false
	for _, p := range all {
		if p != into {
			p.into, into.Written = into, into.Written || p.Written
			into.Events, into.Seen = append(into.Events, p.Events...), append(into.Seen, p.Seen...)
		}
	}
	return into
}

// Delete is I-48.
func (w *World) Delete(id string) error {
	p := w.Find(id)
	if p == nil || p.Deleted {
		return Unknown
	}
	p.Deleted, p.gone = true, w.now
	maps.DeleteFunc(w.anonymous, func(_ string, owner *Person) bool { return owner.survivor() == p })
	return nil
}

// Merge makes one of two people on purpose.
func (w *World) Merge(a, b string) (*Person, error) {
	p, q := w.Find(a), w.Find(b)
	switch {
	case p == nil || q == nil || p.Deleted || q.Deleted:
		return nil, Unknown
	case p == q:
		return nil, Same
	}
	return w.unite([]*Person{p, q}), nil
}

// Edit is what an operator writes of a person (I-62). Zone may be "-" to take it away.
type Edit struct {
	External string
	Email    Address
	NoEmail  bool
	Zone     string
	Patch    map[string]string
}

// Edit writes it.
func (w *World) Edit(id string, e Edit) error {
	p := w.Find(id)
	if p == nil || p.Deleted {
		return Unknown
	}
	if e.External != "" {
		byID := w.Find(e.External)
		if owner := w.users[e.External].survivor(); owner != nil && owner != p && !owner.Deleted || byID != nil && byID != p {
			return TakenID
		}
	}
	if e.Email.Key != "" && p.External == "" && e.External == "" {
		if other := w.withAddress(e.Email.Key); other != nil && other != p && other.External != "" && !other.Deleted {
			return TakenAddress
		}
	}
	if e.External != "" && e.External != p.External {
		if owner := w.users[e.External].survivor(); owner != nil && owner != p { // a deleted one
			owner.Email = Address{}
			if owner.External == e.External {
				owner.External = ""
			}
		}
		delete(w.users, p.External)
		p.External, w.users[e.External] = e.External, p
	}
	if e.Email.Key != "" {
		together := []*Person{p}
		for _, other := range w.everybody {
			switch {
			case other.into != nil || other == p || other.Email.Key != e.Email.Key:
			case other.Deleted:
				other.Email = Address{}
			case other.External == "":
				together = append(together, other)
			}
		}
		p = w.unite(together)
		if p.Email != e.Email {
			p.Email, p.wrote = e.Email, w.now
		}
	} else if e.NoEmail && p.Email.Key != "" {
		p.Email, p.wrote = Address{}, w.now
	}
	if e.Zone != "" {
		p.Zone, p.wrote = strings.TrimPrefix(e.Zone, "-"), w.now
	}
	w.write(p, e.Patch)
	return nil
}

// People are all who were not merged away.
func (w *World) People() []*Person {
	return slices.DeleteFunc(slices.Clone(w.everybody), func(p *Person) bool { return p.into != nil })
}

// Everybody is a line for each person who was not merged away, with what is known of it,
// in the order of the lines.
func (w *World) Everybody() []string {
	var all []string
	for _, p := range w.People() {
		var users, browsers []string
		for key, owner := range w.users {
			if owner.survivor() == p {
				users = append(users, key)
			}
		}
		for key, owner := range w.anonymous {
			if owner.survivor() == p {
				browsers = append(browsers, key)
			}
		}
		events := slices.Clone(p.Events)
		slices.Sort(users)
		slices.Sort(browsers)
		slices.Sort(events)
		all = append(all, Line(p.External, p.Email.Shown, p.Email.Key, p.Zone, p.Deleted, users, browsers, events, p.Properties))
	}
	slices.Sort(all)
	return all
}

// Whose is whose event that of a number is; nil for nobody's.
func (w *World) Whose(number int) *Person {
	for _, p := range w.People() {
		if slices.Contains(p.Events, number) {
			return p
		}
	}
	return nil
}

// Line tells of one person; users, browsers and events are sorted.
func Line(external, shown, key, zone string, deleted bool, users, browsers []string, events []int, properties map[string]string) string {
	state := "live"
	if deleted {
		state = "deleted"
	}
	return fmt.Sprintf("%s %q <%q %s> %s users%q browsers%q events%v %v", state, external, shown, key, zone, users, browsers, events, properties)
}
