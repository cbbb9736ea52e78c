-- Dates of contacts that trigger journeys.

-- name: DatesInForce :many
select journey_id, definition, begun_at, position, filled from date_triggers order by journey_id;

-- name: DatesTriggerUpsert :exec
insert into date_triggers (journey_id, definition, begun_at)
values (@journey_id::text, @definition::jsonb, @now::timestamptz)
on conflict (journey_id) do update set definition = excluded.definition, begun_at = excluded.begun_at, filled = false,
    position = '00000000-0000-0000-0000-000000000000';

-- name: DatesTriggersDelete :exec
delete from date_triggers where journey_id = any(@journey_ids::text[]);

-- name: DatesForget :exec
-- Whatever was due in these journeys.
delete from date_dues where journey_id = any(@journey_ids::text[]);

-- name: DatesFillNext :many
-- The next contacts of a fill, locked in order: who writes into one of them comes before
-- or after.
select c.id, c.timezone, c.properties from contacts c
where c.id > @position::uuid and c.deleted_at is null and c.merged_into is null
order by c.id limit @size::int
for update;

-- name: DatesFilled :exec
update date_triggers set position = @position::uuid, filled = @filled::bool where journey_id = @journey_id::text;

-- name: DatesContacts :many
-- What instants are computed from, of those of the contacts that live.
select c.id, c.timezone, c.properties from contacts c
where c.id = any(@ids::uuid[]) and c.deleted_at is null and c.merged_into is null;

-- name: DatesDues :many
select d.contact_id, d.journey_id, d.due_at, d.value, d.year from date_dues d where d.contact_id = any(@ids::uuid[]);

-- name: DatesDelete :exec
delete from date_dues d
using (select unnest(@contact_ids::uuid[]) as contact_id, unnest(@journey_ids::text[]) as journey_id) w
where d.contact_id = w.contact_id and d.journey_id = w.journey_id;

-- name: DatesUpsert :exec
insert into date_dues (contact_id, journey_id, due_at, value, year)
select unnest(@contact_ids::uuid[]), unnest(@journey_ids::text[]), unnest(@due::timestamptz[]), unnest(@date_values::text[]), unnest(@years::int[])
on conflict (contact_id, journey_id) do update set due_at = excluded.due_at, value = excluded.value, year = excluded.year;

-- name: DatesDue :many
-- What is due, the earliest first, with the contacts that were merged into each.
select d.contact_id, d.journey_id, d.due_at, d.value, d.year, c.timezone, c.properties,
    array(select m.id from contacts m where m.merged_into = d.contact_id order by m.id)::uuid[] as merged
from date_dues d join contacts c on c.id = d.contact_id
where d.due_at <= @until::timestamptz
order by d.due_at, d.contact_id, d.journey_id limit @size::int;

-- name: DatesTold :execrows
-- One that has been told is due no more, or at its next instant.
with gone as (
    delete from date_dues d
    where d.contact_id = @contact_id::uuid and d.journey_id = @journey_id::text and d.due_at = @due_at::timestamptz and sqlc.narg('next_at')::timestamptz is null
    returning 1
), moved as (
    update date_dues d set due_at = sqlc.narg('next_at')::timestamptz, year = @year::int
    where d.contact_id = @contact_id::uuid and d.journey_id = @journey_id::text and d.due_at = @due_at::timestamptz and sqlc.narg('next_at')::timestamptz is not null
    returning 1
)
select 1 from gone union all select 1 from moved;

-- name: DatesCounts :many
-- How many contacts are due in each journey.
select d.journey_id, count(*) as total from date_dues d group by d.journey_id;
