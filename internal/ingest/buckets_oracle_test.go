package ingest_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/condition"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/rollout"
)

// oracle is a plain evaluation of the rules of buckets in memory, written from the
// spec and sharing nothing with the product.
type oracle struct {
	buckets []hogsend.Bucket
	people  map[string]*oraclePerson
}

type oraclePerson struct {
	name       string
	events     []oracleEvent
	properties map[string]any
	applied    time.Time // instants up to here are applied
	stays      map[string]*oracleStay
	epochs     map[string]int
	left       map[string]time.Time
	told       []string
}

type oracleEvent struct {
	name string
	at   time.Time
	n    int // its property n
}

// counts says whether a leaf counts an event at an instant, whatever its window is.
func (e oracleEvent) counts(c condition.Event) bool {
	if e.name != c.EventName {
		return false
	}
	for _, child := range c.Where { // n is greater than something, or its complement
		negated := false
		if not, ok := child.(condition.Composite); ok {
			child, negated = not.Conditions[0], true
		}
		if (e.n > child.(condition.Property).Value.(int)) == negated {
			return false
		}
	}
	return true
}

type oracleStay struct {
	epoch          int
	entered        time.Time
	maxAt, leaveAt time.Time
}

func (o *oracle) person(name string) *oraclePerson {
	p := o.people[name]
	if p == nil {
		p = &oraclePerson{name: name, properties: map[string]any{}, stays: map[string]*oracleStay{}, epochs: map[string]int{}, left: map[string]time.Time{}}
		o.people[name] = p
	}
	return p
}

// truth is C-1 to C-13 for the leaves that the test uses, and whether a positive
// leaf holds or the event of an absence leaf was ever done (C-16).
func (p *oraclePerson) truth(c hogsend.Condition, at time.Time) (holds, floor, absence bool) {
	n := func(c condition.Event, within *time.Duration) int {
		count, sum, different := 0, 0, map[int]bool{}
		for _, e := range p.events {
			if e.counts(c) && (within == nil || !e.at.Before(at.Add(-*within))) {
				count, sum, different[e.n] = count+1, sum+e.n, true
			}
		}
		switch c.Check {
		case condition.EventSum:
			return sum
		case condition.EventDistinct:
			return len(different)
		}
		return count
	}
	switch c := c.(type) {
	case condition.Property:
		if c.Within != nil {
			x, isDate := p.date(c.Property)
			if c.Operator == condition.InNext {
				holds = isDate && at.Before(x) && !at.Before(x.Add(-*c.Within))
			} else {
				holds = isDate && !at.Before(x) && !at.After(x.Add(*c.Within))
			}
			return holds, holds, false
		}
		holds = p.properties[c.Property] == c.Value
		if c.Operator == condition.Neq {
			return !holds, false, false
		}
		return holds, holds, false
	case condition.Event:
		switch c.Check {
		case condition.EventExists:
			holds = n(c, c.Within) > 0
			return holds, holds, false
		case condition.EventNotExists:
			return n(c, c.Within) == 0, c.Within != nil && n(c, nil) > 0, c.Within != nil
		case condition.EventCount, condition.EventSum, condition.EventDistinct:
			k := c.Value.(int)
			switch c.Operator {
			case hogsend.Gte:
				holds = n(c, c.Within) >= k
				return holds, holds && k > 0, false
			case hogsend.Eq:
				holds = n(c, c.Within) == k
				return holds, holds && k > 0, false
			case hogsend.Lte:
				return n(c, c.Within) <= k, false, false
			}
		}
	case condition.Composite:
		holds = c.Operator == condition.And
		for _, child := range c.Conditions {
			h, f, a := p.truth(child, at)
			floor, absence = floor || f, absence || a
			if c.Operator == condition.And {
				holds = holds && h
			} else {
				holds = holds || h
			}
		}
		return holds, floor, absence
	}
	panic(fmt.Sprintf("%#v", c))
}

func (p *oraclePerson) matches(c hogsend.Condition, at time.Time) bool {
	holds, floor, absence := p.truth(c, at)
	return holds && (!absence || floor)
}

func windowsOf(c hogsend.Condition) (found []oracleWindow) {
	switch c := c.(type) {
	case condition.Event:
		if c.Within != nil {
			found = append(found, oracleWindow{event: c.EventName, within: *c.Within})
		}
	case condition.Property:
		if c.Within != nil {
			found = append(found, oracleWindow{property: c.Property, within: *c.Within, next: c.Operator == condition.InNext})
		}
	case condition.Composite:
		for _, child := range c.Conditions {
			found = append(found, windowsOf(child)...)
		}
	}
	return found
}

type oracleWindow struct {
	event, property string
	within          time.Duration
	next            bool // of a date that comes
}

// edges are those of a window as of now (W-2).
func (p *oraclePerson) edges(w oracleWindow) (edges []time.Time) {
	if x, ok := p.date(w.property); ok && w.next {
		return []time.Time{x.Add(-w.within), x}
	} else if ok {
		return []time.Time{x, x.Add(w.within + time.Microsecond)}
	}
	for _, e := range p.events {
		if e.name == w.event {
			edges = append(edges, e.at.Add(w.within+time.Microsecond))
		}
	}
	return edges
}

func (p *oraclePerson) date(property string) (x time.Time, ok bool) {
	text, _ := p.properties[property].(string)
	x, err := time.Parse(time.RFC3339Nano, text)
	return x, err == nil
}

// evaluate is B-8 with B-17 and B-19 at one instant, for some buckets: leaves first.
func (o *oracle) evaluate(p *oraclePerson, at time.Time, source string, buckets []hogsend.Bucket) {
	var enters []hogsend.Bucket
	for _, b := range buckets {
		s, holds := p.stays[b.ID], p.matches(b.Criteria, at)
		switch {
		case s == nil && holds:
			enters = append(enters, b)
		case s == nil:
		case !s.maxAt.IsZero() && !s.maxAt.After(at) && source == "reconcile":
			p.leave(b, at, "reconcile", "maxDwell")
		case holds:
			s.leaveAt = time.Time{}
		case at.Sub(s.entered) >= b.MinDwell:
			p.leave(b, at, source, "criteria")
		default:
			s.leaveAt = s.entered.Add(b.MinDwell)
		}
	}
	for _, b := range enters {
		p.enter(b, at, source)
	}
}

func (p *oraclePerson) enter(b hogsend.Bucket, at time.Time, source string) {
	earlier := p.epochs[b.ID]
	p.epochs[b.ID]++
	s := &oracleStay{epoch: p.epochs[b.ID], entered: at}
	if b.MaxDwell > 0 {
		s.maxAt = at.Add(b.MaxDwell)
	}
	p.stays[b.ID] = s
	muted := earlier > 0 && (b.EntryLimit == hogsend.Once || b.EntryLimit == hogsend.OncePerPeriod && b.EntryPeriod > 0 && at.Sub(p.left[b.ID]) < b.EntryPeriod)
	if !muted {
		p.tell("entered", b, s, at, source, "")
	}
}

func (p *oraclePerson) leave(b hogsend.Bucket, at time.Time, source, reason string) {
	s := p.stays[b.ID]
	delete(p.stays, b.ID)
	p.left[b.ID] = at
	p.tell("left", b, s, at, source, " "+reason)
}

func (p *oraclePerson) tell(what string, b hogsend.Bucket, s *oracleStay, at time.Time, source, reason string) {
	p.told = append(p.told, fmt.Sprintf("%s %s %s #%d %s%s %s", p.name, what, b.ID, s.epoch, source, reason, at.Sub(monday)))
}

// pass applies every instant up to and with until at which time alone may change
// something (W-2, W-5).
func (o *oracle) pass(p *oraclePerson, until time.Time) {
	for {
		next := until.Add(time.Hour)
		for _, b := range o.buckets {
			for _, w := range windowsOf(b.Criteria) {
				for _, edge := range p.edges(w) {
					if edge.After(p.applied) && edge.Before(next) {
						next = edge
					}
				}
			}
			if s := p.stays[b.ID]; s != nil {
				for _, due := range []time.Time{s.maxAt, s.leaveAt} {
					if !due.IsZero() && due.Before(next) {
						next = due
					}
				}
			}
		}
		if next.After(until) {
			break
		}
		var concerned []hogsend.Bucket
		for _, b := range o.buckets {
			s := p.stays[b.ID]
			due := s != nil && (s.maxAt.Equal(next) || s.leaveAt.Equal(next))
			for _, w := range windowsOf(b.Criteria) {
				due = due || slices.ContainsFunc(p.edges(w), next.Equal)
			}
			if due {
				concerned = append(concerned, b)
			}
		}
		o.evaluate(p, next, "reconcile", concerned)
		p.applied = next
	}
	p.applied = until
}

// event is one event with its property, at the instant it is received.
func (o *oracle) event(p *oraclePerson, e oracleEvent, received time.Time, patch map[string]any) {
	fresh, name := len(p.events) == 0, e.name
	p.events = append(p.events, e)
	changed := map[string]bool{}
	for key, value := range patch {
		changed[key] = p.properties[key] != value
		p.properties[key] = value
	}
	var candidates []hogsend.Bucket
	for _, b := range o.buckets {
		events, properties := leavesOf(b.Criteria)
		if fresh || slices.Contains(events, name) || slices.ContainsFunc(properties, func(key string) bool { return changed[key] }) {
			candidates = append(candidates, b)
		}
	}
	o.evaluate(p, received, "event", candidates)
	p.applied = received
}

func leavesOf(c hogsend.Condition) (events, properties []string) {
	switch c := c.(type) {
	case condition.Property:
		return nil, []string{c.Property}
	case condition.Event:
		return []string{c.EventName}, nil
	case condition.Composite:
		for _, child := range c.Conditions {
			e, p := leavesOf(child)
			events, properties = append(events, e...), append(properties, p...)
		}
	}
	return events, properties
}

func drawCondition(t *rapid.T, depth int) hogsend.Condition {
	if depth > 0 && rapid.IntRange(0, 2).Draw(t, "composite") == 0 {
		var children []hogsend.Condition
		for range rapid.IntRange(1, 3).Draw(t, "children") {
			children = append(children, drawCondition(t, depth-1))
		}
		if rapid.Bool().Draw(t, "and") {
			return hogsend.All(children...)
		}
		return hogsend.Any(children...)
	}
	event := hogsend.Event(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "event"))
	if rapid.IntRange(0, 3).Draw(t, "windowed") > 0 {
		event = event.Within(rapid.SampledFrom([]time.Duration{time.Hour, 2 * time.Hour, hogsend.Day}).Draw(t, "within"))
	}
	if rapid.IntRange(0, 2).Draw(t, "filtered") == 0 { // C-28
		where := hogsend.Prop("n").Gt(rapid.IntRange(0, 2).Draw(t, "greater than"))
		if rapid.Bool().Draw(t, "not") {
			where = hogsend.Not(where)
		}
		event = event.Where(where)
	}
	switch rapid.IntRange(0, 10).Draw(t, "leaf") {
	case 9: // C-31
		return hogsend.Prop("d").InNext(rapid.SampledFrom([]time.Duration{time.Hour, 2 * time.Hour, hogsend.Day}).Draw(t, "next"))
	case 10:
		return hogsend.Prop("d").InLast(rapid.SampledFrom([]time.Duration{time.Hour, 2 * time.Hour, hogsend.Day}).Draw(t, "last"))
	case 0:
		return hogsend.Prop("p").Eq(float64(1))
	case 1:
		return hogsend.Prop("p").Neq(float64(1))
	case 2:
		return event.Exists()
	case 3, 4:
		return event.NotExists()
	case 5:
		return event.Count(rapid.SampledFrom([]condition.Operator{hogsend.Gte, hogsend.Eq, hogsend.Lte}).Draw(t, "operator"), rapid.IntRange(1, 3).Draw(t, "k"))
	}
	k := rapid.IntRange(1, 5).Draw(t, "k")
	totals := []hogsend.EventTotal{event.Sum("n"), event.Distinct("n")}
	total := rapid.SampledFrom(totals).Draw(t, "total")
	return rapid.SampledFrom([]hogsend.Condition{total.Gte(k), total.Eq(k), total.Lte(k), event.Count(hogsend.Gte, k)}).Draw(t, "compared")
}

func drawBucket(t *rapid.T, id string) hogsend.Bucket {
	criteria := drawCondition(t, 2)
	if len(condition.CheckCriteria(criteria, nil)) > 0 { // C-15
		criteria = hogsend.All(criteria, hogsend.Event("a").Exists())
	}
	b := segmentOf(id, criteria)
	b.MinDwell = rapid.SampledFrom([]time.Duration{0, 0, time.Hour, 90 * time.Minute}).Draw(t, "min dwell")
	b.MaxDwell = rapid.SampledFrom([]time.Duration{0, 0, 2 * time.Hour, 30 * time.Hour}).Draw(t, "max dwell")
	b.EntryLimit = rapid.SampledFrom([]hogsend.EntryLimit{"", hogsend.Once, hogsend.OncePerPeriod}).Draw(t, "limit")
	if b.EntryLimit == hogsend.OncePerPeriod {
		b.EntryPeriod = rapid.SampledFrom([]time.Duration{0, 3 * time.Hour}).Draw(t, "period")
	}
	return b
}

// drawDate draws a date around an instant, or none.
func drawDate(t *rapid.T, around time.Time) any {
	if rapid.IntRange(0, 5).Draw(t, "none") == 0 {
		return rapid.SampledFrom([]any{nil, "soon", float64(5)}).Draw(t, "what")
	}
	x := around.Add(rapid.SampledFrom([]time.Duration{-hogsend.Day, -time.Hour, 0, time.Minute, time.Hour, 90 * time.Minute, 26 * time.Hour}).Draw(t, "away") + 137*time.Microsecond) // never within a batch
	return x.Format(time.RFC3339Nano)
}

// C-22, C-24, C-31, B-8 to B-23, W-1 to W-6: whatever the buckets and whatever happens,
// the transitions are those of the oracle, one by one and at their instants.
func TestTransitionsAreThoseOfTheOracle(t *testing.T) {
	t.Parallel()
	v := virtual(t)
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		v.exec(`truncate contacts, contact_keys, events, event_keys, memberships, clock_cursors, property_dates, buckets, backfills, registries, outbox, decisions`)
		v.set(0)
		o := &oracle{people: map[string]*oraclePerson{}}
		for i := range rapid.IntRange(1, 3).Draw(rt, "buckets") {
			o.buckets = append(o.buckets, drawBucket(rt, fmt.Sprintf("b%d", i)))
		}
		v.register(fmt.Sprint("round ", round), o.buckets...)
		v.settle()
		now := time.Duration(0)
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			now += rapid.SampledFrom([]time.Duration{0, time.Minute, time.Hour, 90 * time.Minute, 5 * time.Hour, 25 * time.Hour}).Draw(rt, "pause") + time.Millisecond
			v.pass(now)
			var batch []ingest.Event
			base := monday.Add(now)
			for _, p := range o.people {
				o.pass(p, base)
			}
			for i := range rapid.IntRange(1, 4).Draw(rt, "batch") {
				name, who := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "name"), rapid.SampledFrom([]string{"ada", "bob"}).Draw(rt, "who")
				received := base.Add(time.Duration(i+1) * time.Microsecond)
				occurred := received
				n := rapid.IntRange(-1, 3).Draw(rt, "n")
				ev := with(user(name, who), fmt.Sprintf(`{"n":%d}`, n))
				if rapid.IntRange(0, 3).Draw(rt, "late") == 0 {
					occurred = base.Add(-rapid.SampledFrom([]time.Duration{time.Minute, time.Hour, 3 * time.Hour, 20 * time.Hour}).Draw(rt, "by"))
					ev.Timestamp = &occurred
				}
				patch := map[string]any{}
				if rapid.IntRange(0, 2).Draw(rt, "patch") == 0 {
					patch["p"] = float64(rapid.IntRange(1, 2).Draw(rt, "p"))
					raw, err := json.Marshal(patch["p"])
					require.NoError(t, err)
					ev.ContactProperties = map[string]json.RawMessage{"p": raw}
				}
				if rapid.IntRange(0, 2).Draw(rt, "dated") == 0 {
					patch["d"] = drawDate(rt, received)
					raw, err := json.Marshal(patch["d"])
					require.NoError(t, err)
					if ev.ContactProperties == nil {
						ev.ContactProperties = map[string]json.RawMessage{}
					}
					ev.ContactProperties["d"] = raw
				}
				batch = append(batch, ev)
				p := o.person(who)
				o.pass(p, received)
				o.event(p, oracleEvent{name, occurred, n}, received, patch)
			}
			v.sendAll(batch...)
		}
		now += 60 * time.Hour
		v.pass(now)
		var want []string
		members := map[string][]string{}
		for _, p := range o.people {
			o.pass(p, monday.Add(now))
			want = append(want, p.told...)
			for id, s := range p.stays {
				members[id] = append(members[id], fmt.Sprintf("%s #%d", p.name, s.epoch))
			}
		}
		got := v.oracleTransitions()
		sort.Strings(want)
		sort.Strings(got)
		require.Equal(rt, strings.Join(want, "\n"), strings.Join(got, "\n"))
		for _, b := range o.buckets {
			slices.Sort(members[b.ID])
			require.ElementsMatch(rt, members[b.ID], v.members(b.ID))
		}
	})
}

// oracleTransitions are the bucket events as the oracle spells them.
func (v *timed) oracleTransitions() []string {
	v.t.Helper()
	rows, err := v.store.Pool.Query(v.t.Context(), `select e.properties ->> 'userId' || ' ' || (e.properties ->> 'transition') || ' ' || (e.properties ->> 'bucketId')
		|| ' #' || (e.properties ->> 'entryCount') || ' ' || (e.properties ->> 'source') || coalesce(' ' || (e.properties ->> 'reason'), ''), e.occurred_at
		from events e where e.source = 'bucket'`)
	require.NoError(v.t, err)
	defer rows.Close()
	var all []string
	for rows.Next() {
		var text string
		var at time.Time
		require.NoError(v.t, rows.Scan(&text, &at))
		all = append(all, fmt.Sprintf("%s %s", text, at.Sub(monday)))
	}
	require.NoError(v.t, rows.Err())
	return all
}

// C-24, W-7: whatever happened, and whenever the clock was away, a member is whoever
// the criteria hold for.
func TestMembersAreWhoTheCriteriaHoldFor(t *testing.T) {
	t.Parallel()
	v := virtual(t)
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		v.exec(`truncate contacts, contact_keys, events, event_keys, memberships, clock_cursors, property_dates, clock_retries, buckets, backfills, registries, outbox, decisions`)
		v.set(0)
		var buckets []hogsend.Bucket
		for i := range rapid.IntRange(1, 3).Draw(rt, "buckets") {
			b := drawBucket(rt, fmt.Sprintf("b%d", i))
			b.MinDwell, b.MaxDwell = 0, 0
			buckets = append(buckets, b)
		}
		v.register(fmt.Sprint("round ", round), buckets...)
		v.settle()
		now := time.Duration(0)
		for range rapid.IntRange(1, 10).Draw(rt, "steps") {
			now += rapid.SampledFrom([]time.Duration{time.Minute, time.Hour, 90 * time.Minute, 5 * time.Hour, 25 * time.Hour}).Draw(rt, "pause") + time.Millisecond
			if rapid.Bool().Draw(rt, "clock") {
				v.pass(now)
			}
			v.set(now)
			ev := user(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "name"), rapid.SampledFrom([]string{"ada", "bob"}).Draw(rt, "who"))
			if rapid.IntRange(0, 2).Draw(rt, "late") == 0 {
				ev = at(ev, monday.Add(now-rapid.SampledFrom([]time.Duration{time.Hour, 3 * time.Hour, 20 * time.Hour}).Draw(rt, "by")))
			}
			if rapid.IntRange(0, 2).Draw(rt, "patch") == 0 {
				ev.ContactProperties = map[string]json.RawMessage{"p": json.RawMessage(rapid.SampledFrom([]string{"1", "2", "null"}).Draw(rt, "p"))}
			}
			if rapid.IntRange(0, 2).Draw(rt, "dated") == 0 {
				raw, err := json.Marshal(drawDate(rt, monday.Add(now)))
				require.NoError(rt, err)
				ev.ContactProperties = map[string]json.RawMessage{"d": raw}
			}
			v.send(ev)
		}
		// Not before the last event, which comes a microsecond behind the clock.
		now += rapid.SampledFrom([]time.Duration{time.Millisecond, 30 * time.Minute, 3 * time.Hour, 60 * time.Hour}).Draw(rt, "until")
		v.set(now)
		v.pass(now)
		for _, b := range buckets {
			got, err := rollout.NewPreview(t.Context(), v.store, rollout.PreviewParams{Criteria: b.Criteria, BucketID: b.ID, Timeout: time.Minute})
			require.NoError(rt, err)
			require.Zero(rt, got.Join, "%s should have members", b.ID)
			require.Zero(rt, got.Leave, "%s should not have members", b.ID)
		}
		require.Zero(rt, v.count(`select count(*) from clock_retries`))
	})
}
