-- What an operator sees of the outbox, and of what could not be delivered (O-18). A row that
-- is leased is being delivered; its status says so here only.

-- name: OutboxStats :one
select count(*) filter (where not leased)::bigint as pending, count(*) filter (where leased)::bigint as delivering,
    (select count(*) from outbox where status = 'dead')::bigint as dead,
    greatest(coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0), 0)::float8 as lag_seconds
from (
    select created_at, leased_by is not null and due_at > clock_timestamp() as leased from outbox where status = 'pending'
) p;

-- name: AdminOutboxList :many
-- The oldest first: their ids grow with time. Each status has an index of its own.
select o.* from (
    (select p.* from outbox p
        where @pending::bool and p.status = 'pending' and (p.leased_by is not null and p.due_at > clock_timestamp()) = @leased::bool
            and (sqlc.narg('kind')::text is null or p.kind = sqlc.narg('kind'))
        order by p.id limit @row_end::int)
    union all
    (select d.* from outbox d
        where @dead::bool and d.status = 'dead' and (sqlc.narg('kind')::text is null or d.kind = sqlc.narg('kind'))
        order by d.id limit @row_end::int)
    union all
    (select w.* from outbox w
        where @delivered::bool and w.status = 'delivered' and (sqlc.narg('kind')::text is null or w.kind = sqlc.narg('kind'))
        order by w.id limit @row_end::int)
) o
order by o.id
limit @row_limit::int offset @row_offset::int;

-- name: AdminOutboxCount :one
select ((select count(*) from outbox p
        where @pending::bool and p.status = 'pending' and (p.leased_by is not null and p.due_at > clock_timestamp()) = @leased::bool
            and (sqlc.narg('kind')::text is null or p.kind = sqlc.narg('kind')))
    + (select count(*) from outbox d
        where @dead::bool and d.status = 'dead' and (sqlc.narg('kind')::text is null or d.kind = sqlc.narg('kind')))
    + (select count(*) from outbox w
        where @delivered::bool and w.status = 'delivered' and (sqlc.narg('kind')::text is null or w.kind = sqlc.narg('kind'))))::bigint as total;

-- name: AdminOutboxOf :many
-- Those of one contact: its own, and those of the timers of its memberships.
select o.* from outbox o
where o.ordering_key in (select @contact_id::uuid union all select m.id from memberships m where m.contact_id = @contact_id::uuid)
    and o.status = @status::text and (@status::text <> 'pending' or (o.leased_by is not null and o.due_at > clock_timestamp()) = @leased::bool)
    and (sqlc.narg('kind')::text is null or o.kind = sqlc.narg('kind'))
    and (sqlc.narg('event_id')::uuid is null or o.event_id = sqlc.narg('event_id'))
order by o.id
limit @row_limit::int offset @row_offset::int;

-- name: AdminOutboxOfCount :one
select count(*) from outbox o
where o.ordering_key in (select @contact_id::uuid union all select m.id from memberships m where m.contact_id = @contact_id::uuid)
    and o.status = @status::text and (@status::text <> 'pending' or (o.leased_by is not null and o.due_at > clock_timestamp()) = @leased::bool)
    and (sqlc.narg('kind')::text is null or o.kind = sqlc.narg('kind'))
    and (sqlc.narg('event_id')::uuid is null or o.event_id = sqlc.narg('event_id'));

-- name: AdminOutboxGet :many
select * from outbox where id = @id;

-- name: OutboxContacts :many
-- Whose the rows of ordering keys are: those of contacts and of memberships. Others, as of
-- imports, are nobody's.
select id, contact_id from memberships where id = any(@ids::uuid[])
union all select c.id, c.id from contacts c where c.id = any(@ids::uuid[]);

-- name: OutboxNow :many
-- Makes rows due at once that are not delivered and not under way; dead ones live again and
-- have all their attempts.
update outbox
set status = 'pending', due_at = clock_timestamp(), leased_by = null,
    attempts = case when status = 'dead' then 0 else attempts end
where id = any(@ids::uuid[]) and (status = 'dead' or status = 'pending' and (leased_by is null or due_at <= clock_timestamp()))
returning id;

-- name: LettersList :many
select * from dead_letters
where (sqlc.narg('source')::text is null or source = sqlc.narg('source'))
    and (sqlc.narg('status')::text is null or status = sqlc.narg('status'))
    and (sqlc.narg('since')::timestamptz is null or created_at >= sqlc.narg('since'))
    and (sqlc.narg('until')::timestamptz is null or created_at <= sqlc.narg('until'))
order by created_at desc, id
limit @row_limit offset @row_offset;

-- name: LettersCount :one
select count(*) from dead_letters
where (sqlc.narg('source')::text is null or source = sqlc.narg('source'))
    and (sqlc.narg('status')::text is null or status = sqlc.narg('status'))
    and (sqlc.narg('since')::timestamptz is null or created_at >= sqlc.narg('since'))
    and (sqlc.narg('until')::timestamptz is null or created_at <= sqlc.narg('until'));

-- name: LetterGet :many
select * from dead_letters where id = @id;

-- name: LettersRetried :many
-- Of those that wait for a decision and of which what they are about is kept: they are tried again.
update dead_letters d set status = 'retried', retried_at = clock_timestamp(), updated_at = clock_timestamp()
where d.id = any(@ids::uuid[]) and d.status = 'pending' and (
    exists (select from outbox o where o.id = case when d.source like 'outbox.%' then d.source_id::uuid end and d.source = 'outbox.' || o.kind)
    or exists (select from inbox i where d.source = 'webhook.' || i.source and i.message_id = d.source_id)
)
returning d.id, d.source, d.source_id::text as source_id;

-- name: LettersOfRows :exec
-- A row that is tried again by its own id takes its letter along.
update dead_letters d set status = 'retried', retried_at = clock_timestamp(), updated_at = clock_timestamp()
from outbox o
where o.id = any(@ids::uuid[]) and d.source = 'outbox.' || o.kind and d.source_id = o.id::text and d.status = 'pending';

-- name: LettersPending :many
select id from dead_letters where status = 'pending' and source = @source
order by created_at, id limit @row_limit;

-- name: LetterDiscard :many
update dead_letters set status = 'discarded', updated_at = clock_timestamp()
where id = @id and status = 'pending'
returning *;
