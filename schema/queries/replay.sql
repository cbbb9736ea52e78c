-- Stored events that run again (R-79).

-- name: ReplayLock :one
-- One replay at a time, so that an event enrolls nobody twice (O-26).
select pg_try_advisory_xact_lock(20564) as locked;

-- name: ReplaySelect :many
-- The events that a filter means, those that happened first come first: each part has an
-- index of its own, and one of them has rows.
select e.* from (
    (select v.* from events v
        where sqlc.narg('name')::text is null and sqlc.narg('contact_id')::uuid is null
          and (v.occurred_at at time zone 'UTC') >= coalesce(sqlc.narg('since')::timestamptz at time zone 'UTC', '-infinity')
          and (v.occurred_at at time zone 'UTC') <= coalesce(sqlc.narg('until')::timestamptz at time zone 'UTC', 'infinity')
        order by (v.occurred_at at time zone 'UTC'), v.id desc limit @row_limit)
    union all
    (select v.* from events v
        where v.name = sqlc.narg('name') and sqlc.narg('contact_id')::uuid is null
          and (sqlc.narg('since')::timestamptz is null or v.occurred_at >= sqlc.narg('since'))
          and (sqlc.narg('until')::timestamptz is null or v.occurred_at <= sqlc.narg('until'))
        order by v.occurred_at, v.id desc limit @row_limit)
    union all
    (select v.* from events v
        where v.contact_id = sqlc.narg('contact_id') and (sqlc.narg('name')::text is null or v.name = sqlc.narg('name'))
          and (sqlc.narg('since')::timestamptz is null or v.occurred_at >= sqlc.narg('since'))
          and (sqlc.narg('until')::timestamptz is null or v.occurred_at <= sqlc.narg('until'))
        order by v.occurred_at, v.id desc limit @row_limit)
) e
order by e.occurred_at, e.seq limit @row_limit;

-- name: ReplayEvents :many
select * from events where id = any(@ids::uuid[]) order by occurred_at, seq;

-- name: ReplayEntered :many
-- The journeys that an event has enrolled its contact in.
select distinct e.journey_id from enrollments e where e.contact_id = @contact_id and e.trigger_event_id = @event_id;
