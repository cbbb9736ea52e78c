-- What the gate deferred: waits of their enrollment whose step keys are that of the
-- send, "send:…", with ":defer#" and a number behind it (E-26, J-134).

-- name: DeferralNewest :many
-- The newest deferral of a send and what it was for, how many it had, and when it was
-- first tried.
select sqlc.embed(w), count(*) over () as n, (min(w.registered_at) over ())::timestamptz as since,
    coalesce((
        select l.detail ->> 'reason' from step_logs l
        where l.enrollment_id = w.enrollment_id and l.step_key = w.step_key and l.action = 'send_gated'
    ), '')::text as reason
from waits w
where w.enrollment_id = @enrollment_id and starts_with(w.step_key, @prefix::text)
    and substr(w.step_key, length(@prefix::text) + 1) ~ '^[0-9]+$'
order by w.registered_at desc, w.id desc limit 1;

-- name: DeferralsAhead :many
-- Another deferred send of the contact that is due and is to be tried first: by priority,
-- due time and creation (E-27). Those without an enrollment have no priority.
select s.id from sends s
where s.contact_id = @contact_id and s.due_at <= @now::timestamptz and s.status = 'queued' and s.claimed_at is null
    and (0, s.due_at, s.created_at, s.id) < (-(@priority::int), @due_at::timestamptz, @registered_at::timestamptz, @id::uuid)
union all
select w.id from waits w
where w.contact_id = @contact_id and w.status = 'open' and w.event_name is null and w.step_key like 'send:%'
    and w.deadline <= @now::timestamptz
    and (-coalesce(w.priority, 0), w.deadline, w.registered_at, w.id) < (-(@priority::int), @due_at::timestamptz, @registered_at::timestamptz, @id::uuid)
limit 1;

-- name: DeferralsOutranking :many
-- Deferred sends to the contact or its address that have a higher priority and are due before
-- an instant, but for those of paused journeys (E-82).
select w.deadline::timestamptz as due_at, w.priority::int as priority, coalesce(w.category, '')::text as category
from waits w join enrollments e on e.id = w.enrollment_id
where w.status = 'open' and w.priority > @priority::int and (w.contact_id = @contact_id or w.email_key = @email_key::text)
    and w.event_name is null and w.step_key like 'send:%' and w.deadline < @before::timestamptz
    and not exists (
        select from journey_configs c
        left join (select unnest(@aliases::text[]) as alias, unnest(@journeys::text[]) as journey) n on n.alias = e.journey_id
        where c.paused_at is not null and c.journey_id in (e.journey_id, n.journey)
    )
order by w.deadline, w.id
limit @most;
