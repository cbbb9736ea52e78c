-- name: BatchForm :execrows
-- Makes mails that were claimed, and never called for, the members of a batch, for good.
-- Those that another worker has taken are left out.
with members as (
    select m.id, (row_number() over (order by m.id))::smallint as place from (
        select s.id from sends s
        where s.id = any(@ids::uuid[]) and s.status = 'queued' and s.claimed_at is not null and s.batch_id is null and s.first_attempt_at is null and s.files = 0
        for update skip locked
    ) m
), made as (
    insert into send_batches (id, size, created_at) select @batch_id::uuid, count(*), clock_timestamp() from members having count(*) > 0
)
update sends u set batch_id = @batch_id::uuid, batch_place = m.place, updated_at = clock_timestamp()
from members m where u.id = m.id;

-- name: BatchGet :many
select * from send_batches where id = @id;

-- name: BatchMembers :many
select * from sends where batch_id = @batch_id order by batch_place;

-- name: BatchAttempt :many
-- SendAttempt for all members of a batch that have no outcome yet.
with before as (
    select b.id, b.reason, b.first_attempt_at is not null and b.reason is null as silent
    from sends b where b.batch_id = @batch_id and b.status = 'queued' order by b.id for update
)
update sends set first_attempt_at = coalesce(sends.first_attempt_at, clock_timestamp()), unclear = sends.unclear or before.silent,
    reason = null, updated_at = clock_timestamp()
from before where sends.id = before.id
returning sqlc.embed(sends), coalesce(before.reason, '')::text as last_reason, clock_timestamp()::timestamptz as now;

-- name: BatchNote :exec
-- SendNote for all members of a batch that have no outcome yet.
update sends s set reason = @reason, unclear = s.unclear or @unclear, updated_at = clock_timestamp()
where s.batch_id = @batch_id and s.status = 'queued';

-- name: BatchSplit :exec
update send_batches set split = true where id = @id;
