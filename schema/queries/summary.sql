-- What an operator asks about one contact first: where it is, what it got, what was
-- refused (R-119). Each list has a bound.

-- name: SummaryStates :many
-- Those in flight first, then the newest.
select * from enrollments where contact_id = @contact_id
order by status in ('active', 'waiting') desc, created_at desc, id
limit @row_limit;

-- name: SummaryWaits :many
-- What the enrollments wait for.
select enrollment_id, label, event_name, deadline from waits
where enrollment_id = any(@enrollment_ids::uuid[]) and status = 'open'
order by enrollment_id, deadline nulls last, label;

-- name: SummarySends :many
select id, created_at, claimed_at, sent_at, journey_id, enrollment_id, template_key, category, status, reason, to_email, subject from sends
where contact_id = @contact_id
order by created_at desc, id
limit @row_limit;

-- name: SummaryRefusals :many
select * from decisions where contact_id = @contact_id and outcome = 'skipped'
order by at desc, id
limit @row_limit;

-- name: SummaryMemberships :many
select bucket_id, epoch, entered_at, leave_at, max_dwell_at from memberships
where contact_id = @contact_id and status = 'active'
order by entered_at desc, bucket_id
limit @row_limit;
