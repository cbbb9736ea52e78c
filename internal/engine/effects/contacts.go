package effects

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

func writeContacts(ctx context.Context, add func(Statement), all []decide.ContactWrite) {
	var inserts storedb.IngestContactsInsertParams
	var updates storedb.IngestContactsUpdateParams
	var seen struct {
		ids         []uuid.UUID
		first, last []time.Time
	}
	for i := range all {
		c := &all[i]
		switch c.Kind {
		case decide.ContactInsert:
			inserts.Ids = append(inserts.Ids, c.ID)
			inserts.ExternalIds = append(inserts.ExternalIds, c.ExternalID)
			inserts.AnonymousIds = append(inserts.AnonymousIds, c.AnonymousID)
			inserts.Emails = append(inserts.Emails, c.Email)
			inserts.EmailKeys = append(inserts.EmailKeys, c.EmailKey)
			inserts.Patches = append(inserts.Patches, patch(c))
			inserts.Erases = append(inserts.Erases, c.HasNull)
			inserts.FirstSeen = append(inserts.FirstSeen, c.FirstSeen)
			inserts.LastSeen = append(inserts.LastSeen, c.LastSeen)
			inserts.Created = append(inserts.Created, c.Created)
			inserts.Updated = append(inserts.Updated, c.Updated)
			inserts.Written = append(inserts.Written, writtenAt(c))
		case decide.ContactUpdate:
			updates.Ids = append(updates.Ids, c.ID)
			updates.ExternalIds = append(updates.ExternalIds, c.ExternalID)
			updates.AnonymousIds = append(updates.AnonymousIds, c.AnonymousID)
			updates.Emails = append(updates.Emails, c.Email)
			updates.EmailKeys = append(updates.EmailKeys, c.EmailKey)
			updates.Patches = append(updates.Patches, patch(c))
			updates.Erases = append(updates.Erases, c.HasNull)
			updates.Deleted = append(updates.Deleted, !c.DeletedAt.IsZero())
			updates.Revived = append(updates.Revived, c.RevivedAt)
			updates.FirstSeen = append(updates.FirstSeen, c.FirstSeen)
			updates.LastSeen = append(updates.LastSeen, c.LastSeen)
			updates.Updated = append(updates.Updated, c.Updated)
			updates.Written = append(updates.Written, writtenAt(c))
		case decide.ContactSeen:
			seen.ids = append(seen.ids, c.ID)
			seen.first, seen.last = append(seen.first, c.FirstSeen), append(seen.last, c.LastSeen)
		}
	}
	if len(inserts.Ids) > 0 {
		add(func(q *storedb.Queries) error { return q.IngestContactsInsert(ctx, inserts) })
	}
	if len(updates.Ids) > 0 {
		add(func(q *storedb.Queries) error { return q.IngestContactsUpdate(ctx, updates) })
	}
	if len(seen.ids) > 0 {
		add(func(q *storedb.Queries) error { return q.IngestContactsSeen(ctx, seen.ids, seen.first, seen.last) })
	}
}

// writtenAt is the column for when values were written last; the epoch means never.
func writtenAt(c *decide.ContactWrite) time.Time {
	if c.Written.IsZero() {
		return time.Unix(0, 0)
	}
	return c.Written
}

// patch is what is written into the properties.
func patch(c *decide.ContactWrite) json.RawMessage {
	if len(c.Patch) == 0 {
		return emptyObject
	}
	body, err := json.Marshal(c.Patch)
	if err != nil { // a value that is no JSON: Postgres refuses it with the rest
		return json.RawMessage(err.Error())
	}
	return body
}

// writeMemberships writes first what ends: a membership must not be in the way of the
// next one. One that begins and ends in one transaction is inserted as ended (W-7).
func writeMemberships(ctx context.Context, add func(Statement), e *decide.Effects, now time.Time) {
	for _, f := range e.Fired {
		add(func(q *storedb.Queries) error {
			n, err := q.BucketsStaysFire(ctx, storedb.BucketsStaysFireParams{ID: f.MembershipID, Label: f.Label, Ordinal: int32(f.Ordinal), Now: now}) //nolint:gosec // counts fires
			return written("fire dwell", n, 1, err)
		})
	}
	joined, left := transitions(e.Transitions, now)
	if len(left.Ids) > 0 {
		add(func(q *storedb.Queries) error {
			n, err := q.BucketsStaysEnd(ctx, left)
			return written("end memberships", n, len(left.Ids), err)
		})
	}
	if len(joined.Ids) > 0 {
		add(func(q *storedb.Queries) error { return q.BucketsStaysInsert(ctx, joined) })
	}
	if len(e.Evaluated) > 0 {
		var p storedb.BucketsStaysEvaluateParams
		for i := range e.Evaluated {
			one := &e.Evaluated[i]
			var leave bucket.Deferred
			if one.Leave != nil {
				leave = *one.Leave
			}
			p.Ids, p.Instants, p.Leaves = append(p.Ids, one.MembershipID), append(p.Instants, one.At), append(p.Leaves, leave.At)
			p.LeaveReasons, p.Silents = append(p.LeaveReasons, leave.Reason), append(p.Silents, leave.Silent)
		}
		add(func(q *storedb.Queries) error { return q.BucketsStaysEvaluate(ctx, p) })
	}
	writeBackfills(ctx, add, e, now)
}

// transitions are joins and leaves in the columns of their statements.
func transitions(all []decide.Transition, now time.Time) (joined storedb.BucketsStaysInsertParams, left storedb.BucketsStaysEndParams) {
	joined.Now, left.Now = now, now
	places := make(map[uuid.UUID]int, len(all)) // of the joins
	for i := range all {
		t := &all[i]
		m := t.Membership
		if t.Enters {
			places[m.ID] = len(joined.Ids)
			joined.Ids = append(joined.Ids, m.ID)
			joined.BucketIds = append(joined.BucketIds, m.BucketID)
			joined.ContactIds = append(joined.ContactIds, t.Contact.ID)
			joined.Epochs = append(joined.Epochs, int32(m.Epoch)) //nolint:gosec // counts memberships
			joined.Sources = append(joined.Sources, string(t.Source))
			joined.Muted = append(joined.Muted, m.Muted)
			joined.Entered = append(joined.Entered, m.Entered)
			joined.Anchors = append(joined.Anchors, m.Anchor)
			joined.MaxDwells = append(joined.MaxDwells, m.MaxDwellAt)
			joined.Lefts, joined.Reasons = append(joined.Lefts, time.Time{}), append(joined.Reasons, "")
			continue
		}
		if k, ok := places[m.ID]; ok {
			joined.Lefts[k], joined.Reasons[k] = t.At, t.Reason
			continue
		}
		left.Ids, left.Lefts, left.Reasons = append(left.Ids, m.ID), append(left.Lefts, t.At), append(left.Reasons, t.Reason)
	}
	return joined, left
}

func writeBackfills(ctx context.Context, add func(Statement), e *decide.Effects, now time.Time) {
	if n := len(e.Backfilled); n > 0 {
		buckets, generations, contacts := make([]string, n), make([]int32, n), make([]uuid.UUID, n)
		for i, b := range e.Backfilled {
			buckets[i], generations[i], contacts[i] = b.BucketID, int32(b.Generation), b.ContactID //nolint:gosec // counts changes of one bucket
		}
		add(func(q *storedb.Queries) error { return q.BucketsInsertBackfilled(ctx, buckets, generations, contacts) })
	}
	// In one order: two transactions that count for the same backfills must not wait
	// for each other.
	for _, t := range slices.SortedFunc(slices.Values(e.Tallies), func(a, b decide.BackfillTally) int {
		return bytes.Compare(a.BackfillID[:], b.BackfillID[:])
	}) {
		add(func(q *storedb.Queries) error {
			return q.BackfillsTally(ctx, storedb.BackfillsTallyParams{ID: t.BackfillID, Joined: t.Joined, LeftCount: t.Left, Now: now})
		})
	}
}

// emptyObject is JSON for nothing.
var emptyObject = json.RawMessage("{}")
