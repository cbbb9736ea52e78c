-- name: DigestWait :one
select w.registered_at, w.deadline from waits w where w.id = @id and w.enrollment_id = @enrollment_id;

-- name: DigestFound :many
-- The newest events that a digest has collected, the newest first, and how many there are.
select sqlc.embed(e), count(*) over () as total from digested d join events e on e.id = d.event_id
where d.enrollment_id = @enrollment_id and d.step_key = @step_key
order by e.seq desc limit @most;

-- name: DigestDone :one
select exists (select from digests d where d.enrollment_id = @enrollment_id and d.step_key = @step_key);

-- name: DigestLast :many
-- The newest digest before, and its enrollment.
select d.flushed_at, e.trigger_seq, e.status, coalesce(e.completed_at, e.exited_at, e.updated_at)::timestamptz as ended_at
from digests d join enrollments e on e.id = d.enrollment_id
where d.contact_id = @contact_id and d.journey_id = any(@journey_ids::text[]) and d.key = @key and d.label = @label
order by d.flushed_at desc limit 1;

-- name: DigestCandidates :many
-- The contact's events of a name that a digest may collect, in order of reception and page
-- by page: the trigger, those received in its window, those that occurred shortly before,
-- and those that came from the flush of the digest before on, while its enrollment or this
-- one was under way. What was received before from_seq is none of them, unless it is
-- recent.
select sqlc.embed(e),
    (@several::boolean and exists (select from waits w where w.enrollment_id = @enrollment_id and w.event_id = e.id))::boolean as waited
from events e
where e.contact_id = @contact_id and e.name = @name and e.seq > @page_after::bigint and e.received_at <= @until::timestamptz
    and (e.seq >= @from_seq::bigint
            and (e.id = @trigger_id
                or (e.received_at, e.seq) > (@after_at::timestamptz, @after_seq::bigint)
                or e.received_at >= @flushed::timestamptz and (e.received_at <= @ended::timestamptz or e.seq >= @trigger_seq::bigint))
        or e.occurred_at >= @recent_since::timestamptz)
    and not exists (select from digested d where d.event_id = e.id and d.journey_id = any(@journey_ids::text[]) and d.key = @key and d.label = @label)
order by e.seq
limit @page_size;

-- name: DigestInsert :exec
insert into digests (enrollment_id, step_key, contact_id, journey_id, key, label, flushed_at)
values (@enrollment_id, @step_key, @contact_id, @journey_id, @key, @label, @flushed_at);

-- name: DigestedInsert :exec
insert into digested (event_id, journey_id, key, label, enrollment_id, step_key)
select unnest(@event_ids::uuid[]), @journey_id, @key, @label, @enrollment_id, @step_key;
