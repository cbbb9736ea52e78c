-- name: PauseShare :exec
-- Taken by every effect before it looks: a pause or resume waits for the effects
-- under way, and an effect that begins later sees it (J-108). Ids come sorted.
select pg_advisory_xact_lock_shared(20561, hashtext(w.id)) from unnest(@journey_ids::text[]) as w (id);

-- name: PauseLock :exec
select pg_advisory_xact_lock(20561, hashtext(w.id)) from unnest(@journey_ids::text[]) as w (id);

-- name: PauseFind :many
-- Which of the ids of a journey is paused; none means that it is not.
select journey_id, paused_at::timestamptz as paused_at from journey_configs
where journey_id = any(@journey_ids::text[]) and paused_at is not null
order by paused_at;

-- name: PauseSet :one
-- Pausing twice is pausing once (J-100), but for what becomes of later entries (J-168).
insert into journey_configs (journey_id, enabled, updated_at, paused_at, pause_reason, pause_entries)
values (@journey_id, true, @now, @now, @reason, @entries)
on conflict (journey_id) do update set
    updated_at = case when journey_configs.paused_at is null then excluded.updated_at else journey_configs.updated_at end,
    pause_reason = case when journey_configs.paused_at is null then excluded.pause_reason else journey_configs.pause_reason end,
    paused_at = coalesce(journey_configs.paused_at, excluded.paused_at),
    pause_entries = excluded.pause_entries
returning *;

-- name: PauseClear :exec
update journey_configs set paused_at = null, pause_reason = null, updated_at = @now
where journey_id = any(@journey_ids::text[]) and paused_at is not null;

-- name: PauseConfig :many
select * from journey_configs where journey_id = @journey_id;

-- name: PausedEffectFind :many
-- How a pause held a step last.
select * from paused_effects where enrollment_id = @enrollment_id and step_key = @step_key order by n desc limit 1;

-- name: PausedEffectInsert :exec
insert into paused_effects (id, enrollment_id, journey_id, step_key, n, node, is_send, held_at)
values (@id, @enrollment_id, @journey_id, @step_key, @n, @node, @is_send, @now);

-- name: PausedEntriesInsert :execrows
-- Entries are held only while their journey is paused: a resume that has committed finds
-- none that comes later (J-168).
insert into paused_effects (id, enrollment_id, journey_id, step_key, n, node, is_send, held_at, is_entry, starts)
select w.id, w.enrollment_id, c.journey_id, 'start', 1, 'start', false, w.held_at, true, w.starts
from (
    select unnest(@ids::uuid[]) as id, unnest(@enrollment_ids::uuid[]) as enrollment_id, unnest(@held::timestamptz[]) as held_at,
        unnest(@starts::jsonb[]) as starts, unnest(@aliases::text[]) as journey
) w
cross join lateral (
    select c.journey_id from journey_configs c
    where c.journey_id = any(string_to_array(w.journey, ' ')) and c.paused_at is not null and c.pause_entries = 'hold'
    order by c.paused_at limit 1
) c;

-- name: PausedEffectClose :exec
update paused_effects set closed_at = @now where id = @id and closed_at is null;

-- name: PausedEffectGet :many
select * from paused_effects where id = @id;

-- name: PausedEffectsPlan :exec
-- What a resume decides about each effect of a journey that is held (J-104 to J-106).
with clock as (select @now::timestamptz as now, @paused_at::timestamptz as paused_at, make_interval(secs => @late_seconds::float8) as late)
update paused_effects h set
    due_at = case when @reschedule::bool then greatest(clock.now, coalesce(h.due_at, h.held_at) + (clock.now - clock.paused_at)) else clock.now end,
    skip = @skip_late::bool and (h.is_send or h.is_entry) and clock.now - h.held_at > clock.late
from clock
where h.journey_id = any(@journey_ids::text[]) and h.closed_at is null;

-- name: PausedEffectsCount :one
-- What a resume would release (J-107).
with clock as (select @now::timestamptz as now, make_interval(secs => @late_seconds::float8) as late)
select count(h.id) as held, count(*) filter (where h.is_send) as sends, count(*) filter (where h.is_entry) as entries,
    count(*) filter (where (h.is_send or h.is_entry) and clock.now - h.held_at > clock.late) as late,
    coalesce(min(h.held_at), clock.now)::timestamptz as oldest
from clock
left join (paused_effects h join enrollments e on e.id = h.enrollment_id and e.status in ('active', 'waiting'))
    on h.journey_id = any(@journey_ids::text[]) and h.closed_at is null
group by clock.now;

-- name: PausedEffectsDue :many
-- Oldest first. What was paused again stays held.
select h.id, h.enrollment_id, (h.is_entry and h.skip)::boolean as leaves from paused_effects h
where h.closed_at is null and h.due_at <= @now::timestamptz
    and not exists (select from journey_configs c where c.journey_id = h.journey_id and c.paused_at is not null)
order by h.due_at, h.held_at, h.id
limit @row_limit;

-- name: ReleasePace :execrows
-- Takes the turn to release, if nobody has had one within the interval.
with clock as (select @now::timestamptz as now, make_interval(secs => @every_seconds::float8) as every)
update release_pace p set released_at = clock.now from clock
where p.singleton and p.released_at + clock.every <= clock.now;

-- name: OutboxInsert :exec
insert into outbox (id, ordering_key, kind, key, payload, trace, due_at, created_at)
values (@id, @ordering_key, @kind, @key, @payload, @trace, @now, @now);

-- name: PausePreview :one
-- What a pause of journeys would meet (J-107): who is in flight, and how many waits end and
-- deferred sends are due within an hour and a day.
select (
        select count(*) from enrollments e where e.journey_id = any(@journey_ids::text[]) and e.status in ('active', 'waiting')
    ) as in_flight,
    d.waits_hour, d.waits_day, d.sends_hour, d.sends_day, n.deadline as next_wake
from (
    select count(*) filter (where w.priority is null and w.deadline <= sqlc.arg('now')::timestamptz + interval '1 hour') as waits_hour,
        count(*) filter (where w.priority is null) as waits_day,
        count(*) filter (where w.priority is not null and w.deadline <= sqlc.arg('now')::timestamptz + interval '1 hour') as sends_hour,
        count(*) filter (where w.priority is not null) as sends_day
    from waits w
    join enrollments e on e.id = w.enrollment_id
    where w.status = 'open' and w.deadline <= sqlc.arg('now')::timestamptz + interval '24 hours' and e.journey_id = any(@journey_ids::text[])
) d
left join lateral (
    select w.deadline from waits w
    join enrollments e on e.id = w.enrollment_id
    where w.status = 'open' and w.deadline is not null and e.journey_id = any(@journey_ids::text[])
    order by w.deadline limit 1
) n on true;
