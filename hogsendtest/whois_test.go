package hogsendtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/hogsendtest/internal/backend"
	"github.com/hogsend/hogsend/tests/whois"
)

// meeting is one thing that happens to people who may turn out to be one.
type meeting struct {
	action  backend.Action
	keys    whois.Keys
	late    int // which meeting it occurred at; -1: now
	patch   map[string]string
	zone    string
	about   int // of people, for what is no event
	deletes bool
}

func (m meeting) String() string { return fmt.Sprintf("%+v late %d", m.action, m.late) }

// meetingPeople are there from the start. Of those named first events come with any keys.
func meetingPeople() []backend.Person {
	return []backend.Person{
		{UserID: "of user ids"},
		{Email: "of-addresses@x.io"},
		{AnonymousID: "of browsers"},
		{UserID: "k0", Email: "a@x.io"},
		{Email: "b@münchen.de"},
		{AnonymousID: "b0"},
	}
}

func drawMeetings(t *rapid.T) []meeting {
	people := meetingPeople()
	pick := func(name string, from, to int) int { return rapid.IntRange(from, to).Draw(t, name) }
	var all []meeting
	for i := range pick("meetings", 1, 25) {
		m := meeting{late: -1}
		properties := hogsend.Properties{}
		if pick("writes", 0, 2) == 0 {
			value := pick("value", 0, 3)
			properties["p"], m.patch = value, map[string]string{"p": fmt.Sprint(value)}
			if value == 0 {
				properties["p"], m.patch["p"] = nil, "null"
			}
		}
		m.about = pick("about", 3, len(people)-1)
		who := people[m.about].Name()
		switch pick("kind", 0, 9) {
		case 0:
			m.deletes, m.action = true, backend.Delete{Contact: who}
		case 1:
			m.action = backend.Change{Contact: who, Properties: properties}
		case 2:
			m.zone = rapid.SampledFrom([]string{"Asia/Tokyo", "Europe/Berlin"}).Draw(t, "zone")
			m.action, m.patch = backend.Timezone{Contact: who, Zone: m.zone}, nil
		default:
			e := backend.Event{Name: fmt.Sprint("e", i), ContactProperties: properties}
			if k := pick("user", -2, 2); k >= 0 {
				e.UserID = fmt.Sprint("k", k)
			} else if pick("id", 0, 5) == 0 {
				e.UserID = backend.ContactID(who).String()
			}
			if k := pick("address", -2, 2); k >= 0 {
				spellings := [][]string{{"a@x.io", " A@X.IO"}, {"b@münchen.de", "B@xn--mnchen-3ya.de"}, {"c@x.io", "C@x.io"}}[k]
				e.Email = spellings[pick("spelling", 0, 1)]
				m.keys.Email = whois.Address{Key: []string{"a@x.io", "b@xn--mnchen-3ya.de", "c@x.io"}[k], Shown: strings.TrimSpace(e.Email)}
			}
			if k := pick("browser", -2, 2); k >= 0 || e.UserID == "" && e.Email == "" {
				e.AnonymousID = fmt.Sprint("b", max(k, 0))
			}
			e.Contact = people[2].Name()
			if e.UserID != "" {
				e.Contact = people[0].Name()
			} else if e.Email != "" {
				e.Contact = people[1].Name()
			}
			m.keys.User, m.keys.Anonymous = e.UserID, e.AnonymousID
			if i > 0 && pick("late", 0, 4) == 0 {
				m.late = pick("before", 0, i-1)
				e.OccurredAt = Start().Add(meetingAt(m.late) + time.Duration(i)*time.Millisecond)
			}
			m.action = e
		}
		all = append(all, m)
	}
	return all
}

// meetingAt is when one comes. The instants of the world are its milliseconds.
func meetingAt(i int) time.Duration { return time.Duration(i+1) * time.Second }

// I-17 to I-22, I-25, I-48, I-49, I-55: in memory people are who a naive reading of the
// rules says, as they are on Postgres.
func TestWhoIsWhoInMemoryIsWhatTheRulesSay(t *testing.T) {
	t.Parallel()
	s := New(t, hogsend.Registry{})
	rapid.Check(t, func(rt *rapid.T) {
		all := drawMeetings(rt)
		now := Start()
		b, err := s.inMemory(backend.Setting{
			Script: backend.Script{Start: now, People: meetingPeople()}, Now: func() time.Time { return now },
			Problem: func(p backend.Problem) { require.Equal(rt, backend.LateScript, p.Kind) },
		})
		require.NoError(rt, err)
		defer b.Close()
		world := whois.New()
		pass := func(until int) {
			for world.Now() < until {
				world.Pass()
			}
		}
		pass(1)
		for _, p := range meetingPeople() {
			keys := whois.Keys{User: p.UserID, Anonymous: p.AnonymousID, Email: whois.Address{Key: strings.ReplaceAll(p.Email, "münchen", "xn--mnchen-3ya"), Shown: p.Email}}
			world.Write(keys, nil).ID = backend.ContactID(p.Name()).String()
		}
		for i, m := range all {
			now = Start().Add(meetingAt(i))
			pass(int(meetingAt(i).Milliseconds()))
			require.NoError(rt, b.Apply(m.action))
			id := backend.ContactID(meetingPeople()[m.about].Name()).String()
			switch {
			case m.deletes:
				_ = world.Delete(id) // of a deleted one nothing comes, here and there
			case m.zone != "" || m.keys == whois.Keys{}:
				_ = world.Edit(id, whois.Edit{Zone: m.zone, Patch: m.patch})
			default:
				occurred := world.Now()
				if m.late >= 0 {
					occurred = int(meetingAt(m.late).Milliseconds()) + i
				}
				world.Event(i, m.keys, occurred, m.patch)
			}
		}
		o, err := b.Outcome()
		require.NoError(rt, err)
		require.Equal(rt, metWorld(world), metOutcome(rt, o), "%v", all)
	})
}

// met is a line for each person with a user id or an address, and one for all others.
func met(name, email, zone string, properties map[string]string, events []string) string {
	slices.Sort(events)
	return fmt.Sprintf("%s <%s> %s %v %v", name, email, zone, properties, events)
}

func metWorld(w *whois.World) []string {
	var all, others []string
	for _, p := range w.People() {
		var events []string
		for _, n := range p.Events {
			events = append(events, fmt.Sprint("e", n))
		}
		if p.External == "" && p.Email.Key == "" {
			others = append(others, events...)
			all = append(all, met("", "", p.Zone, p.Properties, nil))
			continue
		}
		all = append(all, met(cmp.Or(p.External, p.Email.Shown), p.Email.Shown, p.Zone, p.Properties, events))
	}
	slices.Sort(all)
	return append(all, met("others", "", "", nil, others))
}

func metOutcome(t require.TestingT, o *backend.Outcome) []string {
	events := map[string][]string{}
	for _, e := range o.Events {
		events[e.Contact] = append(events[e.Contact], e.Name)
	}
	var all, others []string
	for _, c := range o.Contacts {
		values := map[string]string{}
		for name, value := range c.Properties {
			raw, err := json.Marshal(value)
			require.NoError(t, err)
			values[name] = string(raw)
		}
		if c.ExternalID == "" && c.Email == "" {
			others = append(others, events[c.Name]...)
			delete(events, c.Name) // others may be called alike
			all = append(all, met("", "", c.Timezone, values, nil))
			continue
		}
		all = append(all, met(c.Name, c.Email, c.Timezone, values, events[c.Name]))
	}
	slices.Sort(all)
	return append(all, met("others", "", "", nil, others))
}
