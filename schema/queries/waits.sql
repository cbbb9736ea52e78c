-- name: WaitFind :many
-- The wait of a step, with the event that closed it.
select sqlc.embed(w), e.seq as matched_seq, e.received_at as matched_at
from waits w left join events e on e.id = w.event_id
where w.enrollment_id = @enrollment_id and w.step_key = @step_key;

-- name: WaitLookback :many
-- The contact's events that may end a wait before it begins, in order of reception and
-- page by page: those received behind the mark, no later than the horizon, and those
-- that occurred within the longest look-back (J-125, J-128, J-21). What was received in
-- time also occurred in time, by which the index bounds the search.
select e.id, e.name, e.seq, e.properties, e.occurred_at, e.received_at,
    (exists (select from waits w where w.enrollment_id = @enrollment_id and w.event_id = e.id)
        or @skip_digested::boolean and exists (select from digested d where d.enrollment_id = @enrollment_id and d.event_id = e.id))::boolean as spent
from events e
where e.contact_id = @contact_id and e.name = any(@names::text[]) and e.seq > @page_after::bigint
    and e.occurred_at >= @occurred_since::timestamptz
    and ((e.received_at, e.seq) > (@after_at::timestamptz, @after_seq::bigint) or e.occurred_at >= @recent_since::timestamptz)
    and (sqlc.narg('deadline')::timestamptz is null or e.received_at <= sqlc.narg('deadline')::timestamptz)
order by e.seq
limit @page_size;

-- name: WaitInsert :exec
insert into waits (id, enrollment_id, contact_id, step_key, label, event_name, conditions, alternatives, place, digest, deadline, status,
    event_id, event_seq, registered_at, closed_at, priority, category, email_key)
values (@id, @enrollment_id, @contact_id, @step_key, @label, @event_name, @conditions, @alternatives, @place, @digest, @deadline, @status,
    @event_id, @event_seq, @registered_at, @closed_at, @priority, @category, @email_key);

-- name: WaitClose :exec
update waits set status = @status, closed_at = @now where id = @id and status = 'open';
