package tests

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/simulate"
	"github.com/hogsend/hogsend/tests/cdnow"
)

// bought is what one person did, as the oracle knows it: plain Go over sorted
// instants, written from the spec and sharing nothing with the product.
type bought struct {
	orders, bulks []time.Time
	largest       float64
	// Of each order: what it cost in cents, and how many CDs it was for.
	cents, cds []int
}

// great are the orders over 50 dollars.
func (b *bought) great() (found []time.Time) {
	for i, at := range b.orders {
		if b.cents[i] > 5000 {
			found = append(found, at)
		}
	}
	return found
}

// spent are the cents of the orders of so many days.
func (b *bought) spent(now time.Time, days int) (sum int) {
	for i, at := range b.orders {
		if !at.Before(now.AddDate(0, 0, -days)) {
			sum += b.cents[i]
		}
	}
	return sum
}

// within counts instants in a window that starts inclusive (C-7).
func within(instants []time.Time, now time.Time, days int) int {
	n := 0
	for _, at := range instants {
		if !at.Before(now.AddDate(0, 0, -days)) {
			n++
		}
	}
	return n
}

// law is a bucket of the proof, in the words of the spec.
type law struct {
	id     string
	holds  func(b *bought, now time.Time) bool
	orders []int // windows on orders, in days
	bulks  []int
	// What makes it a candidate (B-7).
	onOrder, onBulk, onLargest bool

	minDays, maxDays int
	once             bool
	period           int   // days of once-per-period
	after, every     []int // dwell, in days
	// anchor is the historical one of who matches at the beginning (W-27); nil for none.
	anchor func(b *bought) time.Time
}

func laws() []law {
	return []law{
		{
			id: "repeat-buyer", holds: func(b *bought, now time.Time) bool { return within(b.orders, now, 30) >= 2 },
			orders: []int{30}, onOrder: true, anchor: func(b *bought) time.Time { return b.orders[len(b.orders)-1] },
		},
		{
			id: "dormant", holds: func(b *bought, now time.Time) bool { return len(b.orders) > 0 && within(b.orders, now, 60) == 0 },
			orders: []int{60}, onOrder: true, after: []int{14}, every: []int{30},
			anchor: func(b *bought) time.Time { return b.orders[len(b.orders)-1].AddDate(0, 0, 60) },
		},
		{id: "big-spender", holds: func(b *bought, _ time.Time) bool { return b.largest > 100 }, onLargest: true},
		{
			// The floor of C-16: an absence counts for who has ever done one of the two.
			id: "missing", holds: func(b *bought, now time.Time) bool {
				return len(b.orders)+len(b.bulks) > 0 && (within(b.orders, now, 45) == 0 || within(b.bulks, now, 90) == 0)
			},
			orders: []int{45}, bulks: []int{90}, onOrder: true, onBulk: true,
		},
		{
			id: "fresh", holds: func(b *bought, now time.Time) bool { return within(b.orders, now, 20) > 0 },
			orders: []int{20}, onOrder: true, maxDays: 10, every: []int{5}, anchor: func(b *bought) time.Time { return b.orders[len(b.orders)-1] },
		},
		{
			id: "hot", holds: func(b *bought, now time.Time) bool { return within(b.orders, now, 3) > 0 },
			orders: []int{3}, onOrder: true, minDays: 7, anchor: func(b *bought) time.Time { return b.orders[len(b.orders)-1] },
		},
		{
			id: "active", holds: func(b *bought, now time.Time) bool { return within(b.orders, now, 10) > 0 },
			orders: []int{10}, onOrder: true, period: 60, anchor: func(b *bought) time.Time { return b.orders[len(b.orders)-1] },
		},
		{
			id: "occasional", holds: func(b *bought, now time.Time) bool { return len(b.orders) > 0 && within(b.orders, now, 40) <= 1 },
			orders: []int{40}, onOrder: true, minDays: 12, maxDays: 50, once: true, after: []int{50},
		},
	}
}

// detailedLaws are those of the buckets that look into the purchases (C-28, C-29).
func detailedLaws() []law {
	newest := func(instants []time.Time) time.Time { return instants[len(instants)-1] }
	return []law{
		{
			id: "great-order", holds: func(b *bought, now time.Time) bool { return within(b.great(), now, 60) > 0 },
			orders: []int{60}, onOrder: true, anchor: func(b *bought) time.Time { return newest(b.great()) },
		},
		{id: "spender", holds: func(b *bought, now time.Time) bool { return b.spent(now, 90) > 20000 }, orders: []int{90}, onOrder: true},
		{
			id: "thrifty", holds: func(b *bought, now time.Time) bool { return len(b.orders) > 0 && b.spent(now, 120) <= 2001 },
			orders: []int{120}, onOrder: true, minDays: 5,
		},
		{
			id: "varied", holds: func(b *bought, _ time.Time) bool {
				different := map[int]bool{}
				for _, n := range b.cds {
					different[n] = true
				}
				return len(different) > 3
			},
			onOrder: true,
		},
		{
			id: "lapsed", holds: func(b *bought, now time.Time) bool { return len(b.great()) > 0 && within(b.great(), now, 100) == 0 },
			orders: []int{100}, onOrder: true, anchor: func(b *bought) time.Time { return newest(b.great()).AddDate(0, 0, 100) },
		},
	}
}

// sojourn is a stay of the oracle.
type sojourn struct {
	epoch                   int
	anchor, entered         time.Time
	maxAt, leaveAt, dwelled time.Time // zero for none; dwells are told up to dwelled
}

// trial follows one person through one bucket.
type trial struct {
	law    *law
	who    string
	did    bought
	to     time.Time
	passed time.Time
	stay   *sojourn
	epoch  int
	left   time.Time
	told   []simulate.Transition
}

func (p *trial) tell(at time.Time, what string, epoch int) *simulate.Transition {
	p.told = append(p.told, simulate.Transition{At: at, Bucket: p.law.id, Contact: p.who, Transition: what, Epoch: epoch})
	return &p.told[len(p.told)-1]
}

func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

// dwell tells the dwells of the stay that are due before an instant (B-38, B-43).
func (p *trial) dwell(before time.Time) {
	if p.stay == nil {
		return
	}
	one := func(label string, ordinal int, at time.Time) {
		if at.After(p.stay.dwelled) && at.Before(before) {
			t := p.tell(at, "dwell", p.stay.epoch)
			t.Label, t.Ordinal = label, ordinal
		}
	}
	for _, d := range p.law.after {
		one(fmt.Sprintf("after-%d", days(d).Milliseconds()), 1, p.stay.anchor.Add(days(d)))
	}
	for _, d := range p.law.every {
		for k := 1; p.stay.anchor.Add(days(k * d)).Before(before); k++ {
			one(fmt.Sprintf("every-%d", days(d).Milliseconds()), k, p.stay.anchor.Add(days(k*d)))
		}
	}
	p.stay.dwelled = before.Add(-time.Microsecond)
}

func (p *trial) leave(at time.Time, reason string) {
	p.dwell(at) // at one instant the leave wins
	p.tell(at, "left", p.stay.epoch).Reason = reason
	p.stay, p.left = nil, at
}

func (p *trial) enter(at time.Time) {
	muted := p.epoch > 0 && (p.law.once || p.law.period > 0 && at.Sub(p.left) < days(p.law.period)) // B-17
	p.epoch++
	p.stay = &sojourn{epoch: p.epoch, anchor: at, entered: at, dwelled: at}
	if p.law.maxDays > 0 {
		p.stay.maxAt = at.Add(days(p.law.maxDays))
	}
	p.tell(at, "entered", p.epoch).Muted = muted
}

// evaluate is B-8, with B-19 to B-21.
func (p *trial) evaluate(at time.Time) {
	holds := p.law.holds(&p.did, at)
	switch s := p.stay; {
	case s == nil && holds:
		p.enter(at)
	case s == nil:
	case holds:
		s.leaveAt = time.Time{}
	case at.Sub(s.entered) >= days(p.law.minDays):
		p.leave(at, "criteria")
	default:
		s.leaveAt = s.entered.Add(days(p.law.minDays))
	}
}

// pass lets every instant happen up to and with until at which time alone may change
// something (W-2, W-3, B-12, B-20, B-22).
func (p *trial) pass(until time.Time) {
	for {
		next := until.Add(time.Hour)
		for _, list := range []struct {
			instants []time.Time
			windows  []int
		}{{p.did.orders, p.law.orders}, {p.did.bulks, p.law.bulks}} {
			for _, at := range list.instants {
				for _, d := range list.windows {
					if e := at.Add(days(d) + time.Microsecond); e.After(p.passed) && e.Before(next) {
						next = e
					}
				}
			}
		}
		edge := !next.After(until)
		if p.stay != nil {
			for _, due := range []time.Time{p.stay.maxAt, p.stay.leaveAt} {
				if !due.IsZero() && !due.After(next) && !due.After(until) {
					edge = edge && due.Equal(next)
					next = due
				}
			}
		}
		if next.After(until) {
			break
		}
		switch {
		case p.stay != nil && p.stay.maxAt.Equal(next):
			p.leave(next, "maxDwell")
		case edge || p.stay != nil && p.stay.leaveAt.Equal(next):
			p.evaluate(next)
		}
		p.passed = next
	}
	p.passed = until
}

// oracle is what the bucket does to one person between two instants.
func oracle(l *law, who string, events []ingest.Event, amounts []float64, from, to time.Time) []simulate.Transition {
	p := &trial{law: l, who: who, to: to}
	begun := false
	begin := func() {
		begun, p.passed = true, from
		if !l.holds(&p.did, from) {
			return
		}
		p.epoch = 1 // silently
		p.stay = &sojourn{epoch: 1, anchor: from, entered: from, dwelled: from}
		if l.anchor != nil && l.anchor(&p.did).Before(from) {
			p.stay.anchor = l.anchor(&p.did)
		}
		if l.maxDays > 0 {
			p.stay.maxAt = from.Add(days(l.maxDays))
		}
	}
	for i, ev := range events {
		at := *ev.Timestamp
		if at.After(to) {
			break
		}
		if !begun && !at.Before(from) {
			begin()
		}
		if begun {
			p.pass(at)
		}
		candidate := l.onBulk
		if ev.Name == cdnow.Ordered {
			var cents, cds, dollars int
			_, err := fmt.Sscanf(strings.NewReplacer("}", "", "{", "").Replace(string(ev.Properties)), `"cds":%d,"amount":%d`, &cds, &dollars)
			if err != nil {
				panic(err)
			}
			cents = dollars * 100
			if _, fraction, ok := strings.Cut(string(ev.Properties), "."); ok {
				digits := (strings.TrimSuffix(fraction, "}") + "0")[:2]
				cents += int(digits[0]-'0')*10 + int(digits[1]-'0')
			}
			p.did.orders, p.did.cents, p.did.cds = append(p.did.orders, at), append(p.did.cents, cents), append(p.did.cds, cds)
			candidate = l.onOrder || l.onLargest && amounts[i] > p.did.largest
			p.did.largest = max(p.did.largest, amounts[i])
		} else {
			p.did.bulks = append(p.did.bulks, at)
		}
		if begun && candidate {
			p.evaluate(at)
		}
	}
	if !begun {
		begin()
	}
	p.pass(to)
	p.dwell(to.Add(time.Microsecond))
	return p.told
}

// expected is what the oracle says of everybody.
func expected(laws []law, events []ingest.Event, from, to time.Time) []simulate.Transition {
	amounts := map[string][]float64{}
	by := map[string][]ingest.Event{}
	for _, ev := range events {
		var amount float64
		if ev.Name == cdnow.Ordered {
			_, _ = fmt.Sscanf(string(ev.ContactProperties["largestOrder"]), "%g", &amount)
		}
		by[ev.UserID], amounts[ev.UserID] = append(by[ev.UserID], ev), append(amounts[ev.UserID], amount)
	}
	var all []simulate.Transition
	for who, theirs := range by {
		for _, l := range laws {
			all = append(all, oracle(&l, who, theirs, amounts[who], from, to)...)
		}
	}
	return all
}

// spelled are transitions as text, sorted: two lists are one if these are.
func spelled(all []simulate.Transition) []string {
	lines := make([]string, len(all))
	for i, t := range all {
		lines[i] = fmt.Sprintf("%s %s %s %s #%d %s %d %s %t", t.At.UTC().Format("2006-01-02T15:04:05.000000Z"), t.Contact, t.Bucket, t.Transition, t.Epoch, t.Label, t.Ordinal, t.Reason, t.Muted)
	}
	slices.Sort(lines)
	return lines
}

func simulated(t *testing.T, buckets []hogsend.Bucket, events []ingest.Event, from, to time.Time) *simulate.Result {
	t.Helper()
	definitions, err := bucket.DescribeAll(buckets)
	require.NoError(t, err)
	got, err := simulate.Run(t.Context(), dbtest.DB(t), simulate.Params{From: from, To: to, Definitions: definitions, Events: events})
	require.NoError(t, err)
	return got
}

// requireSame compares lists that are too long to print.
func requireSame(t *testing.T, want, got []string) {
	t.Helper()
	missing, extra := difference(want, got), difference(got, want)
	require.Equal(t, "", strings.Join(missing[:min(len(missing), 20)], "\n"), "%d of %d are missing", len(missing), len(want))
	require.Equal(t, "", strings.Join(extra[:min(len(extra), 20)], "\n"), "%d are too many", len(extra))
	require.Len(t, got, len(want))
}

// difference are the lines of a that b lacks.
func difference(a, b []string) (lacking []string) {
	has := map[string]int{}
	for _, line := range b {
		has[line]++
	}
	for _, line := range a {
		if has[line]--; has[line] < 0 {
			lacking = append(lacking, line)
		}
	}
	return lacking
}

// B-59, and the exactness of C-6 to C-16, B-8 to B-23, B-38 to B-45, W-1 to W-6: eighteen
// months of 23,570 real people, simulated, are what the oracle says, one by one.
func TestTheWholeHistoryIsThatOfTheOracle(t *testing.T) {
	t.Parallel()
	all, err := cdnow.Purchases()
	require.NoError(t, err)
	events := cdnow.Events(all)
	from, to := time.Date(1997, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1998, 8, 1, 0, 0, 0, 0, time.UTC)
	began := time.Now()
	got := simulated(t, cdnow.Buckets(), events, from, to)
	t.Logf("%d transitions of %d people in %s", len(got.Transitions), got.People, time.Since(began).Round(time.Millisecond))
	requireSame(t, spelled(expected(laws(), events, from, to)), spelled(got.Transitions))
	require.True(t, slices.IsSortedFunc(got.Transitions, func(a, b simulate.Transition) int { return a.At.Compare(b.At) }))
}

// B-59, W-26, W-27: from the middle of the history on, who matches there is a member
// silently, with the historical anchor.
func TestAHistoryFromItsMiddleIsThatOfTheOracle(t *testing.T) {
	t.Parallel()
	all, err := cdnow.Purchases()
	require.NoError(t, err)
	events := cdnow.Events(slices.DeleteFunc(all, func(p cdnow.Purchase) bool { return !strings.HasSuffix(p.Customer, "7") }))
	from, to := time.Date(1997, 3, 15, 12, 0, 0, 0, time.UTC), time.Date(1998, 3, 1, 12, 0, 0, 0, time.UTC)
	require.True(t, slices.ContainsFunc(events, func(ev ingest.Event) bool { return ev.Timestamp.Equal(from) }), "what happens at the beginning happens after it")
	require.True(t, slices.ContainsFunc(events, func(ev ingest.Event) bool { return ev.Timestamp.Equal(to) }))
	requireSame(t, spelled(expected(laws(), events, from, to)), spelled(simulated(t, cdnow.Buckets(), events, from, to).Transitions))
	requireSame(t, spelled(expected(detailedLaws(), events, from, to)), spelled(simulated(t, cdnow.Detailed(), events, from, to).Transitions))
}

// C-22, C-28, C-29: filters, sums and different values over the whole history, simulated and
// in memory, are what the oracle says, one by one.
func TestConditionsOnPurchasesAreThoseOfTheOracle(t *testing.T) {
	t.Parallel()
	all, err := cdnow.Purchases()
	require.NoError(t, err)
	events := cdnow.Events(all)
	from, to := time.Date(1997, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1998, 8, 1, 0, 0, 0, 0, time.UTC)
	want := expected(detailedLaws(), events, from, to)
	requireSame(t, spelled(want), spelled(simulated(t, cdnow.Detailed(), events, from, to).Transitions))
	var free []simulate.Transition // memory is asked for the criteria alone
	for _, one := range want {
		if one.Bucket != "thrifty" {
			free = append(free, one)
		}
	}
	requireSame(t, spelled(free), spelled(inMemory(t, events, to)))
}

// inMemory are the transitions that criteria make of events, evaluated in memory whenever an
// event comes or one leaves a window.
func inMemory(t *testing.T, events []ingest.Event, to time.Time) (told []simulate.Transition) {
	t.Helper()
	by := map[string][]ingest.Event{}
	for _, ev := range events {
		by[ev.UserID] = append(by[ev.UserID], ev)
	}
	for _, b := range cdnow.Detailed() {
		if b.MinDwell > 0 {
			continue
		}
		windows := criteria.FactsOf(b.Criteria).Windows
		for who, theirs := range by {
			var h criteria.History
			member, epoch, at := false, 0, time.Time{}
			look := func(now time.Time) {
				if at = now; h.Holds(b.Criteria, now) == member {
					return
				}
				one := simulate.Transition{At: now, Bucket: b.ID, Contact: who, Transition: "left", Epoch: epoch, Reason: "criteria"}
				if member = !member; member {
					epoch++
					one.Transition, one.Epoch, one.Reason = "entered", epoch, ""
				}
				told = append(told, one)
			}
			pass := func(until time.Time) {
				for next := h.NextEdge(windows, at); !next.IsZero() && !next.After(until); next = h.NextEdge(windows, at) {
					look(next)
				}
			}
			for _, ev := range theirs {
				pass(*ev.Timestamp)
				values, err := criteria.ParseValues(ev.Properties)
				require.NoError(t, err)
				h.Add(ev.Name, *ev.Timestamp, values)
				look(*ev.Timestamp)
			}
			pass(to)
		}
	}
	return told
}
