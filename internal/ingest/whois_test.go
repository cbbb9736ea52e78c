package ingest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/tests/whois"
)

// spelled are addresses, each in spellings that are one (I-55).
var spelled = [][]string{
	{"a@x.io", " A@X.IO", "\ufeffa@x.io\u200b"},
	{"b@münchen.de", "B@xn--mnchen-3ya.de", "b@mu\u0308nchen.DE "},
	{"é@x.io", "E\u0301@x.io"},
}

// spelledKeys are what they are compared by.
var spelledKeys = []string{"a@x.io", "b@xn--mnchen-3ya.de", "é@x.io"}

// courseStep is one thing that happens to somebody, in words that mean the same in each
// way of playing: who was told in a reply is named by its number.
type courseStep struct {
	does              string // event, write, delete, merge or edit
	user, browser     string
	address, spelling int // address -1: none
	userOf            int // the user id is what the reply of that number called its contact; -1: user
	about, other      int // replies
	late              int // before which passage it occurred; -1: now
	key               string
	noEmail           bool
	zone              string
	property, value   string
}

// course is steps that come one by one or, each group of events, in one batch.
type course [][]courseStep

func (c course) String() string {
	var b strings.Builder
	for i, chunk := range c {
		for j := range chunk {
			s := &chunk[j]
			fmt.Fprintf(&b, "%d %s", i, s.does)
			for _, part := range []struct {
				name  string
				given bool
				value any
			}{
				{"user", s.user != "", s.user},
				{"browser", s.browser != "", s.browser},
				{"address", s.address >= 0, s.address},
				{"id of reply", s.userOf >= 0, s.userOf},
				{"about", s.about+s.other > 0, []int{s.about, s.other}},
				{"late", s.late >= 0, s.late},
				{"key", s.key != "", s.key},
				{"no email", s.noEmail, ""},
				{"zone", s.zone != "", s.zone},
				{s.property, s.property != "", s.value},
			} {
				if part.given {
					fmt.Fprintf(&b, " %s %v", part.name, part.value)
				}
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// drawCourse draws what happens to a few people who share few keys, spelled alike in all
// name spaces.
func drawCourse(t *rapid.T) course {
	var all course
	told := 0
	pick := func(name string, from, to int) int { return rapid.IntRange(from, to).Draw(t, name) }
	name := func(kind string) string {
		if k := pick(kind, -2, 2); k >= 0 {
			return fmt.Sprintf("k%d", k)
		}
		return ""
	}
	for chunk := range pick("chunks", 2, 14) {
		step := func(does string) courseStep {
			s := courseStep{does: does, address: max(pick("address", -3, 2), -1), spelling: pick("spelling", 0, 1), userOf: -1, late: -1}
			if pick("writes", 0, 1) == 0 {
				s.property, s.value = rapid.SampledFrom([]string{"p", "p", "q"}).Draw(t, "property"), rapid.SampledFrom([]string{"null", "1", "2", `"x"`, "[3]"}).Draw(t, "value")
			}
			return s
		}
		named := func(does string) courseStep {
			s := step(does)
			s.user, s.browser = name("user"), name("browser")
			if told > 0 && pick("uuid", 0, 7) == 0 {
				s.userOf = pick("of", 0, told-1)
			}
			if s.user == "" && s.userOf < 0 && s.browser == "" && s.address < 0 {
				s.browser = "k0"
			}
			return s
		}
		kind := pick("kind", 0, 12)
		switch {
		case told == 0 || kind < 5:
			var batch []courseStep
			for range pick("events", 1, 6) {
				s := named("event")
				if chunk > 0 && pick("late", 0, 5) == 0 {
					s.late = pick("before", 0, chunk-1)
				}
				if pick("keyed", 0, 3) == 0 {
					s.key = fmt.Sprint("key", pick("key", 0, 3))
				}
				batch = append(batch, s)
			}
			all = append(all, batch)
			told += len(batch)
			continue
		case kind == 5:
			all = append(all, []courseStep{named("write")})
			told++
			continue
		}
		s := step([]string{"delete", "delete", "merge", "edit", "edit", "edit", "edit"}[kind-6])
		s.about, s.other = pick("about", 0, told-1), pick("other", 0, told-1)
		if s.does == "edit" {
			s.user, s.noEmail, s.zone = name("user"), pick("noEmail", 0, 4) == 0, rapid.SampledFrom([]string{"", "", "Asia/Tokyo", "Europe/Berlin", "-"}).Draw(t, "zone")
			if s.userOf = -1; pick("uuid", 0, 9) == 0 {
				s.userOf = s.other
			}
			if s.noEmail {
				s.address = -1
			}
		}
		all = append(all, []courseStep{s})
	}
	return all
}

// living plays a course in a name space of its own and in a world beside it.
type living struct {
	*bundle
	rt       *rapid.T
	prefix   string
	world    *whois.World
	replies  []uuid.UUID
	keys     map[string]*whois.Person
	passages []passage
	events   int
}

type passage struct {
	instant int
	at      time.Time
}

// spaced is how far apart the world's instants are, so that what is late has room.
const spaced = 1000

func (l *living) pass() int {
	for range spaced {
		l.world.Pass()
	}
	return l.world.Now()
}

func (l *living) user(s *courseStep) string {
	switch {
	case s.userOf >= 0:
		return l.replies[s.userOf].String()
	case s.user != "":
		return l.prefix + s.user
	}
	return ""
}

func (l *living) named(s *courseStep) (user, email, browser string, keys whois.Keys) {
	user = l.user(s)
	if s.browser != "" {
		browser = l.prefix + s.browser
	}
	var address whois.Address
	email, address = l.address(s)
	return user, email, browser, whois.Keys{User: user, Email: address, Anonymous: browser}
}

func (l *living) address(s *courseStep) (email string, a whois.Address) {
	if s.address < 0 {
		return "", a
	}
	spelling := spelled[s.address][s.spelling%len(spelled[s.address])]
	email = strings.Replace(spelling, strings.Trim(spelling, " \ufeff\u200b"), l.prefix+strings.Trim(spelling, " \ufeff\u200b"), 1)
	return email, whois.Address{Key: l.prefix + spelledKeys[s.address], Shown: strings.Trim(email, " \ufeff\u200b")}
}

func (s *courseStep) patch() (map[string]json.RawMessage, map[string]string) {
	if s.property == "" {
		return nil, nil
	}
	return map[string]json.RawMessage{s.property: json.RawMessage(s.value)}, map[string]string{s.property: s.value}
}

// play plays everything; together lets each group of events come in one batch.
func (l *living) play(all course, together bool) {
	for _, chunk := range all {
		now := l.now()
		l.passages = append(l.passages, passage{l.pass(), now})
		for l.now().Sub(now) < 200*time.Microsecond { //nolint:revive // late events of this passage have room before what comes next
		}
		if chunk[0].does != "event" {
			l.operate(&chunk[0])
			continue
		}
		var events []ingest.Event
		for i := range chunk {
			s := &chunk[i]
			ev := ingest.Event{Name: fmt.Sprint("e", l.events+i)}
			ev.UserID, ev.Email, ev.AnonymousID, _ = l.named(s)
			ev.ContactProperties, _ = s.patch()
			if s.key != "" {
				ev.Key = l.prefix + s.key
			}
			if s.late >= 0 {
				at := l.passages[s.late].at.Add(time.Duration(l.events+i) * time.Microsecond)
				ev.Timestamp = &at
			}
			events = append(events, ev)
		}
		results := make([]ingest.Result, len(events))
		var err error
		for i, ev := range events {
			if together {
				results, err = l.ingester.IngestAll(l.t.Context(), events)
				require.NoError(l.rt, err)
				break
			}
			results[i], err = l.ingester.Ingest(l.t.Context(), ev)
			require.NoError(l.rt, err)
		}
		whose := make([]*whois.Person, len(chunk))
		for i := range chunk {
			whose[i] = l.expect(&chunk[i], l.events+i, results[i])
		}
		for i, who := range whose {
			l.told(who, results[i].ContactID)
		}
		l.events += len(chunk)
	}
}

// expect lets the world see an event, and compares what it cannot look up later.
func (l *living) expect(s *courseStep, number int, got ingest.Result) *whois.Person {
	require.NoError(l.rt, got.Err)
	if first := l.keys[s.key]; s.key != "" && first != nil { // I-36
		require.False(l.rt, got.Stored, "event %d", number)
		return first
	}
	_, _, _, keys := l.named(s)
	_, patch := s.patch()
	occurred := l.pass()
	if s.late >= 0 {
		occurred = l.passages[s.late].instant + number
	}
	who, conflict := l.world.Event(number, keys, occurred, patch)
	require.True(l.rt, got.Stored, "event %d", number)
	require.Equal(l.rt, conflict, l.count(`select count(*) from events where id = $1 and identity_conflict`, got.EventID) == 1, "conflict of event %d", number)
	if want := who.External; want != "" {
		require.Equal(l.rt, want, got.ContactKey, "key of event %d", number)
	}
	if s.key != "" {
		l.keys[s.key] = who
	}
	return who
}

// told gives a person its id, or compares it.
func (l *living) told(who *whois.Person, id uuid.UUID) {
	if who.ID == "" {
		who.ID = id.String()
	}
	require.Same(l.rt, l.world.Find(who.ID), l.world.Find(id.String()), "reply %d", len(l.replies))
	l.replies = append(l.replies, id)
}

// operate does what is no event.
func (l *living) operate(s *courseStep) {
	l.pass()
	switch s.does {
	case "write":
		user, email, browser, keys := l.named(s)
		properties, patch := s.patch()
		got, err := l.ingester.Upsert(l.t.Context(), ingest.Person{UserID: user, Email: email, AnonymousID: browser, Properties: properties})
		require.NoError(l.rt, err)
		l.told(l.world.Write(keys, patch), got.ContactID)
	case "delete":
		id := l.replies[s.about]
		found, err := l.ingester.Delete(l.t.Context(), id)
		require.NoError(l.rt, err)
		require.Equal(l.rt, l.world.Delete(id.String()) == nil, found)
	case "merge":
		a, b := l.replies[s.about], l.replies[s.other]
		survivor, found, err := l.ingester.Merge(l.t.Context(), a, b)
		want, refused := l.world.Merge(a.String(), b.String())
		switch {
		case errors.Is(refused, whois.Same):
			require.ErrorIs(l.rt, err, ingest.ErrSame)
		case refused != nil:
			require.NoError(l.rt, err)
			require.False(l.rt, found)
		default:
			require.NoError(l.rt, err)
			require.Equal(l.rt, want.ID, survivor.String())
		}
	case "edit":
		id := l.replies[s.about]
		properties, patch := s.patch()
		email, address := l.address(s)
		edit := whois.Edit{External: l.user(s), Email: address, NoEmail: s.noEmail, Zone: s.zone, Patch: patch}
		if s.userOf >= 0 && l.world.Find(edit.External) == l.world.Find(id.String()) {
			return // its own uuid as its external id
		}
		change := ingest.Change{ExternalID: edit.External, Email: email, NoEmail: s.noEmail, Properties: properties, Zoned: s.zone != ""}
		var writes []ingest.Write
		if s.zone != "" {
			zone := &s.zone
			if s.zone == "-" {
				zone = nil
			}
			writes = append(writes, func(q *storedb.Queries) error { return q.ContactTimezoneSet(l.t.Context(), zone, id) })
		}
		found, err := l.ingester.Update(l.t.Context(), id, change, writes...)
		refused := l.world.Edit(id.String(), edit)
		var taken *ingest.TakenError
		switch {
		case refused == nil:
			require.NoError(l.rt, err)
			require.True(l.rt, found)
		case errors.Is(refused, whois.Unknown):
			require.NoError(l.rt, err)
			require.False(l.rt, found)
		default:
			require.ErrorAs(l.rt, err, &taken, refused.Error())
		}
	}
}

// everybody is what Postgres has of the people of the name space, as the world tells it.
func (l *living) everybody() []string {
	rows, err := l.store.Pool.Query(l.t.Context(), `
		select coalesce(external_id, ''), coalesce(email, ''), coalesce(email_key, ''), coalesce(timezone, ''), deleted_at is not null, properties,
			array(select key from contact_keys k where k.contact_id = c.id and kind = 'user' order by key collate "C"),
			array(select key from contact_keys k where k.contact_id = c.id and kind = 'anonymous' order by key collate "C"),
			array(select substr(name, 2)::int from events e where e.contact_id = c.id order by 1)
		from contacts c where merged_into is null and id in (select coalesce(merged_into, id) from contacts where id = any($1))`, l.replies)
	require.NoError(l.rt, err)
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		var external, shown, key, zone string
		var deleted bool
		var properties map[string]json.RawMessage
		var users, browsers []string
		var events []int
		if err := row.Scan(&external, &shown, &key, &zone, &deleted, &properties, &users, &browsers, &events); err != nil {
			return "", err
		}
		values := map[string]string{}
		for name, value := range properties {
			values[name] = string(value)
		}
		return whois.Line(external, shown, key, zone, deleted, users, browsers, events, values), nil
	})
	require.NoError(l.rt, err)
	slices.Sort(all)
	return all
}

// seen compares first and last seen with the events that moved them (I-31).
func (l *living) seen() {
	rows, err := l.store.Pool.Query(l.t.Context(), `
		select substr(e.name, 2)::int, e.occurred_at, c.first_seen_at, c.last_seen_at
		from events e join contacts c on c.id = e.contact_id where c.id = any($1)`, l.replies)
	require.NoError(l.rt, err)
	type seen struct{ occurred, first, last time.Time }
	all, number := map[int]seen{}, 0
	var one seen
	_, err = pgx.ForEachRow(rows, []any{&number, &one.occurred, &one.first, &one.last}, func() error {
		all[number] = one
		return nil
	})
	require.NoError(l.rt, err)
	for number, one := range all {
		var first, last time.Time
		who := l.world.Whose(number)
		if who.Written { // seen by a write, at an instant that only Postgres knows
			continue
		}
		for _, other := range who.Seen {
			if at := all[other].occurred; first.IsZero() || at.Before(first) {
				first = at
			}
			if at := all[other].occurred; at.After(last) {
				last = at
			}
		}
		require.Equal(l.rt, [2]time.Time{first, last}, [2]time.Time{one.first, one.last}, "event %d, seen by %v", number, who.Seen)
	}
}

// I-17 to I-22, I-25, I-31, I-32, I-36, I-48, I-49, I-55, I-62: whoever events, clients and
// operators name, one by one and in batches, everybody is who a naive reading of the rules
// says, has the keys, events and values that it says, and no other.
func TestWhoIsWhoIsWhatTheRulesSay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		all := drawCourse(rt)
		for mode, together := range map[string]bool{"s": false, "b": true} {
			l := &living{bundle: b, rt: rt, prefix: fmt.Sprintf("%s%d-", mode, runs), world: whois.New(), keys: map[string]*whois.Person{}}
			l.play(all, together)
			require.Equal(rt, l.world.Everybody(), l.everybody(), "together: %v\n%s", together, all)
			l.seen()
		}
	})
	b.consistent()
}
