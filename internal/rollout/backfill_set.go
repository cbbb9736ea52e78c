package rollout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend/internal/clock"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// backfillSet backfills a chunk of contacts in one statement: the plain case, in which
// contacts join silently for the first time and nobody leaves. Where there is more to
// do, the last column is not zero and nothing may be committed.
//
// Only who joins is locked, after the criteria were asked: who is touched meanwhile is
// settled by that transaction (W-22), and its stay is in the way of a second one.
//
// $1 bucket, $2 generation, $3 position, $4 settle_at, $5 size, $6 max_dwell_at or
// null, $7 event of the historical anchor or null, $8 what is added to it in
// microseconds, $9 the person property of the mirror or null, $10 how many joined
// before, $11 how many a second are mirrored, then the arguments of the predicate and of
// the conditions on the event of the anchor.
const backfillSet = `with w as materialized (
	select c.id as contact_id, c.properties, $4::timestamptz as now from contacts c
	where c.id > $3::uuid and c.deleted_at is null and c.merged_into is null and c.created_at <= $4::timestamptz
	order by c.id limit $5::int
), judged as materialized (
	select w.contact_id, %s as holds, coalesce(m.active, false) as active, coalesce(m.held, false) as held, m.active is not null as past,
		exists (select 1 from backfilled_contacts s where s.contact_id = w.contact_id and s.bucket_id = $1::text and s.generation = $2::int) as done
	from w
	left join lateral ( -- the newest stay, by the index of stays whatever the statistics say
		select s.status = 'active' as active, (s.leave_at is not null or s.due_at <= $4::timestamptz) as held from memberships s
		where s.contact_id = w.contact_id and s.bucket_id = (select $1::text)
		order by s.epoch desc limit 1
	) m on true
), locked as materialized (
	select c.id from contacts c
	where c.id in (select j.contact_id from judged j where j.holds and not j.past and not j.done) and c.deleted_at is null and c.merged_into is null
	order by c.id
	for update
), joined as (
	insert into memberships (id, bucket_id, contact_id, epoch, status, source, entered_at, anchor_at, max_dwell_at, last_evaluated_at, created_at, updated_at)
	select gen_random_uuid(), $1::text, l.id, 1, 'active', 'backfill', $4::timestamptz,
		least($4::timestamptz, (
			select e.occurred_at + $8::bigint * interval '1 microsecond' from events e
			where e.contact_id = l.id and e.name = (select $7::text) and %s order by e.occurred_at desc limit 1
		)), $6::timestamptz, $4::timestamptz, clock_timestamp(), clock_timestamp()
	from locked l
	on conflict do nothing
	returning id, contact_id
), mirrored as (
	insert into outbox (id, ordering_key, destination, kind, key, payload, due_at, created_at)
	select gen_random_uuid(), j.contact_id, 'posthog', 'mirror', 'mirror/' || j.id || '/entered',
		jsonb_build_object('contactId', j.contact_id, 'stayId', j.id, 'property', $9::text, 'member', true),
		$4::timestamptz + ($10::bigint + row_number() over ()) * interval '1 second' / $11::int, clock_timestamp()
	from joined j where $9::text is not null
)
select (select count(*) from w), (select contact_id from w order by contact_id desc limit 1), (select count(*) from joined),
	(select count(*) from judged where not done and past and (holds <> active or active and held)), clock_timestamp()`

// setArgs is the number of arguments before those of the predicate.
const setArgs = 11

// plain reports whether the joins of a backfill are rows and nothing else. Dwell
// timers of those who join are armed when the backfill is done.
func plain(b *decide.CompiledBucket) bool {
	return b.Backfill != nil && b.Backfill.Mode.SilentJoins
}

// timersOf are the dwell timers of those who joined at an instant.
func timersOf(b *decide.CompiledBucket, entered time.Time) (all []storedb.TimerBackfillInsertParams, err error) {
	for i := range b.Definition.Reactions {
		r := &b.Definition.Reactions[i]
		if r.Schedule == nil {
			continue
		}
		parts, err := clock.TimerBackfills(b.ID, r, false, &entered, entered)
		if err != nil {
			return nil, err
		}
		all = append(all, parts...)
	}
	return all, nil
}

// backfillPlain does the next chunk of a backfill by one statement. ok is false, and
// nothing has changed, when there is more to do than that.
func (r *Rollout) backfillPlain(ctx context.Context, f *storedb.BackfillsOpenRow, b *decide.CompiledBucket, size int) (ok bool, err error) {
	predicate := criteria.Compile(b.Tree, setArgs+1)
	where := criteria.CompileWhere(b.Facts.Anchor.Where, setArgs+1+len(predicate.Args))
	var longest *time.Time
	if b.MaxDwell() > 0 {
		at := f.SettleAt.Add(b.MaxDwell())
		longest = &at
	}
	var anchor *string
	if b.Facts.Anchor.Event != "" {
		anchor = &b.Facts.Anchor.Event
	}
	var property *string
	if b.SyncToPostHog && r.engine.Config().Mirror {
		property = &b.PostHogPropertyKey
	}
	args := append([]any{
		b.ID, f.Generation, f.Position, f.SettleAt, size, longest, anchor, b.Facts.Anchor.Plus.Microseconds(), property, f.Joined, r.engine.Config().DwellRate,
	}, append(predicate.Args, where.Args...)...)
	err = r.engine.Store.InTx(ctx, func(tx pgx.Tx, q *storedb.Queries) error {
		ok = false
		// Members and progress are lost together, if at all.
		if _, err := tx.Exec(ctx, "set local synchronous_commit to off"); err != nil {
			return fmt.Errorf("commit without waiting: %w", err)
		}
		if err := q.BucketsShare(ctx); err != nil {
			return fmt.Errorf("lock registry: %w", err)
		}
		version, err := q.BucketsVersion(ctx)
		if err != nil || version != r.engine.Buckets().Version {
			return err // the next round reads what is in force
		}
		var (
			contacts, joined, rest int64
			last                   *uuid.UUID
			now                    time.Time
		)
		if err := tx.QueryRow(ctx, fmt.Sprintf(backfillSet, predicate.SQL, where.SQL), args...).Scan(&contacts, &last, &joined, &rest, &now); err != nil {
			return fmt.Errorf("backfill contacts: %w", err)
		}
		if rest > 0 {
			return errMore
		}
		part := &chunk{
			backfill: f.ID, before: f.Position, position: f.Position, contacts: int(contacts), last: int(contacts) < size,
			bucketID: b.ID, generation: f.Generation, joined: joined, dates: b.Facts.Dates,
		}
		if part.timers, err = timersOf(b, f.SettleAt); err != nil {
			return err
		}
		if last != nil {
			part.position = *last
		}
		ok = true
		return part.finish(ctx, q, now)
	})
	return ok, err
}

// chunk is a part of a backfill: the contacts behind before, up to position.
type chunk struct {
	backfill         uuid.UUID
	before, position uuid.UUID
	contacts         int
	last             bool
	bucketID         string
	generation       int32
	joined           int64
	moved            int64 // joins and leaves before it
	// dates are the properties that the criteria read as dates.
	dates []string
	// timers are the dwell timers of those who join: set once all have joined, at the
	// dwell rate (B-46). Members who stay have theirs.
	timers []storedb.TimerBackfillInsertParams
}

// finish is queue for a chunk of plain joins.
func (c *chunk) finish(ctx context.Context, q *storedb.Queries, now time.Time) error {
	if len(c.dates) > 0 {
		if err := q.PropertyDatesFill(ctx, c.before, c.position, c.dates); err != nil {
			return fmt.Errorf("store dates: %w", err)
		}
	}
	if err := c.advance(ctx, q, now); err != nil || !c.last {
		return err
	}
	for _, a := range c.timers {
		a.Now = now
		if err := q.TimerBackfillInsert(ctx, a); err != nil {
			return err
		}
	}
	if err := q.BackfillsForget(ctx, c.bucketID, c.generation); err != nil {
		return err
	}
	return q.RegistryChanged(ctx)
}

// errMore says that a chunk is not as plain as was tried.
var errMore = errors.New("chunk has more than plain joins")

// advance moves the progress of a backfill, unless somebody else has done the chunk.
func (c *chunk) advance(ctx context.Context, q *storedb.Queries, now time.Time) error {
	status := "processing"
	if c.last {
		status = "completed"
	}
	n, err := q.BackfillsAdvance(ctx, storedb.BackfillsAdvanceParams{
		ID: c.backfill, Before: c.before, Position: c.position, Processed: int64(c.contacts), Joined: c.joined, Status: status, Now: now,
	})
	if err == nil && n == 0 {
		return errAdvanced
	}
	return err
}

// errAdvanced says that somebody else has done the chunk.
var errAdvanced = errors.New("backfill has advanced")
