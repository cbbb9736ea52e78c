-- name: DestinationsRegister :exec
-- What a program that starts registers: from then on they are told.
insert into destinations (id, events, seen_at)
select unnest(@ids::text[]), string_to_array(unnest(@events::text[]), ','), clock_timestamp()
on conflict (id) do update set events = excluded.events, seen_at = excluded.seen_at;

-- name: DestinationsSeen :exec
-- They are still registered; one that was taken off while its program could not say so is
-- back. What a newer program has one listen to stays.
insert into destinations (id, events, seen_at)
select unnest(@ids::text[]), string_to_array(unnest(@events::text[]), ','), clock_timestamp()
on conflict (id) do update set seen_at = excluded.seen_at;

-- name: DestinationsRemoved :execrows
-- Takes off what no program has registered for a while.
delete from destinations where seen_at < clock_timestamp() - make_interval(secs => @after::float8);

-- name: DestinationsList :many
select d.id, d.events, d.seen_at,
    (select count(*) from (select from outbox o where o.destination = 'webhook:' || d.id and o.status = 'pending' limit 10000) p) as pending,
    (select o.last_error from outbox o where o.destination = 'webhook:' || d.id and o.status = 'pending' and o.last_error is not null order by o.due_at desc limit 1) as last_error
from destinations d order by d.id;

-- name: DestinationsOrphans :execrows
-- Messages to what is not registered any more are dead, and block nothing (P-18).
with dead as (
    update outbox o set status = 'dead', last_error = 'destination_removed', leased_by = null
    where o.id in (
        select p.id from outbox p
        where p.kind = 'webhook' and p.status = 'pending' and not exists (select from destinations d where p.destination = 'webhook:' || d.id)
        limit @row_limit for update skip locked
    )
    returning o.id, o.payload
)
insert into dead_letters (id, source, source_id, payload, error, retry_count, created_at, updated_at)
select gen_random_uuid(), 'outbox.webhook', d.id::text, d.payload, 'destination_removed', 0, clock_timestamp(), clock_timestamp() from dead d
on conflict (source, source_id) where source_id is not null do update
set status = 'pending', error = excluded.error, retry_count = dead_letters.retry_count + 1, updated_at = excluded.updated_at;

-- name: DestinationTell :one
-- A message for one destination, whatever it listens to.
insert into outbox (id, ordering_key, destination, kind, key, payload, due_at, created_at)
values (@id, @id, 'webhook:' || @destination::text, 'webhook', 'hook/' || @destination::text || '/test/' || (@id::uuid)::text, @payload, clock_timestamp(), clock_timestamp())
returning id;

-- name: DestinationContact :many
-- Of whom a message is: a merged-away contact is its survivor.
select c.id, c.external_id, c.email
from contacts m join contacts c on c.id = coalesce(m.merged_into, m.id)
where m.id = @id::uuid and c.erased_at is null;
