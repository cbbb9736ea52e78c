-- name: InboxKeep :one
-- Keeps a verified message before it is applied (P-7); one that is kept already stays as it
-- is. While the request applies it, our own attempts wait.
insert into inbox (id, source, message_id, body, headers, received_at, due_at)
select @id, @source, @message_id, @body, @headers, c.now, c.now + make_interval(secs => @delay::float8)
from (select coalesce(sqlc.narg('now')::timestamptz, clock_timestamp()) as now) c
on conflict (source, message_id) do update set source = excluded.source
returning *;

-- name: InboxApplied :exec
-- The message is applied: nothing of it is kept, and its dead letter needs nobody any more.
with gone as (
    delete from inbox i where i.id = @id returning i.source, i.message_id
)
update dead_letters d set status = 'retried', retried_at = clock_timestamp(), updated_at = clock_timestamp()
from gone
where d.source = 'webhook.' || gone.source and d.source_id = gone.message_id and d.status = 'pending';

-- name: InboxFailed :exec
update inbox set last_error = @error::text where id = @id;

-- name: InboxClaim :many
-- Takes messages that are due, each counted as an attempt at once: one that ends its process
-- is not tried for ever. It is due again after @delay unless something else is recorded.
with clock as (select coalesce(sqlc.narg('now')::timestamptz, clock_timestamp()) as now), due as (
    select d.id from inbox d where d.due_at <= (select now from clock) order by d.due_at limit @row_limit
    for update skip locked
)
update inbox i
set attempts = i.attempts + 1, due_at = c.now + make_interval(secs => @delay::float8)
from due, clock c
where i.id = due.id
returning i.*;

-- name: InboxLater :exec
update inbox set due_at = coalesce(sqlc.narg('now')::timestamptz, clock_timestamp()) + make_interval(secs => @delay::float8), last_error = @error::text where id = @id and due_at is not null;

-- name: InboxDead :exec
-- Gives a message up until a person decides: its dead letter is the one that it had (O-18).
with dead as (
    update inbox i set due_at = null, attempts = 0, last_error = @error::text where i.id = @id
    returning i.source, i.message_id
)
insert into dead_letters (id, source, source_id, payload, error, retry_count, created_at, updated_at)
select @letter_id::uuid, 'webhook.' || d.source, d.message_id, @payload::jsonb, @error::text, 0, clock_timestamp(), clock_timestamp()
from dead d
on conflict (source, source_id) where source_id is not null do update
set status = 'pending', payload = excluded.payload, error = excluded.error, updated_at = excluded.updated_at,
    retry_count = dead_letters.retry_count + (dead_letters.status <> 'pending')::int;

-- name: InboxNow :exec
-- Has messages applied again whose dead letters are tried again (R-115). What was applied or
-- erased meanwhile is not there any more.
update inbox set due_at = clock_timestamp(), attempts = 0
where (source, message_id) in (select unnest(@sources::text[]), unnest(@message_ids::text[]));

-- name: InboxDiscard :exec
delete from inbox where 'webhook.' || source = @source::text and message_id = @message_id;
