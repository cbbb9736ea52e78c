-- What a journey asks about the past of its contact, as committed (J-141).

-- name: HistoryEvents :one
select count(*) as count, coalesce(min(e.occurred_at), 'epoch')::timestamptz as first_at,
    coalesce(max(e.occurred_at), 'epoch')::timestamptz as last_at
from events e
where e.contact_id = @contact_id and e.name = @name
    and e.occurred_at >= coalesce(sqlc.narg('since')::timestamptz, '-infinity');

-- name: HistoryEntries :one
-- Of a journey under all its ids, without the enrollment that asks.
select count(*) as entries, count(e.completed_at) as completed,
    coalesce(max(e.completed_at), 'epoch')::timestamptz as last_completed_at
from enrollments e
where e.contact_id = @contact_id and e.journey_id = any(@journey_ids::text[]) and e.id <> @enrollment_id;

-- name: HistoryMails :one
-- Only mails that went out; opens and clicks are those of the newest.
select count(*) as count, coalesce(max(s.sent_at), 'epoch')::timestamptz as last_sent_at,
    coalesce((array_agg(s.opened_at is not null order by s.sent_at desc))[1], false)::bool as opened,
    coalesce((array_agg(s.clicked_at is not null order by s.sent_at desc))[1], false)::bool as clicked
from sends s
where s.contact_id = @contact_id and s.template_key = @template_key and s.sent_at is not null;

-- name: ThrottleCount :one
-- Sends to a contact or its address that count, as for caps (E-22). An empty filter
-- lets everything pass.
with counted as (
    select s.id, s.key, s.status, s.reason, s.journey_id, s.template_key, s.category from sends s
    where s.contact_id = @contact_id and s.claimed_at >= @since::timestamptz
    union
    select s.id, s.key, s.status, s.reason, s.journey_id, s.template_key, s.category from sends s
    where lower(s.to_email) = lower(@address::text) and s.claimed_at >= @since::timestamptz
)
select count(*) from counted s
where s.status not in ('suppressed', 'skipped') and (s.status <> 'failed' or s.reason = 'unknown_outcome') and s.key not like 'test:%'
    and (cardinality(@journey_ids::text[]) = 0 or s.journey_id = any(@journey_ids::text[]))
    and (@template_key::text = '' or s.template_key = @template_key::text)
    and (@category::text = '' or s.category = @category::text);

-- name: StepLogFind :many
-- What a step did before, if it did.
select detail from step_logs where enrollment_id = @enrollment_id and step_key = @step_key and action = @action;
