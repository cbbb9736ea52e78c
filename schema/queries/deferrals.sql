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
-- Another deferred send of the contact that is due and is to be tried first (E-27).
select w.id from waits w
where w.contact_id = @contact_id and w.status = 'open' and w.event_name is null and w.step_key like 'send:%'
    and w.deadline <= @now::timestamptz
    and (w.deadline, w.registered_at, w.id) < (@due_at::timestamptz, @registered_at::timestamptz, @id::uuid)
limit 1;
