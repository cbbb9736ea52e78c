-- name: WaitFind :many
-- The wait of a step, with the event that closed it.
select sqlc.embed(w), e.seq as matched_seq, e.received_at as matched_at
from waits w left join events e on e.id = w.event_id
where w.enrollment_id = @enrollment_id and w.step_key = @step_key;

-- name: WaitLookback :many
-- The contact's events of a name received after the logical now, in order of
-- reception, or those that occurred within the look-back. The trigger and events
-- that ended an earlier wait never count again (J-125, J-128). Without look-back
-- late events do not count (J-21).
select e.id, e.seq, e.properties, e.received_at
from events e
where e.contact_id = @contact_id and e.name = @name
    and ((e.received_at, e.seq) > (@after_at::timestamptz, @after_seq::bigint) and e.received_at - e.occurred_at <= make_interval(secs => @late_horizon_seconds::float8)
        or @looks_back::bool and e.occurred_at >= @since::timestamptz)
    and (sqlc.narg('deadline')::timestamptz is null or e.received_at <= sqlc.narg('deadline')::timestamptz)
    and e.id <> @trigger_id
    and not exists (select from waits w where w.enrollment_id = @enrollment_id and w.event_id = e.id)
order by e.seq;

-- name: WaitInsert :exec
insert into waits (id, enrollment_id, contact_id, step_key, label, event_name, conditions, alternatives, place, digest, deadline, status,
    event_id, event_seq, registered_at, closed_at)
values (@id, @enrollment_id, @contact_id, @step_key, @label, @event_name, @conditions, @alternatives, @place, @digest, @deadline, @status,
    @event_id, @event_seq, @registered_at, @closed_at);

-- name: WaitClose :exec
update waits set status = @status, closed_at = @now where id = @id and status = 'open';
