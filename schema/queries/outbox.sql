-- In every statement @now is null in production, where the database's clock counts
-- (W-18), and a given instant in tests.

-- name: OutboxClaim :many
-- Looks at no more than @slots due rows of one destination, oldest first, and takes
-- each of them out of the due ones: the oldest pending row of an ordering key is leased
-- and returned, a row behind it is parked. Hence a claim costs what it returns, however many rows
-- wait behind a key that is backing off. A parked row is woken by whatever is recorded
-- of the row before it; the growing pause covers a row inserted while that
-- was being recorded. A row that was woken after this statement's snapshot was
-- taken has another due_at than in the snapshot and is left as it is.
with clock as (
    select coalesce(sqlc.narg('now')::timestamptz, statement_timestamp()) as now,
           @worker::text as worker, make_interval(secs => @lease_seconds::float8) as lease
), due as materialized (
    select o.id, o.ordering_key, o.destination, o.seq, o.due_at, o.created_at
    from outbox o
    where o.status = 'pending' and o.destination = @destination::text and o.due_at <= (select now from clock)
    order by o.due_at, o.seq
    limit sqlc.arg('slots')::int
    for update skip locked
), judged as (
    select due.id, clock.worker, clock.now + clock.lease as leased_until,
        clock.now + least(greatest(clock.now - due.created_at, interval '10 ms'), interval '1 min') as parked_until,
        s.due_at <> due.due_at as changed, greatest(extract(epoch from clock.now - due.due_at), 0)::float8 as waited,
        exists (
            select from outbox e
            where e.ordering_key = due.ordering_key and e.destination = due.destination and e.status = 'pending' and e.seq < due.seq
        ) as blocked
    from due join outbox s on s.id = due.id cross join clock
)
update outbox o
set due_at = case when j.blocked then j.parked_until else j.leased_until end,
    leased_by = case when not j.blocked then j.worker end
from judged j
where o.id = j.id and not (j.blocked and j.changed)
returning o.id, o.ordering_key, coalesce(o.seq, 0)::bigint as seq, o.kind, o.payload, o.attempts, o.created_at, o.due_at as leased_until, j.blocked::bool as blocked, j.waited::float8 as waited_seconds, coalesce(o.trace, '')::text as trace;

-- name: OutboxAck :execrows
-- Marks rows delivered, whoever holds their lease by now: delivered is a fact.
-- Wakes the next row of each ordering key and returns how many were woken. A woken row
-- is due where its age puts it, less an instant that tells it from one untouched.
with acked as (
    update outbox
    set status = 'delivered', leased_by = null, last_error = null,
        delivered_at = coalesce(sqlc.narg('now')::timestamptz, statement_timestamp())
    where id = any(@ids::uuid[]) and status = 'pending'
    returning ordering_key, destination, seq
), next as (
    select (
        select n.id from outbox n
        where n.ordering_key = a.ordering_key and n.destination = a.destination and n.status = 'pending' and n.seq > a.seq
        order by n.seq limit 1
    ) as id
    from acked a
)
update outbox o set due_at = o.created_at - interval '1 us', leased_by = null
from next
where o.id = next.id and not o.id = any(@ids::uuid[]);

-- name: OutboxRetry :exec
-- Counts a failed attempt and backs off by @delays, in seconds. Only the holder of
-- the lease may, so that a late failure cannot disturb another attempt.
update outbox o
set attempts = o.attempts + 1, last_error = f.error, leased_by = null,
    due_at = coalesce(sqlc.narg('now')::timestamptz, statement_timestamp()) + f.delay * interval '1 s'
from (
    select unnest(@ids::uuid[]) as id, unnest(@errors::text[]) as error, unnest(@leases::timestamptz[]) as lease,
        unnest(@delays::float8[]) as delay
) f
where o.id = f.id and o.status = 'pending' and o.leased_by = @worker::text and o.due_at = f.lease;

-- name: OutboxMarkDead :execrows
-- Gives up on rows that can never be delivered: each becomes a dead letter in the
-- same statement; what was tried again is the letter that it was before (O-18). Wakes the next row of each ordering key and returns how many.
with clock as (
    select coalesce(sqlc.narg('now')::timestamptz, statement_timestamp()) as now
), dead as (
    update outbox o
    set status = 'dead', attempts = o.attempts + 1, last_error = f.error, leased_by = null
    from (select unnest(@ids::uuid[]) as id, unnest(@errors::text[]) as error, unnest(@leases::timestamptz[]) as lease) f
    where o.id = f.id and o.status = 'pending' and o.leased_by = @worker::text and o.due_at = f.lease
    returning o.id, o.ordering_key, o.destination, o.seq, o.kind, o.payload, o.attempts, f.error
), letters as (
    insert into dead_letters (id, source, source_id, payload, error, retry_count, created_at, updated_at)
    select gen_random_uuid(), 'outbox.' || d.kind, d.id::text, d.payload, d.error, 0, c.now, c.now
    from dead d cross join clock c
    on conflict (source, source_id) where source_id is not null do update
    set status = 'pending', error = excluded.error, retry_count = dead_letters.retry_count + 1, updated_at = excluded.updated_at
), next as (
    select (
        select n.id from outbox n
        where n.ordering_key = d.ordering_key and n.destination = d.destination and n.status = 'pending' and n.seq > d.seq
        order by n.seq limit 1
    ) as id
    from dead d
)
update outbox o set due_at = o.created_at - interval '1 us', leased_by = null
from next
where o.id = next.id and not o.id = any(@ids::uuid[]);

-- name: OutboxRelease :exec
-- Gives leases back at a graceful stop (O-40); it is no attempt.
update outbox o
set due_at = coalesce(sqlc.narg('now')::timestamptz, statement_timestamp()), leased_by = null
from (select unnest(@ids::uuid[]) as id, unnest(@leases::timestamptz[]) as lease) f
where o.id = f.id and o.status = 'pending' and o.leased_by = @worker::text and o.due_at = f.lease;
