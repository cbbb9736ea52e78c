package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// changes is what a wave has decided and not yet written, in the columns of the
// statements that write it.
type changes struct {
	virtual   bool // people bear the instants of a simulation
	events    storedb.IngestEventsInsertParams
	keys      storedb.IngestInternalKeysInsertParams
	matched   storedb.IngestWaitsMatchParams
	ended     storedb.IngestEnrollmentsEndParams
	enrolled  storedb.IngestEnrollmentsInsertParams
	decisions storedb.IngestDecisionsInsertParams
	logs      storedb.IngestStepLogsInsertParams
	outbox    storedb.IngestOutboxInsertParams
	nodes     []standing
	joined    storedb.BucketsStaysInsertParams
	left      storedb.BucketsStaysEndParams
	stayed    storedb.BucketsStaysEvaluateParams
	settled   struct {
		BucketIds   []string
		Generations []int32
		ContactIds  []uuid.UUID
	}
	tallies map[uuid.UUID]*tally // by backfill
	fired   []fire
	writes  []Write
	// people are the contacts with something to write, once each.
	people []*person
}

// standing is the node at which an enrollment stands now.
type standing struct {
	enrollmentID uuid.UUID
	node         string
}

// tally counts what settling did.
type tally struct{ joined, left int64 }

var emptyObject = json.RawMessage("{}")

func (c *changes) event(e *flow) {
	if e.written {
		return
	}
	value := math.NaN()
	if e.value != nil {
		value = *e.value
	}
	p := &c.events
	p.Ids = append(p.Ids, e.id)
	p.ContactIds = append(p.ContactIds, e.person.id)
	p.Names = append(p.Names, e.name)
	p.Properties = append(p.Properties, e.properties)
	p.EventValues = append(p.EventValues, value)
	p.Currencies = append(p.Currencies, e.currency)
	p.Sources = append(p.Sources, e.source)
	p.Hops = append(p.Hops, int16(min(e.hops, math.MaxInt16))) //nolint:gosec // bounded
	p.Conflicts = append(p.Conflicts, e.conflict)
	p.Occurred = append(p.Occurred, e.occurred)
	p.Received = append(p.Received, e.received)
}

func (c *changes) internalKey(key string, e *flow) {
	c.keys.Keys = append(c.keys.Keys, key)
	c.keys.EventIds = append(c.keys.EventIds, e.id)
	c.keys.ContactIds = append(c.keys.ContactIds, e.person.id)
}

// match closes a wait by an event, the one at that place if the wait is for several.
func (c *changes) match(waitID uuid.UUID, e *flow, place int) {
	c.matched.Ids = append(c.matched.Ids, waitID)
	c.matched.EventIds = append(c.matched.EventIds, e.id)
	c.matched.Places = append(c.matched.Places, int16(place)) //nolint:gosec // at most 20 (J-130)
}

// end notes the end of an enrollment. One that is still to be inserted is inserted
// as ended: its row must not be in the way of the next one.
func (c *changes) end(id uuid.UUID, end End) {
	if i := slices.Index(c.enrolled.Ids, id); i >= 0 {
		c.enrolled.ExitReasons[i] = string(end.Reason)
		return
	}
	c.ended.Ids = append(c.ended.Ids, id)
	c.ended.Statuses = append(c.ended.Statuses, string(end.Status))
	c.ended.Errors = append(c.ended.Errors, end.Error)
	c.ended.Reasons = append(c.ended.Reasons, string(end.Reason))
}

func (c *changes) decide(e *flow, j *hogsend.Journey, reason contract.GuardReason, enrollmentID uuid.UUID, detail json.RawMessage) {
	if detail == nil {
		detail = emptyObject
	}
	p := &c.decisions
	p.Ids = append(p.Ids, newID())
	p.Instants = append(p.Instants, e.received)
	p.ContactIds = append(p.ContactIds, e.person.id)
	kind := "enrollment"
	if j.Reaction != nil {
		kind = "reaction"
	}
	p.Types = append(p.Types, kind)
	p.JourneyIds = append(p.JourneyIds, j.ID)
	p.EventIds = append(p.EventIds, e.id)
	p.EventNames = append(p.EventNames, e.name)
	p.Reasons = append(p.Reasons, string(reason))
	p.EnrollmentIds = append(p.EnrollmentIds, enrollmentID)
	p.Details = append(p.Details, detail)
}

func (c *changes) join(p *person, s *bucket.Stay, source bucket.Source) {
	j := &c.joined
	j.Ids = append(j.Ids, s.ID)
	j.BucketIds = append(j.BucketIds, s.BucketID)
	j.ContactIds = append(j.ContactIds, p.id)
	j.Epochs = append(j.Epochs, int32(s.Epoch)) //nolint:gosec // counts stays
	j.Sources = append(j.Sources, string(source))
	j.Muted = append(j.Muted, s.Muted)
	j.Entered = append(j.Entered, s.Entered)
	j.Anchors = append(j.Anchors, s.Anchor)
	j.MaxDwells = append(j.MaxDwells, s.MaxDwellAt)
	j.Lefts, j.Reasons = append(j.Lefts, time.Time{}), append(j.Reasons, "")
}

// leave ends a stay, also one that is still to be stored: a contact may enter and
// leave several times in one transaction (W-7).
func (c *changes) leave(s *bucket.Stay, at time.Time, reason string) {
	if i := slices.Index(c.joined.Ids, s.ID); i >= 0 {
		c.joined.Lefts[i], c.joined.Reasons[i] = at, reason
		return
	}
	c.left.Ids = append(c.left.Ids, s.ID)
	c.left.Lefts = append(c.left.Lefts, at)
	c.left.Reasons = append(c.left.Reasons, reason)
}

// tally counts the transitions of a backfill (W-30).
func (c *changes) tally(d *transition, joined, left int64) {
	if d.mode.Source != bucket.SourceBackfill || d.segment.settling == nil {
		return
	}
	if c.tallies == nil {
		c.tallies = map[uuid.UUID]*tally{}
	}
	n := c.tallies[d.segment.settling.id]
	if n == nil {
		n = &tally{}
		c.tallies[d.segment.settling.id] = n
	}
	n.joined, n.left = n.joined+joined, n.left+left
}

// evaluated notes that a member stays, with or without a leave held back.
func (c *changes) evaluated(s *bucket.Stay) {
	var leave bucket.Deferred
	if s.Leave != nil {
		leave = *s.Leave
	}
	e := &c.stayed
	if i := slices.Index(e.Ids, s.ID); i >= 0 {
		e.Instants[i], e.Leaves[i], e.LeaveReasons[i], e.Silents[i] = s.Evaluated, leave.At, leave.Reason, leave.Silent
		return
	}
	e.Ids = append(e.Ids, s.ID)
	e.Instants = append(e.Instants, s.Evaluated)
	e.Leaves = append(e.Leaves, leave.At)
	e.LeaveReasons = append(e.LeaveReasons, leave.Reason)
	e.Silents = append(e.Silents, leave.Silent)
}

func (c *changes) log(enrollmentID uuid.UUID, stepKey, action, from, to string, detail any) error {
	body, err := json.Marshal(detail)
	if err != nil {
		return fmt.Errorf("encode log detail: %w", err)
	}
	p := &c.logs
	p.EnrollmentIds = append(p.EnrollmentIds, enrollmentID)
	p.StepKeys = append(p.StepKeys, stepKey)
	p.Actions = append(p.Actions, action)
	p.FromNodes = append(p.FromNodes, from)
	p.ToNodes = append(p.ToNodes, to)
	p.Details = append(p.Details, body)
	return nil
}

// tell queues an outbox row. Rows of one contact are delivered in order.
func (c *changes) tell(contactID, eventID uuid.UUID, kind contract.OutboxKind, key string, payload any) error {
	return c.tellAt(contactID, eventID, kind, key, payload, time.Time{})
}

// tellAt queues an outbox row that is not delivered before an instant.
func (c *changes) tellAt(contactID, eventID uuid.UUID, kind contract.OutboxKind, key string, payload any, at time.Time) error {
	body, err := json.Marshal(payload)
	if err != nil {
		return fmt.Errorf("encode %s payload: %w", kind, err)
	}
	p := &c.outbox
	p.Ids = append(p.Ids, newID())
	p.ContactIds = append(p.ContactIds, contactID)
	p.EventIds = append(p.EventIds, eventID)
	p.Destinations = append(p.Destinations, kind.Destination())
	p.Kinds = append(p.Kinds, string(kind))
	p.Keys = append(p.Keys, key)
	p.Payloads = append(p.Payloads, body)
	p.Dues = append(p.Dues, at)
	return nil
}

// queue adds the statements that write the changes, in the order in which they
// refer to each other.
func (c *changes) queue(ctx context.Context, p *store.Pipeline, now time.Time, buildID string) {
	exec := func(columns int, step func(q *storedb.Queries) error) {
		if columns > 0 {
			p.Add(step)
		}
	}
	c.queuePeople(ctx, p, now)
	for _, write := range c.writes {
		p.Add(write)
	}
	c.matched.Now, c.keys.Now, c.ended.Now, c.enrolled.Now, c.logs.Now, c.outbox.Now = now, now, now, now, now, now
	c.enrolled.BuildID, c.logs.BuildID = buildID, buildID
	exec(len(c.events.Ids), func(q *storedb.Queries) error { return q.IngestEventsInsert(ctx, c.events) })
	exec(len(c.keys.Keys), func(q *storedb.Queries) error { return q.IngestInternalKeysInsert(ctx, c.keys) })
	exec(len(c.matched.Ids), func(q *storedb.Queries) error {
		n, err := q.IngestWaitsMatch(ctx, c.matched)
		return written("match waits", n, len(c.matched.Ids), err)
	})
	exec(len(c.ended.Ids), func(q *storedb.Queries) error {
		n, err := q.IngestEnrollmentsEnd(ctx, c.ended)
		return written("end enrollments", n, len(c.ended.Ids), err)
	})
	exec(len(c.ended.Ids), func(q *storedb.Queries) error {
		return q.IngestWaitsClose(ctx, now, c.ended.Ids)
	})
	exec(len(c.enrolled.Ids), func(q *storedb.Queries) error { return q.IngestEnrollmentsInsert(ctx, c.enrolled) })
	for _, node := range c.nodes {
		p.Add(func(q *storedb.Queries) error { return q.IngestEnrollmentsNode(ctx, node.node, now, node.enrollmentID) })
	}
	c.queueStays(ctx, p, now)
	exec(len(c.decisions.Ids), func(q *storedb.Queries) error { return q.IngestDecisionsInsert(ctx, c.decisions) })
	exec(len(c.logs.StepKeys), func(q *storedb.Queries) error { return q.IngestStepLogsInsert(ctx, c.logs) })
	exec(len(c.outbox.Ids), func(q *storedb.Queries) error { return q.IngestOutboxInsert(ctx, c.outbox) })
}

// queueStays writes first what ends: a stay must not be in the way of the next one.
func (c *changes) queueStays(ctx context.Context, p *store.Pipeline, now time.Time) {
	c.joined.Now, c.left.Now = now, now
	for _, f := range c.fired {
		p.Add(func(q *storedb.Queries) error {
			n, err := q.BucketsStaysFire(ctx, storedb.BucketsStaysFireParams{ID: f.stayID, Label: f.label, Ordinal: int32(f.ordinal), Now: now}) //nolint:gosec // counts fires
			return written("fire dwell", n, 1, err)
		})
	}
	if len(c.left.Ids) > 0 {
		p.Add(func(q *storedb.Queries) error {
			n, err := q.BucketsStaysEnd(ctx, c.left)
			return written("end stays", n, len(c.left.Ids), err)
		})
	}
	if len(c.joined.Ids) > 0 {
		p.Add(func(q *storedb.Queries) error { return q.BucketsStaysInsert(ctx, c.joined) })
	}
	if len(c.stayed.Ids) > 0 {
		p.Add(func(q *storedb.Queries) error { return q.BucketsStaysEvaluate(ctx, c.stayed) })
	}
	if s := c.settled; len(s.BucketIds) > 0 {
		p.Add(func(q *storedb.Queries) error {
			return q.BucketsSettledInsert(ctx, s.BucketIds, s.Generations, s.ContactIds)
		})
	}
	// In one order: two transactions that count for the same backfills must not wait
	// for each other.
	for _, id := range slices.SortedFunc(maps.Keys(c.tallies), func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }) {
		n := c.tallies[id]
		p.Add(func(q *storedb.Queries) error {
			return q.BackfillsTally(ctx, storedb.BackfillsTallyParams{ID: id, Joined: n.joined, LeftCount: n.left, Now: now})
		})
	}
}

// written checks that a statement under the contacts' locks found what was read there.
func written(what string, n int64, want int, err error) error {
	if err == nil && n != int64(want) {
		return fmt.Errorf("%s: %d of %d rows were as read: %w", what, n, want, errStale)
	}
	return err
}

// checked reports whether the statements must be seen to have succeeded before the
// commit: only the reader of their results knows.
func (c *changes) checked() bool {
	return len(c.matched.Ids) > 0 || len(c.ended.Ids) > 0 || len(c.left.Ids) > 0 || len(c.fired) > 0
}

func (c *changes) queuePeople(ctx context.Context, p *store.Pipeline, now time.Time) {
	var inserts storedb.IngestContactsInsertParams
	var updates storedb.IngestContactsUpdateParams
	var seen struct {
		ids         []uuid.UUID
		first, last []time.Time
	}
	virtual := c.virtual
	for _, c := range c.people {
		patch := c.patchJSON()
		created, wrote := instantOf(now, c.createdAs), instantOf(now, c.wroteAs)
		if virtual {
			created, wrote = c.createdAt, c.wrote
		}
		switch {
		case !c.inserted:
			inserts.Ids = append(inserts.Ids, c.id)
			inserts.ExternalIds = append(inserts.ExternalIds, c.externalID)
			inserts.AnonymousIds = append(inserts.AnonymousIds, c.anonymousID)
			inserts.Emails = append(inserts.Emails, c.email)
			inserts.EmailKeys = append(inserts.EmailKeys, c.emailKey)
			inserts.Patches = append(inserts.Patches, patch)
			inserts.Erases = append(inserts.Erases, c.erases)
			inserts.FirstSeen = append(inserts.FirstSeen, c.firstSeen)
			inserts.LastSeen = append(inserts.LastSeen, c.lastSeen)
			inserts.Created = append(inserts.Created, created)
			inserts.Updated = append(inserts.Updated, wrote)
			c.inserted = true
		case c.wroteAs > 0:
			updates.Ids = append(updates.Ids, c.id)
			updates.ExternalIds = append(updates.ExternalIds, c.externalID)
			updates.AnonymousIds = append(updates.AnonymousIds, c.anonymousID)
			updates.Emails = append(updates.Emails, c.email)
			updates.EmailKeys = append(updates.EmailKeys, c.emailKey)
			updates.Patches = append(updates.Patches, patch)
			updates.Erases = append(updates.Erases, c.erases)
			updates.Deleted = append(updates.Deleted, !c.deletedAt.IsZero())
			updates.FirstSeen = append(updates.FirstSeen, c.firstSeen)
			updates.LastSeen = append(updates.LastSeen, c.lastSeen)
			updates.Updated = append(updates.Updated, wrote)
		default:
			seen.ids = append(seen.ids, c.id)
			seen.first, seen.last = append(seen.first, c.firstSeen), append(seen.last, c.lastSeen)
		}
		c.patch, c.erases, c.dirty = nil, false, false
	}
	if len(inserts.Ids) > 0 {
		p.Add(func(q *storedb.Queries) error { return q.IngestContactsInsert(ctx, inserts) })
	}
	if len(updates.Ids) > 0 {
		p.Add(func(q *storedb.Queries) error { return q.IngestContactsUpdate(ctx, updates) })
	}
	if len(seen.ids) > 0 {
		p.Add(func(q *storedb.Queries) error { return q.IngestContactsSeen(ctx, seen.ids, seen.first, seen.last) })
	}
}

// newID makes a uuid in the order of time, so that ids of one process sort as made.
func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }
