package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// check is one evaluation of one bucket for one contact as of an instant.
type check struct {
	segment *segment
	at      time.Time
	kind    checkKind
	// stay is what a due check is about: it is void when that stay has ended.
	stay *bucket.Stay
	// known is set when holds needs no statement; moot when there is nothing to do.
	known, holds, moot bool
	// again is set for one of several checks of a bucket: what an earlier one does
	// decides what there is to do, not what is stored.
	again bool
	// settles is set for a stay that ended by its age before a silent settling: it ends
	// as silently (B-52).
	settles bool
	// anchor is the historical anchor of a stay made by settling (W-27).
	anchor time.Time
}

type checkKind int

const (
	checkOwn    checkKind = iota // by what the item itself changed
	checkDue                     // a stay is too old, or a leave was held back until now (B-12)
	checkSettle                  // a new or changed definition (W-22)
	checkEdge                    // the edge of a window (W-3)
)

// nextWave takes the items that can be applied together: no item that buckets look
// at is behind another one of its contact, so that its statements see what came
// before and nothing of what comes after (I-17). Behind a merge begins a new wave.
func (t *transaction) nextWave(items []*item) (ready, rest []*item) {
	concerned := map[*person]bool{}
	for i, it := range items {
		if len(it.verdict.merges) > 0 {
			if len(ready) == 0 && len(rest) == 0 {
				return items[:1], items[1:]
			}
			return ready, append(rest, items[i:]...)
		}
		p := it.verdict.person.survivor()
		if concerned[p] {
			rest = append(rest, it)
			continue
		}
		ready = append(ready, it)
		if t.concerns(it) {
			concerned[p] = true
		}
	}
	return ready, rest
}

// concerns reports whether a bucket may look at the item. It may say so too often.
func (t *transaction) concerns(it *item) bool {
	l := t.catalog.segments
	if len(l.all) == 0 {
		return false
	}
	return it.kind != kindEvent || it.verdict.created || it.verdict.revived || len(it.verdict.person.survivor().stays) > 0 || len(l.settling) > 0 ||
		len(l.byEvent[it.event.Name]) > 0 || slices.ContainsFunc(l.properties, func(key string) bool {
		_, written := it.event.ContactProperties[key]
		return written
	})
}

// judge finds out what the criteria say that the items of a wave concern: before
// each item as of the instants that have passed by then, and with the item. The
// events of the wave are written for that.
func (t *transaction) judge(ctx context.Context, wave []*item) error {
	if t.ingester.watch == nil { // in a simulation no edge comes after what is newer
		if err := t.recall(ctx, wave); err != nil {
			return err
		}
	}
	before, own := evaluations{segments: t.catalog.segments}, evaluations{segments: t.catalog.segments}
	for _, it := range wave {
		p := it.verdict.person
		it.before, it.own = nil, nil
		if it.verdict.dead {
			continue
		}
		it.before, it.own = t.passed(it), t.candidates(it)
		if t.ingester.watch == nil { // a simulation takes one at a time
			it.repeat()
		}
		before.add(p, nil, it.before)
		own.add(p, it.patch(), it.own)
	}
	if !before.any && !own.any {
		return nil
	}
	var p store.Pipeline
	t.flush(ctx, &p)
	before.queue(ctx, &p)
	if own.any {
		for _, it := range wave {
			if it.flow != nil {
				t.wave.changes.event(it.flow)
				it.flow.written = true
			}
			t.wave.changes.writes = append(t.wave.changes.writes, it.writes...)
			it.wrote = true
		}
		t.flush(ctx, &p)
	}
	own.queue(ctx, &p)
	if err := t.conn.Send(ctx, &p); err != nil {
		return fmt.Errorf("evaluate buckets: %w", err)
	}
	if t.ingester.watch != nil {
		for _, it := range wave {
			it.stop()
		}
	}
	return t.prepare(ctx, wave)
}

// repeat notes where several checks of the item are of one bucket.
func (it *item) repeat() {
	seen := map[*segment]*check{}
	for _, checks := range [][]*check{it.before, it.own} {
		for _, c := range checks {
			if first := seen[c.segment]; first != nil {
				first.again, c.again = true, true
			}
			seen[c.segment] = c
		}
	}
}

// recall finds out how far buckets have been evaluated for the contacts of passed
// edges: no edge undoes what a newer event or stay decided (W-6). Members that stay
// leave no trace in the database, so that their newest event tells.
func (t *transaction) recall(ctx context.Context, wave []*item) error {
	var (
		p               store.Pipeline
		newest          []storedb.ClockNewestRow
		contacts, about []uuid.UUID
		buckets, events []string
		edges           []time.Time
		places          []int32
		heard           []*Edge
	)
	for _, it := range wave {
		who := it.verdict.person
		for i := range it.edges {
			edge := &it.edges[i]
			g := t.catalog.segments.byID[edge.BucketID]
			if g == nil || !g.on {
				continue
			}
			contacts, buckets = append(contacts, who.id), append(buckets, edge.BucketID)
			edge.newest = time.Time{}
			if len(g.facts.Properties) > 0 && who.wrote.After(edge.At) {
				edge.newest = who.wrote
			}
			heard = append(heard, edge)
			for _, name := range g.facts.Events {
				places, about = append(places, int32(len(heard)-1)), append(about, who.id) //nolint:gosec // bounded by the chunk
				events, edges = append(events, name), append(edges, edge.At)
			}
		}
	}
	if len(contacts) == 0 {
		return nil
	}
	stays, past := t.loadStays(ctx, &p, contacts, buckets), t.loadPast(ctx, &p, contacts, buckets)
	p.Add(func(q *storedb.Queries) (err error) {
		newest, err = q.ClockNewest(ctx, storedb.ClockNewestParams{Places: places, ContactIds: about, EventNames: events, Edges: edges})
		return err
	})
	if err := t.conn.Send(ctx, &p); err != nil {
		return fmt.Errorf("read newest evaluations: %w", err)
	}
	if err := stays(); err != nil {
		return err
	}
	past()
	for _, row := range newest {
		heard[row.Place].newest = later(heard[row.Place].newest, row.ReceivedAt)
	}
	return nil
}

// loadPast reads what is left of the stays of each contact in each bucket.
func (t *transaction) loadPast(ctx context.Context, p *store.Pipeline, contacts []uuid.UUID, buckets []string) func() {
	var rows []storedb.BucketsPastRow
	if len(contacts) > 0 {
		p.Add(func(q *storedb.Queries) (err error) { rows, err = q.BucketsPast(ctx, contacts, buckets); return err })
	}
	return func() {
		for _, row := range rows {
			who := t.plan.people[row.ContactID]
			if _, known := who.pasts[row.BucketID]; known {
				continue // changed in this transaction
			}
			who.remember(row.BucketID, bucket.Past{Epoch: int(row.Epoch), Left: row.LeftAt, Evaluated: row.EvaluatedAt})
		}
	}
}

// loadStays reads the active stays of contacts in buckets.
func (t *transaction) loadStays(ctx context.Context, p *store.Pipeline, contacts []uuid.UUID, buckets []string) func() error {
	var rows []storedb.BucketsStaysRow
	if len(contacts) > 0 {
		p.Add(func(q *storedb.Queries) (err error) { rows, err = q.BucketsStays(ctx, contacts, buckets); return err })
	}
	return func() error { return t.spreadStays(rows) }
}

// evaluated is the latest evaluation of the bucket that is known for the contact.
func (p *person) evaluated(g *segment) time.Time {
	if s := p.stay(g.ID); s != nil {
		return s.Evaluated
	}
	return p.pasts[g.ID].Evaluated
}

// passed are the instants of the contact that time alone has reached before the
// item, in order, leaves first: stays that are too old and leaves held back (B-12),
// and definitions that it was not settled for (W-22).
func (t *transaction) passed(it *item) []*check {
	p, now := it.verdict.person, t.instant(it)
	if it.kind == kindTick && it.when.IsZero() {
		now = t.now // its place in the batch makes it no later: edges may come first
	}
	var checks []*check
	for _, edge := range it.edges {
		if g := t.catalog.segments.byID[edge.BucketID]; g != nil && g.on {
			checks = append(checks, &check{segment: g, at: later(later(edge.At, edge.newest), p.evaluated(g)), kind: checkEdge})
		}
	}
	for _, s := range p.stays {
		g := t.catalog.segments.byID[s.BucketID]
		if g == nil || !g.on || !t.looksAt(g) {
			continue
		}
		if at, byAge := s.Due(); !at.IsZero() && !at.After(now) {
			settles := g.settling != nil && g.settling.mode.SilentLeaves && !at.After(g.settling.at) && t.unsettled(p, g)
			checks = append(checks, &check{segment: g, at: at, kind: checkDue, stay: s, known: byAge, settles: settles})
		}
	}
	for _, g := range t.catalog.segments.settling {
		if t.looksAt(g) && t.unsettled(p, g) {
			checks = append(checks, &check{segment: g, at: later(g.settling.at, p.evaluated(g)), kind: checkSettle})
		}
	}
	slices.SortStableFunc(checks, func(a, b *check) int {
		if c := a.at.Compare(b.at); c != 0 {
			return c
		}
		if c := strings.Compare(a.segment.ID, b.segment.ID); c != 0 {
			return c
		}
		return a.rank() - b.rank()
	})
	// What comes for one bucket at one instant is one evaluation (W-3).
	return slices.CompactFunc(checks, func(a, b *check) bool { return a.segment == b.segment && a.at.Equal(b.at) })
}

// rank orders what comes for one bucket at one instant: the greatest age wins (B-22).
func (c *check) rank() int {
	switch {
	case c.kind == checkDue && c.known:
		return 0
	case c.kind == checkDue:
		return 1
	case c.kind == checkSettle:
		return 2
	}
	return 3
}

// unsettled reports whether a backfill has still to come to the contact.
func (t *transaction) unsettled(p *person, g *segment) bool {
	f := g.settling
	position, open := t.positions[f.id]
	return open && p.inserted && !p.createdAt.After(f.at) && !less(p.id, position) && p.id != position &&
		!t.settled[settledKey{p.id, g.ID, f.generation}]
}

// looksAt reports whether the transaction cares for what time has brought in a
// bucket: a chunk of a backfill cares for its own bucket only.
func (t *transaction) looksAt(g *segment) bool {
	return t.chunk == nil || g.settling != nil && g.settling.id == t.chunk.backfill
}

type settledKey struct {
	contactID  uuid.UUID
	bucketID   string
	generation int
}

// candidates are the buckets that what the item changes may move the contact into or
// out of, by bucket id (B-7).
func (t *transaction) candidates(it *item) []*check {
	l := t.catalog.segments
	found := map[*segment]bool{} // whether the answer is known
	name := func(list []*segment) {
		for _, g := range list {
			found[g] = false
		}
	}
	if it.kind == kindEvent {
		name(l.byEvent[it.event.Name])
	}
	for key, value := range it.event.ContactProperties {
		if list := l.byProperty[key]; len(list) > 0 && it.verdict.person.changes(key, value) {
			name(list)
		}
	}
	switch {
	case it.verdict.revived || len(it.verdict.merges) > 0:
		for _, g := range l.all {
			if g.on {
				found[g] = false
			}
		}
	case it.verdict.created:
		for _, g := range l.blank {
			if _, named := found[g]; !named {
				found[g] = true
			}
		}
	}
	if it.template != "" {
		name(l.byTemplate[it.template])
	}
	now := t.instant(it)
	checks := make([]*check, 0, len(found))
	for g, known := range found {
		checks = append(checks, &check{segment: g, at: now, known: known, holds: known})
	}
	slices.SortFunc(checks, func(a, b *check) int { return strings.Compare(a.segment.ID, b.segment.ID) })
	return checks
}

// changes reports whether a write gives the property another value (B-7).
func (p *person) changes(key string, value json.RawMessage) bool {
	var was, will any
	stored, there := p.known[key]
	if there && json.Unmarshal(stored, &was) != nil || json.Unmarshal(value, &will) != nil {
		return true
	}
	return !reflect.DeepEqual(was, will) // null and missing are one
}

// patch is what the item writes into the properties; nil for nothing.
func (it *item) patch() json.RawMessage {
	if len(it.event.ContactProperties) == 0 {
		return nil
	}
	body, err := json.Marshal(it.event.ContactProperties)
	if err != nil {
		return json.RawMessage(err.Error()) // Postgres refuses it
	}
	return body
}

// evaluations are checks by the sets of buckets that concern a contact at once, each
// with the columns of the statement that decides them.
type evaluations struct {
	segments *segments
	groups   map[string]*evaluationGroup
	any      bool // there is a check, known or not
}

type evaluationGroup struct {
	rowsOf
	buckets []*segment
	checks  [][]*check // by place
}

// add takes the checks of a contact; patch is nil, or what is about to be written.
func (e *evaluations) add(p *person, patch json.RawMessage, checks []*check) {
	e.any = e.any || len(checks) > 0
	var open []*check
	for i, c := range checks {
		if !c.known {
			c.moot = true // until the statement says otherwise
			open = append(open, c)
		}
		if len(open) > 0 && (i == len(checks)-1 || !checks[i+1].at.Equal(c.at)) {
			e.row(p, patch, open)
			open = nil
		}
	}
}

// row adds the checks of one contact at one instant.
func (e *evaluations) row(p *person, patch json.RawMessage, checks []*check) {
	patched := patch != nil && slices.ContainsFunc(checks, func(c *check) bool { return len(c.segment.facts.Properties) > 0 })
	key := strconv.FormatBool(patched)
	for _, c := range checks {
		key += " " + c.segment.ID
	}
	g := e.groups[key]
	if g == nil {
		g = &evaluationGroup{}
		for _, c := range checks {
			g.buckets = append(g.buckets, c.segment)
		}
		if e.groups == nil {
			e.groups = map[string]*evaluationGroup{}
		}
		e.groups[key] = g
	}
	g.places = append(g.places, int32(len(g.checks))) //nolint:gosec // bounded by the batch
	g.checks = append(g.checks, checks)
	g.contacts = append(g.contacts, p.id)
	g.instants = append(g.instants, checks[0].at)
	g.always = append(g.always, slices.ContainsFunc(checks, func(c *check) bool { return c.again }))
	if patched {
		g.patches = append(g.patches, patch)
	}
}

func (e *evaluations) queue(ctx context.Context, p *store.Pipeline) {
	for _, key := range slices.Sorted(maps.Keys(e.groups)) {
		g := e.groups[key]
		s := e.segments.statement(g.buckets, g.patches != nil)
		p.AddRows(ctx, s.sql, s.arguments(&g.rowsOf), func(rows pgx.Rows) error {
			verdicts, err := collectVerdicts(rows, nil)
			for i := range verdicts {
				v := &verdicts[i]
				for k, c := range g.checks[v.place] {
					c.holds = v.holds[k]
					c.moot = !c.again && c.holds == slices.Contains(v.active, c.segment.ID) && !slices.Contains(v.held, c.segment.ID)
				}
			}
			return err
		})
	}
}

// prepare reads what the transitions to come need: earlier stays, and what listens
// to the bucket events. Most waves have none.
func (t *transaction) prepare(ctx context.Context, wave []*item) error {
	var (
		p        store.Pipeline
		contacts []uuid.UUID
		buckets  []string
		names    = map[string]bool{}
		anchored = map[*segment][]anchoring{}
	)
	for _, it := range wave {
		for _, c := range slices.Concat(it.before, it.own) {
			who := it.verdict.person
			if c.moot {
				continue
			}
			if who.inserted {
				contacts, buckets = append(contacts, who.id), append(buckets, c.segment.ID)
			}
			names[c.segment.Entered()], names[c.segment.Left()] = true, true
			names[hogsend.AnyEntered], names[hogsend.AnyLeft] = true, true
			if c.kind == checkSettle && c.holds {
				anchored[c.segment] = append(anchored[c.segment], anchoring{who.id, c})
			}
		}
	}
	if len(names) == 0 {
		return nil
	}
	stays := t.loadStays(ctx, &p, contacts, buckets)
	past := t.loadPast(ctx, &p, contacts, buckets)
	queueAnchors(ctx, &p, anchored)
	more := t.loadMore(ctx, &p, slices.Sorted(maps.Keys(names)))
	if err := t.conn.Send(ctx, &p); err != nil {
		return fmt.Errorf("read stays: %w", err)
	}
	if err := stays(); err != nil {
		return err
	}
	past()
	more()
	return nil
}

// anchoring is a join by settling whose historical anchor is to be found.
type anchoring struct {
	contactID uuid.UUID
	check     *check
}

// queueAnchors reads the historical anchors of stays to be made by settling (W-27).
func queueAnchors(ctx context.Context, p *store.Pipeline, anchored map[*segment][]anchoring) {
	for g, list := range anchored {
		if g.facts.Anchor.Event == "" {
			continue
		}
		places, contacts := make([]int32, len(list)), make([]uuid.UUID, len(list))
		for i := range list {
			places[i], contacts[i] = int32(i), list[i].contactID //nolint:gosec // bounded by the chunk
		}
		p.Add(func(q *storedb.Queries) error {
			rows, err := q.BucketsAnchors(ctx, places, contacts, g.facts.Anchor.Event)
			for _, row := range rows {
				list[row.Place].check.anchor = row.OccurredAt.Add(g.facts.Anchor.Plus)
			}
			return err
		})
	}
}

func (p *person) remember(bucketID string, past bucket.Past) {
	if p.pasts == nil {
		p.pasts = map[string]bucket.Past{}
	}
	p.pasts[bucketID] = past
}

// begin puts a stay in its place among the active ones.
func (p *person) begin(s *bucket.Stay) {
	i, _ := slices.BinarySearchFunc(p.stays, s.BucketID, func(o *bucket.Stay, id string) int { return strings.Compare(o.BucketID, id) })
	p.stays = slices.Insert(p.stays, i, s)
}

// stay is the contact's active stay in a bucket; nil for none.
func (p *person) stay(bucketID string) *bucket.Stay {
	for _, s := range p.stays {
		if s.BucketID == bucketID {
			return s
		}
	}
	return nil
}

// spreadStays hands active stays to their contacts.
func (t *transaction) spreadStays(rows []storedb.BucketsStaysRow) error {
	for i := range rows {
		row := &rows[i]
		s := &bucket.Stay{
			ID: row.ID, BucketID: row.BucketID, Epoch: int(row.Epoch), Entered: row.EnteredAt, Anchor: row.AnchorAt,
			MaxDwellAt: instant(row.MaxDwellAt), Evaluated: row.LastEvaluatedAt, Muted: row.Muted,
		}
		if !bytes.Equal(row.Fired, emptyObject) {
			if err := json.Unmarshal(row.Fired, &s.Fired); err != nil {
				return fmt.Errorf("read fired ordinals of stay %s: %w", row.ID, err)
			}
		}
		if row.LeaveAt != nil {
			s.Leave = &bucket.Deferred{At: *row.LeaveAt, Silent: row.LeaveSilent, Reason: text(row.LeaveReason)}
		}
		if c := t.plan.people[row.ContactID]; c.stay(s.BucketID) == nil { // it may be overdue and looked at
			c.begin(s)
		}
	}
	return nil
}

// foresee judges an event that the steps of another one caused: it was not known
// when its wave was judged. What the wave has decided until then is written first.
func (t *transaction) foresee(ctx context.Context, e *flow) ([]*check, error) {
	var (
		p       store.Pipeline
		caused  = evaluations{segments: t.catalog.segments}
		checks  []*check
		current = &item{verdict: *e.verdict}
	)
	for _, g := range t.catalog.segments.byEvent[e.name] {
		checks = append(checks, &check{segment: g, at: t.wave.now})
	}
	caused.add(e.person, nil, checks)
	t.flush(ctx, &p)
	caused.queue(ctx, &p)
	if err := t.conn.Send(ctx, &p); err != nil {
		return nil, fmt.Errorf("evaluate buckets: %w", err)
	}
	current.verdict.person, current.own = e.person, checks
	return checks, t.prepare(ctx, []*item{current})
}
