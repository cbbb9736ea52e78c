-- Buckets from outside: what operators and authors look at, and the end of a bucket
-- that no registry has any more.

-- name: AdminBuckets :many
-- Every bucket that was ever in force, with the backfill under way. How many contacts
-- that has to settle is counted only while it runs (W-30).
select b.id, b.definition, b.registered, b.disabled, b.enabled, b.updated_at, f.id as backfill_id, f.mode, f.status as backfill_status,
    f.processed, f.created_at as backfill_from, f.updated_at as backfill_until,
    case when f.id is null then 0 else (
        select count(*) from contacts c where c.deleted_at is null and c.merged_into is null and c.created_at <= f.settle_at
    ) end::bigint as settling
from buckets b
left join backfills f on f.bucket_id = b.id and f.status in ('pending', 'processing')
where sqlc.narg('id')::text is null or b.id = sqlc.narg('id')
order by b.id collate "C";

-- name: AdminBucketDefinitions :many
-- What is in force.
select id, definition from buckets where registered order by id collate "C";

-- name: AdminBucketCounts :many
-- An active stay is of a live contact: a deletion ends it in its own transaction (I-48).
-- They are kept by who writes stays (O-29), and not counted here.
select c.key::text as bucket_id, c.state::text as status, sum(c.n)::bigint as total from (
    select k.key, k.state, k.n from counts k where k.kind = 'memberships' and k.key = any(@bucket_ids::text[])
    union all
    select h.key, h.state, h.n from count_changes h where h.kind = 'memberships' and h.key = any(@bucket_ids::text[])
) c
group by c.key, c.state having sum(c.n) > 0;

-- name: AdminMembers :many
-- Stays, the newest first; an instant that there is none of is the epoch. nth_at is the event whose edge turns the criteria false, of
-- a member of a bucket for which there is one; a leave that is held back says that
-- they are false already (B-16). Who stays a member is not written with each
-- evaluation: the newest events that the criteria name tell of them (B-8).
select m.id, m.contact_id, c.external_id, c.anonymous_id, c.email, m.status, m.entered_at, m.left_at,
    coalesce(m.due_at, 'epoch')::timestamptz as due_at, greatest(m.last_evaluated_at, v.received_at)::timestamptz as last_evaluated_at, m.left_reason, m.epoch, m.source, m.created_at, m.updated_at,
    coalesce(n.occurred_at, 'epoch')::timestamptz as nth_at
from (
    select s.* from memberships s join contacts o on o.id = s.contact_id
    where s.bucket_id = @bucket_id and s.status = @status
      and (sqlc.narg('contact_id')::uuid is null or s.contact_id = sqlc.narg('contact_id'))
      and (s.status = 'left' or o.deleted_at is null and o.merged_into is null)
    order by s.entered_at desc, s.id
    limit @row_limit offset @row_offset
) m
join contacts c on c.id = m.contact_id
left join lateral (
    select e.occurred_at from events e
    where m.status = 'active' and m.leave_at is null and @event_name::text <> ''
      and e.contact_id = m.contact_id and e.name = (select @event_name::text)
    order by e.occurred_at desc limit 1 offset @nth::int
) n on true
left join lateral (
    select max(l.received_at) as received_at from unnest(@event_names::text[]) w (name)
    cross join lateral (
        select e.received_at from events e
        where e.contact_id = m.contact_id and e.name = w.name
            and (sqlc.narg('evaluated_until')::timestamptz is null or e.received_at <= sqlc.narg('evaluated_until'))
        order by e.occurred_at desc limit 1
    ) l
) v on m.status = 'active'
order by m.entered_at desc, m.id;

-- name: AdminMembersCount :one
select count(*) from memberships s join contacts o on o.id = s.contact_id
where s.bucket_id = @bucket_id and s.status = @status
  and (sqlc.narg('contact_id')::uuid is null or s.contact_id = sqlc.narg('contact_id'))
  and (s.status = 'left' or o.deleted_at is null and o.merged_into is null);

-- name: AdminBackfills :many
select * from backfills where bucket_id = @bucket_id
order by created_at desc, id limit @row_limit offset @row_offset;

-- name: AdminBackfillsCount :one
select count(*) from backfills where bucket_id = @bucket_id;

-- name: AdminContactsByID :many
select * from contacts where id = any(@ids::uuid[]) order by id;

-- name: MembersCount :one
select count(*) from memberships m join contacts c on c.id = m.contact_id
where m.bucket_id = @bucket_id and m.status = 'active' and c.deleted_at is null and c.merged_into is null;

-- name: MembersHas :one
select exists (
    select 1 from memberships where contact_id = @contact_id and bucket_id = @bucket_id and status = 'active'
);

-- name: MembersPage :many
-- Members behind a membership, in the order of their ids (B-57).
select m.id, m.contact_id, c.external_id, c.anonymous_id, c.email, m.entered_at, m.epoch
from memberships m join contacts c on c.id = m.contact_id
where m.bucket_id = @bucket_id and m.status = 'active' and m.id > @after and c.deleted_at is null and c.merged_into is null
order by m.id limit @row_limit;

-- name: RetireBucket :one
-- The bucket that is to be retired and how many would leave it.
select b.registered, (
    select count(*) from memberships m where m.bucket_id = b.id and m.status = 'active'
) as members
from buckets b where b.id = @id;

-- name: RetireBegin :exec
update buckets set retiring = true, updated_at = @now::timestamptz where id = @id;

-- name: RetireOpen :one
select b.id, b.definition from buckets b where b.retiring order by b.id limit 1;

-- name: RetireEnd :exec
update buckets set retiring = false, updated_at = @now::timestamptz where id = @id;

-- name: RetireNext :many
select m.id, m.contact_id from memberships m
where m.bucket_id = @bucket_id and m.status = 'active'
order by m.id limit @size::int;

-- name: RetireStays :many
-- Stays as they are under the locks of their contacts.
select m.id, m.contact_id, m.epoch, m.fired from memberships m
where m.id = any(@ids::uuid[]) and m.bucket_id = @bucket_id::text and m.status = 'active'
order by m.id;
